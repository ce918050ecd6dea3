-- The roles and their settings stay: other databases of the cluster may use them. For the same
-- reason there is no DROP OWNED BY: it also takes the roles' CONNECT on every other database away.
ALTER DEFAULT PRIVILEGES FOR ROLE dlr_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE dlr_owner IN SCHEMA dlr_conf REVOKE SELECT ON TABLES FROM dlr_svc;
ALTER DEFAULT PRIVILEGES FOR ROLE dlr_owner IN SCHEMA dlr REVOKE SELECT, INSERT ON TABLES FROM dlr_svc;

REVOKE SELECT ON dlr_conf.migrations FROM dlr_svc;
REVOKE USAGE ON SCHEMA dlr_conf FROM dlr_svc, dlr_profiles;
ALTER TABLE dlr_conf.migrations OWNER TO CURRENT_USER;
COMMENT ON SCHEMA dlr_conf IS NULL;
ALTER SCHEMA dlr_conf OWNER TO CURRENT_USER;
DROP SCHEMA dlr;

-- PUBLIC gets TEMPORARY back, which PostgreSQL gives it in a new database.
DO $$
BEGIN
    EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM dlr_svc, dlr_profiles, dlr_retention, dlr_reader',
                   current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END
$$;
