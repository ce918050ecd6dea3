DROP TABLE dlr.key_checks;
DROP TABLE dlr_conf.carrier_profiles;
