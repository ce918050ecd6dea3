SET LOCAL ROLE dlr_owner;

CREATE TABLE dlr_conf.carrier_profiles (
    carrier_id text COLLATE "C" NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    profile jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text COLLATE "C" NOT NULL DEFAULT session_user,
    PRIMARY KEY (carrier_id, revision)
);

COMMENT ON TABLE dlr_conf.carrier_profiles IS
    'How a carrier writes ids, words and times; append-only, the highest revision counts';
COMMENT ON COLUMN dlr_conf.carrier_profiles.carrier_id IS 'Whose';
COMMENT ON COLUMN dlr_conf.carrier_profiles.revision IS 'Rising from 1';
COMMENT ON COLUMN dlr_conf.carrier_profiles.profile IS 'The profile';
COMMENT ON COLUMN dlr_conf.carrier_profiles.created_at IS 'When';
COMMENT ON COLUMN dlr_conf.carrier_profiles.created_by IS 'By whom';

CREATE TABLE dlr.key_checks (
    purpose text COLLATE "C" NOT NULL,
    kid bigint NOT NULL,
    value bytea NOT NULL CHECK (octet_length(value) = 8),
    first_seen timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (purpose, kid)
);

COMMENT ON TABLE dlr.key_checks IS
    'A value derived from every key once used: a key ring with another key of that number is refused';
COMMENT ON COLUMN dlr.key_checks.purpose IS 'What the key is for';
COMMENT ON COLUMN dlr.key_checks.kid IS 'Number of the key';
COMMENT ON COLUMN dlr.key_checks.value IS 'Derived from the key, tells nothing about it';
COMMENT ON COLUMN dlr.key_checks.first_seen IS 'When the key was first used here';
