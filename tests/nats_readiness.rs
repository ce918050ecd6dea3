//! What a connection says about itself between our calls reaches the readiness.

use async_nats::Client;
use dlr::{
    broker,
    dev::nats::Identity,
    lifecycle::{Part, Readiness, SharedPart, State},
};

use crate::support::{
    eventually,
    nats::{DEADLINE, Hub, on_each_version},
    servers,
};

#[tokio::test]
async fn readiness_follows_the_connection() {
    on_each_version(async |hub| {
        let (readiness, client) = watched(hub).await;
        let reports = |wanted: fn(&State) -> bool| {
            readiness
                .report()
                .iter()
                .any(|(part, it)| *part == Part::Nats && wanted(it))
        };
        eventually(DEADLINE, "connected", async || {
            reports(|it| *it == State::Ready)
        })
        .await;

        client
            .publish("sms.dlr.inbound", "{}".into())
            .await
            .unwrap();
        eventually(DEADLINE, "the refusal is reported", async || {
            reports(
                |it| matches!(it, State::NotReady(why) if why.contains("Permissions Violation")),
            )
        })
        .await;

        client.force_reconnect().await.unwrap();
        eventually(DEADLINE, "connected anew", async || {
            reports(|it| *it == State::Ready)
        })
        .await;

        hub.server.stop().unwrap();
        eventually(DEADLINE, "disconnected", async || {
            reports(|it| matches!(it, State::NotReady(why) if why.starts_with("intake: ")))
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_user_who_is_taken_away_comes_back_by_himself() {
    on_each_version(async |hub| {
        let (readiness, client) = watched(hub).await;
        let state = || {
            let states = readiness.report();
            states
                .into_iter()
                .find(|(part, _)| *part == Part::Nats)
                .unwrap()
                .1
        };

        let accounts = hub.server.log().with_file_name("accounts.conf");
        let granted = std::fs::read_to_string(&accounts).unwrap();
        std::fs::write(
            &accounts,
            granted.replace(Identity::Processor.uri(), "nobody"),
        )
        .unwrap();
        restart(hub).await;
        eventually(DEADLINE, "the refusal is reported", async || {
            matches!(state(), State::NotReady(why) if why.contains("authorization violation"))
        })
        .await;

        std::fs::write(&accounts, granted).unwrap();
        restart(hub).await;
        eventually(DEADLINE, "connected anew", async || state() == State::Ready).await;
        client.flush().await.unwrap();
    })
    .await;
}

/// The processor's connection, and what it says about itself.
async fn watched(hub: &Hub) -> (Readiness, Client) {
    let readiness = Readiness::new();
    let part = SharedPart::new(readiness.clone(), Part::Nats);
    let nats = hub.server.config(Identity::Processor);
    let client = broker::connect(&nats, "intake", part.member(0))
        .await
        .unwrap();
    (readiness, client)
}

async fn restart(hub: &mut Hub) {
    hub.server.stop().unwrap();
    hub.server.resume(&servers().await.supervisor).unwrap();
}
