//! Both sides' events in temporary files, cut by message into parts that are compared one at a time:
//! memory holds one part, however long the books are and in whatever order they come.
//!
//! They hold ids and sequences, nothing personal, and have no name: they go with the process.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Seek as _, Write as _};

use uuid::Uuid;

use super::named::{About, Claim, Due, Name, Told, Word};
use crate::receipt::ids::EventKind;

/// Events of one part, about; a map of them takes some 30 MiB.
const PART: u64 = 200_000;
/// Each part has two files, and a process may hold 1,024 as a rule. Beyond 50 million events the
/// parts grow.
const PARTS_MAX: u64 = 256;
/// Where more turns up than was thought.
const PARTS_MIN: u64 = 16;

pub(super) struct Spill {
    claims: Vec<BufWriter<File>>,
    told: Vec<BufWriter<File>>,
}

/// What one part holds.
pub(super) struct Part {
    pub(super) claims: Vec<Claim>,
    pub(super) told: Vec<Told>,
}

impl Spill {
    /// For about so many events.
    pub(super) fn new(events: u64) -> io::Result<Self> {
        let parts = (events / PART).clamp(PARTS_MIN, PARTS_MAX);
        let files = || -> io::Result<Vec<_>> {
            (0..parts)
                .map(|_| Ok(BufWriter::new(tempfile::tempfile()?)))
                .collect()
        };
        Ok(Self {
            claims: files()?,
            told: files()?,
        })
    }

    pub(super) fn claim(&mut self, claim: &Claim) -> io::Result<()> {
        let Claim {
            name,
            id,
            about,
            sequence,
            due,
            decided_at,
        } = claim;
        let file = part_of(&mut self.claims, name, *about);
        write_name(file, name)?;
        file.write_all(id.unwrap_or_default().as_bytes())?;
        write_about(file, *about)?;
        file.write_all(&sequence.to_le_bytes())?;
        file.write_all(&decided_at.to_le_bytes())?;
        file.write_all(&[u8::from(*due == Due::Yes)])
    }

    pub(super) fn tell(&mut self, told: &Told) -> io::Result<()> {
        let Told {
            name,
            id,
            about,
            sequence,
        } = told;
        let file = part_of(&mut self.told, name, *about);
        write_name(file, name)?;
        file.write_all(id.as_bytes())?;
        write_about(file, *about)?;
        file.write_all(&sequence.to_le_bytes())
    }

    /// One part after the other.
    pub(super) fn parts(self) -> impl Iterator<Item = io::Result<Part>> {
        self.claims
            .into_iter()
            .zip(self.told)
            .map(|(claims, told)| {
                Ok(Part {
                    claims: all(claims, read_claim)?,
                    told: all(told, read_told)?,
                })
            })
    }
}

fn part_of<'a>(
    files: &'a mut [BufWriter<File>],
    name: &Name,
    about: About,
) -> &'a mut BufWriter<File> {
    let belongs_to = match about {
        About::Message(id) => id,
        About::ParkedAt(_) => name.receipt,
    };
    // Others' ids may differ in a few bits only, whichever these are.
    let (high, low) = belongs_to.as_u64_pair();
    let mixed = (high ^ low.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let part = mixed as usize % files.len();
    &mut files[part]
}

fn all<T>(
    file: BufWriter<File>,
    read: impl Fn(&mut BufReader<File>) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    let mut file = BufReader::new(file);
    let mut rows = Vec::new();
    while !file.fill_buf()?.is_empty() {
        rows.push(read(&mut file)?);
    }
    Ok(rows)
}

fn read_claim(file: &mut BufReader<File>) -> io::Result<Claim> {
    let name = read_name(file)?;
    let id = Uuid::from_bytes(read(file)?);
    let about = read_about(file, name.kind)?;
    let sequence = u64::from_le_bytes(read(file)?);
    let decided_at = i64::from_le_bytes(read(file)?);
    let [due] = read(file)?;
    Ok(Claim {
        name,
        id: (!id.is_nil()).then_some(id),
        about,
        sequence,
        due: if due == 1 { Due::Yes } else { Due::NotYet },
        decided_at,
    })
}

