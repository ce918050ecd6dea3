//! A gateway in Rust that publishes one receipt in the archive encoding.
//!
//! ```sh
//! cargo run --example publish_archive -- nats://127.0.0.1:4222
//! ```
//!
//! A real gateway also presents a certificate, and keeps the receipt until it is confirmed: the
//! stream refuses what it has no room for, and a connection can end before the answer.

use std::io::{Write as _, stderr, stdout};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream;
use dlr::clock::Clock;
use dlr::receipt::archive::{ReceiptV1, TlvV1};

/// The bare subject is that of the trusted gateway, so the receipt names the carrier.
const SUBJECT: &str = "sms.dlr.inbound";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = std::env::args().nth(1);
    let server = server.context("name the server: nats://127.0.0.1:4222")?;
    let client = async_nats::connect(server).await?;
    let stream = jetstream::new(client);

    let receipt = ReceiptV1 {
        carrier_id: Some("acme".into()),
        operator_message_id: Some("0059113978".into()),
        stat: Some("DELIVRD".into()),
        err: Some("000".into()),
        done_date: Some("2611211201".into()),
        tlv: TlvV1 {
            message_state: Some(2),
            ..TlvV1::default()
        },
        received_at: Some(Clock.now()),
        ..ReceiptV1::default()
    };
    let payload = receipt.to_bytes()?;

    // Without a confirmation it is published again: a receipt that comes twice counts once.
    loop {
        let published = stream.publish(SUBJECT, payload.clone()).await?;
        match published.await {
            Ok(confirmed) => {
                writeln!(stdout(), "the stream has it as {}", confirmed.sequence)?;
                return Ok(());
            }
            Err(error) => writeln!(stderr(), "not confirmed: {error}")?,
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
