DROP FUNCTION dlr.ensure_partitions(integer, integer);
