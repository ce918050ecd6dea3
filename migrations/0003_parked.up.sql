SET LOCAL ROLE dlr_owner;

CREATE TABLE dlr.orphaned_receipts (
    stored_at timestamptz NOT NULL,
    stream text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    receipt_id uuid NOT NULL,
    carrier_id text COLLATE "C" NOT NULL,
    operator_message_id text COLLATE "C",
    stat text COLLATE "C",
    reason text COLLATE "C" NOT NULL,
    deliveries integer NOT NULL,
    received_at timestamptz,
    parked_at timestamptz NOT NULL,
    payload_sealed bytea NOT NULL CHECK (octet_length(payload_sealed) >= 50),
    PRIMARY KEY (stored_at, stream, seq)
) PARTITION BY RANGE (stored_at);

COMMENT ON TABLE dlr.orphaned_receipts IS
    'Parked receipts; open until dlr.orphan_resolutions has a row of the same key';
COMMENT ON COLUMN dlr.orphaned_receipts.stored_at IS 'When the stream stored the envelope, to the microsecond';
COMMENT ON COLUMN dlr.orphaned_receipts.stream IS 'Name of the stream';
COMMENT ON COLUMN dlr.orphaned_receipts.seq IS 'The envelope''s sequence in the stream';
COMMENT ON COLUMN dlr.orphaned_receipts.receipt_id IS 'UUIDv5 of stream, sequence and stored-at nanoseconds';
COMMENT ON COLUMN dlr.orphaned_receipts.carrier_id IS 'Who sent the receipt';
COMMENT ON COLUMN dlr.orphaned_receipts.operator_message_id IS 'Match key; null when it is itself a phone number (then only in the payload)';
COMMENT ON COLUMN dlr.orphaned_receipts.stat IS 'The carrier''s word, verbatim';
COMMENT ON COLUMN dlr.orphaned_receipts.reason IS 'Why it was parked';
COMMENT ON COLUMN dlr.orphaned_receipts.deliveries IS 'How often the stream had delivered it by then';
COMMENT ON COLUMN dlr.orphaned_receipts.received_at IS 'When the gateway had it';
COMMENT ON COLUMN dlr.orphaned_receipts.parked_at IS 'When it was parked';
COMMENT ON COLUMN dlr.orphaned_receipts.payload_sealed IS 'pii: the original payload, AES-256-GCM';

CREATE TABLE dlr.orphan_resolutions (
    stored_at timestamptz NOT NULL,
    stream text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    receipt_id uuid NOT NULL,
    resolution text COLLATE "C" NOT NULL CHECK (resolution IN ('matched', 'discarded', 'lapsed')),
    resolved_at timestamptz NOT NULL,
    resolved_by text COLLATE "C" NOT NULL,
    note text COLLATE "C",
    PRIMARY KEY (stored_at, stream, seq)
) PARTITION BY RANGE (stored_at);

COMMENT ON TABLE dlr.orphan_resolutions IS 'The end of a parked receipt';
COMMENT ON COLUMN dlr.orphan_resolutions.stored_at IS 'Key of the parked receipt';
COMMENT ON COLUMN dlr.orphan_resolutions.stream IS 'Key of the parked receipt';
COMMENT ON COLUMN dlr.orphan_resolutions.seq IS 'Key of the parked receipt';
COMMENT ON COLUMN dlr.orphan_resolutions.receipt_id IS 'The parked receipt''s';
COMMENT ON COLUMN dlr.orphan_resolutions.resolution IS 'matched: a message was found; discarded: by an operator; lapsed: by time';
COMMENT ON COLUMN dlr.orphan_resolutions.resolved_at IS 'When';
COMMENT ON COLUMN dlr.orphan_resolutions.resolved_by IS 'Which part of the processor, or which operator';
COMMENT ON COLUMN dlr.orphan_resolutions.note IS 'The operator''s reason';
