//! Whether the segments of a message in parts can be looked up at a bearable cost: without an index
//! each look would read the whole of somebody's largest table.

use std::sync::Arc;

use tokio_postgres::{Client, Error};

use crate::config::Switch;
use crate::pipeline::GroupSwitch;
use crate::store::siblings::{self, Lookup};

/// Sets the pipeline's switch, and says so whenever it changes.
pub(super) struct GroupWatch {
    setting: Switch,
    switch: Arc<GroupSwitch>,
    said: Option<Verdict>,
}

/// What group status is, and why.
type Verdict = (bool, &'static str);

impl GroupWatch {
    pub(super) fn new(setting: Switch, switch: &Arc<GroupSwitch>) -> Self {
        Self {
            setting,
            switch: Arc::clone(switch),
            said: None,
        }
    }

    pub(super) async fn look(&mut self, client: &Client) -> Result<(), Error> {
        let verdict = match self.setting {
            Switch::On => (true, "pipeline.group_status says so"),
            Switch::Off => (false, "pipeline.group_status says so"),
            Switch::Auto => of_table(siblings::lookup(client).await?),
        };
        self.switch.set(verdict.0);
        if self.said.replace(verdict) != Some(verdict) {
            let (on, because) = verdict;
            let group_status = if on { "on" } else { "off" };
            tracing::info!(group_status, because, "status of messages in parts");
        }
        Ok(())
    }
}

fn of_table(lookup: Lookup) -> Verdict {
    match lookup {
        Lookup::Indexed => (true, "orch.sms_messages has an index on group_id"),
        Lookup::Unindexed => (
            false,
            "orch.sms_messages has no valid index that begins with group_id",
        ),
        Lookup::Hidden => (
            false,
            "orch.sms_messages is a view; if its table has an index on group_id, set pipeline.group_status = \"on\"",
        ),
    }
}
