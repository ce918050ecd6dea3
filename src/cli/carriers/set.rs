//! `dlr carriers set`

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::AS_PROFILES;
use crate::carriers::{Draft, DraftError};
use crate::store::profiles::{DOCUMENT_MAX, InsertError};

pub(super) async fn run(
    client: &Client,
    carrier: &str,
    file: &Path,
    dry_run: bool,
    json: bool,
) -> anyhow::Result<()> {
    let document = read(file)?;
    let draft = match Draft::new(client, carrier, &document).await {
        Ok(draft) => draft,
        Err(DraftError::Database(error)) => return Err(error.into()),
        Err(refused) => return Err(anyhow::Error::new(refused).context(carrier.to_owned())),
    };
    let written = if dry_run || draft.is_in_force_already() {
        None
    } else {
        match draft.write(client).await {
            Ok(at) => Some(at),
            Err(error @ InsertError::NotAllowed) => bail!("{carrier}: {error}{AS_PROFILES}"),
            Err(error @ InsertError::Taken(_)) => {
                bail!("{carrier}: {error}; look at it with `dlr carriers show {carrier}`")
            }
            Err(error) => bail!("{carrier}: {error}"),
        }
    };
    let mut out = io::stdout().lock();
    if json {
        let report = json!({
            "carrier": carrier,
            "revision": draft.revision(),
            "written": written.is_some(),
            "createdAt": written,
            "before": draft.in_force(),
            "differences": draft.differences(),
        });
        writeln!(out, "{report:#}")?;
        return Ok(());
    }
    print(&mut out, &draft, dry_run, written.is_some())?;
    Ok(())
}

fn print(out: &mut impl io::Write, draft: &Draft, dry_run: bool, written: bool) -> io::Result<()> {
    let (carrier, next) = (draft.carrier(), draft.revision());
    let before = match draft.in_force() {
        Some(revision) => format!("revision {revision}"),
        None => "no profile".to_owned(),
    };
    if draft.is_in_force_already() {
        return writeln!(
            out,
            "{carrier}: says the same as {before}: nothing to write"
        );
    }
    writeln!(out, "{carrier}: revision {next}, compared with {before}")?;
    for difference in draft.differences() {
        writeln!(out, "  {difference}")?;
    }
    if draft.differences().is_empty() {
        writeln!(out, "  (no difference)")?;
    }
    match (written, dry_run) {
        (true, _) => writeln!(
            out,
            "written; every running processor reads by it within 5 seconds"
        ),
        (false, _) => writeln!(out, "valid; nothing was written (--dry-run)"),
    }
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let shown = file.display();
    let mut text = String::new();
    let limit = DOCUMENT_MAX as u64 + 1;
    let read = if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        File::open(file).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    let read = read.with_context(|| format!("cannot read {shown}"))?;
    if read > DOCUMENT_MAX {
        bail!("{shown} is longer than {DOCUMENT_MAX} bytes");
    }
    serde_json::from_str(&text).with_context(|| format!("{shown} is no JSON document"))
}
