-- The orchestrator may have taken its table away since.
DO $$
DECLARE
    messages oid := to_regclass('orch.sms_messages');
BEGIN
    IF messages IS NOT NULL THEN
        -- The table-wide form takes the column rights with it.
        REVOKE ALL ON orch.sms_messages FROM dlr_svc, dlr_reader;
    END IF;
    IF to_regnamespace('orch') IS NOT NULL THEN
        REVOKE USAGE ON SCHEMA orch FROM dlr_svc, dlr_reader;
    END IF;
END
$$;

REVOKE ALL ON dlr.delivery_receipts, dlr.orphaned_receipts, dlr.orphan_resolutions,
    dlr.rejected_receipts, dlr.key_checks FROM dlr_reader;
REVOKE EXECUTE ON FUNCTION dlr.ensure_partitions(integer, integer) FROM dlr_retention;
REVOKE SELECT, INSERT ON dlr_conf.carrier_profiles FROM dlr_profiles;
