SET LOCAL ROLE dlr_owner;

CREATE TABLE dlr.rejected_receipts (
    stored_at timestamptz NOT NULL,
    stream text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    receipt_id uuid NOT NULL,
    carrier_id text COLLATE "C",
    reason text COLLATE "C" NOT NULL,
    field text COLLATE "C",
    payload_length integer NOT NULL,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 16),
    fingerprint_kid integer NOT NULL,
    rejected_at timestamptz NOT NULL,
    PRIMARY KEY (stored_at, stream, seq)
) PARTITION BY RANGE (stored_at);

COMMENT ON TABLE dlr.rejected_receipts IS
    'Payloads that break a rule: no content; the payload stays in the stream until its age';
COMMENT ON COLUMN dlr.rejected_receipts.stored_at IS 'When the stream stored the envelope, to the microsecond';
COMMENT ON COLUMN dlr.rejected_receipts.stream IS 'Name of the stream';
COMMENT ON COLUMN dlr.rejected_receipts.seq IS 'The envelope''s sequence in the stream';
COMMENT ON COLUMN dlr.rejected_receipts.receipt_id IS 'UUIDv5 of stream, sequence and stored-at nanoseconds';
COMMENT ON COLUMN dlr.rejected_receipts.carrier_id IS 'From the subject; null when only the payload could have told';
COMMENT ON COLUMN dlr.rejected_receipts.reason IS 'One of a closed list';
COMMENT ON COLUMN dlr.rejected_receipts.field IS 'Name of the field that broke the rule, never its value';
COMMENT ON COLUMN dlr.rejected_receipts.payload_length IS 'Bytes';
COMMENT ON COLUMN dlr.rejected_receipts.fingerprint IS 'Keyed hash of the payload: tells repetitions, tells no content';
COMMENT ON COLUMN dlr.rejected_receipts.fingerprint_kid IS 'Its key';
COMMENT ON COLUMN dlr.rejected_receipts.rejected_at IS 'When';
