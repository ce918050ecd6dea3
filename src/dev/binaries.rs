//! Where the server programs are on this machine, and whether they are new enough.
//!
//! Looked for in this order: what `DLR_POSTGRES_BIN` (a folder) or `DLR_NATS_SERVER` (a file) names,
//! what `make setup` put into `.tools`, `PATH`, and the folders of package managers. A program that
//! is too old is passed over, because Debian 12 has a nats-server 2.9 on the `PATH`; what a variable
//! names is taken or refused.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest the shipped account file is tested with.
const NATS_FLOOR: Version = Version(2, 10);
/// The oldest PostgreSQL the migrations are written for.
const POSTGRES_FLOOR: Version = Version(15, 0);

/// Folders that package managers keep off the `PATH`; `*` is a version.
const POSTGRES_FOLDERS: [&str; 5] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
];
const NATS_FOLDERS: [&str; 4] = [
    "/usr/sbin",
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/home/linuxbrew/.linuxbrew/bin",
];

/// Major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The two programs of one PostgreSQL installation.
#[derive(Debug, Clone)]
pub struct PostgresPrograms {
    pub postgres: PathBuf,
    pub initdb: PathBuf,
}

/// No usable program, and what was found instead.
#[derive(Debug, thiserror::Error)]
#[error(
    "no {program} {floor} or later found{}; `make setup` gets one, into .tools of the folder it runs in",
    passed_over(.unfit)
)]
pub struct MissingServer {
    program: &'static str,
    floor: Version,
    unfit: Vec<String>,
}

fn passed_over(unfit: &[String]) -> String {
    match unfit {
        [] => String::new(),
        some => format!(" (unfit: {})", some.join(", ")),
    }
}

/// The PostgreSQL to run.
pub fn postgres() -> Result<PostgresPrograms, MissingServer> {
    let folders = match variable("DLR_POSTGRES_BIN") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => search_path()
            .into_iter()
            .chain(POSTGRES_FOLDERS.iter().flat_map(|it| newest_first(it)))
            .collect(),
    };
    // `postgres` without `initdb` beside it is a client package's or somebody's wrapper.
    let candidates = folders
        .into_iter()
        .filter(|folder| folder.join("initdb").is_file())
        .map(|folder| folder.join("postgres"));
    let postgres = first_fit("postgres", POSTGRES_FLOOR, candidates)?;
    let initdb = postgres.with_file_name("initdb");
    Ok(PostgresPrograms { postgres, initdb })
}

/// The nats-server to run.
pub fn nats_server() -> Result<PathBuf, MissingServer> {
    let candidates = match variable("DLR_NATS_SERVER") {
        Some(file) => vec![PathBuf::from(file)],
        None => fetched_nats_servers(Path::new(""))
            .into_iter()
            .chain(search_path().iter().map(|it| it.join("nats-server")))
            .chain(NATS_FOLDERS.map(|it| Path::new(it).join("nats-server")))
            .collect(),
    };
    first_fit("nats-server", NATS_FLOOR, candidates)
}

/// Every nats-server that `make setup` put into the project, newest first.
pub fn fetched_nats_servers(project: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(project.join(".tools")) else {
        return Vec::new();
    };
    let mut found: Vec<(Version, PathBuf)> = entries
        .filter_map(|entry| {
            let file = entry.ok()?.path().join("nats-server");
            Some((version_of(&file)?, file))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, file)| file).collect()
}

/// What a server program says of its version; none if it is not there or cannot run.
pub fn version_of(program: &Path) -> Option<Version> {
    let output = Command::new(program).arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn first_fit(
    program: &'static str,
    floor: Version,
    candidates: impl IntoIterator<Item = PathBuf>,
) -> Result<PathBuf, MissingServer> {
    let mut unfit = Vec::new();
    for candidate in candidates {
        if !candidate.is_file() {
            continue;
        }
        // Its folder is not the place it runs in.
        let candidate = candidate.canonicalize().unwrap_or(candidate);
        match version_of(&candidate) {
            Some(version) if version >= floor => return Ok(candidate),
            Some(version) => unfit.push(format!("{} is {version}", candidate.display())),
            None => unfit.push(format!("{} tells no version", candidate.display())),
        }
    }
    Err(MissingServer {
        program,
        floor,
        unfit,
    })
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`, `postgres (PostgreSQL) 19beta1`,
/// `nats-server: v2.10.26`: the first word that starts as a number.
fn parse_version(said: &str) -> Option<Version> {
    said.split_whitespace().find_map(|word| {
        let mut numbers = word
            .trim_start_matches('v')
            .split(|c: char| !c.is_ascii_digit());
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next().and_then(|it| it.parse().ok()).unwrap_or(0);
        Some(Version(major, minor))
    })
}

/// The folders that fit a pattern with one `*`, highest version first.
fn newest_first(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let Some((parent, prefix)) = before.rsplit_once('/') else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry
                .file_name()
                .to_str()?
                .strip_prefix(prefix)?
                .parse()
                .ok()?;
            Some((version, entry.path().join(after.trim_start_matches('/'))))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

fn search_path() -> Vec<PathBuf> {
    variable("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "where a developer's machine keeps its servers is no setting of the processor"
)]
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_programs_say() {
        for (said, version) in [
            (
                "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n",
                Some(Version(15, 14)),
            ),
            ("postgres (PostgreSQL) 19beta1", Some(Version(19, 0))),
            ("nats-server: v2.10.26\n", Some(Version(2, 10))),
            ("nats-server: v2.9.10", Some(Version(2, 9))),
            ("usage: something else", None),
            ("", None),
        ] {
            assert_eq!(parse_version(said), version, "{said}");
        }
    }

    #[test]
    fn a_nats_server_of_debian_12_is_refused_by_name() {
        let folder = env::temp_dir().join(format!("dlr-binaries-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let old = folder.join("nats-server");
        // By another process: a file that a thread's forked child holds open cannot be started.
        let script = r#"printf '#!/bin/sh\necho nats-server: v2.9.10\n' > "$0" && chmod 755 "$0""#;
        let written = Command::new("/bin/sh")
            .args(["-c", script])
            .arg(&old)
            .status();
        assert!(written.unwrap().success());

        let refusal = first_fit("nats-server", NATS_FLOOR, [old])
            .unwrap_err()
            .to_string();
        fs::remove_dir_all(&folder).unwrap();

        assert!(refusal.contains("is 2.9"), "{refusal}");
        assert!(refusal.contains("make setup"), "{refusal}");
    }
}
