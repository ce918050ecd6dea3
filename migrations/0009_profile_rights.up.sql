SET LOCAL ROLE dlr_owner;

-- By whom and when a revision was written is not the writer's to say: the time also decides which
-- carriers count where there are too many.
REVOKE INSERT ON dlr_conf.carrier_profiles FROM dlr_profiles;
GRANT INSERT (carrier_id, revision, profile) ON dlr_conf.carrier_profiles TO dlr_profiles;

ALTER TABLE dlr_conf.carrier_profiles
    VALIDATE CONSTRAINT carrier_profiles_carrier_id_check,
    VALIDATE CONSTRAINT carrier_profiles_profile_check;
