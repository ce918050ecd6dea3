//! Writes a proposal, and waits for what comes of it.

mod applied;

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::time::sleep;
use tokio_postgres::Client;

pub(super) use self::applied::Applied;
use self::applied::Watch;
use super::Args;
use crate::carriers::{Draft, DraftError};
use crate::cli::carriers::AS_PROFILES;
use crate::cli::replay::parked;
use crate::config::Loaded;
use crate::diagnosis::{Findings, Proposal, Study};
use crate::store::connect::Connector;
use crate::store::profiles::InsertError;
use crate::store::sweep::is_led;
use crate::sweep::on_demand::Counts;

const COMMAND: &str = "dlr carriers diagnose --apply";

/// How long a running processor may take to become the one that sweeps.
const LED_WITHIN: Duration = Duration::from_secs(5);

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
    if let Some(losses) = proposal.losses.filter(|_| !args.accept_losses) {
        bail!(
            "{carrier}: {losses}, so nothing is written; if the carrier writes all its ids otherwise \
             now, and not only one of its connections, add --accept-losses"
        );
    }
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
    let mut applied = Applied::new(revision, diagnosis);
    wait(args, json, loaded, study, &mut applied).await?;
    Ok(Some(applied))
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
    let began = Instant::now();
    let mut watch = Watch {
        at_most: Duration::from_secs(args.wait),
        changed: Duration::ZERO,
    };
    while !applied.is_over() {
        let asked = Instant::now();
        if applied.count(study.open(carrier).await?) {
            watch.changed = began.elapsed();
            tell(json, applied)?;
        }
        let Some(pause) = watch.pause(applied, asked.elapsed(), began.elapsed()) else {
            break;
        };
        if began.elapsed() > LED_WITHIN && !is_led(study.studies.client()).await? {
            sweep(loaded, carrier).await?;
            applied.count(study.open(carrier).await?);
            tell(json, applied)?;
            break;
        }
        sleep(pause).await;
    }
    if !json && !applied.is_complete() {
        let (expected, tally) = (applied.expected, applied.tally());
        writeln!(
            io::stdout().lock(),
            "  fewer than the {expected} expected: {tally}, and looked at again in their time"
        )?;
    }
    Ok(())
}

/// Looks at all of them.
async fn sweep(loaded: &Loaded, carrier: &str) -> anyhow::Result<()> {
    let config = loaded.require_pipeline().with_context(|| {
        format!(
            "nobody sweeps: start a processor, or look at them with \
             `dlr replay --parked --carrier {carrier}`"
        )
    })?;
    let mut sweeper = parked::sweeper(config, COMMAND).await?;
    sweeper.look(Some(carrier), &mut Counts::default()).await?;
    Ok(())
}

fn tell(json: bool, applied: &Applied) -> io::Result<()> {
    if json {
        return Ok(());
    }
    writeln!(io::stdout().lock(), "  {}", applied.tally())
}
