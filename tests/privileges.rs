//! What each role may do, tried as that role, and all of it pinned by a committed list.

use std::collections::BTreeSet;
use std::{fs, path::Path};

use dlr::dev::postgres::Role;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::Database;

const PRIVILEGES: &str = include_str!("../deploy/postgres/privileges.sql");
const GOLDEN: &str = include_str!("../deploy/postgres/privileges.golden");

const TABLES: [&str; 7] = [
    "dlr.delivery_receipts",
    "dlr.orphaned_receipts",
    "dlr.orphan_resolutions",
    "dlr.rejected_receipts",
    "dlr.replayed_receipts",
    "dlr.replay_confirmations",
    "dlr.key_checks",
];

/// A row in every table, so that a statement that is let through has something to show.
const ROWS: &str = "
    INSERT INTO orch.sms_messages (id, account_id, carrier_id, operator_message_id, status, body)
    VALUES ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'c', 'op-1', 'sent', 'hello'),
           ('00000000-0000-0000-0000-000000000002', gen_random_uuid(), 'c', 'op-2', 'sent', 'hello');
    INSERT INTO dlr.delivery_receipts (stored_at, stream, seq, receipt_id, disposition, late,
        message_id, account_id, carrier_id, previous_status, status, processed_at)
    VALUES (now(), 'S', 1, gen_random_uuid(), 'applied', false, gen_random_uuid(), gen_random_uuid(),
        'c', 'sent', 'delivered', now());
    INSERT INTO dlr.orphaned_receipts (stored_at, stream, seq, receipt_id, carrier_id, reason,
        deliveries, parked_at, payload_sealed)
    VALUES (now(), 'S', 2, gen_random_uuid(), 'c', 'no_match', 1, now(), decode(repeat('00', 50), 'hex'));
    INSERT INTO dlr.orphan_resolutions (stored_at, stream, seq, receipt_id, resolution, resolved_at,
        resolved_by)
    VALUES (now(), 'S', 2, gen_random_uuid(), 'lapsed', now(), 'sweeper');
    INSERT INTO dlr.rejected_receipts (stored_at, stream, seq, receipt_id, reason, payload_length,
        fingerprint, fingerprint_kid, rejected_at)
    VALUES (now(), 'S', 3, gen_random_uuid(), 'empty', 0, decode(repeat('00', 16), 'hex'), 1, now());
    INSERT INTO dlr.replayed_receipts (stored_at, stream, seq, replay, disposition, previous_status,
        status, profile_revision, replayed_at, why)
    VALUES (now(), 'S', 1, 1, 'recorded', 'delivered', 'delivered', 1, now(), 'unknown_word');
    INSERT INTO dlr.replay_confirmations (stored_at, stream, seq, replay, confirmed_at)
    VALUES (now(), 'S', 1, 1, now());
    INSERT INTO dlr.key_checks (purpose, kid, value) VALUES ('keys', 1, '12345678')";

async fn assert_refused(client: &Client, statements: impl IntoIterator<Item = String>) {
    for statement in statements {
        match client.batch_execute(&statement).await {
            Ok(()) => panic!("allowed: {statement}"),
            Err(error) => assert_eq!(
                error.code(),
                Some(&SqlState::INSUFFICIENT_PRIVILEGE),
                "{statement}: {error:?}"
            ),
        }
    }
}

async fn assert_allowed(client: &Client, statements: &[&str]) {
    for statement in statements {
        let done = client.batch_execute(statement).await;
        assert!(done.is_ok(), "{statement}: {done:?}");
    }
}

fn owned(statements: &[&str]) -> Vec<String> {
    statements
        .iter()
        .map(|statement| (*statement).to_owned())
        .collect()
}

