//! What nobody can do, with a certificate in his hands or without. Every test asserts the refusal
//! and that the streams are as they were.

use async_nats::{HeaderMap, jetstream::message::PublishMessage};
use dlr::{
    broker,
    dev::nats::{Identity, NatsServer},
};
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::support::{
    eventually,
    nats::{DEADLINE, Hub, OPEN_LEAF, Peer, on_each_version, streams},
};

/// JetStream's whole API, other streams' consumers, other domains' subjects.
const FORBIDDEN_TO_ALL: [&str; 26] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.INFO.SMS_DLR",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.STREAM.UPDATE.SMS_DLR",
    "$JS.API.STREAM.DELETE.AUDIT",
    "$JS.API.STREAM.PURGE.SMS_DLR",
    "$JS.API.STREAM.MSG.GET.SMS_DLR",
    "$JS.API.STREAM.MSG.DELETE.SMS_DLR",
    "$JS.API.STREAM.SNAPSHOT.SMS_DLR",
    "$JS.API.STREAM.RESTORE.SMS_DLR",
    "$JS.API.DIRECT.GET.SMS_DLR",
    "$JS.API.CONSUMER.CREATE.SMS_DLR",
    "$JS.API.CONSUMER.CREATE.SMS_DLR.mine",
    "$JS.API.CONSUMER.DURABLE.CREATE.SMS_DLR.mine",
    "$JS.API.CONSUMER.INFO.SMS_DLR.dlr-processor",
    "$JS.API.CONSUMER.MSG.NEXT.SMS_DLR.dlr-processor",
    "$JS.API.CONSUMER.DELETE.SMS_DLR.dlr-processor",
    "JSAPI.dlr.STREAM.INFO.SMS_DLR",
    "JSAPI.dlr.CONSUMER.MSG.NEXT.BILLING.billing-system",
    "JSAPI.dlr.CONSUMER.CREATE.SMS_DLR.mine",
    "$JS.ACK.BILLING.billing-system.1.1.1.1.1",
    "$SYS.REQ.SERVER.PING",
    "audit.dlr.forged",
    "_INBOX.somebody",
];

const FORBIDDEN_TO_PROCESSOR: [&str; 2] = ["sms.dlr.inbound", "sms.dlr.inbound.acme"];

const FORBIDDEN_TO_CARRIER: [&str; 8] = [
    "sms.dlr.inbound",
    "sms.dlr.inbound.other",
    "billing.events",
    "webhook.dispatch",
    "sms.dlr.unmatched",
    "$JS.ACK.SMS_DLR.dlr-processor.1.1.1.1.1",
    "JSAPI.dlr.CONSUMER.INFO.SMS_DLR.dlr-processor",
    "JSAPI.dlr.CONSUMER.MSG.NEXT.SMS_DLR.dlr-processor",
];

const NOT_TO_BE_HEARD: [&str; 11] = [
    ">",
    "sms.dlr.>",
    "sms.dlr.inbound",
    "billing.events",
    "webhook.dispatch",
    "audit.dlr.>",
    "_INBOX.>",
    "_INBOX_ingest.>",
    "$JS.EVENT.>",
    "$JS.FC.>",
    "$SYS.>",
];

/// One message in every output stream, three in the audit stream.
async fn filled(hub: &Hub) -> Vec<(String, u64)> {
    hub.provision().await;
    let processor = hub.connect(Identity::Processor).await;
    let admin = hub.connect(Identity::Admin).await;
    for subject in ["billing.events", "webhook.dispatch", "sms.dlr.unmatched"] {
        confirmed(&processor, subject).await;
    }
    for _ in 0..3 {
        confirmed(&admin, "audit.dlr.login").await;
    }
    hub.message_counts().await
}

