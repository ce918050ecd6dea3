//! A short look at everything, for `make bench`: what a change does to the figures, not what they are.

use std::path::Path;
use std::time::Duration;

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
/// How long more is offered than goes through.
const FLOOD: Duration = Duration::from_secs(8);

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

    let steady = |rate: u32, duration| Steady {
        common: common.clone(),
        scale: *scale,
        rate: rate.max(QUIET),
        duration,
        profile: Profile::Steady,
    };
    // A drain has no generator beside it and no consumer of events, so less goes through with them.
    // Half as much again is offered, to see roughly how much; what is left over at the end is worked
    // off without the generator, and counts too.
    let flood = steady(processor.whole_rate() / 2 * 3, FLOOD);
    let flooded = runs::steady(&mut ground, dlr, &flood).await?;
    let half = flooded.whole_rate() / 2;
    let flooded = Figures {
        who: "flooded",
        // As long as the flood.
        latency: None,
        ..flooded
    };
    say(&flooded.to_string())?;
    let mut figures = vec![processor, ceiling, packed, flooded];
    for (who, rate) in [("at 100/s", QUIET), ("at half", half)] {
        let run = runs::steady(&mut ground, dlr, &steady(rate, options.duration)).await?;
        figures.push(Figures { who, ..run });
    }
    Ok(figures)
}
