//! A profile's document, out of a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::store::profiles::DOCUMENT_MAX;

/// `-` reads standard input.
pub(in crate::cli) fn read(file: &Path) -> anyhow::Result<Value> {
    let shown = file.display();
    let mut text = String::new();
    let limit = DOCUMENT_MAX as u64 + 1;
    let read = if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        File::open(file).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    let read = read.with_context(|| format!("cannot read {shown}"))?;
    if read > DOCUMENT_MAX {
        bail!("{shown} is longer than {DOCUMENT_MAX} bytes");
    }
    serde_json::from_str(&text).with_context(|| format!("{shown} is no JSON document"))
}
