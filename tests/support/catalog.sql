-- Everything a migration could make or change, one a line, owners and rights included.
WITH spaces AS (
    SELECT * FROM pg_catalog.pg_namespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'
),
relations AS (SELECT c.*, c.oid::regclass AS name FROM pg_catalog.pg_class AS c JOIN spaces AS n ON n.oid = relnamespace),
functions AS (SELECT p.* FROM pg_catalog.pg_proc AS p JOIN spaces AS n ON n.oid = pronamespace),
lines (line) AS (
    SELECT format('schema %s %s %s', nspname, nspowner::regrole, obj_description(oid, 'pg_namespace')) FROM spaces
    UNION ALL
    SELECT format('relation %s %s %s %s %s %s', relkind, name, relowner::regrole, reloptions,
                  pg_get_expr(relpartbound, oid), obj_description(oid, 'pg_class')) FROM relations
    UNION ALL
    -- By its place among those that are there: a dropped column keeps its number for ever.
    SELECT format('column %s.%s %s %s %s %s %s %s', name, attname,
                  row_number() OVER (PARTITION BY attrelid ORDER BY attnum), format_type(atttypid, atttypmod),
                  attnotnull, attcollation::regcollation, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
    FROM relations JOIN pg_catalog.pg_attribute ON attrelid = relations.oid
    LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(c.oid))
    FROM pg_catalog.pg_constraint AS c JOIN relations ON conrelid = relations.oid
    UNION ALL
    SELECT format('index %s', pg_get_indexdef(indexrelid)) FROM pg_catalog.pg_index JOIN relations ON indrelid = oid
    UNION ALL
    SELECT format('function %s %s %s', proowner::regrole, pg_get_functiondef(oid), obj_description(oid, 'pg_proc')) FROM functions
    UNION ALL
    SELECT format('right on %s: %s %s %s', object, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
                  privilege_type, is_grantable)
    FROM (
        SELECT 'database', coalesce(datacl, acldefault('d', datdba)) FROM pg_catalog.pg_database WHERE datname = current_database()
        UNION ALL SELECT nspname, coalesce(nspacl, acldefault('n', nspowner)) FROM spaces
        UNION ALL SELECT name::text, coalesce(relacl, acldefault('r', relowner)) FROM relations WHERE relkind IN ('r', 'p', 'v')
        UNION ALL SELECT format('%s.%s', name, attname), attacl
            FROM relations JOIN pg_catalog.pg_attribute ON attrelid = relations.oid AND NOT attisdropped
        UNION ALL SELECT oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) FROM functions
        UNION ALL SELECT format('default %s %s %s', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype), defaclacl
            FROM pg_catalog.pg_default_acl
    ) AS objects (object, acl), LATERAL aclexplode(acl)
)
SELECT line FROM lines ORDER BY line COLLATE "C";
