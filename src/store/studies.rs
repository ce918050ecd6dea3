//! What a diagnosis asks: about parked receipts, about messages, and about what was decided lately.
//!
//! Each statement reads a bounded part, so that none of them holds up the pipeline or meets the
//! role's time limit, however much is parked.

mod decided;
mod holders;
mod parked;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

pub use self::decided::{Decided, Matched};
pub use self::holders::{Elsewhere, Holder};
pub use self::parked::{OpenCount, SealedParked};
use super::{Session, StoreError};

/// A connection for studies; a [`Session`] besides, to match as the pipeline does.
pub struct Studies {
    session: Session,
}

impl Studies {
    pub async fn open(client: Client) -> Result<Self, StoreError> {
        Ok(Self {
            session: Session::open(client).await?,
        })
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn client(&self) -> &Client {
        &self.session.client
    }

    async fn query(
        &self,
        statement: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        Ok(self.session.client.query(statement, params).await?)
    }
}
