-- An example: orch.sms_messages as an updatable view over somebody else's table, here
-- gateway.outbox. Rename and cast on the way out. The four columns that the processor writes
-- (status, dlr_status, dlr_received_at, processed_at) must be plain columns of the table, because
-- PostgreSQL cannot write through an expression; text may be varchar.
--
-- The view's owner needs SELECT and UPDATE on the table; dlr_svc needs nothing there. Put an index
-- on (smsc_id, route), and none on state. If the table says which segments are one message, show it as
-- group_id, put an index on that too, and set pipeline.group_status = "on": through a view the
-- processor cannot see the index, and without one it would read the whole table.
CREATE SCHEMA IF NOT EXISTS orch AUTHORIZATION orch_owner;
GRANT USAGE ON SCHEMA gateway TO orch_owner;
GRANT SELECT, UPDATE ON gateway.outbox TO orch_owner;

-- security_barrier is not set: the view has no WHERE, and it would keep the index from being used.
CREATE VIEW orch.sms_messages AS
SELECT
    uid AS id,
    customer AS account_id,
    route::text AS carrier_id,
    smsc_id AS operator_message_id,
    state AS status,
    receipt_word AS dlr_status,
    receipt_at AS dlr_received_at,
    decided_at AS processed_at,
    queued_at AS created_at,
    part::smallint AS segment,
    parts::smallint AS segments,
    NULL::uuid AS group_id,
    reference AS client_ref,
    NULL::text AS mccmnc,
    cost::numeric AS price,
    'EUR'::text AS currency
FROM gateway.outbox;
ALTER VIEW orch.sms_messages OWNER TO orch_owner;
