//! How much of the traffic is odd.

use super::Kind;

/// Shares of odd receipts, in percent of all receipts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    pub duplicates: f64,
    pub early: f64,
    pub late: f64,
    pub out_of_order: f64,
    pub unknown_words: f64,
    pub notation_fault: f64,
    pub unmatched: f64,
    pub invalid: f64,
}

#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SharesError {
    #[error("a share is a percentage between 0 and 100")]
    OutOfRange,
    #[error(
        "the shares leave nothing for ordinary receipts (a duplicate or an out-of-order receipt comes with an ordinary one and counts twice)"
    )]
    TooMuch,
}

/// Stories of each kind per hundred receipts.
pub(super) type Weights = [(Kind, f64); Kind::ALL.len()];

impl Shares {
    /// An odd kind has one odd receipt a story, and what its ordinary receipts leave is shared by
    /// the ordinary kinds.
    pub(super) fn weights(self) -> Result<Weights, SharesError> {
        let odd = |kind| self.of(kind).unwrap_or(0.0);
        if !Kind::ALL
            .iter()
            .all(|&kind| (0.0..=100.0).contains(&odd(kind)))
        {
            return Err(SharesError::OutOfRange);
        }
        let receipts =
            |kind: Kind| f64::from(u8::try_from(kind.reports().len()).unwrap_or(u8::MAX));
        let taken: f64 = Kind::ALL
            .iter()
            .map(|&kind| odd(kind) * receipts(kind))
            .sum();
        let ordinary = 100.0 - taken;
        if ordinary < 0.0 {
            return Err(SharesError::TooMuch);
        }
        Ok(Kind::ALL.map(|kind| {
            let share_of_ordinary = match kind {
                Kind::Delivered => 0.75,
                Kind::InTransitFirst => 0.20,
                Kind::Corrected => 0.05,
                _ => 0.0,
            };
            (
                kind,
                odd(kind) + ordinary * share_of_ordinary / receipts(kind),
            )
        }))
    }

    /// `None` for the ordinary kinds.
    fn of(self, kind: Kind) -> Option<f64> {
        match kind {
            Kind::Duplicate => Some(self.duplicates),
            Kind::OutOfOrder => Some(self.out_of_order),
            Kind::Early => Some(self.early),
            Kind::Late => Some(self.late),
            Kind::UnknownWord => Some(self.unknown_words),
            Kind::NotationFault => Some(self.notation_fault),
            Kind::Unmatched => Some(self.unmatched),
            Kind::Invalid => Some(self.invalid),
            Kind::Delivered | Kind::InTransitFirst | Kind::Corrected => None,
        }
    }
}
