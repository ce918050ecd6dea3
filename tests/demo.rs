//! `dlr dev` as its users run it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{DLR, eventually, signal};

fn dev(arguments: &[&str]) -> Child {
    Command::new(DLR)
        .arg("dev")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The private folder, which is named in one of the first lines.
fn folder(child: &mut Child) -> PathBuf {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let named = lines.map(Result::unwrap).find_map(|line| {
        let (folder, _) = line.trim().strip_prefix("in ")?.split_once(',')?;
        Some(PathBuf::from(folder))
    });
    named.expect("the folder is named before the end")
}

/// The command lines that name the folder. From `/proc` where there is one: a small Linux has no `ps`.
fn servers_in(folder: &Path) -> Vec<String> {
    let name = folder.to_str().unwrap();
    let commands: Vec<String> = if let Ok(processes) = std::fs::read_dir("/proc") {
        processes
            .filter_map(|process| std::fs::read(process.ok()?.path().join("cmdline")).ok())
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .collect()
    } else {
        let ps = Command::new("ps").args(["-eo", "args="]).output().unwrap();
        String::from_utf8_lossy(&ps.stdout)
            .lines()
            .map(str::to_owned)
            .collect()
    };
    commands
        .into_iter()
        .filter(|command| command.contains(name))
        .collect()
}

/// How many of a kind the ledger's table has, and how many of these were handled.
fn counts(said: &str, name: &str) -> (u64, u64) {
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("    ")?.strip_prefix(name))
        .unwrap_or_else(|| panic!("nothing about {name} in:\n{said}"));
    let mut numbers = line.split_whitespace().map_while(|it| it.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_handles_every_kind_finds_its_fault_balances_and_leaves_nothing() {
    let mut child = dev(&["--for", "4s", "--rate", "300"]);
    let folder = folder(&mut child);
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap())
        .await
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for kind in [
        "delivered ",
        "in transit first",
        "corrected",
        "duplicate",
        "out of order",
        "early",
        "late",
        "unknown word",
        "notation fault",
        "unmatched",
        "broken",
        "JSON fields",
        "archive",
        "SMPP text alone",
        "hex/decimal",
        "  in SMPP text",
        "  in a TLV alone",
    ] {
        let (simulated, handled) = counts(&said, kind);
        assert!(simulated > 0 && simulated == handled, "{kind} in:\n{said}");
    }
    for expected in [
        "$ dlr carriers diagnose litware --apply\n",
        " would match if ids in operatorMessageId were read as decimal",
        "ids.field.form = \"decimal\"",
        "ids.stored.form = \"hex\"",
        "nothing matched in 24 h to check against",
        "litware: revision 1 is written",
        "balanced: every receipt is accounted for exactly once",
    ] {
        assert!(said.contains(expected), "no {expected:?} in:\n{said}");
    }
    assert!(!folder.exists());
    assert_eq!(servers_in(&folder), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_demonstration_has_books_that_balance() {
    let mut child = dev(&["--for", "2s", "--rate", "300", "--keep"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line_with = |what: &str| {
        let found = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|it| it.contains(what));
        found.unwrap_or_else(|| panic!("it ended without {what:?}"))
    };
    let check = line_with(" reconcile --config ");
    line_with("the servers stay");
    let output = Command::new("sh")
        .args(["-c", check.trim()])
        .output()
        .unwrap();
    signal(child.id(), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{output:?}");
    assert!(said.ends_with("\nall accounted for\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_demonstration_leaves_nothing() {
    let mut child = dev(&["--rate", "100"]);
    let folder = folder(&mut child);
    eventually(Duration::from_mins(1), "a server runs", async || {
        !servers_in(&folder).is_empty()
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    eventually(
        Duration::from_secs(30),
        "servers and folder are gone",
        async || servers_in(&folder).is_empty() && !folder.exists(),
    )
    .await;
}