#[tokio::test]
async fn every_privilege_of_every_role_is_the_committed_one() {
    let database = Database::new().await;
    let admin = database.superuser().await;
    let rows = admin.query(PRIVILEGES, &[]).await.unwrap();
    let found: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    if found.iter().copied().eq(GOLDEN.lines()) {
        return;
    }
    let (meant, is): (BTreeSet<_>, BTreeSet<_>) =
        (GOLDEN.lines().collect(), found.iter().copied().collect());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("privileges.golden");
    fs::write(&file, found.join("\n") + "\n").unwrap();
    panic!(
        "too few: {:#?}\ntoo many: {:#?}\nif it is meant so: cp {} deploy/postgres/",
        meant.difference(&is).collect::<Vec<_>>(),
        is.difference(&meant).collect::<Vec<_>>(),
        file.display(),
    );
}

#[tokio::test]
async fn the_service_can_do_its_work() {
    let database = Database::new().await;
    let service = database.connect(Role::Service).await;
    let admin = database.superuser().await;
    admin
        .batch_execute(ROWS.split_inclusive(';').next().unwrap())
        .await
        .unwrap();
    let ours = ROWS.split_inclusive(';').skip(1).collect::<String>();
    assert_allowed(&service, &[
        &ours,
        "SELECT count(*) FROM dlr.delivery_receipts, dlr.orphaned_receipts, dlr.orphan_resolutions,
             dlr.rejected_receipts, dlr.replayed_receipts, dlr.replay_confirmations, dlr.key_checks,
             dlr_conf.carrier_profiles, dlr_conf.migrations",
        "INSERT INTO dlr.key_checks (purpose, kid, value) VALUES ('keys', 1, '12345678') ON CONFLICT DO NOTHING",
        "SELECT id, account_id, carrier_id, operator_message_id, status, dlr_status, created_at, segment,
             segments, group_id, client_ref, mccmnc, price, currency, ctid, tableoid
         FROM orch.sms_messages ORDER BY id FOR NO KEY UPDATE",
    ])
    .await;
    let update = "UPDATE orch.sms_messages AS m
        SET status = v.status, dlr_status = 'DELIVRD', dlr_received_at = now(), processed_at = now()
        FROM unnest($1::text[], $2::text[]) AS v (key, status)
        WHERE m.operator_message_id = v.key AND m.carrier_id = 'c' AND m.status = 'sent'
        RETURNING m.id, m.account_id";
    let rows = service
        .query(update, &[&["op-1"].as_slice(), &["delivered"].as_slice()])
        .await;
    assert_eq!(rows.unwrap().len(), 1);
}

#[tokio::test]
async fn the_service_cannot_read_or_change_what_is_not_its_own_of_a_message() {
    let database = Database::new().await;
    database
        .superuser()
        .await
        .batch_execute(ROWS)
        .await
        .unwrap();
    let service = database.connect(Role::Service).await;
    assert_refused(&service, owned(&[
        "SELECT body FROM orch.sms_messages",
        "SELECT * FROM orch.sms_messages",
        "SELECT id FROM orch.sms_messages WHERE body LIKE 'h%'",
        "SELECT m FROM orch.sms_messages AS m",
        "UPDATE orch.sms_messages SET status = 'failed' RETURNING body",
        "COPY orch.sms_messages TO STDOUT",
        "UPDATE orch.sms_messages SET body = '' WHERE operator_message_id = 'op-1'",
        "UPDATE orch.sms_messages SET price = 0 WHERE operator_message_id = 'op-1'",
        "UPDATE orch.sms_messages SET account_id = id WHERE operator_message_id = 'op-1'",
        "UPDATE orch.sms_messages SET operator_message_id = 'x', status = 'failed' WHERE carrier_id = 'c'",
        "INSERT INTO orch.sms_messages (id, account_id, carrier_id)
             VALUES (gen_random_uuid(), gen_random_uuid(), 'c')",
        "DELETE FROM orch.sms_messages WHERE operator_message_id = 'op-1'",
        "TRUNCATE orch.sms_messages",
    ]))
    .await;
}

