//! Settings that are unknown, unreadable or out of bounds.

use super::*;

#[test]
fn unknown_settings_are_refused_by_name() {
    let message = refused(load(&[("DLR__NATS__URLS", "x")]), "nats.urls");
    assert!(message.contains("unknown setting") && message.contains("DLR__NATS__URLS"));
    refused(load(&[("DLR__NATS", "x")]), "nats");
    refused(load(&[("DLR__LANES", "2")]), "lanes");
    refused(load_file("[pipelines]\nlanes = 2", &[]), "pipelines.lanes");
    refused(load_file("[pipelines]", &[]), "pipelines");
    refused(load_file("nats = 5", &[]), "nats");
    refused(load_file("[nats.url]\nx = 1", &[]), "nats.url.x");
}

#[test]
fn file_that_cannot_be_read_is_refused() {
    let missing = Config::load(Some("/no/such.toml".as_ref()), variables(&[])).unwrap_err();
    assert!(missing.to_string().contains("/no/such.toml"), "{missing}");

    let text = "[nats]\n[postgres]\nurl = \"postgres://role:hunter2@localhost";
    let broken = load_file(text, &[]).unwrap_err().to_string();
    assert!(broken.contains("dlr.toml: line 3: "), "{broken}");
    assert!(
        !broken.contains("hunter2") && !broken.contains('\n'),
        "{broken}"
    );
}

#[test]
fn values_of_wrong_kind_are_refused_by_name() {
    for (variable, value, setting) in [
        ("DLR__PIPELINE__LANES", "two", "pipeline.lanes"),
        ("DLR__PIPELINE__LANES", "-1", "pipeline.lanes"),
        (
            "DLR__PIPELINE__DELIVERIES_MAX",
            "4294967301",
            "pipeline.deliveries_max",
        ),
        ("DLR__PIPELINE__EARLY_DELAY", "soon", "pipeline.early_delay"),
        ("DLR__PIPELINE__EARLY_DELAY", "5", "pipeline.early_delay"),
        ("DLR__SWEEP__ENABLED", "perhaps", "sweep.enabled"),
        ("DLR__PROBES__BIND", "localhost", "probes.bind"),
        ("DLR__TELEMETRY__FORMAT", "xml", "telemetry.format"),
        (
            "DLR__PIPELINE__GROUP_STATUS",
            "yes",
            "pipeline.group_status",
        ),
        ("DLR__TELEMETRY__LOG", "dlr=loud", "telemetry.log"),
    ] {
        let message = refused(load(&[(variable, value)]), setting);
        assert!(message.contains(variable), "{message}");
    }
    for text in ["lanes = true", "lanes = 1.5", "lanes = [1]"] {
        refused(
            load_file(&format!("[pipeline]\n{text}"), &[]),
            "pipeline.lanes",
        );
    }
    refused(load_file("[sweep]\nenabled = 1.5", &[]), "sweep.enabled");
}

#[test]
fn a_switch_is_a_boolean_or_its_word() {
    let by_file = load_file("[sweep]\nenabled = false", &[]).unwrap();
    let by_variable = load(&[("DLR__SWEEP__ENABLED", "false")]).unwrap();
    assert!(!by_file.config.sweep.enabled && !by_variable.config.sweep.enabled);
}

#[test]
fn values_out_of_bounds_are_refused_by_name() {
    for (variable, value, setting) in [
        ("DLR__DEPLOYMENT__NAME", "Über", "deployment.name"),
        ("DLR__NATS__INBOX_PREFIX", "a.*", "nats.inbox_prefix"),
        ("DLR__NATS__API_PREFIX", "a..b", "nats.api_prefix"),
        ("DLR__STREAMS__INBOUND", "SMS.DLR", "streams.inbound"),
        (
            "DLR__STREAMS__AUDIT_SUBJECT",
            "a.>.b",
            "streams.audit_subject",
        ),
        (
            "DLR__STREAMS__INBOUND_MAX_BYTES",
            "1",
            "streams.inbound_max_bytes",
        ),
        ("DLR__STREAMS__REPLICAS", "6", "streams.replicas"),
        (
            "DLR__POSTGRES__STATEMENT_TIMEOUT",
            "16s",
            "postgres.statement_timeout",
        ),
        (
            "DLR__POSTGRES__CONNECT_TIMEOUT",
            "99ms",
            "postgres.connect_timeout",
        ),
        ("DLR__PIPELINE__LANES", "0", "pipeline.lanes"),
        (
            "DLR__PIPELINE__BATCH_INTERVAL_MIN",
            "1001ms",
            "pipeline.batch_interval_min",
        ),
        (
            "DLR__PIPELINE__IN_FLIGHT_MAX",
            "20001",
            "pipeline.in_flight_max",
        ),
        (
            "DLR__PIPELINE__EARLY_WAITING_MAX",
            "1001",
            "pipeline.early_waiting_max",
        ),
        ("DLR__PIPELINE__HORIZON", "59m", "pipeline.horizon"),
        ("DLR__PIPELINE__MESSAGE_LAG", "721h", "pipeline.message_lag"),
        ("DLR__EVENTS__PACK", "0", "events.pack"),
        ("DLR__SWEEP__BATCH_MAX", "5001", "sweep.batch_max"),
        ("DLR__SWEEP__SHARE", "0", "sweep.share"),
        ("DLR__LIFECYCLE__GRACE", "60s", "lifecycle.grace"),
    ] {
        let message = refused(load(&[(variable, value)]), setting);
        assert!(message.contains("must be"), "{message}");
    }
    let message = refused(load(&[("DLR__PIPELINE__LANES", "0")]), "pipeline.lanes");
    assert_eq!(
        message,
        "pipeline.lanes: is 0; must be 1 to 32 (from DLR__PIPELINE__LANES)"
    );
}

#[test]
fn limits_that_do_not_fit_together_are_refused() {
    let in_flight = ("DLR__PIPELINE__IN_FLIGHT_MAX", "1000");
    refused(
        load(&[in_flight, ("DLR__PIPELINE__BATCH_MAX", "1001")]),
        "pipeline.batch_max",
    );
    refused(
        load(&[in_flight, ("DLR__PIPELINE__PULL_MAX", "1001")]),
        "pipeline.pull_max",
    );
    let given = [
        ("DLR__PIPELINE__DELIVERIES_MAX", "5"),
        ("DLR__PIPELINE__EARLY_REDELIVERIES", "5"),
    ];
    refused(load(&given), "pipeline.early_redeliveries");
}
