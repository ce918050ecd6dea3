//! What may be asked for on the command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::offer::profile::Profile;

/// Drains a backlog or offers receipts on a schedule, and says what each receipt costs.
#[derive(Debug, clap::Parser)]
#[command(name = "load")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Throughput: a backlog of receipts, worked off as fast as it goes
    Drain(Drain),
    /// Latency: receipts at intended times, whatever the processor makes of them
    Steady(Steady),
    /// PostgreSQL away while receipts come in, and then the backlog worked off
    Absence(Absence),
    /// Cost as it grows: drains with more and more messages, partitions, lanes and processors
    Grow(Grow),
    /// A short look at all of it: a drain beside the ceiling, a packed one, and latency
    Short(Short),
    /// The ceiling itself, started by `drain --pairs`
    #[command(hide = true)]
    Ceiling(Ceiling),
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Drain {
    #[command(flatten)]
    pub(crate) common: Common,

    #[command(flatten)]
    pub(crate) scale: Scale,

    /// Receipts of the backlog
    #[arg(long, default_value = "200k", value_name = "N", value_parser = count)]
    pub(crate) receipts: u64,

    /// Run the processor and the ceiling in turns, this often, and compare
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) pairs: usize,

    /// Only the ceiling
    #[arg(long, conflicts_with = "pairs")]
    pub(crate) ceiling: bool,

    /// Another program that does the same job, given `DATABASE_URL` and `NATS_URL`; run in turns with
    /// the others
    #[arg(long, value_name = "PATH", requires_all = ["contender_schema", "plain"])]
    pub(crate) contender: Option<PathBuf>,

    /// SQL that makes the tables of that program, `orch.sms_messages` among them
    #[arg(long, value_name = "FILE", requires = "contender")]
    pub(crate) contender_schema: Option<PathBuf>,

    /// Somebody else takes receipts too and gives each back at once: half of all deliveries are
    /// redeliveries
    #[arg(long)]
    pub(crate) storm: bool,

    /// Check the books of each run of the processor by `dlr reconcile`, and say what that takes
    #[arg(long)]
    pub(crate) reconcile: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Steady {
    #[command(flatten)]
    pub(crate) common: Common,

    #[command(flatten)]
    pub(crate) scale: Scale,

    /// Receipts a second, on average
    #[arg(long, default_value_t = 1_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) rate: u32,

    /// How long to offer them, such as 20s or 5m
    #[arg(long = "for", default_value = "20s", value_name = "TIME", value_parser = time)]
    pub(crate) duration: Duration,

    /// How they are spread over the time
    #[arg(long, value_enum, default_value_t = Profile::Steady)]
    pub(crate) profile: Profile,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Absence {
    #[command(flatten)]
    pub(crate) common: Common,

    #[command(flatten)]
    pub(crate) scale: Scale,

    /// Receipts a second that come in meanwhile
    #[arg(long, default_value_t = 2_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) rate: u32,

    /// How long it is away, such as 20s or 10m
    #[arg(long = "for", default_value = "1m", value_name = "TIME", value_parser = time)]
    pub(crate) duration: Duration,
}

/// How large everything is.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Scale {
    /// Messages in the table
    #[arg(long, default_value = "1m", value_name = "N", value_parser = count)]
    pub(crate) messages: u64,

    /// Daily partitions of the receipts [default: as installed, 44]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i32).range(2..=700))]
    pub(crate) partitions: Option<i32>,

    /// Lanes of each processor [default: as `dlr run`]
    #[arg(long, value_name = "N")]
    pub(crate) lanes: Option<usize>,

    /// Processors
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) replicas: usize,
}

