//! What each identity of the shipped accounts can do, with the client the product uses.

use std::time::Duration;

use async_nats::jetstream::{
    AckKind,
    consumer::{PullConsumer, pull},
    message::PublishMessage,
};
use dlr::{
    broker::{self, BindError, ack::Ack, layout},
    dev::nats::Identity,
};
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::support::{
    eventually,
    nats::{DEADLINE, Peer, on_each_version, streams},
};

const HEARTBEAT: Duration = Duration::from_millis(250);

async fn next(messages: &mut pull::Stream) -> async_nats::jetstream::Message {
    timeout(DEADLINE, messages.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
}

async fn messages(peer: &Peer, stream: &str, consumer: &str) -> pull::Stream {
    let consumer: PullConsumer = peer
        .jetstream
        .get_consumer_from_stream(consumer, stream)
        .await
        .unwrap();
    consumer
        .stream()
        .heartbeat(HEARTBEAT)
        .expires(Duration::from_secs(10))
        .messages()
        .await
        .unwrap()
}

/// One message of the processor's consumer, asked for alone: its import carries one answer.
async fn pull_one(processor: &Peer) -> async_nats::jetstream::Message {
    let consumer: PullConsumer = processor
        .jetstream
        .get_consumer_from_stream("dlr-processor", "SMS_DLR")
        .await
        .unwrap();
    let pull = consumer
        .batch()
        .max_messages(1)
        .expires(Duration::from_secs(10));
    let mut messages = pull.messages().await.unwrap();
    timeout(DEADLINE, messages.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
}

/// Publishes and waits for the confirmation; whether the stream had it already.
async fn publish(peer: &Peer, subject: &str, id: &str) -> bool {
    let message = PublishMessage::build().payload("{}".into()).message_id(id);
    let ack = peer
        .jetstream
        .send_publish(subject.to_owned(), message)
        .await
        .unwrap();
    timeout(DEADLINE, ack).await.unwrap().unwrap().duplicate
}

fn deliveries(message: &async_nats::jetstream::Message) -> (u64, u64) {
    let ack = Ack::parse(
        message.reply.as_deref().unwrap(),
        "SMS_DLR",
        "dlr-processor",
    )
    .unwrap();
    (ack.stream_seq, ack.deliveries)
}

#[tokio::test]
async fn the_processor_pulls_settles_and_publishes_through_its_imports() {
    on_each_version(async |hub| {
        hub.provision().await;
        let gateway = hub.connect(Identity::Ingest).await;
        let carrier = hub.connect(Identity::Carrier).await;
        for _ in 0..5 {
            publish(
                &gateway,
                "sms.dlr.inbound",
                &uuid::Uuid::new_v4().to_string(),
            )
            .await;
        }
        publish(&carrier, "sms.dlr.inbound.acme", "acme-1").await;

        let processor = hub.connect(Identity::Processor).await;
        let nats = hub.server.config(Identity::Processor);
        let binding = broker::bind(&processor.client, &nats, &streams())
            .await
            .unwrap();
        assert_eq!((binding.pending, binding.ack_pending), (6, 0));
        assert_eq!(
            (binding.ack_wait, binding.max_ack_pending),
            (Duration::from_secs(30), 20_000)
        );

        let mut first = Vec::new();
        for seq in 1..=6 {
            let message = pull_one(&processor).await;
            assert_eq!(deliveries(&message), (seq, 1));
            first.push(message);
        }
        assert_eq!(first[5].subject.as_str(), "sms.dlr.inbound.acme");

        first[0].ack().await.unwrap();
        first[1].double_ack().await.unwrap();
        first[2].ack_with(AckKind::Term).await.unwrap();
        first[3].ack_with(AckKind::Progress).await.unwrap();
        first[4]
            .ack_with(AckKind::Nak(Some(Duration::from_millis(50))))
            .await
            .unwrap();
        let again = pull_one(&processor).await;
        assert_eq!(deliveries(&again), (5, 2));
        for message in [&first[3], &first[5], &again] {
            message.double_ack().await.unwrap();
        }
        let settled = broker::bind(&processor.client, &nats, &streams())
            .await
            .unwrap();
        assert_eq!((settled.pending, settled.ack_pending), (0, 0));

        for subject in ["billing.events", "webhook.dispatch", "sms.dlr.unmatched"] {
            assert!(!publish(&processor, subject, "event-1").await, "{subject}");
            assert!(
                publish(&processor, subject, "event-1").await,
                "{subject} de-duplicates"
            );
        }
        assert_eq!(processor.complaints(), [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn an_idle_pull_outlives_its_heartbeats() {
    on_each_version(async |hub| {
        hub.provision().await;
        let processor = hub.connect(Identity::Processor).await;
        let billing = hub.connect(Identity::Billing).await;
        let mut pulled = messages(&billing, "BILLING", layout::BILLING_CONSUMER).await;

        // A missing heartbeat would come out as an item, after two of them.
        let idle = timeout(5 * HEARTBEAT, pulled.next()).await;
        assert!(idle.is_err(), "nothing was published, yet came {idle:?}");

        publish(&processor, "billing.events", "after-idling").await;
        next(&mut pulled).await.double_ack().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn consumers_of_the_output_streams_read_their_own() {
    on_each_version(async |hub| {
        hub.provision().await;
        let processor = hub.connect(Identity::Processor).await;
        let admin = hub.connect(Identity::Admin).await;
        publish(&processor, "billing.events", "1").await;
        publish(&processor, "webhook.dispatch", "1").await;
        publish(&processor, "sms.dlr.unmatched", "1").await;
        publish(&admin, "audit.dlr.login", "1").await;

        for (identity, stream, consumer) in [
            (Identity::Billing, "BILLING", layout::BILLING_CONSUMER),
            (Identity::Webhook, "WEBHOOK", layout::WEBHOOK_CONSUMER),
            (
                Identity::Unmatched,
                "SMS_DLR_UNMATCHED",
                layout::UNMATCHED_CONSUMER,
            ),
            (Identity::AuditWriter, "AUDIT", layout::AUDIT_CONSUMER),
        ] {
            let reader = hub.connect(identity).await;
            let message = next(&mut messages(&reader, stream, consumer).await).await;
            message.double_ack().await.unwrap();
            assert_eq!(reader.complaints(), [""; 0], "{identity:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn reconcile_reads_the_streams() {
    on_each_version(async |hub| {
        hub.provision().await;
        let gateway = hub.connect(Identity::Ingest).await;
        publish(&gateway, "sms.dlr.inbound", "1").await;

        let reconcile = hub.connect(Identity::Reconcile).await;
        let stream = reconcile.jetstream.get_stream("SMS_DLR").await.unwrap();
        assert_eq!(stream.cached_info().state.messages, 1);
        let message = stream.get_raw_message(1).await.unwrap();
        assert_eq!(message.payload.as_ref(), b"{}");
        for output in ["BILLING", "WEBHOOK", "SMS_DLR_UNMATCHED"] {
            reconcile.jetstream.get_stream(output).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn the_processor_works_through_a_leaf_node() {
    on_each_version(async |hub| {
        hub.provision().await;
        let gateway = hub.connect(Identity::Ingest).await;
        publish(&gateway, "sms.dlr.inbound", "1").await;

        let leaf = hub.leaf().await;
        let nats = leaf.config(Identity::Processor);
        let processor = Peer::connect(&nats).await.unwrap();
        // Until the leaf has its link, nobody answers there.
        eventually(
            DEADLINE,
            "the consumer is found through the leaf",
            async || match broker::bind(&processor.client, &nats, &streams()).await {
                Ok(_) => true,
                Err(BindError::NotImported { .. }) => false,
                Err(other) => panic!("{other}"),
            },
        )
        .await;

        let message = pull_one(&processor).await;
        assert_eq!(deliveries(&message), (1, 1));
        message.double_ack().await.unwrap();
        for subject in ["billing.events", "webhook.dispatch", "sms.dlr.unmatched"] {
            assert!(!publish(&processor, subject, "event-1").await, "{subject}");
        }
        assert_eq!(processor.complaints(), [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn an_unprovisioned_server_names_the_command_that_mends_it() {
    on_each_version(async |hub| {
        let processor = hub.connect(Identity::Processor).await;
        let nats = hub.server.config(Identity::Processor);
        let error = broker::bind(&processor.client, &nats, &streams())
            .await
            .unwrap_err();
        assert!(matches!(error, BindError::Missing { .. }), "{error:?}");
        assert!(error.to_string().contains("`dlr provision`"), "{error}");
    })
    .await;
}
