-- Every privilege in this database, of every role, one a line; those that an object's owner has by
-- being it left out. Compare with what is meant to be:
--     psql -XAtq -d sms -f deploy/postgres/privileges.sql | diff deploy/postgres/privileges.golden -
-- Partitions stand as one line each kind, because their names are days.
WITH spaces AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'
),
relations AS (
    SELECT c.oid, relowner, relacl, relkind,
           format('%s.%s', nspname, regexp_replace(relname, '_\d{6}(\d\d)?$', '_*')) AS name
    FROM pg_catalog.pg_class AS c JOIN spaces AS n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
),
grants (object, owner, acl) AS (
    SELECT 'database', datdba, coalesce(datacl, acldefault('d', datdba))
    FROM pg_catalog.pg_database WHERE datname = current_database()
    UNION ALL
    SELECT format('schema %s', nspname), nspowner, coalesce(nspacl, acldefault('n', nspowner)) FROM spaces
    UNION ALL
    SELECT format('%s %s', CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, name), relowner,
           coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
    FROM relations
    UNION ALL
    SELECT format('function %s.%s(%s)', nspname, proname, pg_get_function_identity_arguments(p.oid)),
           proowner, coalesce(proacl, acldefault('f', proowner))
    FROM pg_catalog.pg_proc AS p JOIN spaces AS n ON n.oid = pronamespace
    UNION ALL
    SELECT format('default for what %s makes%s: %s', defaclrole::regrole, coalesce(' in ' || nspname, ''),
                  CASE defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'function'
                                     WHEN 'T' THEN 'type' ELSE 'schema' END),
           defaclrole, defaclacl
    FROM pg_catalog.pg_default_acl LEFT JOIN spaces AS n ON n.oid = defaclnamespace
),
lines (line) AS (
    SELECT DISTINCT format('%s: %s %s', object, grantee, privileges)
    FROM grants
    CROSS JOIN LATERAL (
        SELECT CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE e.grantee::regrole::text END AS grantee,
               string_agg(privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END,
                          ', ' ORDER BY privilege_type) AS privileges
        FROM aclexplode(acl) AS e
        WHERE e.grantee <> owner
        GROUP BY e.grantee
    ) AS exploded
    UNION ALL
    SELECT format('columns of %s: %s %s (%s)', name,
                  CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE e.grantee::regrole::text END,
                  privilege_type, string_agg(attname, ', ' ORDER BY attname COLLATE "C"))
    FROM (SELECT DISTINCT relations.name, attname, attacl, relowner
          FROM relations JOIN pg_catalog.pg_attribute ON attrelid = relations.oid AND NOT attisdropped) AS columns
    CROSS JOIN LATERAL aclexplode(attacl) AS e
    WHERE e.grantee <> relowner
    GROUP BY name, e.grantee, privilege_type
    UNION ALL
    SELECT DISTINCT format('owner of %s: %s', object, owner::regrole)
    FROM grants WHERE object ~ '^(schema|table|sequence|function) (dlr|dlr_conf|orch)\M'
    UNION ALL
    -- Rights on anything of another kind: types, languages, parameters, system catalogs.
    SELECT format('another right, on %s: %s',
                  pg_describe_object(classid, objid, 0), refobjid::regrole)
    FROM pg_catalog.pg_shdepend
    WHERE deptype = 'a' AND dbid IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
      AND refobjid::regrole::text ~ '^(dlr|orch)_'
      AND classid <> 'pg_catalog.pg_database'::regclass
      AND classid <> 'pg_catalog.pg_default_acl'::regclass
      AND NOT (classid = 'pg_catalog.pg_namespace'::regclass AND objid IN (SELECT oid FROM spaces))
      AND NOT (classid = 'pg_catalog.pg_class'::regclass AND objid IN (SELECT oid FROM relations))
      AND NOT (classid = 'pg_catalog.pg_proc'::regclass
               AND objid IN (SELECT p.oid FROM pg_catalog.pg_proc AS p JOIN spaces AS n ON n.oid = pronamespace))
    UNION ALL
    SELECT format('member: %s of %s', member::regrole, roleid::regrole)
    FROM pg_catalog.pg_auth_members
    WHERE member::regrole::text !~ '^pg_'
    UNION ALL
    SELECT format('role %s: %s%s', rolname, CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
                  concat(CASE WHEN rolsuper THEN ' SUPERUSER' END, CASE WHEN rolcreaterole THEN ' CREATEROLE' END,
                         CASE WHEN rolcreatedb THEN ' CREATEDB' END, CASE WHEN rolreplication THEN ' REPLICATION' END,
                         CASE WHEN rolbypassrls THEN ' BYPASSRLS' END, ' ' || array_to_string(rolconfig, ' ')))
    FROM pg_catalog.pg_roles
    WHERE rolname IN ('dlr_owner', 'dlr_svc', 'dlr_profiles', 'dlr_retention', 'dlr_reader', 'orch_owner')
)
SELECT line FROM lines ORDER BY line COLLATE "C";
