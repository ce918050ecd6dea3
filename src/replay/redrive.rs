//! Rejected envelopes whose payload can be read by now, parked.
//!
//! Parked, because that is where receipts wait whose end is not their disposition: the sweeper looks
//! at them, matches or lapses them, and says so. Nothing is published here. The payload comes from
//! the stream, for no table keeps it.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::{Bench, ReplayError, Scope};
use crate::broker::fetch::{FetchError, Fetched, Witness};
use crate::pipeline::decode;
use crate::receipt::Receipt;
use crate::receipt::decision::Parked;
use crate::receipt::privacy::Parted;
use crate::receipt::profile::Profiles;
use crate::store::StoreError;
use crate::store::parked::NewParked;
use crate::store::rejected::{StoredRejected, Which};
use crate::store::walk::{Placed as _, Table, Walk};

/// Requests on their way at once.
const OVERLAP: usize = 32;

/// The inbound stream, as an account sees it that may look.
pub(crate) struct Inbound<'a> {
    pub(crate) witness: Witness<'a>,
    pub(crate) stream: &'a str,
    /// Of the trusted gateway.
    pub(crate) subject: &'a str,
}

/// Which rejected envelopes, and by what they are read.
pub(crate) struct Request<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) reason: Option<&'a str>,
    pub(crate) sequence: Option<u64>,
    pub(crate) profiles: &'a Profiles,
    pub(crate) dry_run: bool,
}

/// What became, or would become, of the rejected envelopes.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub found: u64,
    pub redriven_before: u64,
    /// The stream no longer has them.
    pub gone: u64,
    /// The stream was made anew, and has another envelope under the sequence.
    pub replaced: u64,
    /// Of another carrier than was asked for, as only the payload tells.
    pub other_carrier: u64,
    /// Rejected still, by the reason of now.
    pub rejected: BTreeMap<&'static str, u64>,
    pub parked: u64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.found += other.found;
        self.redriven_before += other.redriven_before;
        self.gone += other.gone;
        self.replaced += other.replaced;
        self.other_carrier += other.other_carrier;
        self.parked += other.parked;
        for (reason, count) in &other.rejected {
            *self.rejected.entry(reason).or_default() += count;
        }
    }
}

/// Reads every rejected envelope again and parks what is a receipt now. What is done is added to
/// `counts`, page by page, for whoever gives up on the rest.
pub(crate) async fn redrive(
    bench: &mut Bench,
    inbound: &Inbound<'_>,
    request: &Request<'_>,
    counts: &mut Counts,
) -> Result<(), ReplayError> {
    let Scope { from, to, carrier } = request.scope;
    let which = Which {
        stream: inbound.stream,
        reason: request.reason,
        carrier: carrier.as_deref(),
        sequence: request.sequence,
    };
    let mut walk = Walk::new(Table::Rejected, *from, *to);
    while let Some(stretch) = walk.stretch(&bench.session).await? {
        let page = bench.session.rejected(&stretch, which).await?;
        let mut of_page = Counts::default();
        let readable = inbound.read(&page, request, &mut of_page).await?;
        if !request.dry_run {
            bench.park(&readable).await?;
        }
        of_page.found = page.len() as u64;
        of_page.parked = readable.len() as u64;
        counts.add(&of_page);
        walk.advance(&page);
    }
    Ok(())
}

impl Inbound<'_> {
    /// Those of a page that are receipts now.
    async fn read(
        &self,
        page: &[StoredRejected],
        request: &Request<'_>,
        counts: &mut Counts,
    ) -> Result<Vec<(Fetched, Receipt)>, ReplayError> {
        let wanted = page.iter().filter(|row| !row.is_parked());
        let fetched = stream::iter(wanted)
            .map(async |row| Ok::<_, FetchError>((row, self.fetch(row.key().sequence).await?)));
        let mut fetched = fetched.buffered(OVERLAP);
        let mut readable = Vec::new();
        counts.redriven_before += page.iter().filter(|row| row.is_parked()).count() as u64;
        while let Some((row, envelope)) = fetched.try_next().await? {
            let Some(envelope) = envelope else {
                counts.gone += 1;
                continue;
            };
            if envelope.identity.receipt_id() != row.receipt_id() {
                counts.replaced += 1;
                continue;
            }
            let payload = envelope.payload.clone();
            match decode::read(payload, &envelope.subject, self.subject, request.profiles) {
                Err(rejection) => *counts.rejected.entry(rejection.reason()).or_default() += 1,
                Ok(receipt) if is_of(&receipt, request.scope) => readable.push((envelope, receipt)),
                Ok(_) => counts.other_carrier += 1,
            }
        }
        Ok(readable)
    }

    async fn fetch(&self, sequence: u64) -> Result<Option<Fetched>, FetchError> {
        self.witness.fetch(self.stream, sequence).await
    }
}

fn is_of(receipt: &Receipt, scope: &Scope) -> bool {
    (scope.carrier.as_deref()).is_none_or(|carrier| carrier == receipt.carrier())
}

impl Bench {
    async fn park(&mut self, readable: &[(Fetched, Receipt)]) -> Result<(), ReplayError> {
        let parked_at = self.clock.now();
        let mut rows = Vec::with_capacity(readable.len());
        for (envelope, receipt) in readable {
            let parted = Parted::of(receipt);
            let parked = Parked {
                receipt_id: envelope.identity.receipt_id(),
                carrier_id: receipt.carrier(),
                operator_message_id: parted.operator_message_id,
                stat: parted.stat,
                reason: Parked::REDRIVEN,
                parked_at,
            };
            rows.push(NewParked {
                identity: &envelope.identity,
                parked,
                // It was not the stream that brought it.
                deliveries: 0,
                received_at: receipt.received_at,
                payload_sealed: self.sealing.payload(&envelope.payload, &parked)?,
            });
        }
        let work = self.session.insert_parked(&rows, parked_at);
        match self.session.transact(Box::pin(work)).await {
            Err(StoreError::AlreadyStored) => Err(ReplayError::Contended),
            stored => Ok(stored?),
        }
    }
}
