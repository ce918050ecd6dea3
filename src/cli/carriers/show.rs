//! `dlr carriers show`

use std::io::{self, Write as _};

use anyhow::bail;
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::telling::{refused_json, refused_line, summary, time};
use crate::carriers::{Fault, InForce, Standing};
use crate::store::profiles::{self, DOCUMENT_MAX, Revision};

/// Revisions of a history; the others can be asked for one by one.
const HISTORY_MAX: i64 = 100;

/// What became of a revision.
enum State {
    InForce,
    Refused(Fault),
    /// Valid, and a newer valid one counts.
    Superseded,
}

impl State {
    fn of(revision: &Revision, in_force: Option<&InForce>) -> Self {
        match InForce::read(revision) {
            Err(fault) => Self::Refused(fault),
            Ok(_) if in_force.is_some_and(|it| it.profile.revision == revision.number) => {
                Self::InForce
            }
            Ok(_) => Self::Superseded,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::Refused(_) => "refused",
            Self::Superseded => "superseded",
        }
    }

    fn tell(&self) -> String {
        match self {
            Self::Refused(fault) => format!("refused: {fault}"),
            _ => self.word().to_owned(),
        }
    }

    fn fault(&self) -> Option<String> {
        match self {
            Self::Refused(fault) => Some(fault.to_string()),
            _ => None,
        }
    }
}

pub(super) async fn in_force(client: &Client, carrier: &str, json: bool) -> anyhow::Result<()> {
    let (standing, document) = standing(client, carrier).await?;
    let mut out = io::stdout().lock();
    let in_force = standing.in_force.as_ref();
    if json {
        let report = json!({
            "carrier": carrier,
            "revision": in_force.map(|it| it.profile.revision),
            "createdAt": in_force.map(|it| it.created_at),
            "createdBy": in_force.map(|it| &it.created_by),
            "profile": document,
            "refused": standing.refused.iter().map(refused_json).collect::<Vec<_>>(),
        });
        writeln!(out, "{report:#}")?;
        return Ok(());
    }
    match in_force {
        Some(it) => {
            let (revision, at, by) = (it.profile.revision, time(it.created_at), &it.created_by);
            writeln!(
                out,
                "{carrier}: revision {revision} is in force, written {at} by {by}"
            )?;
        }
        None => writeln!(
            out,
            "{carrier}: no revision is in force; everything is taken as it stands"
        )?,
    }
    for refused in &standing.refused {
        writeln!(out, "{}", refused_line(refused))?;
    }
    if let Some(document) = document {
        writeln!(out, "{document:#}")?;
    }
    Ok(())
}

pub(super) async fn revision(
    client: &Client,
    carrier: &str,
    number: i32,
    json: bool,
) -> anyhow::Result<()> {
    let (standing, _) = standing(client, carrier).await?;
    let wanted = [(carrier.to_owned(), number)];
    let Some(revision) = profiles::read(client, &wanted).await?.into_iter().next() else {
        let newest = standing.head;
        bail!("carrier {carrier} has no revision {number}; its newest is {newest}");
    };
    let state = State::of(&revision, standing.in_force.as_ref());
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{:#}", as_json(&revision, &state))?;
        return Ok(());
    }
    let (at, by, state) = (
        time(revision.created_at),
        &revision.created_by,
        state.tell(),
    );
    writeln!(
        out,
        "{carrier}: revision {number}, written {at} by {by}, {state}"
    )?;
    match document(&revision) {
        Some(document) => writeln!(out, "{document:#}")?,
        None => writeln!(out, "(a document of more than {DOCUMENT_MAX} bytes)")?,
    }
    Ok(())
}

pub(super) async fn history(client: &Client, carrier: &str, json: bool) -> anyhow::Result<()> {
    let (standing, _) = standing(client, carrier).await?;
    let revisions = profiles::down_from(client, carrier, i32::MAX, HISTORY_MAX).await?;
    let in_force = standing.in_force.as_ref();
    let states = revisions
        .iter()
        .map(|revision| State::of(revision, in_force));
    let told = revisions.iter().zip(states);
    let mut out = io::stdout().lock();
    if json {
        let told: Vec<Value> = told
            .map(|(revision, state)| as_json(revision, &state))
            .collect();
        writeln!(
            out,
            "{:#}",
            json!({ "carrier": carrier, "revisions": told })
        )?;
        return Ok(());
    }
    for (revision, state) in told {
        let (number, at, by) = (
            revision.number,
            time(revision.created_at),
            &revision.created_by,
        );
        let says = document(revision).map_or_else(String::new, |it| summary(&it));
        writeln!(out, "revision {number}  {at}  {by}  {}", state.tell())?;
        writeln!(out, "  {says}")?;
    }
    if revisions.last().is_some_and(|last| last.number > 1)
        && i64::try_from(revisions.len()).is_ok_and(|shown| shown == HISTORY_MAX)
    {
        writeln!(out, "older ones are shown by --revision")?;
    }
    Ok(())
}

async fn standing(client: &Client, carrier: &str) -> anyhow::Result<(Standing, Option<Value>)> {
    match Standing::of(client, carrier).await? {
        Some(standing) => Ok(standing),
        None => bail!("carrier {carrier:?} has no profile: everything is taken as it stands"),
    }
}

fn document(revision: &Revision) -> Option<Value> {
    serde_json::from_str(revision.document.as_ref()?).ok()
}

fn as_json(revision: &Revision, state: &State) -> Value {
    json!({
        "carrier": revision.carrier,
        "revision": revision.number,
        "state": state.word(),
        "reason": state.fault(),
        "createdAt": revision.created_at,
        "createdBy": revision.created_by,
        "profile": document(revision),
    })
}
