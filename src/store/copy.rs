//! Rows as `COPY … (FORMAT binary)` reads them (PostgreSQL's manual, "COPY", Binary Format).
//!
//! Written by hand, straight from what they borrow: the driver's own writer takes each value as an
//! object, and wakes the connection every 4 KiB.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use jiff::Timestamp;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use super::StoreError;
use super::values::{Micros, Numeric};

/// The signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: i16 = -1;
const NULL: i32 = -1;

/// How much is handed to the driver at a time, which copies it.
const CHUNK: usize = 64 << 10;

/// Rows of one table, each of the same columns in the order of its COPY statement.
pub(super) struct CopyRows {
    columns: i16,
    count: u64,
    buffer: BytesMut,
    /// What is full.
    chunks: Vec<Bytes>,
}

impl CopyRows {
    pub(super) fn new(columns: i16) -> Self {
        Self {
            columns,
            count: 0,
            buffer: BytesMut::new(),
            chunks: Vec::new(),
        }
    }

    /// Begins a row: as many values follow as there are columns.
    pub(super) fn row(&mut self) -> Row<'_> {
        if self.count == 0 {
            self.buffer.reserve(CHUNK);
            self.buffer.extend_from_slice(HEADER);
        } else if self.buffer.len() >= CHUNK {
            self.chunks.push(self.buffer.split().freeze());
            self.buffer.reserve(CHUNK);
        }
        self.count += 1;
        self.buffer.put_i16(self.columns);
        Row {
            buffer: &mut self.buffer,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Stores them all or none.
    pub(super) async fn send(self, client: &Client, copy: &Statement) -> Result<(), StoreError> {
        let count = self.count;
        // Refused before it takes any row, it is none's fault, and the driver is out of step: the
        // connection is no longer good for anything.
        let began = client.copy_in(copy).await;
        let sink = began.map_err(|error| match StoreError::from(error) {
            StoreError::Unavailable(fault) => StoreError::Unavailable(fault),
            other => StoreError::Unavailable(other.to_string()),
        })?;
        let mut sink = Box::pin(sink);
        for chunk in self.chunks() {
            sink.feed(chunk).await?;
        }
        if sink.as_mut().finish().await? == count {
            Ok(())
        } else {
            let fault = "a trigger keeps receipts from being stored";
            Err(StoreError::Unavailable(fault.to_owned()))
        }
    }

    fn chunks(mut self) -> Vec<Bytes> {
        self.buffer.put_i16(TRAILER);
        self.chunks.push(self.buffer.freeze());
        self.chunks
    }
}

/// A row in the making.
pub(super) struct Row<'a> {
    buffer: &'a mut BytesMut,
}

impl Row<'_> {
    /// The next column's value.
    #[inline]
    pub(super) fn put(&mut self, value: impl Value) -> &mut Self {
        value.write(self.buffer);
        self
    }
}

/// A value in the type that its column has: what does not fit is refused by PostgreSQL.
pub(super) trait Value {
    fn write(self, buffer: &mut BytesMut);
}

impl<T: Value> Value for Option<T> {
    #[inline]
    fn write(self, buffer: &mut BytesMut) {
        match self {
            Some(value) => value.write(buffer),
            None => buffer.put_i32(NULL),
        }
    }
}

impl Value for &[u8] {
    #[inline]
    fn write(self, buffer: &mut BytesMut) {
        let length = i32::try_from(self.len()).expect("no value of a receipt has two gigabytes");
        buffer.put_i32(length);
        buffer.extend_from_slice(self);
    }
}

impl Value for &str {
    #[inline]
    fn write(self, buffer: &mut BytesMut) {
        self.as_bytes().write(buffer);
    }
}

impl Value for Uuid {
    #[inline]
    fn write(self, buffer: &mut BytesMut) {
        self.as_bytes().as_slice().write(buffer);
    }
}

impl Value for Numeric<'_> {
    #[inline]
    fn write(self, buffer: &mut BytesMut) {
        self.0.write(buffer);
    }
}

impl Value for Timestamp {
    #[inline]
    fn write(self, buffer: &mut BytesMut) {
        Micros::from(self).to_be_bytes().as_slice().write(buffer);
    }
}

impl Value for bool {
    #[inline]
    fn write(self, buffer: &mut BytesMut) {
        [u8::from(self)].as_slice().write(buffer);
    }
}

/// Big-endian, as everything in this format.
macro_rules! integers {
    ($($kind:ty),+) => {$(
        impl Value for $kind {
            #[inline]
            fn write(self, buffer: &mut BytesMut) {
                self.to_be_bytes().as_slice().write(buffer);
            }
        }
    )+};
}

integers!(i16, i32, i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_count_of_columns_and_each_value_behind_its_length() {
        let mut rows = CopyRows::new(4);
        rows.row()
            .put("ab")
            .put(None::<&str>)
            .put(-2_i16)
            .put(Timestamp::from_second(946_684_801).unwrap());
        let expected = [
            b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".as_slice(),
            b"\0\x04",
            b"\0\0\0\x02ab",
            b"\xff\xff\xff\xff",
            b"\0\0\0\x02\xff\xfe",
            b"\0\0\0\x08\0\0\0\0\0\x0f\x42\x40",
            b"\xff\xff",
        ];
        assert_eq!(rows.chunks().concat(), expected.concat());
    }

    #[test]
    fn many_rows_go_in_chunks_that_make_one_whole() {
        const ROWS: usize = 10_000;
        let mut rows = CopyRows::new(1);
        for _ in 0..ROWS {
            rows.row().put(7_i64);
        }
        let chunks = rows.chunks();
        assert!(chunks.iter().all(|chunk| chunk.len() < CHUNK + 64));
        let row = b"\0\x01\0\0\0\x08\0\0\0\0\0\0\0\x07";
        let whole = [HEADER, &row.repeat(ROWS), b"\xff\xff"].concat();
        assert_eq!(chunks.concat(), whole);
    }
}
