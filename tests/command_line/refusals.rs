//! Configurations that are refused, each in one line that names the setting.

use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Folder, REFUSED, complete, dlr, text, with};

/// One line on standard error that begins with the setting's name, nothing on standard output, and
/// no password anywhere.
fn assert_refused(output: &Output, setting: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(REFUSED), "{setting}: {said}");
    assert_eq!(said.lines().count(), 1, "{setting}: {said}");
    assert!(
        said.starts_with(&format!("dlr: {setting}: ")),
        "{setting}: {said}"
    );
    assert!(!said.contains("hunter2"), "{setting}: {said}");
    assert_eq!(text(&output.stdout), "", "{setting}");
}

/// What is refused, and what is set to get there; `@` stands for the folder of the test.
const CASES: &[(&str, &[(&str, &str)])] = &[
    ("nats.url", &[("DLR__NATS__URL", "")]),
    (
        "nats.url",
        &[("DLR__NATS__URL", "nats://nats.example:4222")],
    ),
    (
        "nats.url",
        &[("DLR__NATS__URL", "nats://127.0.0.1,nats://10.0.0.1")],
    ),
    (
        "nats.url",
        &[("DLR__NATS__URL", "nats://dlr:hunter2@127.0.0.1")],
    ),
    ("nats.url", &[("DLR__NATS__URL", "ws://127.0.0.1")]),
    (
        "nats.ca_file",
        &[("DLR__NATS__URL", "tls://nats.example:4222")],
    ),
    ("nats.ca_file", &[("DLR__NATS__CA_FILE", "/nowhere/ca.pem")]),
    (
        "nats.key_file",
        &[
            ("DLR__NATS__CA_FILE", "@pem"),
            ("DLR__NATS__CERT_FILE", "@pem"),
        ],
    ),
    (
        "nats.cert_file",
        &[
            ("DLR__NATS__CA_FILE", "@pem"),
            ("DLR__NATS__KEY_FILE", "@pem"),
        ],
    ),
    (
        "nats.key_file",
        &[
            ("DLR__NATS__CA_FILE", "@pem"),
            ("DLR__NATS__CERT_FILE", "@pem"),
            ("DLR__NATS__KEY_FILE", "@open"),
        ],
    ),
    ("nats.api_prefix", &[("DLR__NATS__API_PREFIX", "JSAPI.>")]),
    ("nats.inbox_prefix", &[("DLR__NATS__INBOX_PREFIX", "*")]),
    ("postgres.url", &[("DLR__POSTGRES__URL", "")]),
    (
        "postgres.url",
        &[("DLR__POSTGRES__URL", "mysql://dlr:hunter2@127.0.0.1/dlr")],
    ),
    (
        "postgres.url",
        &[(
            "DLR__POSTGRES__URL",
            "postgres://dlr:hunter2@db.example/dlr?sslmode=disable",
        )],
    ),
    (
        "postgres.url",
        &[(
            "DLR__POSTGRES__URL",
            "postgres://dlr:hunter2@db.example/dlr?sslmode=prefer",
        )],
    ),
    (
        "postgres.url",
        &[
            (
                "DLR__POSTGRES__URL",
                "postgres://dlr:hunter2@db.example/dlr?sslmode=prefer",
            ),
            ("DLR__POSTGRES__CA_FILE", "@pem"),
        ],
    ),
    (
        "postgres.ca_file",
        &[(
            "DLR__POSTGRES__URL",
            "postgres://dlr:hunter2@db.example/dlr",
        )],
    ),
    (
        "postgres.ca_file",
        &[(
            "DLR__POSTGRES__URL",
            "postgres://dlr:hunter2@127.0.0.1/dlr?sslmode=require",
        )],
    ),
    (
        "postgres.url",
        &[(
            "DLR__POSTGRES__URL",
            "postgres://dlr:hunt@er2@127.0.0.1/dlr",
        )],
    ),
    ("postgres.url", &[("DLR__POSTGRES__URL_FILE", "@open")]),
    (
        "postgres.key_file",
        &[
            ("DLR__POSTGRES__CA_FILE", "@pem"),
            ("DLR__POSTGRES__CERT_FILE", "@pem"),
        ],
    ),
    (
        "postgres.key_file",
        &[
            ("DLR__POSTGRES__CA_FILE", "@pem"),
            ("DLR__POSTGRES__CERT_FILE", "@pem"),
            ("DLR__POSTGRES__KEY_FILE", "@open"),
        ],
    ),
    (
        "postgres.connect_timeout",
        &[("DLR__POSTGRES__CONNECT_TIMEOUT", "5")],
    ),
    (
        "postgres.statement_timeout",
        &[("DLR__POSTGRES__STATEMENT_TIMEOUT", "1h")],
    ),
    ("seal.keyring_file", &[("DLR__SEAL__KEYRING_FILE", "")]),
    (
        "seal.keyring_file",
        &[("DLR__SEAL__KEYRING_FILE", "/nowhere/ring")],
    ),
    ("pipeline.lanes", &[("DLR__PIPELINE__LANES", "0")]),
    ("pipeline.lanes", &[("DLR__PIPELINE__LANES", "two")]),
    ("pipeline.lanes", &[("DLR__PIPELINE__LANES", "-1")]),
    (
        "pipeline.batch_max",
        &[("DLR__PIPELINE__IN_FLIGHT_MAX", "500")],
    ),
    (
        "pipeline.publish_timeout",
        &[("DLR__PIPELINE__PUBLISH_TIMEOUT", "soon")],
    ),
    ("pipeline.horizon", &[("DLR__PIPELINE__HORIZON", "5s")]),
    ("pipeline.lane", &[("DLR__PIPELINE__LANE", "2")]),
    ("nonsense", &[("DLR__NONSENSE", "1")]),
    ("streams.inbound", &[("DLR__STREAMS__INBOUND", "SMS.DLR")]),
    ("probes.bind", &[("DLR__PROBES__BIND", "localhost")]),
    ("telemetry.log", &[("DLR__TELEMETRY__LOG", "dlr=loud")]),
    ("telemetry.format", &[("DLR__TELEMETRY__FORMAT", "xml")]),
    ("lifecycle.grace", &[("DLR__LIFECYCLE__GRACE", "forever")]),
];

