//! Who may say what: as shipped, or less strict for whoever keeps one account.

/// The accounts as shipped.
pub const ACCOUNTS: &str = include_str!("../../../deploy/nats/accounts.conf");

/// The shipped accounts, but whoever signs in as the provisioner may do anything in the account of the
/// streams: where operators keep one account, the processor signs in there, and no import lies
/// between the two.
pub fn in_one_account() -> String {
    let rights = "permissions: {";
    let (before, provisioner) = ACCOUNTS.split_once(rights).expect("users have permissions");
    let (_, after) = provisioner.split_once("} }").expect("permissions end");
    format!(r#"{before}{rights} publish: ">", subscribe: ">" }} }}{after}"#)
}
