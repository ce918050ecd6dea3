SET LOCAL ROLE dlr_owner;

ALTER TABLE dlr.delivery_receipts
    ADD COLUMN group_status text COLLATE "C",
    ADD COLUMN profile_revision integer;

COMMENT ON COLUMN dlr.delivery_receipts.group_status IS 'Status of the message''s group after this receipt, for a message in parts';
COMMENT ON COLUMN dlr.delivery_receipts.profile_revision IS 'Of the carrier''s profile it was read by; 0 for none, null in rows of before this column';
GRANT SELECT (group_status, profile_revision) ON dlr.delivery_receipts TO dlr_reader;

-- The sweeper's way to what is due. Rows come in about this order, so it grows at its right edge, and
-- only for receipts that are parked. With the key, because a batch is parked at one time and a page may
-- end inside of it, and so that receipts that are resolved, or another carrier's, are passed over
-- without a look at their rows. Building it stops the pipeline for as long as it takes; where every
-- partition has one like it by now (README.md says how), this only takes them in.
CREATE INDEX orphaned_receipts_parked_at ON dlr.orphaned_receipts (parked_at, stored_at, stream, seq)
    INCLUDE (carrier_id);

CREATE TABLE dlr.replayed_receipts (
    stored_at timestamptz NOT NULL,
    stream text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    replay integer NOT NULL CHECK (replay > 0),
    disposition text COLLATE "C" NOT NULL CHECK (disposition IN ('applied', 'recorded')),
    reason text COLLATE "C",
    previous_status text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    group_status text COLLATE "C",
    reported_status text COLLATE "C",
    profile_revision integer NOT NULL,
    replayed_at timestamptz NOT NULL,
    replayed_by text COLLATE "C" NOT NULL DEFAULT session_user,
    why text COLLATE "C" NOT NULL,
    PRIMARY KEY (stored_at, stream, seq, replay)
) PARTITION BY RANGE (stored_at);

COMMENT ON TABLE dlr.replayed_receipts IS
    'What was decided anew about a recorded receipt; its disposition stays. Events are a function of this row and the receipt''s';
COMMENT ON COLUMN dlr.replayed_receipts.stored_at IS 'Key of the receipt';
COMMENT ON COLUMN dlr.replayed_receipts.stream IS 'Key of the receipt';
COMMENT ON COLUMN dlr.replayed_receipts.seq IS 'Key of the receipt';
COMMENT ON COLUMN dlr.replayed_receipts.replay IS 'Rising from 1';
COMMENT ON COLUMN dlr.replayed_receipts.disposition IS 'What it would have been';
COMMENT ON COLUMN dlr.replayed_receipts.reason IS 'Why it changed nothing, if it did not';
COMMENT ON COLUMN dlr.replayed_receipts.previous_status IS 'The message''s status before';
COMMENT ON COLUMN dlr.replayed_receipts.status IS 'The message''s status after';
COMMENT ON COLUMN dlr.replayed_receipts.group_status IS 'Status of the message''s group after';
COMMENT ON COLUMN dlr.replayed_receipts.reported_status IS 'The status the receipt stands for now';
COMMENT ON COLUMN dlr.replayed_receipts.profile_revision IS 'Of the carrier''s profile that said so; 0 for none';
COMMENT ON COLUMN dlr.replayed_receipts.replayed_at IS 'When';
COMMENT ON COLUMN dlr.replayed_receipts.replayed_by IS 'By whom';
COMMENT ON COLUMN dlr.replayed_receipts.why IS 'What was asked for';

CREATE TABLE dlr.replay_confirmations (
    stored_at timestamptz NOT NULL,
    stream text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    replay integer NOT NULL,
    confirmed_at timestamptz NOT NULL,
    PRIMARY KEY (stored_at, stream, seq, replay)
) PARTITION BY RANGE (stored_at);

COMMENT ON TABLE dlr.replay_confirmations IS
    'The events of a replayed receipt are with their streams; without this row they are published again';
COMMENT ON COLUMN dlr.replay_confirmations.stored_at IS 'Key of the replayed receipt';
COMMENT ON COLUMN dlr.replay_confirmations.stream IS 'Key of the replayed receipt';
COMMENT ON COLUMN dlr.replay_confirmations.seq IS 'Key of the replayed receipt';
COMMENT ON COLUMN dlr.replay_confirmations.replay IS 'Key of the replayed receipt';
COMMENT ON COLUMN dlr.replay_confirmations.confirmed_at IS 'When';
GRANT SELECT ON dlr.replayed_receipts, dlr.replay_confirmations TO dlr_reader;

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
            ('rejected_receipts', 'month', interval '1 month', '_YYYYMM'),
            ('replayed_receipts', 'month', interval '1 month', '_YYYYMM'),
            ('replay_confirmations', 'month', interval '1 month', '_YYYYMM')
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

-- Receipts of before this migration may be replayed too, but ensure_partitions looks back a few days:
-- so every month of which there are receipts gets its partitions here, once.
SET LOCAL timezone = 'UTC';
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT DISTINCT parent, parent || to_char(lower, '_YYYYMM') AS child, lower,
               lower + interval '1 month' AS upper
        FROM pg_inherits
        JOIN pg_class ON oid = inhrelid
        CROSS JOIN LATERAL date_trunc('month', to_date(right(relname, 8), 'YYYYMMDD')::timestamptz) AS lower
        CROSS JOIN (VALUES ('replayed_receipts'), ('replay_confirmations')) AS growing (parent)
        WHERE inhparent = 'dlr.delivery_receipts'::regclass AND relname ~ '_\d{8}$'
    LOOP
        EXECUTE format('CREATE TABLE dlr.%I PARTITION OF dlr.%I FOR VALUES FROM (%L) TO (%L)',
                       wanted.child, wanted.parent, wanted.lower, wanted.upper);
    END LOOP;
END
$$;

-- Every replica reads the profiles, so a writer cannot make that dear; what a profile says is checked
-- by whoever loads it. To be validated by the next migration.
ALTER TABLE dlr_conf.carrier_profiles
    ADD CONSTRAINT carrier_profiles_carrier_id_check CHECK (carrier_id ~ '^[a-z0-9_-]{1,64}$') NOT VALID,
    ADD CONSTRAINT carrier_profiles_profile_check
        CHECK (jsonb_typeof(profile) = 'object' AND octet_length(profile::text) <= 65536) NOT VALID;
COMMENT ON TABLE dlr_conf.carrier_profiles IS
    'How a carrier writes ids, words and times; append-only, the highest valid revision counts';
