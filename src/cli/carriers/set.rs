//! `dlr carriers set`

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::bail;
use serde_json::json;
use tokio_postgres::Client;

use super::{AS_PROFILES, document};
use crate::carriers::{Draft, DraftError};
use crate::store::profiles::InsertError;

pub(super) async fn run(
    client: &Client,
    carrier: &str,
    file: &Path,
    dry_run: bool,
    json: bool,
) -> anyhow::Result<()> {
    let document = document::read(file)?;
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
