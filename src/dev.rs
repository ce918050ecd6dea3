//! Throw-away servers for `dlr dev` and the tests: real ones, set up as in production (TLS both
//! ways, the shipped roles and accounts), on free loopback ports, in a private folder that goes
//! with the process. And what keeps them busy: simulated carriers, a view and a ledger.
pub mod binaries;
pub mod certificates;
pub mod ledger;
pub mod messages;
pub mod nats;
pub mod port;
pub mod postgres;
pub mod scenario;
pub mod secret;
pub mod site;
pub mod supervisor;
pub mod traffic;
pub mod view;