/// What lies between the processor and the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wiring {
    /// TLS, both ends verified, and the imports of its NATS account
    Installed,
    /// TLS, both ends verified, in the account of the streams
    OneAccount,
    /// Neither
    Plain,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Grow {
    #[command(flatten)]
    pub(crate) common: Common,

    /// Messages in the table
    #[arg(long, default_value = "1m,10m,50m", value_name = "N,…", value_delimiter = ',',
          value_parser = count)]
    pub(crate) messages: Vec<u64>,

    /// Daily partitions of the receipts
    #[arg(long, default_value = "30,365", value_name = "DAYS,…", value_delimiter = ',',
          value_parser = clap::value_parser!(i32).range(2..=700))]
    pub(crate) partitions: Vec<i32>,

    /// Lanes of one processor
    #[arg(
        long,
        default_value = "1,2,4",
        value_name = "N,…",
        value_delimiter = ','
    )]
    pub(crate) lanes: Vec<usize>,

    /// Processors, each with as many lanes as `dlr run` has
    #[arg(
        long,
        default_value = "1,2,3",
        value_name = "N,…",
        value_delimiter = ','
    )]
    pub(crate) replicas: Vec<usize>,

    /// Receipts of each backlog
    #[arg(long, default_value = "200k", value_name = "N", value_parser = count)]
    pub(crate) receipts: u64,

    /// Runs of each kind, in turns with the others; the one with the median throughput is shown
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) rounds: usize,

    /// 100,000 and 1,000,000 messages and 20,000 receipts: shows in some minutes that it works
    #[arg(long, conflicts_with_all = ["messages", "receipts"])]
    pub(crate) quick: bool,

    /// Where to write DATE-growth.md, .json and .svg
    #[arg(long, value_name = "FOLDER", conflicts_with = "json")]
    pub(crate) into: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Short {
    #[command(flatten)]
    pub(crate) common: Common,

    #[command(flatten)]
    pub(crate) scale: Scale,

    /// Receipts of each backlog
    #[arg(long, default_value = "100k", value_name = "N", value_parser = count)]
    pub(crate) receipts: u64,

    /// How long to offer receipts: 100 a second, then half of what goes through
    #[arg(long = "for", default_value = "10s", value_name = "TIME", value_parser = time)]
    pub(crate) duration: Duration,
}

#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags")]
pub(crate) struct Common {
    /// Receipts about messages anywhere in the table, not about the youngest
    #[arg(long)]
    pub(crate) random: bool,

    /// Receipts in the archive encoding, not as JSON
    #[arg(long)]
    pub(crate) archive: bool,

    /// Without TLS and NATS accounts; otherwise as installed, both ends verified
    #[arg(long)]
    pub(crate) plain: bool,

    /// With TLS, but in the account of the streams: tells what TLS costs from what the imports do
    #[arg(long, conflicts_with = "plain")]
    pub(crate) one_account: bool,

    /// The same as neither of the two
    #[arg(long, conflicts_with_all = ["plain", "one_account"])]
    pub(crate) tls: bool,

    /// Events in one message, as `events.pack`
    #[arg(long, value_name = "N")]
    pub(crate) pack: Option<u32>,

    /// A further setting of the processor, as SECTION.KEY=VALUE
    #[arg(long = "set", value_name = "SETTING")]
    pub(crate) settings: Vec<String>,

    /// Seed of which messages, in which order
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,

    /// The processor's binary [default: `dlr` of this build]
    #[arg(long, value_name = "PATH")]
    pub(crate) dlr: Option<PathBuf>,

    /// Also write the figures here
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Ceiling {
    /// What the processor would be given
    #[arg(long)]
    pub(crate) config: PathBuf,

    #[arg(long)]
    pub(crate) messages: u64,

    #[arg(long)]
    pub(crate) receipts: u64,

    #[arg(long)]
    pub(crate) random: bool,

    #[arg(long)]
    pub(crate) seed: u64,

    /// Receipts of a transaction
    #[arg(long)]
    pub(crate) batch: usize,
}

impl Drain {
    /// One run of the processor.
    pub(crate) fn of(common: Common, scale: Scale, receipts: u64) -> Self {
        Self {
            common,
            scale,
            receipts,
            pairs: 0,
            ceiling: false,
            contender: None,
            contender_schema: None,
            storm: false,
            reconcile: false,
        }
    }
}

impl Common {
    pub(crate) fn wiring(&self) -> Wiring {
        match (self.plain, self.one_account) {
            (true, _) => Wiring::Plain,
            (false, true) => Wiring::OneAccount,
            (false, false) => Wiring::Installed,
        }
    }
}

/// `200k`, `10m`, or all digits.
fn count(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with('k') => (digits, 1_000),
        Some(digits) => (digits, 1_000_000),
        None => (text, 1),
    };
    let number: u64 = digits
        .parse()
        .map_err(|error| format!("write it as 200000, 200k or 10m ({error})"))?;
    number
        .checked_mul(factor)
        .filter(|it| (1..=1_000_000_000).contains(it))
        .ok_or_else(|| "from 1 to 1000m".to_owned())
}

fn time(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|error| format!("write it as 20s or 5m ({error})"))?;
    Duration::try_from(span).map_err(|error| error.to_string())
}
