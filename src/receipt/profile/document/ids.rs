//! The notations of ids in a profile's document.

use serde::Deserialize;

use super::{Fault, ProfileError};
use crate::receipt::notation::WRITTEN_MAX;
use crate::receipt::notation::{AFFIX_MAX, Base, Case, Digits, Notation, Stored, Strip};
use crate::receipt::profile::Ids;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
pub(super) struct IdsDocument {
    field: SourceDocument,
    tlv: SourceDocument,
    text: SourceDocument,
    stored: StoredDocument,
}

#[derive(Default, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    default,
    expecting = "an object"
)]
struct SourceDocument {
    form: Option<Form>,
    strip_prefix: Option<String>,
    strip_suffix: Option<String>,
    /// An id without them is not in its notation, instead of being the bare id.
    strip_required: Option<bool>,
    case: Option<CaseDocument>,
    strip_zeros: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Form {
    #[default]
    Verbatim,
    Decimal,
    Hex,
    Ignore,
}

#[derive(Default, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    default,
    expecting = "an object"
)]
struct StoredDocument {
    form: Option<StoredForm>,
    width: Option<u16>,
    case: Option<CaseDocument>,
    prefix: Option<String>,
    suffix: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StoredForm {
    #[default]
    Verbatim,
    Decimal,
    Hex,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CaseDocument {
    Lower,
    Upper,
}

impl From<CaseDocument> for Case {
    fn from(case: CaseDocument) -> Self {
        match case {
            CaseDocument::Lower => Self::Lower,
            CaseDocument::Upper => Self::Upper,
        }
    }
}

impl IdsDocument {
    pub(super) fn check(self) -> Result<Ids, ProfileError> {
        let stored = self.stored.check()?;
        let ids = Ids {
            field: self.field.check("ids.field", stored.as_ref())?,
            tlv: self.tlv.check("ids.tlv", stored.as_ref())?,
            text: self.text.check("ids.text", stored.as_ref())?,
        };
        if [&ids.field, &ids.tlv, &ids.text]
            .iter()
            .all(|it| **it == Notation::Ignored)
        {
            return Err(ProfileError::new("ids", Fault::NoSource));
        }
        Ok(ids)
    }
}

impl SourceDocument {
    fn check(
        self,
        source: &'static str,
        stored: Option<&Stored>,
    ) -> Result<Notation, ProfileError> {
        let form = self.form.unwrap_or_default();
        let only_with = |forms, allowed: bool, given: &[(&str, bool)]| match given
            .iter()
            .find(|(_, is_given)| *is_given && !allowed)
        {
            Some((field, _)) => Err(wrong(source, field, Fault::NotWithForm(forms))),
            None => Ok(()),
        };
        let (case, zeros) = (self.case.is_some(), self.strip_zeros.is_some());
        let verbatim = form == Form::Verbatim;
        only_with(
            "verbatim",
            verbatim,
            &[("case", case), ("stripZeros", zeros)],
        )?;
        let strips = [
            ("stripPrefix", self.strip_prefix.is_some()),
            ("stripSuffix", self.strip_suffix.is_some()),
            ("stripRequired", self.strip_required.is_some()),
        ];
        only_with("verbatim, decimal or hex", form != Form::Ignore, &strips)?;
        let strip = Strip {
            prefix: to_strip(affix(self.strip_prefix, source, "stripPrefix")?),
            suffix: to_strip(affix(self.strip_suffix, source, "stripSuffix")?),
            required: self.strip_required.unwrap_or_default(),
        };
        if strip.required && strip.prefix.is_none() && strip.suffix.is_none() {
            return Err(wrong(source, "stripRequired", Fault::NothingToStrip));
        }
        let base = match form {
            Form::Ignore => return Ok(Notation::Ignored),
            Form::Verbatim => {
                return Ok(Notation::Verbatim {
                    strip,
                    case: self.case.map(Case::from),
                    strip_zeros: self.strip_zeros.unwrap_or_default(),
                });
            }
            Form::Decimal => Base::Decimal,
            Form::Hex => Base::Hex,
        };
        // Taken off a number without it, such a prefix would leave another number.
        let affixes = [
            ("stripPrefix", &strip.prefix),
            ("stripSuffix", &strip.suffix),
        ];
        for (field, affix) in affixes {
            let digits = |affix: &str| affix.bytes().all(|b| base.is_digit(b));
            if !strip.required && affix.as_deref().is_some_and(digits) {
                return Err(wrong(source, field, Fault::MayBeDigits));
            }
        }
        let Some(stored) = stored.cloned() else {
            return Err(wrong(source, "form", Fault::NothingToConvertTo));
        };
        Ok(Notation::Number {
            strip,
            base,
            stored,
        })
    }
}

impl StoredDocument {
    /// `None` for verbatim.
    fn check(self) -> Result<Option<Stored>, ProfileError> {
        const NAME: &str = "ids.stored";
        let form = self.form.unwrap_or_default();
        let given = [
            ("width", self.width.is_some()),
            ("prefix", self.prefix.is_some()),
            ("suffix", self.suffix.is_some()),
        ];
        let misplaced = given.iter().find(|(_, is_given)| *is_given);
        if let (StoredForm::Verbatim, Some((field, _))) = (form, misplaced) {
            return Err(wrong(NAME, field, Fault::NotWithForm("decimal or hex")));
        }
        if self.case.is_some() && form != StoredForm::Hex {
            return Err(wrong(NAME, "case", Fault::NotWithForm("hex")));
        }
        let digits = match form {
            StoredForm::Verbatim => return Ok(None),
            StoredForm::Decimal => Digits::Decimal,
            StoredForm::Hex => Digits::Hex(self.case.map_or(Case::Lower, Case::from)),
        };
        let width = u8::try_from(self.width.unwrap_or(1)).ok();
        let width = width.filter(|it| (1..=WRITTEN_MAX).contains(&usize::from(*it)));
        let Some(width) = width else {
            return Err(wrong(NAME, "width", Fault::OutOfRange("1 to 128")));
        };
        Ok(Some(Stored {
            digits,
            width,
            prefix: affix(self.prefix, NAME, "prefix")?,
            suffix: affix(self.suffix, NAME, "suffix")?,
        }))
    }
}

fn affix(given: Option<String>, section: &str, field: &str) -> Result<Box<str>, ProfileError> {
    let given = given.unwrap_or_default();
    if given.len() > AFFIX_MAX || !given.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong(section, field, Fault::BadAffix));
    }
    Ok(given.into_boxed_str())
}

fn to_strip(affix: Box<str>) -> Option<Box<str>> {
    Some(affix).filter(|affix| !affix.is_empty())
}

fn wrong(section: &str, field: &str, fault: Fault) -> ProfileError {
    ProfileError::new(format!("{section}.{field}"), fault)
}
