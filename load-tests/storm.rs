//! Somebody who takes receipts and gives each back at once, as a replica does that cannot work: what
//! the processor then gets are redeliveries, which it has to look up before it stores them.

use anyhow::Context as _;
use async_nats::{Client, Subject};
use bytes::Bytes;
use dlr::config::Config;
use futures_util::StreamExt as _;

/// As many as the processor has open, so that both get every other receipt.
const OPEN: u64 = 256;

/// Gives back `count` deliveries, then asks for no more. `client` signs in as a processor.
pub(crate) async fn give_back(client: Client, config: Config, count: u64) -> anyhow::Result<()> {
    let inbox = client.new_inbox();
    let mut replies = client.subscribe(inbox.clone()).await?;
    let next = Subject::from(format!(
        "{}.CONSUMER.MSG.NEXT.{}.{}",
        config.nats.api_prefix, config.streams.inbound, config.streams.consumer
    ));
    let request = Bytes::from_static(br#"{"batch":1,"expires":2000000000}"#);
    let (mut open, mut given) = (0, 0);
    loop {
        while open < OPEN && given + open < count {
            let pull = client.publish_with_reply(next.clone(), inbox.clone(), request.clone());
            pull.await?;
            open += 1;
        }
        if open == 0 {
            return Ok(client.flush().await?);
        }
        let message = replies.next().await.context("the connection is gone")?;
        open -= 1;
        if message.status.is_some() {
            continue;
        }
        let reply = message.reply.context("a message without a reply subject")?;
        client.publish(reply, Bytes::from_static(b"-NAK")).await?;
        given += 1;
    }
}
