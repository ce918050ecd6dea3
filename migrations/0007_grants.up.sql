-- dlr_svc has SELECT and INSERT on dlr.* and SELECT on dlr_conf.* by the default privileges of 0001.
GRANT SELECT, INSERT ON dlr_conf.carrier_profiles TO dlr_profiles;
GRANT EXECUTE ON FUNCTION dlr.ensure_partitions(integer, integer) TO dlr_retention;

-- Everything but the sealed columns and the keyed hashes of phone numbers.
GRANT SELECT (
    stored_at, stream, seq, receipt_id, disposition, reason, late, message_id, account_id,
    carrier_id, operator_message_id, segment, segments, group_id, client_ref, mccmnc, price,
    currency, previous_status, status, reported_status, stat, message_state, err,
    network_error_code, flags, submit_date, done_date, submitted_at, done_at, received_at,
    processed_at
) ON dlr.delivery_receipts TO dlr_reader;
GRANT SELECT (
    stored_at, stream, seq, receipt_id, carrier_id, operator_message_id, stat, reason, deliveries,
    received_at, parked_at
) ON dlr.orphaned_receipts TO dlr_reader;
GRANT SELECT ON dlr.orphan_resolutions, dlr.rejected_receipts, dlr.key_checks TO dlr_reader;

-- The messages are the orchestrator's: a table, a partitioned table or an updatable view.
DO $$
DECLARE
    messages oid := to_regclass('orch.sms_messages');
    kind "char" := (SELECT relkind FROM pg_class WHERE oid = messages);
    wrong text;
BEGIN
    IF messages IS NULL THEN
        RAISE EXCEPTION 'there is no orch.sms_messages in database %', current_database()
            USING ERRCODE = 'undefined_table',
                  HINT = 'It is the orchestrator''s. For development run deploy/postgres/sms_messages.sql first; '
                         'over a table of your own make a view like deploy/postgres/sms_messages_view.sql.';
    END IF;

    SELECT string_agg(format('%s %s', wanted.name, wanted.type), ', ' ORDER BY wanted.ordinality) INTO wrong
    FROM ROWS FROM (
        unnest(ARRAY['id', 'account_id', 'carrier_id', 'operator_message_id', 'status', 'dlr_status',
                     'created_at', 'segment', 'segments', 'group_id', 'client_ref', 'mccmnc', 'price',
                     'currency', 'dlr_received_at', 'processed_at']),
        unnest(ARRAY['uuid', 'uuid', 'text', 'text', 'text', 'text',
                     'timestamptz', 'smallint', 'smallint', 'uuid', 'text', 'text', 'numeric',
                     'text', 'timestamptz', 'timestamptz'])
    ) WITH ORDINALITY AS wanted (name, type, ordinality)
    WHERE NOT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = messages AND attname = wanted.name AND NOT attisdropped
          AND (atttypid = wanted.type::regtype OR wanted.type = 'text' AND atttypid = 'varchar'::regtype)
    );
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'orch.sms_messages lacks: %', wrong
            USING ERRCODE = 'undefined_column',
                  HINT = 'Names and types must be these (varchar passes for text); a view can rename and cast, '
                         'see deploy/postgres/sms_messages_view.sql.';
    END IF;

    SELECT string_agg(attname, ', ' ORDER BY attnum) INTO wrong
    FROM pg_attribute
    WHERE attrelid = messages AND attname IN ('status', 'dlr_status', 'dlr_received_at', 'processed_at')
      AND NOT pg_column_is_updatable(messages, attnum, false);
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'orch.sms_messages cannot be updated in: %', wrong
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    GRANT USAGE ON SCHEMA orch TO dlr_svc, dlr_reader;
    GRANT UPDATE (status, dlr_status, dlr_received_at, processed_at) ON orch.sms_messages TO dlr_svc;
    -- An UPDATE with a WHERE needs SELECT on what the WHERE names. Without these columns only the
    -- update of the whole table would be allowed.
    GRANT SELECT (
        id, account_id, carrier_id, operator_message_id, status, dlr_status, created_at, segment,
        segments, group_id, client_ref, mccmnc, price, currency
    ) ON orch.sms_messages TO dlr_svc;
    GRANT SELECT (id, status, dlr_status) ON orch.sms_messages TO dlr_reader;
    -- A view has no ctid.
    IF kind <> 'v' THEN
        GRANT SELECT (ctid, tableoid) ON orch.sms_messages TO dlr_svc;
    END IF;
END
$$;
