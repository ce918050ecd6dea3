SET LOCAL ROLE dlr_owner;

CREATE OR REPLACE FUNCTION dlr.ensure_partitions(days_ahead integer DEFAULT 35, days_back integer DEFAULT 8)
RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    wanted record;
    made integer := 0;
BEGIN
    IF days_ahead IS NULL OR days_ahead NOT BETWEEN 0 AND 366
       OR days_back IS NULL OR days_back NOT BETWEEN 0 AND 366 THEN
        RAISE EXCEPTION 'days_ahead and days_back go from 0 to 366'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('dlr.ensure_partitions', 0));

    FOR wanted IN
        SELECT parent, parent || to_char(lower, suffix) AS child, lower, lower + step AS upper
        FROM (VALUES
            ('delivery_receipts', 'day', interval '1 day', '_YYYYMMDD'),
            ('orphaned_receipts', 'month', interval '1 month', '_YYYYMM'),
            ('orphan_resolutions', 'month', interval '1 month', '_YYYYMM'),
            ('rejected_receipts', 'month', interval '1 month', '_YYYYMM')
        ) AS growing (parent, unit, step, suffix)
        CROSS JOIN LATERAL generate_series(
            date_trunc(unit, now() - make_interval(days => days_back)),
            date_trunc(unit, now() + make_interval(days => days_ahead)),
            step
        ) AS lower
        ORDER BY lower, parent
    LOOP
        CONTINUE WHEN to_regclass(format('dlr.%I', wanted.child)) IS NOT NULL;
        EXECUTE format('CREATE TABLE dlr.%I (LIKE dlr.%I INCLUDING ALL)', wanted.child, wanted.parent);
        EXECUTE format('ALTER TABLE dlr.%I ATTACH PARTITION dlr.%I FOR VALUES FROM (%L) TO (%L)',
                       wanted.parent, wanted.child, wanted.lower, wanted.upper);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

DROP TABLE dlr.replay_confirmations;
DROP TABLE dlr.replayed_receipts;
DROP INDEX dlr.orphaned_receipts_parked_at;
ALTER TABLE dlr.delivery_receipts DROP COLUMN profile_revision, DROP COLUMN group_status;

ALTER TABLE dlr_conf.carrier_profiles
    DROP CONSTRAINT carrier_profiles_profile_check, DROP CONSTRAINT carrier_profiles_carrier_id_check;
COMMENT ON TABLE dlr_conf.carrier_profiles IS
    'How a carrier writes ids, words and times; append-only, the highest revision counts';
