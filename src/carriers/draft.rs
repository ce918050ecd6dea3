//! A new revision: judged as the processor would, compared with what is in force, written.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Client, Error};

use super::{CARRIERS_MAX, Difference, Fault, InForce, Standing, differences};
use crate::clock::Clock;
use crate::receipt::is_carrier_id;
use crate::receipt::profile::Profile;
use crate::store::failure::describe_query;
use crate::store::profiles::{self, InsertError, Revision};

/// A valid revision that is not written yet.
#[derive(Debug)]
pub struct Draft {
    carrier: String,
    /// The one before, or 0.
    head: i32,
    document: String,
    profile: Arc<Profile>,
    in_force: Option<i32>,
    differences: Vec<Difference>,
}

#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error("no carrier id; it has to be 1 to 64 of a-z 0-9 _ -")]
    NoCarrier,
    #[error("refused: {0}")]
    Refused(Fault),
    #[error("there are {CARRIERS_MAX} carriers with a profile already, which is the most")]
    TooManyCarriers,
    #[error("it has the last revision that there can be")]
    NoMoreRevisions,
    #[error("{}", describe_query(.0))]
    Database(#[from] Error),
}

impl Draft {
    /// Judges `document` as the next revision of `carrier`. `{}` is a profile that says nothing.
    pub async fn new(client: &Client, carrier: &str, document: &Value) -> Result<Self, DraftError> {
        if !is_carrier_id(carrier) {
            return Err(DraftError::NoCarrier);
        }
        let (standing, stored) = match Standing::of(client, carrier).await? {
            Some((standing, stored)) => (Some(standing), stored),
            None if profiles::carriers(client).await? >= CARRIERS_MAX => {
                return Err(DraftError::TooManyCarriers);
            }
            None => (None, None),
        };
        let head = standing.as_ref().map_or(0, |standing| standing.head);
        let Some(number) = head.checked_add(1) else {
            return Err(DraftError::NoMoreRevisions);
        };
        let text = document.to_string();
        let judged = InForce::read(&Revision {
            carrier: carrier.to_owned(),
            number,
            created_at: Clock.now(),
            created_by: String::new(),
            document: Some(text.clone()).filter(|it| it.len() <= profiles::DOCUMENT_MAX),
        });
        let (judged, _) = judged.map_err(DraftError::Refused)?;
        let in_force = standing.and_then(|standing| standing.in_force);
        let nothing = Value::Object(serde_json::Map::new());
        Ok(Self {
            differences: differences(stored.as_ref().unwrap_or(&nothing), document),
            in_force: in_force.map(|it| it.profile.revision),
            head,
            profile: judged.profile,
            document: text,
            carrier: carrier.to_owned(),
        })
    }

    pub fn carrier(&self) -> &str {
        &self.carrier
    }

    /// The number it would get.
    pub fn revision(&self) -> i32 {
        self.head + 1
    }

    /// What would be read by it, to try it out.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// The revision in force, which it was compared with.
    pub fn in_force(&self) -> Option<i32> {
        self.in_force
    }

    /// What it says otherwise than the one in force, or than no profile.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Whether the newest revision is in force and says the same.
    pub fn is_in_force_already(&self) -> bool {
        self.differences.is_empty() && self.in_force.unwrap_or(0) == self.head
    }

    /// Fails when somebody else has written the revision since.
    pub async fn write(&self, client: &Client) -> Result<Timestamp, InsertError> {
        profiles::insert(client, &self.carrier, self.revision(), &self.document).await
    }
}
