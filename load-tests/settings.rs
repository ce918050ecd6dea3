//! The processor's configuration file.

use std::path::Path;

use anyhow::Context as _;
use dlr::config::Config;
use dlr::dev::secret::write_secret;

use crate::options::Common;

/// The configuration as a file, with what only the command line knows of.
pub(crate) fn write_settings(
    file: &Path,
    config: &Config,
    url: &Path,
    common: &Common,
) -> anyhow::Result<()> {
    let mut settings = toml::Table::try_from(config)?;
    let postgres = settings["postgres"]
        .as_table_mut()
        .context("postgres is a section")?;
    // What is shown of a URL has no password.
    postgres.retain(|name, _| !name.ends_with("url"));
    postgres.insert("url_file".into(), url.display().to_string().into());
    let pack = common.pack.map(|pack| format!("events.pack={pack}"));
    for setting in common.settings.iter().chain(&pack) {
        let (name, value) = setting.split_once('=').context("write SECTION.KEY=VALUE")?;
        let (section, key) = name.split_once('.').context("write SECTION.KEY=VALUE")?;
        let section = settings
            .entry(section)
            .or_insert_with(|| toml::Table::new().into());
        let section = section.as_table_mut().context("not a section")?;
        let number: Result<i64, _> = value.parse();
        let value = number.map_or_else(|_| value.into(), toml::Value::from);
        section.insert(key.to_owned(), value);
    }
    write_secret(file, &settings.to_string())?;
    Ok(())
}