async fn confirmed(peer: &Peer, subject: &str) {
    let ack = peer
        .jetstream
        .publish(subject.to_owned(), "{}".into())
        .await
        .unwrap();
    timeout(DEADLINE, ack).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_processor_reaches_nothing_but_its_six_imports() {
    let others = FORBIDDEN_TO_PROCESSOR;
    on_each_version(async |hub| all_refused(hub, Identity::Processor, &others).await).await;
}

#[tokio::test]
async fn a_carrier_reaches_nothing_but_his_own_subject() {
    let others = FORBIDDEN_TO_CARRIER;
    on_each_version(async |hub| all_refused(hub, Identity::Carrier, &others).await).await;
}

async fn all_refused(hub: &Hub, identity: Identity, others: &[&str]) {
    let before = filled(hub).await;
    let peer = hub.connect(identity).await;
    for subject in FORBIDDEN_TO_ALL.iter().chain(others) {
        peer.client
            .publish((*subject).to_owned(), "{}".into())
            .await
            .unwrap();
        peer.publish_refused(subject).await;
    }
    for subject in NOT_TO_BE_HEARD {
        let _subscription = peer.client.subscribe(subject).await.unwrap();
        peer.subscription_refused(subject).await;
    }
    assert_eq!(hub.message_counts().await, before);
}

/// A reply subject is not checked against the publisher's rights, so the answer could act for him.
#[tokio::test]
async fn a_confirmation_cannot_be_sent_where_the_carrier_may_not_publish() {
    on_each_version(async |hub| {
        let before = filled(hub).await;
        let carrier = hub.connect(Identity::Carrier).await;
        let replies = [
            "$JS.API.STREAM.PURGE.AUDIT",
            "$JS.API.STREAM.DELETE.AUDIT",
            "billing.events",
            "sms.dlr.inbound",
        ];
        for reply in replies {
            let published =
                carrier
                    .client
                    .publish_with_reply("sms.dlr.inbound.acme", reply, "{}".into());
            published.await.unwrap();
        }
        // Behind the others on one connection, so its confirmation comes after theirs.
        confirmed(&carrier, "sms.dlr.inbound.acme").await;

        let receipts = replies.len() as u64 + 1;
        assert_eq!(hub.message_counts().await, with_receipts(before, receipts));
    })
    .await;
}

/// Replies that the processor's own imports take are left out: what he may publish there anyway is
/// no gain to him.
#[tokio::test]
async fn a_pulled_receipt_cannot_be_sent_where_the_processor_may_not_publish() {
    const PULL: &str = "JSAPI.dlr.CONSUMER.MSG.NEXT.SMS_DLR.dlr-processor";
    on_each_version(async |hub| {
        let before = filled(hub).await;
        let gateway = hub.connect(Identity::Ingest).await;
        let processor = hub.connect(Identity::Processor).await;
        let inbox = processor.client.new_inbox();
        let mut pulled = processor.client.subscribe(inbox.clone()).await.unwrap();
        let replies = [
            "$JS.API.STREAM.DELETE.AUDIT",
            "$JS.API.STREAM.PURGE.AUDIT",
            "audit.dlr.forged",
            "sms.dlr.inbound",
        ];
        // Empty: as a request to delete or purge, that is a valid one.
        for _ in 0..=replies.len() {
            let ack = gateway
                .jetstream
                .publish("sms.dlr.inbound", "".into())
                .await
                .unwrap();
            timeout(DEADLINE, ack).await.unwrap().unwrap();
        }
        for reply in replies.into_iter().chain([inbox.as_str()]) {
            let pull = processor
                .client
                .publish_with_reply(PULL, reply.to_owned(), "1".into());
            pull.await.unwrap();
        }
        // The consumer serves one request after the other, and this was the last.
        let last = timeout(DEADLINE, pulled.next()).await.unwrap().unwrap();
        assert!(last.payload.is_empty());

        let receipts = replies.len() as u64 + 1;
        assert_eq!(hub.message_counts().await, with_receipts(before, receipts));
    })
    .await;
}

fn with_receipts(mut counts: Vec<(String, u64)>, receipts: u64) -> Vec<(String, u64)> {
    let inbound = counts
        .iter_mut()
        .find(|(stream, _)| *stream == streams().inbound)
        .unwrap();
    inbound.1 += receipts;
    counts
}

#[tokio::test]
async fn a_carrier_cannot_erase_by_header() {
    on_each_version(async |hub| {
        let before = filled(hub).await;
        let carrier = hub.connect(Identity::Carrier).await;
        confirmed(&carrier, "sms.dlr.inbound.acme").await;
        for scope in ["sub", "all"] {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Rollup", scope);
            let rollup = PublishMessage::build()
                .payload("{}".into())
                .headers(headers);
            let ack = carrier
                .jetstream
                .send_publish("sms.dlr.inbound.acme", rollup)
                .await
                .unwrap();
            let refusal = timeout(DEADLINE, ack).await.unwrap().unwrap_err();
            assert!(refusal.to_string().contains("10111"), "{refusal}");
        }
        assert_eq!(hub.message_counts().await, with_receipts(before, 1));
    })
    .await;
}

#[tokio::test]
async fn nobody_may_unmake_what_he_made() {
    on_each_version(async |hub| {
        let before = filled(hub).await;
        let provisioner = hub.connect(Identity::Provisioner).await;
        for subject in [
            "$JS.API.STREAM.DELETE.AUDIT",
            "$JS.API.STREAM.PURGE.AUDIT",
            "$JS.API.STREAM.MSG.DELETE.AUDIT",
            "$JS.API.CONSUMER.DELETE.SMS_DLR.dlr-processor",
            "audit.dlr.forged",
        ] {
            provisioner
                .client
                .publish(subject, "".into())
                .await
                .unwrap();
            provisioner.publish_refused(subject).await;
        }
        assert_eq!(hub.message_counts().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_malicious_leaf_node_gets_no_more_than_the_processor() {
    on_each_version(async |hub| {
        let before = filled(hub).await;
        let leaf: NatsServer = hub.leaf_with(OPEN_LEAF).await;
        let peer = Peer::connect(&leaf.config(Identity::Processor))
            .await
            .unwrap();
        let nats = leaf.config(Identity::Processor);
        eventually(DEADLINE, "the leaf has its link", async || {
            broker::bind(&peer.client, &nats, &streams()).await.is_ok()
        })
        .await;

        for subject in FORBIDDEN_TO_ALL.iter().chain(&FORBIDDEN_TO_PROCESSOR) {
            peer.client
                .publish((*subject).to_owned(), "{}".into())
                .await
                .unwrap();
        }
        for reply in [
            "$JS.API.STREAM.PURGE.AUDIT",
            "audit.dlr.forged",
            "sms.dlr.inbound",
        ] {
            peer.client
                .publish_with_reply("billing.events", reply, "{}".into())
                .await
                .unwrap();
        }
        // The leaf passes on in order, so this is confirmed after the others were refused.
        confirmed(&peer, "billing.events").await;

        let mut expected = before;
        expected
            .iter_mut()
            .find(|(stream, _)| *stream == "BILLING")
            .unwrap()
            .1 += 4;
        assert_eq!(hub.message_counts().await, expected);
    })
    .await;
}
