//! Values in the form in which PostgreSQL sends and takes them, where the driver's own way is slower or
//! loses something.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use jiff::Timestamp;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

/// Microseconds from 1970 to 2000, where PostgreSQL's times begin.
const EPOCH: i64 = 946_684_800_000_000;

/// A `timestamptz`: what the driver makes of a [`Timestamp`] goes through calendar arithmetic, which
/// took a twentieth of the processor's time. What is less than a microsecond is left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Micros(i64);

impl Micros {
    /// Since 2000.
    pub(super) fn to_be_bytes(self) -> [u8; 8] {
        (self.0 - EPOCH).to_be_bytes()
    }

    /// The nearest time there is, for one that only PostgreSQL knows, like `infinity`.
    pub(super) fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
}

impl From<Timestamp> for Micros {
    fn from(time: Timestamp) -> Self {
        Self(time.as_microsecond())
    }
}

impl ToSql for Micros {
    fn to_sql(
        &self,
        _kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(&self.to_be_bytes());
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Micros {
    fn from_sql(_kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let since_2000 = i64::from_be_bytes(raw.try_into()?);
        Ok(Self(since_2000.saturating_add(EPOCH)))
    }

    accepts!(TIMESTAMPTZ);
}

/// A `numeric` as PostgreSQL sends it, to be sent back as it is: no figure of money is ever
/// converted.
#[derive(Debug, Clone, Copy)]
pub struct Numeric<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Numeric<'a> {
    fn from_sql(_kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    accepts!(NUMERIC);
}

/// A row's place in its table (`ctid`), until somebody changes the row.
#[derive(Debug, Clone, Copy)]
pub struct RowPlace([u8; 6]);

impl<'a> FromSql<'a> for RowPlace {
    fn from_sql(_kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    accepts!(TID);
}

impl ToSql for RowPlace {
    fn to_sql(
        &self,
        _kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(&self.0);
        Ok(IsNull::No)
    }

    accepts!(TID);
    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_goes_there_and_back_as_the_driver_would_send_it() {
        for text in [
            "1677-09-21T00:12:43.145224Z",
            "1999-12-31T23:59:59.999999Z",
            "2000-01-01T00:00:00Z",
            "2026-11-22T09:00:00.123456Z",
        ] {
            let time: Timestamp = text.parse().unwrap();
            let (mut ours, mut theirs) = (BytesMut::new(), BytesMut::new());
            Micros::from(time)
                .to_sql(&Type::TIMESTAMPTZ, &mut ours)
                .unwrap();
            time.to_sql(&Type::TIMESTAMPTZ, &mut theirs).unwrap();
            assert_eq!(ours, theirs, "{text}");
            let back = Micros::from_sql(&Type::TIMESTAMPTZ, &ours).unwrap();
            assert_eq!(back.timestamp(), time, "{text}");
        }
    }

    #[test]
    fn infinity_is_the_last_time_there_is() {
        let infinity = Micros::from_sql(&Type::TIMESTAMPTZ, &i64::MAX.to_be_bytes()).unwrap();
        assert_eq!(infinity.timestamp(), Timestamp::MAX);
        let before_all = Micros::from_sql(&Type::TIMESTAMPTZ, &i64::MIN.to_be_bytes()).unwrap();
        assert_eq!(before_all.timestamp(), Timestamp::MIN);
    }
}
