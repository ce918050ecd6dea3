//! Writes a proposal, and waits for what comes of it.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Serialize;
use tokio::time::sleep;
use tokio_postgres::Client;

use super::Args;
use crate::carriers::{Draft, DraftError};
use crate::cli::carriers::AS_PROFILES;
use crate::cli::replay::parked;
use crate::clock::Clock;
use crate::config::Loaded;
use crate::diagnosis::{Diagnosis, Findings, Proposal, Study};
use crate::store::connect::Connector;
use crate::store::profiles::InsertError;
use crate::store::sweep::is_led;
use crate::sweep::on_demand::Counts;

const COMMAND: &str = "dlr carriers diagnose --apply";

/// How long a running processor may take to become the one that sweeps.
const LED_WITHIN: Duration = Duration::from_secs(5);

/// How often the open receipts are counted.
const COUNTED_EVERY: Duration = Duration::from_secs(1);
/// How long nothing may happen any more, once something has.
const QUIET: Duration = Duration::from_secs(15);

/// What came of a proposal.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Applied {
    revision: i32,
    /// Receipts that were open when it was written.
    open_before: u64,
    /// Of those, the ones that have ended since.
    resolved: u64,
    open: u64,
    /// How many were expected to end.
    expected: u64,
}

impl Applied {
    pub(super) fn is_complete(&self) -> bool {
        self.resolved >= self.expected
    }

    fn count(&mut self, open: u64) {
        self.open = open;
        self.resolved = self.open_before.saturating_sub(open);
    }
}

pub(super) async fn apply(
    args: &Args,
    json: bool,
    loaded: &Loaded,
    study: &Study<'_>,
    findings: &Findings,
) -> anyhow::Result<Option<Applied>> {
    let proposed = findings.carriers.first();
    let Some((diagnosis, proposal)) = proposed.and_then(|it| Some((it, it.proposal.as_ref()?)))
    else {
        if !json {
            writeln!(io::stdout().lock(), "nothing to apply")?;
        }
        return Ok(None);
    };
    let carrier = diagnosis.carrier.as_str();
    let (config, sign_in) = loaded.require_profiles()?;
    let connector = Connector::with(&config.postgres, sign_in, COMMAND);
    let (client, connection) = connector.connect().await?;
    let write = async {
        let written = write(&client, carrier, proposal).await;
        drop(client);
        written
    };
    let (revision, _) = tokio::join!(write, connection);
    let revision = revision?;
    if !json {
        let mut out = io::stdout().lock();
        writeln!(out, "{carrier}: revision {revision} is written")?;
    }
    let mut applied = Applied {
        revision,
        open_before: diagnosis.parked.open,
        resolved: 0,
        open: diagnosis.parked.open,
        expected: expected(diagnosis),
    };
    wait(args, json, loaded, study, &mut applied).await?;
    Ok(Some(applied))
}

/// Those that the dry run matched; all of them were tried, or a share of them.
fn expected(diagnosis: &Diagnosis) -> u64 {
    let dry_run = diagnosis.reading.as_ref();
    let dry_run = dry_run.and_then(|reading| reading.dry_run.as_ref());
    dry_run.map_or(0, |ran| ran.gained as u64)
}

async fn write(client: &Client, carrier: &str, proposal: &Proposal) -> anyhow::Result<i32> {
    let draft = match Draft::new(client, carrier, &proposal.profile).await {
        Ok(draft) => draft,
        Err(DraftError::Database(error)) => {
            return Err(crate::cli::carriers::explained(error.into()));
        }
        Err(refused) => return Err(refused).with_context(|| carrier.to_owned()),
    };
    let changed = || {
        format!(
            "{carrier}: the profile was changed meanwhile, so nothing is written; diagnose again"
        )
    };
    if draft.revision() != proposal.follows + 1 {
        bail!(changed());
    }
    match draft.write(client).await {
        Ok(_) => Ok(draft.revision()),
        Err(InsertError::Taken(_)) => bail!(changed()),
        Err(error @ InsertError::NotAllowed) => bail!("{carrier}: {error}{AS_PROFILES}"),
        Err(error) => bail!("{carrier}: {error}"),
    }
}

/// A changed profile makes the open receipts of its carrier due for the sweeper at once. If there is
/// none, this process is it.
async fn wait(
    args: &Args,
    json: bool,
    loaded: &Loaded,
    study: &Study<'_>,
    applied: &mut Applied,
) -> anyhow::Result<()> {
    let carrier = args.carrier.as_deref().unwrap_or_default();
    let parked_until = Clock.now();
    let began = Instant::now();
    let mut changed = began;
    while !applied.is_complete() && began.elapsed() < Duration::from_secs(args.wait) {
        let asked = Instant::now();
        let open = study.open(carrier, parked_until).await?;
        if open != applied.open {
            changed = Instant::now();
            applied.count(open);
            tell(json, applied)?;
            continue;
        }
        if changed.elapsed() > QUIET && applied.resolved > 0 {
            break;
        }
        if began.elapsed() > LED_WITHIN && !is_led(study.studies.client()).await? {
            let open = sweep(loaded, carrier).await?;
            applied.count(open);
            tell(json, applied)?;
            break;
        }
        // Counting is cheap, but not where a million of them are open.
        sleep(COUNTED_EVERY.max(asked.elapsed() * 4)).await;
    }
    Ok(())
}

/// Looks at all of them, and says how many stay open.
async fn sweep(loaded: &Loaded, carrier: &str) -> anyhow::Result<u64> {
    let config = loaded.require_pipeline().with_context(|| {
        format!(
            "nobody sweeps: start a processor, or look at them with \
             `dlr replay --parked --carrier {carrier}`"
        )
    })?;
    let mut sweeper = parked::sweeper(config, COMMAND).await?;
    let mut counts = Counts::default();
    sweeper.look(Some(carrier), &mut counts).await?;
    Ok(counts.open)
}

fn tell(json: bool, applied: &Applied) -> io::Result<()> {
    if json {
        return Ok(());
    }
    let Applied { resolved, open, .. } = applied;
    writeln!(
        io::stdout().lock(),
        "  {resolved} have ended, {open} are still open"
    )
}
