//! What the table says about one carrier: which revision is in force, which newer ones are refused.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Client, Error};

use crate::receipt::is_carrier_id;
use crate::receipt::profile::{Profile, ProfileError};
use crate::store::profiles::{self, DOCUMENT_MAX, Revision};

/// Revisions read at once on the way down from a refused one.
const STEP: i64 = 8;
/// Refused revisions after which nothing valid is expected below.
const REFUSED_MAX: usize = 1_000;

/// Why a revision is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("carrier_id: must be 1 to 64 of a-z 0-9 _ -")]
    Carrier,
    #[error("profile: must be at most {DOCUMENT_MAX} bytes long")]
    TooLong,
    #[error("profile: is nested too deep, or holds a number that cannot be read")]
    Unreadable,
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

impl Fault {
    /// The field to mend, with dots. For logs, where what it says has no place.
    pub fn field(&self) -> &str {
        match self {
            Self::Carrier => "carrier_id",
            Self::TooLong | Self::Unreadable => "profile",
            Self::Profile(error) => &error.field,
        }
    }
}

#[derive(Debug, Clone)]
pub struct InForce {
    pub profile: Arc<Profile>,
    pub created_at: Timestamp,
    pub created_by: String,
}

#[derive(Debug, Clone)]
pub struct Refused {
    pub revision: i32,
    pub created_at: Timestamp,
    pub created_by: String,
    pub fault: Fault,
}

/// A carrier that has at least one revision.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The highest revision.
    pub head: i32,
    /// `None` when none of the newest 1,000 is valid: then everything of this carrier is taken as it
    /// stands.
    pub in_force: Option<InForce>,
    /// Those above the one in force, newest first.
    pub refused: Vec<Refused>,
}

impl Standing {
    /// Of a carrier that has a revision; with the document of the one in force.
    pub async fn of(
        client: &Client,
        carrier: &str,
    ) -> Result<Option<(Self, Option<Value>)>, Error> {
        let newest = profiles::down_from(client, carrier, i32::MAX, 1).await?;
        match newest.into_iter().next() {
            Some(newest) => Ok(Some(Self::find(client, newest, None).await?)),
            None => Ok(None),
        }
    }

    /// Goes down from `newest`, the highest revision, to the first valid one, or to the one that was
    /// in force `before` and is still among them, whose document is not read again.
    pub async fn find(
        client: &Client,
        newest: Revision,
        before: Option<&InForce>,
    ) -> Result<(Self, Option<Value>), Error> {
        let head = newest.number;
        let carrier = newest.carrier.clone();
        let mut refused = Vec::new();
        let mut step = vec![newest];
        loop {
            for revision in step {
                let kept = before.filter(|kept| kept.profile.revision == revision.number);
                let valid = match kept {
                    Some(kept) => Ok((kept.clone(), None)),
                    None => InForce::read(&revision).map(|(it, document)| (it, Some(document))),
                };
                match valid {
                    Ok((in_force, document)) => {
                        let standing = Self {
                            head,
                            in_force: Some(in_force),
                            refused,
                        };
                        return Ok((standing, document));
                    }
                    Err(fault) => refused.push(Refused {
                        revision: revision.number,
                        created_at: revision.created_at,
                        created_by: revision.created_by,
                        fault,
                    }),
                }
            }
            let lowest = refused.last().map_or(head, |refused| refused.revision);
            step = profiles::down_from(client, &carrier, lowest - 1, STEP).await?;
            if step.is_empty() || refused.len() >= REFUSED_MAX {
                let standing = Self {
                    head,
                    in_force: None,
                    refused,
                };
                return Ok((standing, None));
            }
        }
    }
}

impl InForce {
    /// The one place where a revision becomes a profile; with the document it was read from.
    pub fn read(revision: &Revision) -> Result<(Self, Value), Fault> {
        if !is_carrier_id(&revision.carrier) {
            return Err(Fault::Carrier);
        }
        let text = revision.document.as_ref().ok_or(Fault::TooLong)?;
        let document: Value =
            serde_json::from_str(text).map_err(|_quotes_the_text| Fault::Unreadable)?;
        let mut profile = Profile::parse(&document, revision.number)?;
        profile.created_at = Some(revision.created_at);
        let in_force = Self {
            profile: Arc::new(profile),
            created_at: revision.created_at,
            created_by: revision.created_by.clone(),
        };
        Ok((in_force, document))
    }
}
