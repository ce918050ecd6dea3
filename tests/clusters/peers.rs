//! Behind the door of the peers there are no accounts: who may open it.

use std::sync::Arc;
use std::time::Duration;

use dlr::dev::certificates::CertFiles;
use dlr::dev::nats::{Identity, PEER};
use dlr::tls;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::nats::{App, cluster};
use crate::support::servers;

/// What the first server answers to who introduces himself as a peer.
async fn answer(app: &App, files: &CertFiles) -> String {
    let tls = tls::client_config(&files.ca, Some((&*files.cert, &*files.key))).unwrap();
    let socket = TcpStream::connect(&app.nats.peers()[0]).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = TlsConnector::from(Arc::new(tls));
    let mut stream = connector.connect(name, socket).await.unwrap();
    let hello = b"CONNECT {\"verbose\":false,\"tls_required\":true,\"name\":\"me\",\"cluster\":\"dlr\"}\r\nPING\r\n";
    stream.write_all(hello).await.unwrap();
    let mut said = Vec::new();
    let answered = async {
        while !said.ends_with(b"PONG\r\n")
            && stream.read_buf(&mut said).await.is_ok_and(|it| it > 0)
        {}
    };
    timeout(Duration::from_secs(20), answered).await.unwrap();
    String::from_utf8(said).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn a_client_is_no_peer() {
    let app = Box::pin(cluster(Identity::Processor)).await;
    let authority = &servers().await.authority;
    for client in Identity::ALL {
        let files = authority.client_uri(client.uri()).unwrap();
        let said = answer(&app, &files).await;
        assert!(said.contains("Authorization Violation"), "{said}");
    }
    let said = answer(&app, &authority.peer("nats", PEER).unwrap()).await;
    assert!(!said.contains("Authorization Violation"), "{said}");
}
