//! A short look at everything, for `make bench`: what a change does to the figures, not what they are.

use std::path::Path;

use crate::ground::Ground;
use crate::offer::profile::Profile;
use crate::options::{Common, Drain, Short, Steady};
use crate::progress::say;
use crate::report::Figures;
use crate::runs::{self, Who};

/// Events in one message of the packed run.
const PACK: u32 = 100;
/// Receipts a second of the quiet run.
const QUIET: u32 = 100;

pub(crate) async fn run(options: &Short, dlr: &Path) -> anyhow::Result<Vec<Figures>> {
    let Short { common, scale, .. } = options;
    let mut ground = Ground::prepare(dlr, common, *scale).await?;
    let mut job = Drain::of(common.clone(), *scale, options.receipts);
    let processor = runs::drain(&mut ground, dlr, &job, Who::Processor).await?;
    say(&processor.to_string())?;
    let who = Who::Ceiling(processor.whole_batch());
    let ceiling = runs::drain(&mut ground, dlr, &job, who).await?;
    say(&ceiling.to_string())?;
    job.common = Common {
        pack: Some(PACK),
        ..common.clone()
    };
    let packed = runs::drain(&mut ground, dlr, &job, Who::Processor).await?;
    let packed = Figures {
        who: "packed",
        ..packed
    };
    say(&packed.to_string())?;

    let steady = |rate: u32| Steady {
        common: common.clone(),
        scale: *scale,
        rate: rate.max(QUIET),
        duration: options.duration,
        profile: Profile::Steady,
    };
    // A drain has no generator beside it and no consumer of events: what is offered as fast as it
    // drains is more than the machine can do along with them, and shows how much that is.
    let flood = steady(processor.whole_rate());
    let flooded = runs::steady(&mut ground, dlr, &flood).await?;
    let half = flooded.whole_rate() / 2;
    let flooded = Figures {
        who: "flooded",
        ..flooded
    };
    say(&flooded.to_string())?;
    let mut figures = vec![processor, ceiling, packed, flooded];
    for (who, rate) in [("at 100/s", QUIET), ("at half", half)] {
        let run = runs::steady(&mut ground, dlr, &steady(rate)).await?;
        figures.push(Figures { who, ..run });
    }
    Ok(figures)
}