#[tokio::test]
async fn the_service_cannot_change_or_remove_what_is_stored() {
    let database = Database::new().await;
    let admin = database.superuser().await;
    admin.batch_execute(ROWS).await.unwrap();
    let service = database.connect(Role::Service).await;
    let parts = "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON oid = inhparent
                 WHERE relkind = 'p' AND relnamespace = 'dlr'::regnamespace";
    let parts = admin.query(parts, &[]).await.unwrap();
    assert!(parts.len() > 40);
    let tables = TABLES.into_iter().chain(parts.iter().map(|row| row.get(0)));
    for table in tables {
        let column = if table == "dlr.key_checks" {
            "purpose"
        } else {
            "stream"
        };
        assert_refused(
            &service,
            [
                format!("DELETE FROM {table}"),
                format!("DELETE FROM {table} WHERE {column} = 'S'"),
                format!("UPDATE {table} SET {column} = 'x'"),
                format!("SELECT 1 FROM {table} FOR UPDATE"),
                format!("SELECT 1 FROM {table} FOR KEY SHARE"),
                format!(
                    "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ON CONSTRAINT {}_pkey
                     DO UPDATE SET {column} = 'x'",
                    table.trim_start_matches("dlr.")
                ),
                format!("TRUNCATE {table}"),
                format!("DROP TABLE {table}"),
                format!("ALTER TABLE {table} ADD COLUMN x integer"),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn the_service_cannot_steer_itself() {
    let database = Database::new().await;
    let service = database.connect(Role::Service).await;
    assert_refused(&service, owned(&[
        "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile) VALUES ('c', 1, '{}')",
        "UPDATE dlr_conf.carrier_profiles SET profile = '{}'",
        "DELETE FROM dlr_conf.carrier_profiles",
        "INSERT INTO dlr_conf.migrations VALUES (99, 'x', sha256('x'))",
        "DELETE FROM dlr_conf.migrations",
        "SELECT dlr.ensure_partitions()",
    ]))
    .await;
}

#[tokio::test]
async fn the_service_cannot_make_anything_or_become_anybody() {
    let database = Database::new().await;
    let service = database.connect(Role::Service).await;
    assert_refused(
        &service,
        owned(&[
            "CREATE TABLE dlr.x (a integer)",
            "CREATE TABLE dlr_conf.x (a integer)",
            "CREATE TABLE orch.x (a integer)",
            "CREATE TABLE public.x (a integer)",
            "CREATE TEMPORARY TABLE x (a integer)",
            "CREATE TEMPORARY SEQUENCE x",
            "CREATE SCHEMA x",
            "CREATE FUNCTION dlr.x() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "CREATE EXTENSION file_fdw",
            "CREATE ROLE x",
            "CREATE DATABASE x",
            "ALTER ROLE dlr_svc SUPERUSER",
            "SET ROLE dlr_owner",
            "SET ROLE dlr_retention",
            "SET ROLE orch_owner",
            "SET SESSION AUTHORIZATION dlr_owner",
            "GRANT dlr_owner TO dlr_svc",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT pg_ls_dir('/')",
            "SELECT lo_import('/etc/passwd')",
            "COPY dlr.key_checks TO PROGRAM 'cat'",
            "COPY dlr.key_checks FROM PROGRAM 'true'",
            "COPY dlr.key_checks TO '/tmp/key_checks'",
            "SELECT * FROM pg_authid",
            "SELECT pg_reload_conf()",
        ]),
    )
    .await;
}

#[tokio::test]
async fn the_reader_sees_nothing_sealed_and_changes_nothing() {
    let database = Database::new().await;
    database
        .superuser()
        .await
        .batch_execute(ROWS)
        .await
        .unwrap();
    let reader = database.connect(Role::Reader).await;
    assert_allowed(
        &reader,
        &[
            "SELECT count(*), min(seq), max(disposition) FROM dlr.delivery_receipts",
            "SELECT receipt_id, reason FROM dlr.orphaned_receipts",
            "SELECT * FROM dlr.orphan_resolutions, dlr.rejected_receipts, dlr.key_checks",
            "SELECT * FROM dlr.replayed_receipts, dlr.replay_confirmations",
            "SELECT profile_revision, group_status FROM dlr.delivery_receipts",
            "SELECT id, status, dlr_status FROM orch.sms_messages",
        ],
    )
    .await;
    assert_refused(
        &reader,
        owned(&[
            "SELECT personal_sealed FROM dlr.delivery_receipts",
            "SELECT dest_hash FROM dlr.delivery_receipts",
            "SELECT payload_sealed FROM dlr.orphaned_receipts",
            "SELECT * FROM dlr.orphaned_receipts",
            "SELECT account_id FROM orch.sms_messages",
            "SELECT body FROM orch.sms_messages",
            "UPDATE orch.sms_messages SET status = 'sent'",
            "INSERT INTO dlr.key_checks (purpose, kid, value) VALUES ('keys', 2, '12345678')",
            "DELETE FROM dlr.orphan_resolutions",
            "SELECT * FROM dlr_conf.carrier_profiles",
            "SELECT dlr.ensure_partitions()",
            "CREATE TEMPORARY TABLE x (a integer)",
        ]),
    )
    .await;
}

#[tokio::test]
async fn profiles_are_added_and_never_changed() {
    let database = Database::new().await;
    let profiles = database.connect(Role::Profiles).await;
    assert_allowed(&profiles, &[
        "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile) VALUES ('c', 1, '{}')",
        "SELECT * FROM dlr_conf.carrier_profiles",
    ])
    .await;
    assert_refused(
        &profiles,
        owned(&[
            "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile, created_by)
                 VALUES ('c', 2, '{}', 'somebody else')",
            "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile, created_at)
                 VALUES ('c', 2, '{}', 'infinity')",
            "UPDATE dlr_conf.carrier_profiles SET profile = '{}'",
            "DELETE FROM dlr_conf.carrier_profiles",
            "TRUNCATE dlr_conf.carrier_profiles",
            "SELECT * FROM dlr_conf.carrier_profiles FOR UPDATE",
            "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile) VALUES ('c', 1, '{}')
                 ON CONFLICT (carrier_id, revision) DO UPDATE SET profile = '{}'",
            "ALTER TABLE dlr_conf.carrier_profiles DROP CONSTRAINT carrier_profiles_profile_check",
            "SELECT * FROM dlr_conf.migrations",
            "INSERT INTO dlr_conf.migrations VALUES (99, 'x', sha256('x'))",
            "SELECT * FROM dlr.key_checks",
            "SELECT seq FROM dlr.delivery_receipts",
            "SELECT seq FROM dlr.orphaned_receipts",
            "INSERT INTO dlr.key_checks (purpose, kid, value) VALUES ('keys', 2, '12345678')",
            "SELECT id FROM orch.sms_messages",
            "UPDATE orch.sms_messages SET status = 'sent'",
            "SELECT dlr.ensure_partitions()",
            "CREATE TEMPORARY TABLE x (a integer)",
            "CREATE TABLE dlr_conf.x (a integer)",
            "SET ROLE dlr_svc",
        ]),
    )
    .await;
}

#[tokio::test]
async fn retention_makes_partitions_and_reads_nothing() {
    let database = Database::new().await;
    let retention = database.connect(Role::Retention).await;
    let made = retention
        .query_one("SELECT dlr.ensure_partitions(60)", &[])
        .await
        .unwrap();
    assert!(made.get::<_, i32>(0) >= 24);
    assert_refused(
        &retention,
        owned(&[
            "SELECT seq FROM dlr.delivery_receipts",
            "SELECT * FROM dlr.key_checks",
            "DELETE FROM dlr.delivery_receipts",
            "DROP TABLE dlr.delivery_receipts",
            "CREATE TABLE dlr.x (a integer)",
            "SELECT id FROM orch.sms_messages",
            "SELECT * FROM dlr_conf.migrations",
        ]),
    )
    .await;
}
