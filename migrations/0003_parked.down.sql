DROP TABLE dlr.orphan_resolutions;
DROP TABLE dlr.orphaned_receipts;
