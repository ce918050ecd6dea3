-- The orchestrator's table, for development and tests. It is not one of the migrations: in
-- production orch.sms_messages is somebody else's, as a table or as a view over one
-- (sms_messages_view.sql). The processor reads and writes the columns named in migration 0007_grants.
DO $$
BEGIN
    IF to_regrole('orch_owner') IS NULL THEN
        CREATE ROLE orch_owner NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- made at the same moment from another database of the cluster
END
$$;

CREATE SCHEMA IF NOT EXISTS orch AUTHORIZATION orch_owner;

CREATE TABLE IF NOT EXISTS orch.sms_messages (
    id uuid NOT NULL PRIMARY KEY,
    account_id uuid NOT NULL,
    carrier_id text COLLATE "C" NOT NULL,
    operator_message_id text COLLATE "C",
    status text COLLATE "C" NOT NULL DEFAULT 'queued',
    dlr_status text COLLATE "C",
    dlr_received_at timestamptz,
    processed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    segment smallint NOT NULL DEFAULT 1,
    segments smallint NOT NULL DEFAULT 1,
    group_id uuid,
    client_ref text COLLATE "C",
    mccmnc text COLLATE "C",
    price numeric,
    currency text COLLATE "C",
    body text
) WITH (fillfactor = 80);
ALTER TABLE orch.sms_messages OWNER TO orch_owner;

COMMENT ON COLUMN orch.sms_messages.body IS 'pii: what was written; the processor has no right to it';

-- Room in the pages and no index on status keep an update inside its page.
CREATE INDEX IF NOT EXISTS sms_messages_match ON orch.sms_messages (operator_message_id, carrier_id);

-- To find the other segments of a message in parts.
CREATE INDEX IF NOT EXISTS sms_messages_group ON orch.sms_messages (group_id) WHERE group_id IS NOT NULL;