fn read_told(file: &mut BufReader<File>) -> io::Result<Told> {
    let name = read_name(file)?;
    let id = Uuid::from_bytes(read(file)?);
    let about = read_about(file, name.kind)?;
    let sequence = u64::from_le_bytes(read(file)?);
    Ok(Told {
        name,
        id,
        about,
        sequence,
    })
}

fn write_name(file: &mut BufWriter<File>, name: &Name) -> io::Result<()> {
    file.write_all(name.receipt.as_bytes())?;
    let kind = EventKind::ALL.iter().position(|kind| *kind == name.kind);
    let kind = kind.and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
    file.write_all(&[kind, name.word.code()])
}

fn read_name(file: &mut BufReader<File>) -> io::Result<Name> {
    let receipt = Uuid::from_bytes(read(file)?);
    let [kind, word] = read(file)?;
    Ok(Name {
        receipt,
        kind: EventKind::ALL[usize::from(kind)],
        word: Word::from_code(word),
    })
}

fn write_about(file: &mut BufWriter<File>, about: About) -> io::Result<()> {
    match about {
        About::Message(id) => file.write_all(id.as_bytes()),
        About::ParkedAt(at) => file.write_all(&i128::from(at).to_le_bytes()),
    }
}

fn read_about(file: &mut BufReader<File>, kind: EventKind) -> io::Result<About> {
    let about: [u8; 16] = read(file)?;
    Ok(match kind {
        EventKind::Unmatched => {
            About::ParkedAt(i64::try_from(i128::from_le_bytes(about)).unwrap_or_default())
        }
        EventKind::Billing | EventKind::Webhook => About::Message(Uuid::from_bytes(about)),
    })
}

fn read<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_down_is_read_again_with_what_belongs_to_it() {
        let mut spill = Spill::new(10 * PART).unwrap();
        let word = Word::of("delivered").unwrap();
        let name = |n: u64, kind| Name {
            receipt: Uuid::from_u128(u128::from(n) * 0x9e37_79b9_7f4a_7c15),
            kind,
            word,
        };
        let kind = |n: u64| EventKind::ALL[usize::try_from(n % 3).unwrap()];
        let about = |n: u64| match kind(n) {
            EventKind::Unmatched => About::ParkedAt(-i64::try_from(n).unwrap()),
            _ => About::Message(Uuid::from_u128(u128::from(n) * 0x9e37_79b9)),
        };
        let claims: Vec<Claim> = (0..100)
            .map(|n| Claim {
                name: name(n, kind(n)),
                id: (n % 3 > 0).then(|| Uuid::from_u128(u128::from(n))),
                about: about(n),
                sequence: n,
                due: if n % 2 == 0 { Due::Yes } else { Due::NotYet },
                decided_at: 1_000 - i64::try_from(n).unwrap() * 20,
            })
            .collect();
        let told: Vec<Told> = (0..100)
            .map(|n| Told {
                name: name(n, kind(n)),
                id: Uuid::from_u128(u128::from(n) + 7),
                about: about(n),
                sequence: n,
            })
            .collect();
        for (claim, told) in claims.iter().zip(&told) {
            spill.claim(claim).unwrap();
            spill.tell(told).unwrap();
        }
        let (mut claims_again, mut told_again) = (Vec::new(), Vec::new());
        for part in spill.parts() {
            let part = part.unwrap();
            let receipts =
                |names: Vec<Uuid>| names.into_iter().collect::<std::collections::BTreeSet<_>>();
            assert_eq!(
                receipts(part.claims.iter().map(|it| it.name.receipt).collect()),
                receipts(part.told.iter().map(|it| it.name.receipt).collect()),
            );
            claims_again.extend(part.claims);
            told_again.extend(part.told);
        }
        claims_again.sort_by_key(|it| it.sequence);
        told_again.sort_by_key(|it| it.sequence);
        assert_eq!((claims_again, told_again), (claims, told));
    }
}
