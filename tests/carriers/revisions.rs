//! Which revisions are written, which count, and how many are read.

use std::sync::Arc;

use dlr::carriers::{CARRIERS_MAX, Carriers, Draft, DraftError, Loader};
use dlr::dev::postgres::Role;
use dlr::store::profiles::InsertError;
use dlr::telemetry::metrics::{Metrics, Reasons};
use serde_json::{Value, json};

use super::{bad, insert, says};
use crate::support::Database;

#[tokio::test]
async fn of_two_writers_of_one_revision_one_is_told_that_he_lost() {
    let database = Database::new().await;
    let client = database.connect(Role::Profiles).await;
    let one = Draft::new(&client, "acme", &says("A")).await.unwrap();
    let other = Draft::new(&client, "acme", &says("B")).await.unwrap();
    assert_eq!((one.revision(), other.revision()), (1, 1));
    one.write(&client).await.unwrap();
    let lost = other.write(&client).await.unwrap_err();
    assert!(matches!(lost, InsertError::Taken(1)), "{lost}");

    // Nor is one buried below a revision that was written ahead of it.
    let late = Draft::new(&client, "acme", &says("C")).await.unwrap();
    insert(&client, "acme", 9, &says("D")).await;
    assert!(matches!(
        late.write(&client).await,
        Err(InsertError::Taken(2))
    ));
    let again = Draft::new(&client, "acme", &says("C")).await.unwrap();
    assert_eq!((again.revision(), again.in_force()), (10, Some(9)));
}

#[tokio::test]
async fn nothing_invalid_becomes_a_draft() {
    let database = Database::new().await;
    let client = database.connect(Role::Profiles).await;
    let refused = async |carrier: &str, document: &Value| {
        Draft::new(&client, carrier, document).await.unwrap_err()
    };
    for carrier in ["", "Acme", "acme gmbh", "akmé", &"a".repeat(65)] {
        let error = refused(carrier, &json!({})).await;
        assert!(matches!(error, DraftError::NoCarrier), "{error}");
    }
    let field = refused("acme", &bad()).await.to_string();
    assert!(field.starts_with("refused: words"), "{field}");
    let long = refused("acme", &json!({"words": {"A": "x".repeat(65_536)}})).await;
    assert!(long.to_string().contains("65536 bytes"), "{long}");
}

fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::new(&Reasons::default(), 1))
}

fn loader(metrics: &Arc<Metrics>) -> (Arc<Carriers>, Loader) {
    let carriers = Arc::new(Carriers::default());
    let loader = Loader::new(Arc::clone(&carriers), Arc::clone(metrics));
    (carriers, loader)
}

#[tokio::test]
async fn whoever_keeps_the_profiles_is_told_which_carriers_changed() {
    let database = Database::new().await;
    let (admin, service) = (
        database.superuser().await,
        database.connect(Role::Service).await,
    );
    let (carriers, mut loader) = loader(&metrics());
    for carrier in ["acme", "initech", "hooli"] {
        insert(&admin, carrier, 1, &says("A")).await;
    }
    loader.follow(&service).await.unwrap();
    let before = Arc::clone(&carriers.current());
    loader.follow(&service).await.unwrap();
    assert!(Arc::ptr_eq(&before, &carriers.current()), "nothing is new");

    insert(&admin, "initech", 2, &says("A")).await;
    insert(&admin, "hooli", 2, &bad()).await;
    insert(&admin, "globex", 1, &json!({})).await;
    let gone = "DELETE FROM dlr_conf.carrier_profiles WHERE carrier_id = 'acme'";
    admin.batch_execute(gone).await.unwrap();
    loader.follow(&service).await.unwrap();
    let now = Arc::clone(&carriers.current());
    let mut changed: Vec<&str> = now.changed_since(&before).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["acme", "globex", "initech"]);
    assert_eq!(now.of("initech").revision, 2);
    assert!(now.of("initech").created_at > before.of("initech").created_at);
    assert_eq!(
        (now.of("acme").revision, now.of("acme").created_at),
        (0, None)
    );
}

#[tokio::test]
async fn a_valid_revision_that_comes_in_below_a_refused_one_counts() {
    let database = Database::new().await;
    let (admin, service) = (
        database.superuser().await,
        database.connect(Role::Service).await,
    );
    let (carriers, mut loader) = loader(&metrics());
    insert(&admin, "acme", 5, &bad()).await;
    loader.follow(&service).await.unwrap();
    assert_eq!(carriers.current().of("acme").revision, 0);
    insert(&admin, "acme", 4, &says("A")).await;
    loader.follow(&service).await.unwrap();
    assert_eq!(carriers.current().of("acme").revision, 4);
}

#[tokio::test]
async fn a_revision_of_a_time_that_nobody_can_hold_is_read_like_any() {
    let database = Database::new().await;
    let (admin, service) = (
        database.superuser().await,
        database.connect(Role::Service).await,
    );
    let metrics = metrics();
    let (carriers, mut loader) = loader(&metrics);
    let insert = "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile, created_at)
        VALUES ('a', 1, '{}', 'infinity'), ('b', 2, '{}', '-infinity'), ('c', 3, '{}', '290000-01-01')";
    admin.batch_execute(insert).await.unwrap();
    loader.follow(&service).await.unwrap();
    let profiles = carriers.current();
    let revisions = ["a", "b", "c"].map(|carrier| profiles.of(carrier).revision);
    assert_eq!(revisions, [1, 2, 3]);
}

#[tokio::test]
async fn there_is_a_bound_on_carriers_and_on_documents() {
    let database = Database::new().await;
    let (admin, service) = (
        database.superuser().await,
        database.connect(Role::Service).await,
    );
    let metrics = metrics();
    let (carriers, mut loader) = loader(&metrics);
    // What the table takes no more, it may hold from before.
    let many = format!(
        "ALTER TABLE dlr_conf.carrier_profiles DROP CONSTRAINT carrier_profiles_profile_check;
         INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile, created_at)
         SELECT 'z' || n, 1, '{{}}', now() - interval '1 hour'
         FROM generate_series(1, {}) AS n;
         INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile, created_at)
         VALUES ('zz', 1, '{{}}', now() - interval '1 hour'),
                ('zz', 2, jsonb_build_object('words', repeat('x', 70000)), now() - interval '1 hour'),
                ('zz', 3, jsonb_build_object('words', repeat('x', 50000000)), now() - interval '1 hour'),
                ('a-late', 1, '{{}}', now())",
        CARRIERS_MAX - 1
    );
    admin.batch_execute(&many).await.unwrap();
    loader.follow(&service).await.unwrap();
    let profiles = carriers.current();
    assert_eq!(profiles.iter().count(), CARRIERS_MAX);
    assert_eq!(profiles.of("zz").revision, 1);
    // Whoever comes late displaces nobody, whatever his name is.
    assert_eq!(profiles.of("a-late").revision, 0);
    let text = metrics.render();
    assert!(text.contains("dlr_profiles_loaded 10000"), "{text}");
    assert!(text.contains("dlr_profiles_refused 3"), "{text}");

    let client = database.connect(Role::Profiles).await;
    let refused = Draft::new(&client, "later-still", &json!({}))
        .await
        .unwrap_err();
    assert!(matches!(refused, DraftError::TooManyCarriers), "{refused}");
}
