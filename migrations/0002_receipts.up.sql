SET LOCAL ROLE dlr_owner;

CREATE TABLE dlr.delivery_receipts (
    stored_at timestamptz NOT NULL,
    stream text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    receipt_id uuid NOT NULL,
    disposition text COLLATE "C" NOT NULL CHECK (disposition IN ('applied', 'recorded')),
    reason text COLLATE "C",
    late boolean NOT NULL,
    message_id uuid NOT NULL,
    account_id uuid NOT NULL,
    carrier_id text COLLATE "C" NOT NULL,
    operator_message_id text COLLATE "C",
    segment smallint,
    segments smallint,
    group_id uuid,
    client_ref text COLLATE "C",
    mccmnc text COLLATE "C",
    price numeric,
    currency text COLLATE "C",
    previous_status text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    reported_status text COLLATE "C",
    stat text COLLATE "C",
    message_state smallint,
    err text COLLATE "C",
    network_error_code text COLLATE "C",
    flags integer NOT NULL DEFAULT 0,
    submit_date text COLLATE "C",
    done_date text COLLATE "C",
    submitted_at timestamptz,
    done_at timestamptz,
    received_at timestamptz,
    processed_at timestamptz NOT NULL,
    personal_sealed bytea CHECK (octet_length(personal_sealed) >= 50),
    source_hash bytea CHECK (octet_length(source_hash) = 16),
    dest_hash bytea CHECK (octet_length(dest_hash) = 16),
    hash_kid integer,
    PRIMARY KEY (stored_at, stream, seq)
) PARTITION BY RANGE (stored_at);

CREATE INDEX delivery_receipts_message_id ON dlr.delivery_receipts (message_id);

COMMENT ON TABLE dlr.delivery_receipts IS
    'Every applied and recorded receipt with the whole decision: its events are a function of the row';
COMMENT ON COLUMN dlr.delivery_receipts.stored_at IS 'When the stream stored the envelope, to the microsecond';
COMMENT ON COLUMN dlr.delivery_receipts.stream IS 'Name of the stream';
COMMENT ON COLUMN dlr.delivery_receipts.seq IS 'The envelope''s sequence in the stream';
COMMENT ON COLUMN dlr.delivery_receipts.receipt_id IS 'UUIDv5 of stream, sequence and stored-at nanoseconds: the same for every redelivery';
COMMENT ON COLUMN dlr.delivery_receipts.disposition IS 'applied: changed the message; recorded: did not';
COMMENT ON COLUMN dlr.delivery_receipts.reason IS 'Why it was recorded and not applied';
COMMENT ON COLUMN dlr.delivery_receipts.late IS 'Matched only after parking';
COMMENT ON COLUMN dlr.delivery_receipts.message_id IS 'orch.sms_messages.id';
COMMENT ON COLUMN dlr.delivery_receipts.account_id IS 'The message''s account; subject of the events';
COMMENT ON COLUMN dlr.delivery_receipts.carrier_id IS 'Who sent the receipt';
COMMENT ON COLUMN dlr.delivery_receipts.operator_message_id IS 'Match key; null when it is itself a phone number (then inside personal_sealed)';
COMMENT ON COLUMN dlr.delivery_receipts.segment IS 'The message''s, at the decision';
COMMENT ON COLUMN dlr.delivery_receipts.segments IS 'The message''s, at the decision';
COMMENT ON COLUMN dlr.delivery_receipts.group_id IS 'The message''s, at the decision';
COMMENT ON COLUMN dlr.delivery_receipts.client_ref IS 'The customer''s own text, at the decision';
COMMENT ON COLUMN dlr.delivery_receipts.mccmnc IS 'The message''s network, at the decision';
COMMENT ON COLUMN dlr.delivery_receipts.price IS 'The message''s, at the decision';
COMMENT ON COLUMN dlr.delivery_receipts.currency IS 'The message''s, at the decision';
COMMENT ON COLUMN dlr.delivery_receipts.previous_status IS 'The message''s status before this receipt';
COMMENT ON COLUMN dlr.delivery_receipts.status IS 'The message''s status after this receipt';
COMMENT ON COLUMN dlr.delivery_receipts.reported_status IS 'The status the receipt stands for; null when no table knows its word';
COMMENT ON COLUMN dlr.delivery_receipts.stat IS 'The carrier''s word, verbatim';
COMMENT ON COLUMN dlr.delivery_receipts.message_state IS 'SMPP message_state';
COMMENT ON COLUMN dlr.delivery_receipts.err IS 'The carrier''s error, verbatim';
COMMENT ON COLUMN dlr.delivery_receipts.network_error_code IS 'Verbatim';
COMMENT ON COLUMN dlr.delivery_receipts.flags IS 'What was odd about it, one bit each (receipt::decision::Flags in the source): 1 ids disagree, 2 states disagree, 4 failure after delivered, 8 a text withheld for looking like a phone number';
COMMENT ON COLUMN dlr.delivery_receipts.submit_date IS 'Verbatim';
COMMENT ON COLUMN dlr.delivery_receipts.done_date IS 'Verbatim';
COMMENT ON COLUMN dlr.delivery_receipts.submitted_at IS 'submit_date as a time; null when unreadable';
COMMENT ON COLUMN dlr.delivery_receipts.done_at IS 'done_date as a time; null when unreadable';
COMMENT ON COLUMN dlr.delivery_receipts.received_at IS 'When the gateway had it';
COMMENT ON COLUMN dlr.delivery_receipts.processed_at IS 'When it was decided';
COMMENT ON COLUMN dlr.delivery_receipts.personal_sealed IS 'pii: phone numbers of the receipt, AES-256-GCM; null when it has none';
COMMENT ON COLUMN dlr.delivery_receipts.source_hash IS 'pii: keyed hash of the source number, for erasure';
COMMENT ON COLUMN dlr.delivery_receipts.dest_hash IS 'pii: keyed hash of the destination number, for erasure';
COMMENT ON COLUMN dlr.delivery_receipts.hash_kid IS 'Key of both hashes';
