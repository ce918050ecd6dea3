//! Where TLS may be off, and what files it takes.

use super::*;

#[test]
fn nats_without_tls_is_for_loopback_only() {
    for url in [
        "nats://127.0.0.1:4222",
        "127.9.9.9",
        "nats://[::1]:4222",
        "nats://localhost:4222, nats://LOCALHOST:4223",
    ] {
        load(&[("NATS_URL", url)]).unwrap();
    }
    for url in [
        "nats://10.0.0.1:4222",
        "nats.example",
        "nats://localhost.example:4222",
        "nats://127.0.0.1,nats://nats.example",
        "nats://127.example",
        "nats://[::ffff:127.0.0.1]",
        "nats://0.0.0.0",
        "ws://localhost",
        "http://localhost",
        "nats://a b",
        "nats://localhost,",
    ] {
        refused(load(&[("NATS_URL", url)]), "nats.url");
    }
}

#[test]
fn nats_tls_needs_its_authority() {
    let folder = Folder::new();
    let ca = folder.private("ca.pem");
    let url = ("NATS_URL", "tls://nats.example:4222");
    refused(load(&[url]), "nats.ca_file");
    refused(
        load(&[("NATS_URL", "tls://127.0.0.1:4222")]),
        "nats.ca_file",
    );
    load(&[url, ("DLR__NATS__CA_FILE", &ca)]).unwrap();
    load(&[
        ("NATS_URL", "nats://nats.example"),
        ("DLR__NATS__CA_FILE", &ca),
    ])
    .unwrap();
}

#[test]
fn nats_url_holds_no_password() {
    for url in ["nats://user:hunter2@localhost", "nats://hunter2@localhost"] {
        let message = refused(load(&[("NATS_URL", url)]), "nats.url");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn postgres_without_tls_is_for_loopback_only() {
    for url in [
        "postgres://dlr_svc@localhost/dlr",
        "postgresql://dlr_svc:word@127.0.0.1:5433/dlr?sslmode=disable",
        "postgres://dlr_svc@[::1]/dlr?sslmode=prefer&application_name=x",
        "postgres://dlr_svc@%2Frun%2Fpostgresql/dlr",
    ] {
        load(&[("DATABASE_URL", url)]).unwrap();
    }
    let refused = |url, setting| {
        let message = refused(load(&[("DATABASE_URL", url)]), setting);
        assert!(!message.contains("hunter2"), "{message}");
    };
    refused("postgres://dlr_svc@db.example/dlr", "postgres.ca_file");
    refused(
        "postgres://dlr_svc@localhost,db.example/dlr",
        "postgres.ca_file",
    );
    refused(
        "postgres://dlr_svc@localhost/dlr?hostaddr=10.0.0.1",
        "postgres.ca_file",
    );
    refused(
        "postgres://dlr_svc@localhost/dlr?sslmode=verify-full",
        "postgres.ca_file",
    );
    refused(
        "postgres://dlr_svc:hunter2@db.example/dlr?sslmode=disable",
        "postgres.url",
    );
    refused(
        "postgres://dlr_svc:hunter2@db.example/dlr?sslmode=prefer",
        "postgres.url",
    );
    refused(
        "postgres://dlr_svc:hunter2@localhost/dlr?sslmode=hunter2",
        "postgres.url",
    );
    refused(
        "postgres://dlr_svc:un@hunter2@db.example/dlr",
        "postgres.url",
    );
    refused("postgres://dlr_svc:hunter2@localhost", "postgres.url");
    refused("postgres://localhost/dlr", "postgres.url");
    refused(
        "postgres://dlr_svc:hunter2@localhost/dlr?hunter2=1",
        "postgres.url",
    );
    refused("host=localhost password=hunter2", "postgres.url");
    refused("mysql://dlr_svc:hunter2@localhost/dlr", "postgres.url");
}

#[test]
fn postgres_sslmode_does_not_weaken_tls() {
    use tokio_postgres::config::SslMode;
    let folder = Folder::new();
    let ca = folder.private("ca.pem");
    for mode in ["", "?sslmode=require", "?sslmode=verify-full"] {
        let url = format!("postgres://dlr_svc@db.example/dlr{mode}");
        let loaded = load(&[("DATABASE_URL", &url), ("DLR__POSTGRES__CA_FILE", &ca)]).unwrap();
        let postgres = &loaded.config.postgres;
        let parsed = postgres.parse_url(postgres.url.expose_secret()).unwrap();
        assert_eq!(parsed.get_ssl_mode(), SslMode::Require);
        assert_eq!(parsed.get_dbname(), Some("dlr"));
    }
    let url = "postgres://dlr_svc@localhost/dlr?sslmode=disable";
    refused(
        load(&[("DATABASE_URL", url), ("DLR__POSTGRES__CA_FILE", &ca)]),
        "postgres.url",
    );
}

#[test]
fn certificate_and_key_go_together() {
    let folder = Folder::new();
    let (ca, cert, key) = (
        folder.private("ca.pem"),
        folder.private("cert.pem"),
        folder.private("key.pem"),
    );
    for section in ["NATS", "POSTGRES"] {
        let name = |key: &str| format!("DLR__{section}__{key}");
        let setting = |key: &str| format!("{}.{key}", section.to_lowercase());
        let given = |files: &[(&str, &str)]| {
            Config::load(
                None,
                files
                    .iter()
                    .map(|&(key, path)| (name(key), path.to_owned())),
            )
        };
        given(&[("CA_FILE", &ca), ("CERT_FILE", &cert), ("KEY_FILE", &key)]).unwrap();
        refused(
            given(&[("CA_FILE", &ca), ("CERT_FILE", &cert)]),
            &setting("key_file"),
        );
        refused(
            given(&[("CA_FILE", &ca), ("KEY_FILE", &key)]),
            &setting("cert_file"),
        );
        refused(
            given(&[("CERT_FILE", &cert), ("KEY_FILE", &key)]),
            &setting("ca_file"),
        );
        refused(given(&[("CA_FILE", "/no/such")]), &setting("ca_file"));
        refused(given(&[("CA_FILE", "/tmp")]), &setting("ca_file"));
    }
}

#[test]
fn key_that_everybody_may_read_is_refused() {
    let folder = Folder::new();
    let (ca, cert, key) = (
        folder.private("ca.pem"),
        folder.private("cert.pem"),
        folder.private("key.pem"),
    );
    let given = [
        ("DLR__NATS__CA_FILE", &*ca),
        ("DLR__NATS__CERT_FILE", &*cert),
        ("DLR__NATS__KEY_FILE", &*key),
    ];
    set_mode(&key, 0o644);
    let message = refused(load(&given), "nats.key_file");
    assert!(message.contains(&key), "{message}");
    set_mode(&key, 0o640);
    load(&given).unwrap();
}

/// The file is read again at every connection, by which time it may name another server.
#[test]
fn url_read_later_obeys_the_same_rule() {
    let loaded = load(&[("DATABASE_URL", "postgres://dlr_svc@localhost/dlr")]).unwrap();
    let refused = loaded
        .config
        .postgres
        .parse_url("postgres://dlr_svc@db.example/dlr")
        .unwrap_err();
    assert_eq!(
        refused,
        InvalidUrl::NoAuthority {
            host: "db.example".into()
        }
    );
}
