//! Receipts out of a file of any length: one line at a time, and of none more than a receipt may have.

use std::io::{self, BufRead, Chain, Cursor, Read as _};

use crate::receipt::{PAYLOAD_MAX, archive};

/// What is to be one receipt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Payload(Vec<u8>),
    /// Its length; it is not kept.
    Oversized(u64),
}

pub(super) struct Input {
    rest: Chain<Cursor<Vec<u8>>, Box<dyn BufRead>>,
    is_archive: bool,
    line: u64,
}

impl Input {
    pub(super) fn new(mut input: Box<dyn BufRead>) -> io::Result<Self> {
        let mut head = Vec::new();
        input.by_ref().take(8).read_to_end(&mut head)?;
        Ok(Self {
            is_archive: archive::begins(&head),
            rest: Cursor::new(head).chain(input),
            line: 0,
        })
    }

    /// The next receipt and its line; an archive is the only one of its file.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Piece)>> {
        loop {
            let Some(piece) = self.piece()? else {
                return Ok(None);
            };
            self.line += 1;
            let is_blank = matches!(&piece, Piece::Payload(line) if line.trim_ascii().is_empty());
            if !is_blank {
                return Ok(Some((self.line, piece)));
            }
        }
    }

    fn piece(&mut self) -> io::Result<Option<Piece>> {
        let mut piece = Vec::new();
        // One byte more than a receipt may have: the end of the line, or the proof that it is longer.
        let mut start = self.rest.by_ref().take(PAYLOAD_MAX as u64 + 1);
        let read = if self.is_archive {
            start.read_to_end(&mut piece)?
        } else {
            start.read_until(b'\n', &mut piece)?
        };
        if read == 0 {
            return Ok(None);
        }
        if !self.is_archive && piece.last() == Some(&b'\n') {
            piece.pop();
        } else if piece.len() > PAYLOAD_MAX {
            return Ok(Some(Piece::Oversized(read as u64 + self.skip()?)));
        }
        Ok(Some(Piece::Payload(piece)))
    }

    /// Reads on to where the next receipt could begin.
    fn skip(&mut self) -> io::Result<u64> {
        if self.is_archive {
            return io::copy(&mut self.rest, &mut io::sink());
        }
        let mut skipped = 0;
        loop {
            let buffer = match self.rest.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.unwrap_or(buffer.len());
            skipped += used as u64;
            let is_end = end.is_some() || buffer.is_empty();
            self.rest.consume(used + usize::from(end.is_some()));
            if is_end {
                return Ok(skipped);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(bytes: &[u8]) -> Vec<(u64, Piece)> {
        let mut input = Input::new(Box::new(Cursor::new(bytes.to_vec()))).unwrap();
        std::iter::from_fn(|| input.next().unwrap()).collect()
    }

    fn payload(bytes: &[u8]) -> Piece {
        Piece::Payload(bytes.to_vec())
    }

    #[test]
    fn lines_are_numbered_and_blank_ones_left_out() {
        assert_eq!(
            pieces(b"\none\r\n \t\r\n\ntwo"),
            [(2, payload(b"one\r")), (5, payload(b"two"))]
        );
        assert_eq!(pieces(b""), []);
        assert_eq!(pieces(b"\n\n"), []);
    }

    #[test]
    fn a_line_longer_than_a_receipt_is_counted_and_not_kept() {
        let longest = "x".repeat(PAYLOAD_MAX);
        let longer = "x".repeat(1_000_000);
        let file = format!("{longest}\n{longest}x\n{longer}\nend");
        let expected = [
            (1, payload(longest.as_bytes())),
            (2, Piece::Oversized(PAYLOAD_MAX as u64 + 1)),
            (3, Piece::Oversized(1_000_000)),
            (4, payload(b"end")),
        ];
        assert_eq!(pieces(file.as_bytes()), expected);
        assert_eq!(pieces(longest.as_bytes()), expected[..1]);
    }

    #[test]
    fn an_archive_is_one_receipt_whatever_bytes_it_has() {
        let archive = b"DLR\x01\0\0\x04\0a\nb\n";
        assert_eq!(pieces(archive), [(1, payload(archive))]);
        let long = [&archive[..], &[b'\n'; PAYLOAD_MAX]].concat();
        assert_eq!(pieces(&long), [(1, Piece::Oversized(long.len() as u64))]);
        assert_eq!(pieces(b"DLR id:7\nx").len(), 2);
    }
}
