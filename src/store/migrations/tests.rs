//! What is refused before the database is touched.

use std::collections::BTreeSet;
use std::path::Path;

use super::ledger::{Applied, consistent};
use super::*;

#[test]
fn the_list_is_the_folder_and_every_file_has_its_twin() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let found: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|kind| kind == "sql")
        })
        .collect();
    let listed: BTreeSet<String> = MIGRATIONS
        .iter()
        .flat_map(|m| [format!("{}.up.sql", m.name), format!("{}.down.sql", m.name)])
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn the_numbers_rise_from_one_without_a_gap() {
    for (version, migration) in numbered() {
        assert!(
            migration.name.starts_with(&format!("{version:04}_")),
            "{}",
            migration.name
        );
    }
}

#[test]
fn a_binary_works_on_its_own_schema_and_the_next() {
    let supported: Vec<i32> = (0..SCHEMA_VERSION + 9)
        .filter(|v| is_supported(*v))
        .collect();
    assert_eq!(supported, [SCHEMA_VERSION, SCHEMA_VERSION + 1]);
}

fn applied(versions: &[i32]) -> Vec<Applied> {
    let row = |version: &i32| Applied {
        version: *version,
        name: String::new(),
        checksum: known(*version).map_or_else(Vec::new, Migration::checksum),
        at: String::new(),
    };
    versions.iter().map(row).collect()
}

#[test]
fn a_ledger_with_a_gap_or_from_a_newer_binary_is_refused() {
    assert!(matches!(consistent(&applied(&[1, 2, 3])), Ok(3)));
    assert!(matches!(
        consistent(&applied(&[1, 3])),
        Err(MigrationError::Gap { missing: 2 })
    ));
    let newer: Vec<i32> = (1..=SCHEMA_VERSION + 1).collect();
    assert!(matches!(
        consistent(&applied(&newer)),
        Err(MigrationError::Newer { version }) if version == SCHEMA_VERSION + 1
    ));
}

#[test]
fn an_edited_file_is_refused_by_name() {
    let mut ledger = applied(&[1, 2]);
    ledger[1].checksum[0] ^= 1;
    assert!(matches!(
        consistent(&ledger),
        Err(MigrationError::Edited {
            name: "0002_receipts"
        })
    ));
}
