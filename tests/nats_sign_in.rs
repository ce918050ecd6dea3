//! Who gets in, and what each side learns of the other before it has seen a certificate.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use async_nats::ConnectErrorKind;
use dlr::{
    broker::{self, ConnectError},
    config,
    dev::{certificates::Authority, nats::Identity},
    lifecycle::{Member, Part},
};

use crate::support::{
    nats::{DEADLINE, Peer, on_each_version},
    servers,
};

async fn foreign_authority() -> Authority {
    let folder = servers()
        .await
        .supervisor
        .folder()
        .join(format!("foreign-{}", uuid::Uuid::new_v4()));
    Authority::new(&folder).unwrap()
}

async fn connect_error(nats: &config::Nats) -> ConnectError {
    broker::connect(nats, "test", Member::unwatched(Part::Nats))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn refusals_say_whose_certificate_is_wrong() {
    on_each_version(async |hub| {
        let ours = hub.server.config(Identity::Processor);
        let foreign = foreign_authority().await;
        let forged = foreign.client_uri(Identity::Processor.uri()).unwrap();

        let server_unknown = config::Nats {
            ca_file: Some(foreign.ca().to_owned()),
            ..ours.clone()
        };
        let error = connect_error(&server_unknown).await;
        assert!(
            matches!(error, ConnectError::ServerCertificate { .. }),
            "{error:?}"
        );

        let wrong_authority = config::Nats {
            cert_file: Some(forged.cert),
            key_file: Some(forged.key),
            ..ours.clone()
        };
        let error = connect_error(&wrong_authority).await;
        assert!(
            matches!(error, ConnectError::ClientCertificate { .. }),
            "{error:?}"
        );

        let none = config::Nats {
            cert_file: None,
            key_file: None,
            ..ours.clone()
        };
        let error = connect_error(&none).await;
        assert!(
            matches!(error, ConnectError::ClientCertificate { .. }),
            "{error:?}"
        );

        let stranger = with_certificate(&ours, "spiffe://sms-gateway/stranger").await;
        let error = connect_error(&stranger).await;
        assert!(
            matches!(error, ConnectError::UnknownUser { .. }),
            "{error:?}"
        );

        // A leaf node's certificate is for the leaf listener.
        let error = connect_error(&hub.server.config(Identity::Leaf)).await;
        assert!(
            matches!(error, ConnectError::UnknownUser { .. }),
            "{error:?}"
        );

        hub.server.stop().unwrap();
        let error = connect_error(&ours).await;
        assert!(
            matches!(error, ConnectError::Unreachable { .. }),
            "{error:?}"
        );
        assert!(!error.is_refusal());
    })
    .await;
}

async fn with_certificate(nats: &config::Nats, uri: &str) -> config::Nats {
    let files = servers().await.authority.client_uri(uri).unwrap();
    config::Nats {
        cert_file: Some(files.cert),
        key_file: Some(files.key),
        ..nats.clone()
    }
}

#[tokio::test]
async fn a_name_in_the_greeting_gives_no_rights() {
    on_each_version(async |hub| {
        hub.provision().await;
        let provisioner = Identity::Provisioner.uri().to_owned();
        let as_provisioner = |nats: &config::Nats| {
            broker::options(nats, "test")
                .unwrap()
                .user_and_password(provisioner.clone(), String::new())
        };

        let own = hub.server.config(Identity::Provisioner);
        let stranger = with_certificate(&own, "spiffe://sms-gateway/stranger").await;
        let refusal = Peer::connect_with(&stranger, as_provisioner(&stranger))
            .await
            .err()
            .unwrap();
        assert_eq!(refusal.kind(), ConnectErrorKind::AuthorizationViolation);

        // Whom the certificate maps stays who he is.
        let carrier = hub.server.config(Identity::Carrier);
        let carrier = Peer::connect_with(&carrier, as_provisioner(&carrier))
            .await
            .unwrap();
        carrier
            .client
            .publish("$JS.API.STREAM.INFO.AUDIT", "".into())
            .await
            .unwrap();
        carrier.publish_refused("$JS.API.STREAM.INFO.AUDIT").await;
    })
    .await;
}

#[tokio::test]
async fn a_client_without_tls_gets_no_further_than_the_greeting() {
    on_each_version(async |hub| {
        let address = hub.server.url().trim_start_matches("tls://").to_owned();
        let said = tokio::task::spawn_blocking(move || speak_plainly(&address))
            .await
            .unwrap();
        assert!(said.starts_with("INFO "), "{said}");
        assert!(!said.contains("PONG") && !said.contains("+OK"), "{said}");
    })
    .await;
}

/// All that the server says to a client that goes on without TLS.
fn speak_plainly(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut said = String::new();
    BufReader::new(stream.try_clone().unwrap())
        .read_line(&mut said)
        .unwrap();
    let hello = format!(
        "CONNECT {{\"user\":\"{}\"}}\r\nPING\r\n",
        Identity::Provisioner.uri()
    );
    stream.write_all(hello.as_bytes()).unwrap();
    let mut rest = Vec::new();
    // Ends when the server hangs up, by a reset or properly; a timeout fails the test.
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    said + &String::from_utf8_lossy(&rest)
}

#[tokio::test]
async fn a_server_without_tls_learns_nothing() {
    const TLS_HANDSHAKE: u8 = 0x16;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
            .write_all(
                b"INFO {\"server_id\":\"x\",\"version\":\"2.15.1\",\"proto\":1,\"go\":\"go\",\
                  \"host\":\"127.0.0.1\",\"port\":4222,\"headers\":true,\"max_payload\":1048576,\
                  \"connect_urls\":[\"127.0.0.1:1\"]}\r\n",
            )
            .unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        stream
            .write_all(b"-ERR 'Unknown Protocol Operation'\r\n")
            .unwrap();
        first[0]
    });

    let authority = &servers().await.authority;
    let files = authority.client_uri(Identity::Processor.uri()).unwrap();
    let nats = config::Nats {
        url: format!("nats://127.0.0.1:{port}"),
        ca_file: Some(files.ca.clone()),
        cert_file: Some(files.cert.clone()),
        key_file: Some(files.key.clone()),
        ..config::Nats::default()
    };
    let error = connect_error(&nats).await;
    assert!(matches!(error, ConnectError::NoTls { .. }), "{error:?}");
    assert_eq!(server.join().unwrap(), TLS_HANDSHAKE);
}
