-- Roles belong to the whole cluster, everything else here to this database. Another database of
-- the cluster may be migrating at the same moment: CREATE ROLE then waits for it and finds the
-- role made, ALTER ROLE waits for it and fails ("tuple concurrently updated"), so look again.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('dlr_owner', 'NOLOGIN', 'owns the schemas dlr and dlr_conf; nobody signs in as it'),
            ('dlr_svc', 'LOGIN', 'the pipeline'),
            ('dlr_profiles', 'LOGIN', 'writes carrier profiles'),
            ('dlr_retention', 'LOGIN', 'makes partitions'),
            ('dlr_reader', 'LOGIN', 'reconciles; reads nothing that is sealed')
        ) AS roles (name, login, purpose)
    LOOP
        IF to_regrole(wanted.name) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.login);
                EXECUTE format('COMMENT ON ROLE %I IS %L', wanted.name, wanted.purpose);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;

    -- A role somebody made by hand keeps its attributes, so it must not have these.
    FOR wanted IN
        SELECT rolname FROM pg_roles
        WHERE rolname IN ('dlr_owner', 'dlr_svc', 'dlr_profiles', 'dlr_retention', 'dlr_reader')
          AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
    LOOP
        RAISE EXCEPTION 'role % has more than LOGIN', wanted.rolname
            USING HINT = 'Take SUPERUSER, CREATEROLE, CREATEDB, REPLICATION and BYPASSRLS away from it.';
    END LOOP;

    FOR wanted IN
        SELECT * FROM (VALUES
            ('statement_timeout', '5s'),
            ('lock_timeout', '2s'),
            ('idle_in_transaction_session_timeout', '5s'),
            ('search_path', 'pg_catalog')
        ) AS settings (name, value)
    LOOP
        FOR attempt IN 1..10 LOOP
            EXIT WHEN EXISTS (
                SELECT FROM pg_db_role_setting
                WHERE setrole = to_regrole('dlr_svc') AND setdatabase = 0
                  AND format('%s=%s', wanted.name, wanted.value) = ANY (setconfig)
            );
            BEGIN
                EXECUTE format('ALTER ROLE dlr_svc SET %I = %L', wanted.name, wanted.value);
            EXCEPTION WHEN unique_violation OR internal_error THEN
                IF attempt = 10 THEN RAISE; END IF;
            END;
        END LOOP;
    END LOOP;

    -- A superuser acts for dlr_owner anyway; any other administrator must be its member.
    IF NOT pg_has_role(current_user, 'dlr_owner', 'USAGE') THEN
        EXECUTE format('GRANT dlr_owner TO %I', current_user);
    END IF;

    -- PUBLIC's TEMPORARY would let every role make tables; there is no "all but dlr_svc".
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO dlr_svc, dlr_profiles, dlr_retention, dlr_reader',
                   current_database());
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA dlr AUTHORIZATION dlr_owner;
COMMENT ON SCHEMA dlr IS 'What became of every receipt; append-only for dlr_svc';
ALTER SCHEMA dlr_conf OWNER TO dlr_owner;
COMMENT ON SCHEMA dlr_conf IS 'What steers the processor; dlr_svc only reads it';
ALTER TABLE dlr_conf.migrations OWNER TO dlr_owner;

GRANT USAGE ON SCHEMA dlr TO dlr_svc, dlr_retention, dlr_reader;
GRANT USAGE ON SCHEMA dlr_conf TO dlr_svc, dlr_profiles;
GRANT SELECT ON dlr_conf.migrations TO dlr_svc;

-- Tables, and partitions, of later days get their rights by themselves.
ALTER DEFAULT PRIVILEGES FOR ROLE dlr_owner IN SCHEMA dlr GRANT SELECT, INSERT ON TABLES TO dlr_svc;
ALTER DEFAULT PRIVILEGES FOR ROLE dlr_owner IN SCHEMA dlr_conf GRANT SELECT ON TABLES TO dlr_svc;
ALTER DEFAULT PRIVILEGES FOR ROLE dlr_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