#[test]
fn f1_every_unsafe_or_missing_setting_is_refused_by_its_name() {
    let folder = Folder::new();
    for (setting, changes) in CASES {
        let mut variables = with(&folder, changes);
        for (_, value) in &mut variables {
            if let Some(name) = value.strip_prefix('@') {
                *value = folder.path(name);
            }
        }
        assert_refused(&dlr(&["run"], &variables), setting);
        let checked = dlr(&["check-config"], &variables);
        assert_eq!(checked.status.code(), Some(REFUSED), "{setting}");
        assert!(text(&checked.stderr).starts_with(&format!("dlr: {setting}: ")));
    }
}

#[test]
fn f1_every_doubtful_key_ring_is_refused() {
    let folder = Folder::new();
    let key =
        |byte: u8, length: usize| STANDARD.encode([&vec![byte; length - 1][..], &[7]].concat());
    let ring = |keys: Value| json!({"v": 1, "keys": keys, "bidx": [{"kid": 1, "state": "primary", "k": key(9, 32)}]});
    let entry = |kid: u32, state: &str, k: &str| json!({"kid": kid, "state": state, "k": k});
    let good = ring(json!([entry(1, "primary", &key(1, 32))])).to_string();
    let cases = [
        ("everybody may read it", 0o644, good.clone()),
        ("everybody may write it", 0o602, good.clone()),
        (
            "two primaries",
            0o600,
            ring(json!([
                entry(1, "primary", &key(1, 32)),
                entry(2, "primary", &key(2, 32))
            ]))
            .to_string(),
        ),
        (
            "no primary",
            0o600,
            ring(json!([entry(1, "decrypt", &key(1, 32))])).to_string(),
        ),
        (
            "31 bytes",
            0o600,
            ring(json!([entry(1, "primary", &key(1, 31))])).to_string(),
        ),
        (
            "a key of zeros",
            0o600,
            ring(json!([entry(1, "primary", &STANDARD.encode([0; 32]))])).to_string(),
        ),
        (
            "kid 0",
            0o600,
            ring(json!([entry(0, "primary", &key(1, 32))])).to_string(),
        ),
        (
            "an unknown field",
            0o600,
            good.replacen('{', r#"{"x":1,"#, 1),
        ),
        ("no JSON", 0o600, key(1, 32)),
        ("empty", 0o600, String::new()),
    ];
    for (at, (what, mode, content)) in cases.into_iter().enumerate() {
        let ring = folder.write(&format!("ring-{at}"), mode, content.as_bytes());
        for command in ["run", "check-config"] {
            let output = dlr(
                &[command],
                &with(&folder, &[("DLR__SEAL__KEYRING_FILE", &ring)]),
            );
            let said = text(&output.stderr);
            assert_eq!(
                output.status.code(),
                Some(REFUSED),
                "{command}, {what}: {said}"
            );
            assert!(
                said.starts_with("dlr: seal.keyring_file: "),
                "{command}, {what}: {said}"
            );
            assert_eq!(said.lines().count(), 1, "{command}, {what}: {said}");
            assert!(
                !said.contains(key(1, 32).get(..16).unwrap()),
                "{command}, {what}: {said}"
            );
        }
    }
}

#[test]
fn a_configuration_file_is_refused_by_line_or_setting() {
    let folder = Folder::new();
    let run = |content: &str| {
        let file = folder.write("dlr.toml", 0o600, content.as_bytes());
        (dlr(&["run", "--config", &file], &complete(&folder)), file)
    };
    for (setting, content) in [
        ("pipeline.lane", "[pipeline]\nlane = 2"),
        ("pipelines", "pipelines = 1"),
        ("pipeline.lanes", "[pipeline]\nlanes = true"),
        (
            "pipeline.early_delay",
            "[pipeline]\nearly_delay = \"1 fortnight\"",
        ),
    ] {
        let (output, file) = run(content);
        assert_refused(&output, setting);
        assert!(text(&output.stderr).contains(&format!("(from {file})")));
    }
    let (output, file) = run("[postgres]\nurl = \"postgres://dlr:hunter2@db\n");
    assert_eq!(output.status.code(), Some(REFUSED));
    let said = text(&output.stderr);
    assert!(
        said.starts_with(&format!("dlr: configuration file {file}: line 2: ")),
        "{said}"
    );
    assert!(
        said.lines().count() == 1 && !said.contains("hunter2"),
        "{said}"
    );
}
