//! The schema's way up and down, and what stops it.

use std::process::Command;

use dlr::dev::postgres::Role;
use dlr::store::migrations::{self, MigrationError, SCHEMA_VERSION, State};
use dlr::store::partitions::coverage;
use secrecy::ExposeSecret as _;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::{DLR, Database};

const MESSAGES_TABLE: &str = include_str!("../deploy/postgres/sms_messages.sql");
const MESSAGES_VIEW: &str = include_str!("../deploy/postgres/sms_messages_view.sql");
/// Everything in the database that a migration could leave behind.
const CATALOG: &str = include_str!("support/catalog.sql");

async fn with_messages_table() -> (Database, Client) {
    let database = Database::empty().await;
    let admin = database.superuser().await;
    admin.batch_execute(MESSAGES_TABLE).await.unwrap();
    (database, admin)
}

async fn catalog(client: &Client) -> Vec<String> {
    let rows = client.query(CATALOG, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_migration_goes_up_down_and_up_to_the_same_schema() {
    let (_database, mut admin) = with_messages_table().await;
    for version in 1..=SCHEMA_VERSION {
        let before = catalog(&admin).await;
        assert_eq!(migrations::up(&mut admin, version).await.unwrap().len(), 1);
        let there = catalog(&admin).await;
        assert_ne!(there, before);
        assert_eq!(
            migrations::down(&mut admin, version - 1)
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(catalog(&admin).await, before, "down to {}", version - 1);
        migrations::up(&mut admin, version).await.unwrap();
        assert_eq!(catalog(&admin).await, there, "up to {version} again");
    }
}

#[tokio::test]
async fn the_way_down_leaves_nothing_behind() {
    let (_database, mut admin) = with_messages_table().await;
    let before = catalog(&admin).await;
    migrations::up(&mut admin, SCHEMA_VERSION).await.unwrap();
    admin
        .batch_execute("SELECT dlr.ensure_partitions()")
        .await
        .unwrap();
    let undone = migrations::down(&mut admin, 0).await.unwrap();
    assert_eq!(undone.len(), SCHEMA_VERSION as usize);
    assert_eq!(catalog(&admin).await, before);
    assert_eq!(migrations::version(&admin).await.unwrap(), 0);
}

#[tokio::test]
async fn two_migrators_at_once_apply_everything_once() {
    let (database, mut one) = with_messages_table().await;
    let mut other = database.superuser().await;
    let (one, other) = tokio::join!(
        migrations::up(&mut one, SCHEMA_VERSION),
        migrations::up(&mut other, SCHEMA_VERSION),
    );
    let mut counts = [one.unwrap().len(), other.unwrap().len()];
    counts.sort_unstable();
    assert_eq!(counts, [0, SCHEMA_VERSION as usize]);
}

#[tokio::test]
async fn an_applied_file_that_was_edited_is_refused() {
    let (_database, mut admin) = with_messages_table().await;
    migrations::up(&mut admin, 3).await.unwrap();
    let forge = "UPDATE dlr_conf.migrations SET checksum = sha256('edited') WHERE version = 2";
    admin.batch_execute(forge).await.unwrap();

    let status = migrations::status(&admin).await.unwrap();
    let states: Vec<State> = status.iter().take(4).map(|row| row.state).collect();
    assert_eq!(
        states,
        [
            State::Applied,
            State::Edited,
            State::Applied,
            State::Pending
        ]
    );
    for outcome in [
        migrations::up(&mut admin, SCHEMA_VERSION).await,
        migrations::down(&mut admin, 0).await,
    ] {
        assert!(matches!(
            outcome,
            Err(MigrationError::Edited {
                name: "0002_receipts"
            })
        ));
    }
    assert_eq!(migrations::version(&admin).await.unwrap(), 3);
}

#[tokio::test]
async fn a_ledger_with_a_gap_is_refused() {
    let (_database, mut admin) = with_messages_table().await;
    migrations::up(&mut admin, 3).await.unwrap();
    admin
        .batch_execute("DELETE FROM dlr_conf.migrations WHERE version = 2")
        .await
        .unwrap();
    let refused = migrations::up(&mut admin, SCHEMA_VERSION)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, MigrationError::Gap { missing: 2 }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_database_of_a_newer_binary_is_left_alone() {
    let (_database, mut admin) = with_messages_table().await;
    migrations::up(&mut admin, SCHEMA_VERSION).await.unwrap();
    let newer = SCHEMA_VERSION + 1;
    let row = "INSERT INTO dlr_conf.migrations VALUES ($1, 'from_the_future', sha256('future'))";
    admin.execute(row, &[&newer]).await.unwrap();

    assert_eq!(migrations::version(&admin).await.unwrap(), newer);
    let status = migrations::status(&admin).await.unwrap();
    assert_eq!(status.last().unwrap().state, State::Unknown);
    let refused = migrations::down(&mut admin, 0).await.unwrap_err();
    assert!(
        matches!(refused, MigrationError::Newer { version } if version == newer),
        "{refused}"
    );
}

#[tokio::test]
async fn a_missing_messages_table_is_said_plainly_and_nothing_of_that_migration_stays() {
    let database = Database::empty().await;
    let mut admin = database.superuser().await;
    let refused = migrations::up(&mut admin, SCHEMA_VERSION)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("there is no orch.sms_messages"),
        "{refused}"
    );
    assert!(
        refused.contains("deploy/postgres/sms_messages.sql"),
        "{refused}"
    );
    assert_eq!(migrations::version(&admin).await.unwrap(), 6);

    admin.batch_execute(MESSAGES_TABLE).await.unwrap();
    let applied = migrations::up(&mut admin, SCHEMA_VERSION).await.unwrap();
    assert_eq!(
        applied,
        ["0007_grants", "0008_second_chances", "0009_profile_rights"]
    );
}

#[tokio::test]
async fn a_messages_table_that_does_not_fit_is_refused_with_what_it_lacks() {
    let (_database, mut admin) = with_messages_table().await;
    let change = "ALTER TABLE orch.sms_messages DROP COLUMN price;
                  ALTER TABLE orch.sms_messages ALTER COLUMN segment TYPE integer";
    admin.batch_execute(change).await.unwrap();
    let refused = migrations::up(&mut admin, SCHEMA_VERSION)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("lacks: segment smallint, price numeric"),
        "{refused}"
    );
}

#[tokio::test]
async fn messages_may_be_a_view_over_somebody_elses_table() {
    let database = Database::empty().await;
    let mut admin = database.superuser().await;
    // For the role that owns the schema.
    admin.batch_execute(MESSAGES_TABLE).await.unwrap();
    let theirs = "DROP SCHEMA orch CASCADE;
        CREATE SCHEMA gateway;
        CREATE TABLE gateway.outbox (
            uid uuid PRIMARY KEY, customer uuid, route varchar(16), smsc_id varchar(64),
            state varchar(16), receipt_word text, receipt_at timestamptz, decided_at timestamptz,
            queued_at timestamptz DEFAULT now(), part integer, parts integer, reference text,
            cost double precision, body text
        );
        INSERT INTO gateway.outbox (uid, customer, route, smsc_id, state)
        VALUES (gen_random_uuid(), gen_random_uuid(), 'carrier-a', 'op-1', 'sent'),
               (gen_random_uuid(), gen_random_uuid(), 'carrier-a', 'op-2', 'sent')";
    admin.batch_execute(theirs).await.unwrap();
    admin.batch_execute(MESSAGES_VIEW).await.unwrap();
    migrations::up(&mut admin, SCHEMA_VERSION).await.unwrap();

    let service = database.connect(Role::Service).await;
    let update = "UPDATE orch.sms_messages SET status = 'delivered', dlr_status = 'DELIVRD',
                      dlr_received_at = now(), processed_at = now()
                  WHERE operator_message_id = ANY ($1::text[]) AND carrier_id = 'carrier-a'
                    AND status = 'sent'";
    assert_eq!(
        service
            .execute(update, &[&["op-1"].as_slice()])
            .await
            .unwrap(),
        1
    );
    let segments =
        "SELECT id, group_id, status FROM orch.sms_messages ORDER BY id FOR NO KEY UPDATE";
    assert_eq!(service.query(segments, &[]).await.unwrap().len(), 2);
    let states = admin
        .query("SELECT state FROM gateway.outbox ORDER BY smsc_id", &[])
        .await
        .unwrap();
    let states: Vec<&str> = states.iter().map(|row| row.get(0)).collect();
    assert_eq!(states, ["delivered", "sent"]);

    migrations::down(&mut admin, 0).await.unwrap();
}

#[tokio::test]
async fn messages_may_be_partitioned() {
    let database = Database::empty().await;
    let mut admin = database.superuser().await;
    let partitioned = MESSAGES_TABLE
        .replace("id uuid NOT NULL PRIMARY KEY", "id uuid NOT NULL")
        .replace(
            ") WITH (fillfactor = 80)",
            ") PARTITION BY RANGE (created_at)",
        );
    assert_ne!(partitioned, MESSAGES_TABLE);
    admin.batch_execute(&partitioned).await.unwrap();
    migrations::up(&mut admin, SCHEMA_VERSION).await.unwrap();
    let service = database.connect(Role::Service).await;
    let place = "SELECT ctid, tableoid FROM orch.sms_messages WHERE operator_message_id = 'x'";
    assert!(service.query(place, &[]).await.unwrap().is_empty());
}

/// Schema 7 with the partitions of three months ago, when it was new, and a parked receipt.
async fn used_since_three_months() -> (Database, Client) {
    let (database, mut admin) = with_messages_table().await;
    migrations::up(&mut admin, 7).await.unwrap();
    let used = "SELECT dlr.ensure_partitions(35, 92);
        INSERT INTO dlr.orphaned_receipts (stored_at, stream, seq, receipt_id, carrier_id, reason,
            deliveries, parked_at, payload_sealed)
        VALUES (now(), 'S', 1, gen_random_uuid(), 'c', 'no_message', 1, now(),
            decode(repeat('00', 50), 'hex'))";
    admin.batch_execute(used).await.unwrap();
    (database, admin)
}

#[tokio::test]
async fn indexes_made_by_hand_before_the_migration_are_taken_in() {
    const INDEXES: &str = "SELECT indexrelid::regclass::text FROM pg_index
        WHERE indrelid = ANY (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'dlr.orphaned_receipts'::regclass)
          AND pg_get_indexdef(indexrelid) LIKE '%(parked_at, stored_at, stream, seq)%' ORDER BY 1";
    let (_database, mut admin) = used_since_three_months().await;
    let readme = include_str!("../migrations/README.md");
    let (_, by_hand) = readme.split_once("as the administrator\n").unwrap();
    let (by_hand, _) = by_hand.split_once("\n\\gexec").unwrap();
    for statement in admin.query(by_hand, &[]).await.unwrap() {
        admin.batch_execute(statement.get(0)).await.unwrap();
    }
    let made = admin.query(INDEXES, &[]).await.unwrap();
    assert!(made.len() >= 4, "{}", made.len());

    migrations::up(&mut admin, SCHEMA_VERSION).await.unwrap();
    let taken = admin.query(INDEXES, &[]).await.unwrap();
    let names = |rows: &[tokio_postgres::Row]| -> Vec<String> {
        rows.iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(names(&taken), names(&made));
    let whole = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'dlr.orphaned_receipts_parked_at'::regclass";
    assert!(admin.query_one(whole, &[]).await.unwrap().get::<_, bool>(0));
}

#[tokio::test]
async fn receipts_of_before_the_migration_can_be_replayed() {
    let (_database, mut admin) = used_since_three_months().await;
    migrations::up(&mut admin, SCHEMA_VERSION).await.unwrap();
    let replay = "INSERT INTO dlr.replayed_receipts (stored_at, stream, seq, replay, disposition,
            previous_status, status, profile_revision, replayed_at, why)
        SELECT now() - interval '92 days', 'S', 1, 1, 'applied', 'sent', 'delivered', 1, now(), 'test';
        INSERT INTO dlr.replay_confirmations (stored_at, stream, seq, replay, confirmed_at)
        SELECT stored_at, stream, seq, replay, now() FROM dlr.replayed_receipts";
    admin.batch_execute(replay).await.unwrap();
    // What is there already is not made again.
    let made = admin.query_one("SELECT dlr.ensure_partitions()", &[]).await;
    assert!(made.unwrap().get::<_, i32>(0) <= 6);
}

#[tokio::test]
async fn a_profile_that_would_be_dear_to_load_or_names_no_carrier_is_not_stored() {
    let database = Database::new().await;
    let profiles = database.connect(Role::Profiles).await;
    let insert = "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile) VALUES ";
    for refused in [
        "('c', 1, jsonb_build_object('words', repeat('x', 65536)))",
        "('c', 1, '[]')",
        "('C', 1, '{}')",
        "('', 1, '{}')",
        "(E'c\n', 1, '{}')",
        "('c', 0, '{}')",
    ] {
        let outcome = profiles.batch_execute(&format!("{insert}{refused}")).await;
        let refusal = outcome.expect_err(refused);
        assert_eq!(
            refusal.code(),
            Some(&SqlState::CHECK_VIOLATION),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn partitions_reach_five_weeks_ahead_and_a_gap_is_noticed() {
    let database = Database::new().await;
    let admin = database.superuser().await;
    let made = admin
        .query_one("SELECT dlr.ensure_partitions()", &[])
        .await
        .unwrap();
    // One a table, at midnight between the making of the template and now.
    assert!(made.get::<_, i32>(0) <= 6);

    let now = admin.query_one(
        "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
        &[],
    );
    let today: jiff::civil::Date = now.await.unwrap().get::<_, &str>(0).parse().unwrap();
    let service = database.connect(Role::Service).await;
    let far = coverage(&service, today).await.unwrap();
    assert!(far.days_ahead > 35, "{far:?}");

    let third = today.saturating_add(jiff::Span::new().days(3));
    let drop = format!(
        "DROP TABLE dlr.delivery_receipts_{}",
        third.strftime("%Y%m%d")
    );
    admin.batch_execute(&drop).await.unwrap();
    let near = coverage(&service, today).await.unwrap();
    assert_eq!((near.first_missing, near.days_ahead), (third, 3));
}

#[tokio::test]
async fn a_partition_holds_one_utc_day() {
    let database = Database::new().await;
    let admin = database.superuser().await;
    let insert = "SET timezone = 'Pacific/Kiritimati';
        INSERT INTO dlr.delivery_receipts (stored_at, stream, seq, receipt_id, disposition, late,
            message_id, account_id, carrier_id, previous_status, status, processed_at)
        SELECT at, 'S', 1, gen_random_uuid(), 'applied', false, gen_random_uuid(),
            gen_random_uuid(), 'c', 'sent', 'delivered', now()
        FROM (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC') AS day (start),
            LATERAL (VALUES (start - interval '1 us'), (start), (start + interval '1 day - 1 us'),
                (start + interval '1 day')) AS instants (at);
        SELECT dlr.ensure_partitions(40)";
    admin.batch_execute(insert).await.unwrap();
    let rows = admin
        .query(
            "SELECT count(*) FROM dlr.delivery_receipts
             WHERE tableoid::regclass::text =
                 'dlr.delivery_receipts' || to_char(stored_at AT TIME ZONE 'UTC', '_YYYYMMDD')
             GROUP BY tableoid ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    let counts: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(counts, [1, 1, 2]);
}

#[tokio::test]
async fn the_command_goes_up_and_down_and_says_where_it_is() {
    let database = Database::empty().await;
    let admin = database.superuser().await;
    admin.batch_execute(MESSAGES_TABLE).await.unwrap();
    let settings = database.config(Role::Admin);
    let migrate = |arguments: &[&str]| {
        let mut command = Command::new(DLR);
        command
            .arg("migrate")
            .args(arguments)
            .arg("--json")
            .env("DATABASE_URL", settings.url.expose_secret())
            .env("DLR__POSTGRES__CA_FILE", settings.ca_file.as_ref().unwrap())
            .env(
                "DLR__POSTGRES__CERT_FILE",
                settings.cert_file.as_ref().unwrap(),
            )
            .env(
                "DLR__POSTGRES__KEY_FILE",
                settings.key_file.as_ref().unwrap(),
            );
        let output = command.output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.success(), report)
    };

    let (works, report) = migrate(&["status"]);
    assert!(!works);
    assert_eq!(report["migrations"][0]["state"], "pending");

    let (works, report) = migrate(&["up"]);
    assert!(works);
    assert_eq!(report["schema"], SCHEMA_VERSION);
    assert!(report["partitionsMade"].as_i64().unwrap() >= 44);
    assert!(migrate(&["status"]).0);

    let (works, report) = migrate(&["down"]);
    assert!(works);
    assert_eq!(report["undone"], serde_json::json!(["0009_profile_rights"]));
    assert!(!migrate(&["status"]).0);
    assert!(migrate(&["down", "--to", "0"]).0);
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('dlr', 'dlr_conf')";
    assert_eq!(
        admin.query_one(left, &[]).await.unwrap().get::<_, i64>(0),
        0
    );
}
