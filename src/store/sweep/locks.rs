//! Who sweeps, and whose turn it is to look: locks of a connection, which end with it.

use tokio_postgres::Client;

use super::{SweepSession, answer};
use crate::store::StoreError;

/// "dlr" and a number, in the space of two-part keys, where the locks of envelopes are not.
const TRY_LEAD: &str = "SELECT pg_try_advisory_lock(6581362, 1)";

/// Whether anybody holds that lock in this database.
const IS_LED: &str = "\
-- is_led
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_database AS d ON d.oid = database
    WHERE locktype = 'advisory' AND granted AND datname = current_database()
      AND classid = 6581362 AND objid = 1 AND objsubid = 2
)";

const TRY_TURN: &str = "SELECT pg_try_advisory_lock(6581362, 2)";
const END_TURN: &str = "SELECT pg_advisory_unlock(6581362, 2)";

/// Whether some process sweeps this database.
pub async fn is_led(client: &Client) -> Result<bool, StoreError> {
    let row = answer(client.query_one(IS_LED, &[])).await?;
    Ok(row.get(0))
}

impl SweepSession {
    /// Becomes the one sweeper of the database for as long as the connection lives, unless another
    /// one is.
    pub async fn try_lead(&self) -> Result<bool, StoreError> {
        self.ask(TRY_LEAD).await
    }

    /// Whether it is this connection's turn to look, until [`Self::end_turn`] or its own end. Two that
    /// look at once could say of one receipt that it is matched and that it has lapsed.
    pub async fn try_turn(&self) -> Result<bool, StoreError> {
        self.ask(TRY_TURN).await
    }

    pub async fn end_turn(&self) -> Result<(), StoreError> {
        self.ask(END_TURN).await.map(|_| ())
    }

    async fn ask(&self, lock: &str) -> Result<bool, StoreError> {
        let row = answer(self.session.client.query_one(lock, &[])).await?;
        Ok(row.get(0))
    }
}
