//! `dlr carriers list`

use std::io::{self, Write as _};

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::telling::{refused_json, refused_line, summary, time};
use crate::carriers::{CARRIERS_MAX, Standing};
use crate::store::profiles;

/// Carriers read and printed at a time.
const PAGE: usize = 100;

pub(super) async fn run(client: &Client, json: bool) -> anyhow::Result<()> {
    let mut heads = profiles::heads(client, CARRIERS_MAX).await?;
    heads.carriers.sort_unstable();
    let width = heads
        .carriers
        .iter()
        .map(|(carrier, _)| carrier.len())
        .max();
    let mut listed = Vec::new();
    for page in heads.carriers.chunks(PAGE) {
        let mut newest = profiles::read(client, page).await?;
        newest.sort_unstable_by(|one, other| one.carrier.cmp(&other.carrier));
        for newest in newest {
            let carrier = newest.carrier.clone();
            let (standing, document) = Standing::find(client, newest, None).await?;
            if json {
                listed.push(as_json(&carrier, &standing, document.as_ref()));
            } else {
                print(&carrier, &standing, document.as_ref(), width.unwrap_or(0))?;
            }
        }
    }
    let mut out = io::stdout().lock();
    if json {
        let report = json!({ "carriers": listed, "leftOut": heads.omitted });
        writeln!(out, "{report:#}")?;
        return Ok(());
    }
    if heads.carriers.is_empty() {
        writeln!(
            out,
            "no carrier has a profile: everything is taken as it stands"
        )?;
    }
    if heads.omitted > 0 {
        let omitted = heads.omitted;
        writeln!(
            out,
            "profiles of {omitted} more carriers are not used: the first {CARRIERS_MAX} count"
        )?;
    }
    Ok(())
}

fn print(
    carrier: &str,
    standing: &Standing,
    document: Option<&Value>,
    width: usize,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match &standing.in_force {
        Some(it) => {
            let (revision, at, by) = (it.profile.revision, time(it.created_at), &it.created_by);
            let says = document.map(summary).unwrap_or_default();
            writeln!(
                out,
                "{carrier:width$}  revision {revision}  {at}  {by}  {says}"
            )?;
        }
        None => writeln!(
            out,
            "{carrier:width$}  none in force: everything is taken as it stands"
        )?,
    }
    for refused in &standing.refused {
        writeln!(out, "{:width$}  {}", "", refused_line(refused))?;
    }
    Ok(())
}

fn as_json(carrier: &str, standing: &Standing, document: Option<&Value>) -> Value {
    let in_force = standing.in_force.as_ref();
    json!({
        "carrier": carrier,
        "revision": in_force.map(|it| it.profile.revision),
        "createdAt": in_force.map(|it| it.created_at),
        "createdBy": in_force.map(|it| &it.created_by),
        "summary": document.map(summary),
        "refused": standing.refused.iter().map(refused_json).collect::<Vec<_>>(),
    })
}
