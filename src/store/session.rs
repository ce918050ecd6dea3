//! One connection, its prepared statements, and the bounds of a transaction.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, Statement};

use super::{StoreError, messages, parked, receipts, rejected, siblings};

/// The longest a transaction may take before its connection is given up.
const TRANSACTION_MAX: Duration = Duration::from_secs(10);

/// COMMIT of a transaction that has failed rolls it back and calls that a success; the driver does not
/// show which it was. And one may have failed unseen: the driver takes a COPY for done when it has read
/// its count, and passes by an error behind it, such as a timeout that could not interrupt the indexes'
/// work before. Any other statement is refused then, and so is what follows it in the same message.
const COMMIT: &str = "SELECT; COMMIT";

/// A connection with every statement of the pipeline prepared.
pub struct Session {
    pub(super) client: Client,
    pub(super) statements: Statements,
}

pub(super) struct Statements {
    pub(super) candidates: Statement,
    pub(super) lock_siblings: Statement,
    pub(super) raise: Statement,
    /// Where rows have places.
    pub(super) raise_at: Option<Statement>,
    pub(super) copy_receipts: Statement,
    pub(super) insert_parked: Statement,
    pub(super) insert_rejected: Statement,
    pub(super) lock: Statement,
    pub(super) lock_shared: Statement,
    pub(super) find_receipts: Statement,
    pub(super) find_parked: Statement,
    pub(super) find_rejected: Statement,
}

impl Session {
    pub async fn open(client: Client) -> Result<Self, StoreError> {
        let prepared = timeout(TRANSACTION_MAX, Self::prepare(client));
        prepared
            .await
            .unwrap_or_else(|_| Err(too_long("preparing the statements")))
    }

    async fn prepare(client: Client) -> Result<Self, StoreError> {
        let has_places: bool = client.query_one(messages::HAS_PLACES, &[]).await?.get(0);
        let (candidates, raise_at) = if has_places {
            let raise_at = client.prepare(messages::RAISE_AT).await?;
            (messages::CANDIDATES, Some(raise_at))
        } else {
            (messages::CANDIDATES_WITHOUT_PLACES, None)
        };
        let statements = Statements {
            candidates: client.prepare(candidates).await?,
            lock_siblings: client.prepare(siblings::LOCK).await?,
            raise: client.prepare(messages::RAISE).await?,
            raise_at,
            copy_receipts: client.prepare(receipts::COPY).await?,
            insert_parked: client.prepare(parked::INSERT).await?,
            insert_rejected: client.prepare(rejected::INSERT).await?,
            lock: client.prepare(receipts::LOCK).await?,
            lock_shared: client.prepare(receipts::LOCK_SHARED).await?,
            find_receipts: client.prepare(receipts::FIND).await?,
            find_parked: client.prepare(parked::FIND).await?,
            find_rejected: client.prepare(rejected::FIND).await?,
        };
        Ok(Self { client, statements })
    }

    /// Runs `work` in one transaction: commits what succeeds, rolls back what fails.
    ///
    /// The error is [`StoreError::Unavailable`] when the outcome of the commit is unknown; doing
    /// the same again is safe, since what was stored is found by its identity.
    pub async fn transact<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let bounded = timeout(TRANSACTION_MAX, async {
            // Not pipelined with the first statement: if BEGIN failed, that one would stand alone.
            // The level is said, whatever the database's default: what is looked up behind a lock
            // has to be seen as it is once the lock is there.
            self.client
                .batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED")
                .await?;
            let outcome = async {
                let done = work.await?;
                self.client.batch_execute(COMMIT).await?;
                Ok(done)
            };
            let outcome = outcome.await;
            if outcome.is_err() {
                self.client.batch_execute("ROLLBACK").await?;
            }
            outcome
        });
        match bounded.await {
            Ok(outcome) => outcome,
            Err(_) => Err(too_long("a transaction")),
        }
    }
}

fn too_long(what: &str) -> StoreError {
    StoreError::Unavailable(format!("{what} took longer than {TRANSACTION_MAX:?}"))
}
