SET LOCAL ROLE dlr_owner;

ALTER TABLE dlr_conf.carrier_profiles
    DROP CONSTRAINT carrier_profiles_profile_check, DROP CONSTRAINT carrier_profiles_carrier_id_check;
ALTER TABLE dlr_conf.carrier_profiles
    ADD CONSTRAINT carrier_profiles_carrier_id_check CHECK (carrier_id ~ '^[a-z0-9_-]{1,64}$') NOT VALID,
    ADD CONSTRAINT carrier_profiles_profile_check
        CHECK (jsonb_typeof(profile) = 'object' AND octet_length(profile::text) <= 65536) NOT VALID;

REVOKE INSERT ON dlr_conf.carrier_profiles FROM dlr_profiles;
GRANT INSERT ON dlr_conf.carrier_profiles TO dlr_profiles;
