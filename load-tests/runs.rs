//! One run from fresh tables to its figures.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use dlr::broker::layout::WEBHOOK_CONSUMER;
use dlr::dev::nats::Identity;
use dlr::dev::postgres::Role;
use secrecy::ExposeSecret as _;

use crate::books;
use crate::contestant::{Batches, Contestant};
use crate::cpu::load_average;
use crate::events::{Reader, Tally};
use crate::ground::{Field, Ground, Owner};
use crate::ledger::{count, reconcile};
use crate::messages::chosen;
use crate::offer::Gateway;
use crate::options::{Common, Drain, Steady};
use crate::receipts::Encoding;
use crate::report::{Figures, Latency};
use crate::storm::give_back;
use crate::window::Window;

/// Who is to be measured.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who<'a> {
    Processor,
    /// With batches of so many receipts.
    Ceiling(usize),
    /// A program, and the SQL of its tables.
    Contender(&'a Path, &'a Path),
}

impl<'a> Who<'a> {
    fn owner(self) -> Owner<'a> {
        match self {
            Self::Contender(_, schema) => Owner::Contender(schema),
            Self::Processor | Self::Ceiling(_) => Owner::Processor,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Ceiling(_) => "ceiling",
            Self::Contender(..) => "contender",
        }
    }
}

const WARM_UP: Duration = Duration::from_secs(1);

/// Offers a backlog, starts `who`, and waits until it has worked it off.
pub(crate) async fn drain(
    ground: &mut Ground,
    dlr: &Path,
    options: &Drain,
    who: Who<'_>,
) -> anyhow::Result<Figures> {
    let field = ground.field(who.owner(), &options.common, options.scale);
    let field = field.await?;
    let figures = drain_on(ground, &field, dlr, options, who).await?;
    if options.reconcile && matches!(who, Who::Processor) {
        books::check(ground, &field, dlr, &options.common).await?;
    }
    ground.clear(field).await?;
    Ok(figures)
}

/// The same on tables and streams that are there.
pub(crate) async fn drain_on(
    ground: &Ground,
    field: &Field,
    dlr: &Path,
    options: &Drain,
    who: Who<'_>,
) -> anyhow::Result<Figures> {
    let Drain { common, scale, .. } = options;
    let numbers = chosen(scale.messages, options.receipts, common.random, common.seed);
    let gateway = gateway(field, common).await?;
    let offered = gateway.backlog(&numbers).await?;
    field.sql.batch_execute("CHECKPOINT").await?;
    let load = load_average();
    let contestant = match who {
        Who::Processor => {
            Contestant::processors(&ground.supervisor, dlr, &field.settings, scale.replicas)?
        }
        Who::Ceiling(batch) => {
            let arguments = ceiling(field, options, batch);
            let own = std::env::current_exe()?;
            let (supervisor, settings) = (&ground.supervisor, &field.settings);
            Contestant::other(supervisor, &own, arguments, BTreeMap::new(), settings)?
        }
        Who::Contender(program, _) => {
            let url = ground.postgres.url(Role::Admin, &field.database);
            let environment = BTreeMap::from([
                ("DATABASE_URL".to_owned(), url.expose_secret().to_owned()),
                ("NATS_URL".to_owned(), field.config.nats.url.clone()),
            ]);
            let (supervisor, settings) = (&ground.supervisor, &field.settings);
            Contestant::other(supervisor, program, Vec::new(), environment, settings)?
        }
    };
    let window = Window::on(ground, field, &contestant).await?;
    let storm = async {
        if !options.storm {
            return Ok(());
        }
        let client = field.connect(Identity::Processor).await?;
        give_back(client, field.config.clone(), options.receipts / 2).await
    };
    let settled = window.until_settled(&contestant, options.receipts);
    let (measured, ()) = tokio::try_join!(settled, storm)?;
    let batches = match who {
        Who::Processor => contestant.batches().await?,
        Who::Ceiling(batch) => Batches::all_of(batch),
        Who::Contender(..) => Batches::default(),
    };
    contestant.stop()?;
    let ledger = match who.owner() {
        Owner::Processor => reconcile(field, &offered, None).await?,
        Owner::Contender(_) => count(field, &offered).await?,
    };
    Ok(Figures {
        hot_share: hot_share(field).await?,
        ..Figures::of(who.name(), load, &measured, batches, ledger)
    })
}

