//! The simulated carriers, and how each writes its receipts.

/// Who hands a receipt in, and so under which subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The trusted gateway on the bare subject; the payload names the carrier.
    Gateway,
    /// The carrier itself on a subject of its own.
    Carrier,
}

/// How a receipt and the operator message id in it are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writing {
    /// Fields of a JSON object, the id as it is stored.
    Fields,
    /// The same in the archive encoding.
    Archive,
    /// Nothing of the report but the carrier's own text, the id in it as it is stored.
    Text,
    /// The id in decimal, in the field for it.
    DecimalField,
    /// The id in decimal in the carrier's text, and in hex in the TLV beside it.
    DecimalText,
    /// The id in a TLV alone, in hex, in capitals and filled up with zeros.
    HexTlv,
}

impl Writing {
    pub const ALL: [Self; 6] = [
        Self::Fields,
        Self::Archive,
        Self::Text,
        Self::DecimalField,
        Self::DecimalText,
        Self::HexTlv,
    ];
}

/// One simulated carrier.
#[derive(Debug)]
pub struct Carrier {
    pub name: &'static str,
    pub door: Door,
    pub(super) ids: Ids,
    pub(super) writings: &'static [Writing],
}

/// How the orchestrator has a carrier's ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    /// 16 hex digits, which the carrier writes likewise.
    Long,
    /// The hex digits of a number of 32 bits, as the carrier's answer to a submission has it. In
    /// its receipts it is decimal, ten digits wide: seen at four carriers.
    Numbers,
}

/// The one with an account and a subject of its own.
pub const DIRECT: Carrier = Carrier {
    name: "acme",
    door: Door::Carrier,
    ids: Ids::Long,
    writings: &[Writing::Fields],
};

/// Three more behind the gateway.
pub(super) const NORTHWIND: Carrier = Carrier {
    name: "northwind",
    door: Door::Gateway,
    ids: Ids::Long,
    writings: &[Writing::Fields, Writing::Archive],
};
pub(super) const TAILSPIN: Carrier = Carrier {
    name: "tailspin",
    door: Door::Gateway,
    ids: Ids::Long,
    writings: &[Writing::Text],
};

/// Its receipts have decimal ids for what is stored in hex. A profile says so from the start.
pub const DECIMAL: Carrier = Carrier {
    name: "fabrikam",
    door: Door::Gateway,
    ids: Ids::Numbers,
    writings: &[Writing::DecimalField, Writing::DecimalText, Writing::HexTlv],
};

/// The same, but nobody has written its profile: the planted fault.
pub const UNTOLD: Carrier = Carrier {
    name: "litware",
    door: Door::Gateway,
    ids: Ids::Numbers,
    writings: &[Writing::DecimalField],
};

/// How [`DECIMAL`] writes ids.
pub const DECIMAL_PROFILE: &str = r#"{
    "ids": {
        "field": {"form": "decimal"},
        "text": {"form": "decimal"},
        "tlv": {"form": "hex"},
        "stored": {"form": "hex"}
    }
}"#;
