//! Connecting to PostgreSQL, and how plainly it is said when that fails.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use dlr::config::Postgres;
use dlr::dev::certificates::Authority;
use dlr::dev::postgres::Role;
use dlr::store::connect::{ConnectError, Connector};
use secrecy::{ExposeSecret as _, SecretString};

use crate::support::{Database, servers};

async fn refusal(settings: &Postgres) -> ConnectError {
    match Connector::new(settings, "test").connect().await {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

/// The settings with another URL, made by replacing a piece of theirs.
fn with(settings: &Postgres, from: &str, to: &str) -> Postgres {
    let url = settings.url.expose_secret();
    assert!(url.contains(from));
    Postgres {
        url: SecretString::from(url.replacen(from, to, 1)),
        ..settings.clone()
    }
}

fn password(settings: &Postgres) -> String {
    let parsed: tokio_postgres::Config = settings.url.expose_secret().parse().unwrap();
    String::from_utf8(parsed.get_password().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_session_says_who_it_is_and_plans_generically() {
    let database = Database::new().await;
    let mut settings = database.config(Role::Service);
    settings.statement_timeout = Duration::from_millis(1_234);
    let connector = Connector::new(&settings, "dlr lane 1");
    let (client, connection) = connector.connect().await.unwrap();
    let work = async move {
        for (setting, value) in [
            ("application_name", "dlr lane 1"),
            ("plan_cache_mode", "force_generic_plan"),
            ("jit", "off"),
            ("statement_timeout", "1234ms"),
            ("lock_timeout", "2s"),
            ("search_path", "pg_catalog"),
        ] {
            let row = client
                .query_one("SELECT current_setting($1)", &[&setting])
                .await
                .unwrap();
            assert_eq!(row.get::<_, &str>(0), value, "{setting}");
        }
        let tls = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let tls = client.query_one(tls, &[]).await.unwrap();
        assert_eq!((tls.get(0), tls.get(1)), (true, "TLSv1.3"));
    };
    let ((), ended) = tokio::join!(work, connection);
    ended.unwrap();
}

#[tokio::test]
async fn a_changed_password_file_is_read_for_the_next_connection() {
    let database = Database::new().await;
    let mut settings = database.config(Role::Service);
    let file = servers()
        .await
        .supervisor
        .folder()
        .join(format!("url-{}", database.name()));
    let wrong = with(&settings, &password(&settings), "wrong");
    fs::write(&file, wrong.url.expose_secret()).unwrap();
    let right = std::mem::take(&mut settings.url);
    settings.url_file = Some(file.clone());
    let connector = Connector::new(&settings, "test");

    let refused = connector.connect().await.err().unwrap();
    assert!(
        matches!(refused, ConnectError::WrongPassword { .. }),
        "{refused}"
    );
    fs::write(&file, format!("{}\n", right.expose_secret())).unwrap();
    assert!(connector.connect().await.is_ok());

    let elsewhere = "postgres://dlr_svc@db.example/sms?sslmode=disable";
    fs::write(&file, elsewhere).unwrap();
    let refused = connector.connect().await.err().unwrap();
    assert!(matches!(refused, ConnectError::Setting { .. }), "{refused}");
}

#[tokio::test]
async fn a_wrong_password_is_called_that() {
    let database = Database::new().await;
    let settings = database.config(Role::Service);
    let refused = refusal(&with(&settings, &password(&settings), "hunter2")).await;
    assert!(
        matches!(refused, ConnectError::WrongPassword { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("dlr_svc"));
    assert!(!format!("{refused} {refused:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let database = Database::new().await;
    let mut settings = database.config(Role::Service);
    (settings.cert_file, settings.key_file) = (None, None);
    let refused = refusal(&settings).await;
    assert!(matches!(refused, ConnectError::Refused { .. }), "{refused}");
    assert!(refused.to_string().contains("certificate"), "{refused}");
}

#[tokio::test]
async fn the_certificate_of_another_role_is_refused() {
    let database = Database::new().await;
    let reader = database.config(Role::Reader);
    let mut settings = database.config(Role::Service);
    (settings.cert_file, settings.key_file) = (reader.cert_file, reader.key_file);
    let refused = refusal(&settings).await;
    // The server answers as to a wrong password.
    assert!(
        matches!(refused, ConnectError::WrongPassword { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn certificates_of_a_strange_authority_are_refused_on_both_sides() {
    let database = Database::new().await;
    let folder = servers().await.supervisor.folder().join("strangers");
    let strangers = Authority::new(&folder).unwrap();
    let settings = database.config(Role::Service);

    let mut distrustful = settings.clone();
    distrustful.ca_file = Some(strangers.ca().to_owned());
    let refused = refusal(&distrustful).await;
    assert!(
        matches!(refused, ConnectError::Certificate { .. }),
        "{refused}"
    );

    let forged = strangers.client_cn("dlr_svc").unwrap();
    let mut forger = settings;
    (forger.cert_file, forger.key_file) = (Some(forged.cert), Some(forged.key));
    let refused = refusal(&forger).await;
    assert!(
        matches!(refused, ConnectError::Certificate { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_server_under_another_name_than_its_certificate_is_refused() {
    let database = Database::new().await;
    let settings = database.config(Role::Service);
    let mut elsewhere = with(&settings, "127.0.0.1", "db.example");
    let url = format!("{}?hostaddr=127.0.0.1", elsewhere.url.expose_secret());
    elsewhere.url = SecretString::from(url);
    let refused = refusal(&elsewhere).await;
    assert!(
        matches!(refused, ConnectError::Certificate { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_missing_database_is_named() {
    let database = Database::new().await;
    let settings = database.config(Role::Service);
    let refused = refusal(&with(&settings, database.name(), "nowhere")).await;
    assert!(
        matches!(&refused, ConnectError::NoSuchDatabase { database, .. } if database == "nowhere"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_role_without_the_right_to_connect_is_refused() {
    let database = Database::empty().await;
    let admin = database.superuser().await;
    let close = format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", database.name());
    admin.batch_execute(&close).await.unwrap();
    let refused = refusal(&database.config(Role::Service)).await;
    assert!(matches!(refused, ConnectError::Refused { .. }), "{refused}");
}

#[tokio::test]
async fn a_server_that_is_away_or_mute_cannot_be_reached() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = Postgres {
        url: SecretString::from(format!("postgres://dlr_svc@127.0.0.1:{port}/sms")),
        connect_timeout: Duration::from_millis(200),
        ..Postgres::default()
    };
    let mute = refusal(&settings).await;
    assert!(matches!(mute, ConnectError::Unreachable { .. }), "{mute}");
    assert!(
        mute.to_string().contains("no answer within 200ms"),
        "{mute}"
    );
    drop(silent);
    let away = refusal(&settings).await;
    assert!(matches!(away, ConnectError::Unreachable { .. }), "{away}");
}

#[tokio::test]
async fn a_server_that_answers_nothing_does_not_keep_us_from_the_next() {
    let database = Database::new().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut settings = database.config(Role::Service);
    settings = with(&settings, "@", &format!("@{address},"));
    settings.connect_timeout = Duration::from_secs(1);
    let connected = Connector::new(&settings, "test").connect().await;
    connected.map(drop).unwrap();
}

#[tokio::test]
async fn who_cannot_be_written_to_is_no_primary() {
    let database = Database::new().await;
    let name = database.name();
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    let postgres = &servers().await.postgres;
    postgres.execute("postgres", &read_only).await.unwrap();
    let settings = database.config(Role::Service);
    let primary = format!("/{name}?target_session_attrs=read-write");
    let settings = with(&settings, &format!("/{name}"), &primary);
    let standby = refusal(&settings).await;
    assert!(
        matches!(&standby, ConnectError::Unreachable { why, .. } if why.contains("does not allow writes")),
        "{standby}"
    );
}