/// Offers receipts on schedule to a running processor.
pub(crate) async fn steady(
    ground: &mut Ground,
    dlr: &Path,
    options: &Steady,
) -> anyhow::Result<Figures> {
    let Steady { common, scale, .. } = options;
    let field = ground.field(Owner::Processor, common, *scale).await?;
    let mut times = crate::offer::profile::Profile::Steady.times(options.rate, WARM_UP);
    let warm = times.len();
    let profile = options.profile.times(options.rate, options.duration);
    times.extend(profile.into_iter().map(|at| at + WARM_UP));
    let total = times.len() as u64;
    anyhow::ensure!(total <= scale.messages, "more receipts than messages");
    let numbers = chosen(scale.messages, total, common.random, common.seed);

    let load = load_average();
    let contestant =
        Contestant::processors(&ground.supervisor, dlr, &field.settings, scale.replicas)?;
    contestant.ready().await?;
    let webhook = field.streams(Identity::Webhook).await?;
    let mut reader =
        Reader::open(&webhook, &field.config.streams.webhook, WEBHOOK_CONSUMER).await?;
    let mut window = Window::on(ground, &field, &contestant).await?;
    let gateway = gateway(&field, common).await?;

    let start = Instant::now() + Duration::from_millis(100);
    let plan: Vec<(Duration, u64)> = times.into_iter().zip(numbers).collect();
    let due: HashMap<u64, Instant> = plan[warm..]
        .iter()
        .map(|(at, number)| (*number, start + *at))
        .collect();
    let mut tally = Tally::default();
    let begin = async {
        tokio::time::sleep_until((start + WARM_UP).into()).await;
        window.begin(warm as u64).await
    };
    let (begun, offered, latency) = tokio::join!(
        begin,
        gateway.schedule(plan, start),
        reader.watch(&mut tally, &due)
    );
    begun?;
    let (offered, late) = offered?;
    let measured = window.until_settled(&contestant, total).await?;
    let batches = contestant.batches().await?;
    contestant.stop()?;
    let ledger = reconcile(&field, &offered, Some(tally)).await?;
    let figures = Figures {
        hot_share: hot_share(&field).await?,
        latency: Some(Latency::of(&latency?)),
        generator_late: Some(Latency::of(&late)),
        ..Figures::of("processor", load, &measured, batches, ledger)
    };
    ground.clear(field).await?;
    Ok(figures)
}

pub(crate) async fn gateway(field: &Field, common: &Common) -> anyhow::Result<Gateway> {
    let encoding = if common.archive {
        Encoding::Archive
    } else {
        Encoding::Json
    };
    let client = field.connect(Identity::Ingest).await?;
    let subject = &field.config.streams.inbound_subject;
    Ok(Gateway::new(client, subject, encoding))
}

fn ceiling(field: &Field, options: &Drain, batch: usize) -> Vec<String> {
    let common = &options.common;
    let settings = field.settings.display().to_string();
    let mut arguments = ["ceiling", "--config", &settings]
        .map(str::to_owned)
        .to_vec();
    for (name, value) in [
        ("--messages", options.scale.messages),
        ("--receipts", options.receipts),
        ("--seed", common.seed),
        ("--batch", batch as u64),
    ] {
        arguments.extend([name.to_owned(), value.to_string()]);
    }
    if common.random {
        arguments.push("--random".to_owned());
    }
    arguments
}

/// The share of updates that stayed in their page. Everybody who updated has left by now, and has
/// told the server's statistics.
pub(crate) async fn hot_share(field: &Field) -> anyhow::Result<f64> {
    const SHARE: &str = "SELECT n_tup_hot_upd::float8 / greatest(n_tup_upd, 1)::float8
        FROM pg_stat_user_tables WHERE relid = 'orch.sms_messages'::regclass";
    let row = field.sql.query_one(SHARE, &[]).await?;
    Ok(row.get(0))
}
