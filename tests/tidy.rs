//! Promises about the tree: how files are named, and that the pages for people name only what exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dlr::config::Config;

const PAGES: [&str; 9] = [
    "README.md",
    "DELIVERY.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "migrations/README.md",
    "deploy/nats/README.md",
    "fuzz/README.md",
    "load-tests/README.md",
];

/// Every file below these is ours.
const CODE: [&str; 4] = ["src", "tests", "benches", "load-tests"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// All files below a folder, as paths from the root of the project; none if there is no folder.
fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inside = path.strip_prefix(root()).expect("walked from the root");
                files.push(inside.to_path_buf());
            }
        }
    }
    files
}

/// What stands between single backticks, outside fenced blocks.
fn inline_code(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// The lines of each fenced block in one language.
fn fenced<'a>(page: &'a str, language: &str) -> Vec<Vec<&'a str>> {
    let mut found: Vec<Vec<&str>> = Vec::new();
    let mut open: Option<&str> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(_), Some(_)) => open = None,
            (Some(opened), None) => {
                open = Some(opened);
                if opened == language {
                    found.push(Vec::new());
                }
            }
            (None, Some(opened)) if opened == language => {
                found.last_mut().unwrap().push(line);
            }
            (None, _) => {}
        }
    }
    found
}

/// Commands a page tells its reader to type, without their comments.
fn commands(page: &str) -> Vec<String> {
    let typed = fenced(page, "sh").concat().into_iter().map(str::to_owned);
    typed
        .chain(inline_code(page))
        .map(|line| {
            line.split(" #")
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        })
        .collect()
}

/// Names that begin with `prefix` and go on with lower case letters, digits and underscores.
fn names_with(prefix: &str, text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with(prefix))
        .map(str::to_owned)
        .collect()
}

#[test]
fn modules_are_named_for_what_they_hold() {
    let buckets = [
        "mod", "util", "utils", "helper", "helpers", "common", "types", "misc", "shared",
    ];
    let mut wrong = Vec::new();
    for file in CODE.into_iter().flat_map(files_below) {
        let names = file.iter().filter_map(|part| part.to_str());
        if names
            .map(|name| name.trim_end_matches(".rs"))
            .any(|name| buckets.contains(&name))
        {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "name them for the concept: {wrong:?}");
}

#[test]
fn every_migration_goes_both_ways() {
    let mut ups = Vec::new();
    let mut downs = Vec::new();
    for file in files_below("migrations") {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .expect("UTF-8");
        if let Some(up) = name.strip_suffix(".up.sql") {
            ups.push(up.to_owned());
        } else if let Some(down) = name.strip_suffix(".down.sql") {
            downs.push(down.to_owned());
        } else if name != "README.md" {
            panic!("{name} is neither .up.sql nor .down.sql");
        }
    }
    ups.sort_unstable();
    downs.sort_unstable();
    assert_eq!(ups, downs);

    let numbers: Vec<_> = ups.iter().filter_map(|name| name.split_once('_')).collect();
    let expected: Vec<_> = (1..=ups.len()).map(|n| format!("{n:04}")).collect();
    assert_eq!(
        numbers.iter().map(|(n, _)| n).collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>()
    );
}

#[test]
fn files_named_for_people_exist() {
    let ours = [
        "src/",
        "tests/",
        "benches/",
        "deploy/",
        "fuzz/",
        "load-tests/",
        "migrations/",
        ".ci/",
        ".github/",
    ];
    let mut missing = Vec::new();
    for page in PAGES {
        let text = read(page);
        let linked = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let linked = linked
            .filter(|target| !target.contains("://"))
            .map(str::to_owned);
        let named = inline_code(&text)
            .into_iter()
            .filter(|code| ours.iter().any(|folder| code.starts_with(folder)));
        for path in linked.chain(named) {
            // `src/pipeline/<stage>.rs` and `migrations/NNNN_name.up.sql` are for the reader to fill in.
            let pattern = path.contains('<') || path.contains("NNNN");
            if !pattern && !root().join(&path).exists() {
                missing.push(format!("{page}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn make_targets_named_for_people_exist() {
    let makefile = read("Makefile");
    let mut named = BTreeSet::new();
    for page in PAGES {
        for command in commands(&read(page)) {
            named.extend(
                command
                    .strip_prefix("make ")
                    .and_then(|rest| rest.split(' ').next())
                    .map(str::to_owned),
            );
        }
    }
    assert!(
        named.contains("demo") && named.contains("test"),
        "{named:?}"
    );
    for target in named {
        assert!(
            makefile
                .lines()
                .any(|line| line.starts_with(&format!("{target}:"))),
            "no such target: make {target}"
        );
    }
}

#[test]
fn subcommands_and_options_named_for_people_exist() {
    let mut seen = 0;
    for page in PAGES {
        for command in commands(&read(page)) {
            let Some(typed) = command.strip_prefix("dlr ") else {
                continue;
            };
            seen += 1;
            // Names come first; what follows an option may be its value.
            let names = typed.split(" --").next().unwrap_or_default();
            let options = typed.split(' ').filter(|word| word.starts_with("--"));
            let help = Command::new(env!("CARGO_BIN_EXE_dlr"))
                .args(names.split(' '))
                .arg("--help")
                .output()
                .expect("the binary was built with the tests");
            let printed = String::from_utf8_lossy(&help.stdout);
            assert!(help.status.success(), "{page}: there is no `{command}`");
            for option in options {
                assert!(
                    printed.contains(option),
                    "{page}: `{command}` has no {option}"
                );
            }
        }
    }
    assert!(seen > 0, "the pages name no subcommand");
}

#[test]
fn the_configuration_shown_is_one_that_is_read() {
    let page = read("README.md");
    let shown = fenced(&page, "toml");
    assert!(!shown.is_empty(), "the README shows no configuration");
    for block in shown {
        if let Err(refusal) = toml::from_str::<Config>(&block.join("\n")) {
            panic!("README.md: {refusal}");
        }
    }
}

#[test]
fn variables_named_for_people_exist() {
    let known = Config::load(None, std::iter::empty())
        .expect("the defaults load")
        .settings();
    let known: BTreeSet<_> = known.into_iter().map(|setting| setting.name).collect();
    for page in PAGES {
        for variable in names_with("DLR__", &read(page)) {
            let setting = variable
                .trim_start_matches("DLR__")
                .to_lowercase()
                .replace("__", ".");
            assert!(known.contains(&setting), "{page}: there is no {variable}");
        }
    }
}

/// Metrics, roles and schemas all begin with `dlr_`.
#[test]
fn metrics_and_roles_named_for_people_exist() {
    let declared: String = ["src/telemetry", "migrations"]
        .into_iter()
        .flat_map(files_below)
        .filter_map(|file| fs::read_to_string(root().join(file)).ok())
        .collect();
    let declared = names_with("dlr_", &declared);

    let mut pages: Vec<String> = PAGES.into_iter().map(read).collect();
    for dashboard in files_below("dashboards") {
        pages.push(fs::read_to_string(root().join(dashboard)).expect("a dashboard is text"));
    }
    let named: BTreeSet<_> = pages
        .iter()
        .flat_map(|page| names_with("dlr_", page))
        .collect();
    let unknown: Vec<_> = named.difference(&declared).collect();
    assert!(unknown.is_empty(), "no metric, role or schema: {unknown:?}");
}
