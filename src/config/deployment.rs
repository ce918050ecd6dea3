use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

/// Which installation this is.
#[derive(Debug, Clone, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Deployment {
    /// Names the installation; events carry it as their source, `/dlr/<name>`. The same for every
    /// replica and for ever, because consumers de-duplicate on source and id.
    /// Default `default`; 1 to 64 of `a-z 0-9 _ -`. `DLR__DEPLOYMENT__NAME`
    #[validate(custom(function = name))]
    pub name: String,
}

impl Default for Deployment {
    fn default() -> Self {
        Self {
            name: "default".into(),
        }
    }
}

fn name(name: &str) -> Result<(), ValidationError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ValidationError::new("name").with_message("must be 1 to 64 of a-z 0-9 _ -".into()))
}
