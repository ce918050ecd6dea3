//! The operator's part: profiles, before the first receipt and after a diagnosis.

use anyhow::Context as _;
use tokio::task::{JoinSet, spawn_blocking};

use super::{Simulation, connections};
use crate::carriers::Draft;
use crate::cli::dev::say;
use crate::dev::scenario::{DECIMAL, DECIMAL_PROFILE, Kind, UNTOLD};
use crate::dev::site::Site;
use crate::dev::traffic::Published;
use crate::diagnosis::MATCHES_MIN;

/// Writes the profile of the carrier whose ids are decimal, as `dlr carriers set` does.
pub(super) async fn tell_notation(site: &Site) -> anyhow::Result<()> {
    let mut connections = JoinSet::new();
    let client = connections::database(&site.profiles(), &mut connections).await?;
    let document = serde_json::from_str(DECIMAL_PROFILE).context("a profile of our own")?;
    let draft = Draft::new(&client, DECIMAL.name, &document).await?;
    draft.write(&client).await?;
    say(&format!(
        "wrote a profile for {}, which writes in decimal what is stored in hex, and none for {}",
        DECIMAL.name, UNTOLD.name
    ))?;
    Ok(())
}

impl Simulation {
    /// Has the planted notation fault diagnosed, and what is proposed applied, by the command that an
    /// operator would type. Says whether the fault has to be gone then: some receipts prove nothing.
    pub(in crate::cli::dev) async fn repair(
        &self,
        site: &Site,
        published: &Published,
    ) -> anyhow::Result<bool> {
        let told = published.confirmed.iter();
        let told = told.filter(|it| self.scenario.story(it.story).kind == Kind::NotationFault);
        let told = told.count();
        if told < MATCHES_MIN {
            return Ok(false);
        }
        let typed = ["carriers", "diagnose", UNTOLD.name, "--apply"];
        say(&format!("\n$ dlr {}", typed.join(" ")))?;
        let mut command = site.command(&typed);
        let output = spawn_blocking(move || command.output()).await??;
        // With 1 it says that it is not content, which the ledger will show.
        if output.stdout.is_empty() {
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            anyhow::bail!("the diagnosis failed: {}", complaint.trim_end());
        }
        say(&String::from_utf8_lossy(&output.stdout))?;
        Ok(true)
    }
}
