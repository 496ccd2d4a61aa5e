//! What a file is known by: its content, whatever it is called and wherever it lies.
//!
//! All of it counts, because a correction may be anywhere. Only of a very large file, which would keep
//! its run waiting, samples are taken: its beginning, its end, and pieces in even distances between.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;

use xxhash_rust::xxh3::Xxh3;

/// The beginning that tells whether a longer file may be one that has grown.
const HEAD_BYTES: u64 = 64 * 1024;
/// Up to this size all of a file is looked at.
const WHOLE_BYTES: u64 = 1 << 30;
/// How many samples are taken of a larger one, between its beginning and its end.
const SAMPLES: u64 = 4096;
/// How long a sample is.
const SAMPLE_BYTES: u64 = 64 * 1024;
/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What a file is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Its size in bytes.
    pub size: u64,
    /// How many bytes of its beginning `head_hash` is of.
    pub head_bytes: u64,
    /// A hash of its beginning.
    pub head_hash: String,
    /// A hash of its size and of samples of all of it; of everything up to 1 GiB.
    pub content_hash: String,
}

/// The fingerprint of the first `size` bytes of a file, which is at its beginning afterwards.
///
/// # Errors
/// When the file can't be read, or is shorter.
pub(in crate::events) fn fingerprint(file: &mut File, size: u64) -> io::Result<Fingerprint> {
    let made = of(file, size);
    file.seek(SeekFrom::Start(0))?;
    made
}

fn of(bytes: &mut (impl Read + Seek), size: u64) -> io::Result<Fingerprint> {
    let head_bytes = size.min(HEAD_BYTES);
    let head_hash = head_hash(bytes, head_bytes)?;
    let mut content = Xxh3::new();
    content.update(&size.to_le_bytes());
    if size <= WHOLE_BYTES {
        hash(bytes, 0, size, &mut content)?;
    } else {
        let last = size - SAMPLE_BYTES;
        for sample in 0..=SAMPLES {
            // In two steps, so that no size is too large to be multiplied.
            let at = last / SAMPLES * sample + last % SAMPLES * sample / SAMPLES;
            hash(bytes, at, SAMPLE_BYTES, &mut content)?;
        }
    }
    Ok(Fingerprint { size, head_bytes, head_hash, content_hash: hex(&content) })
}

/// The hash of the first `length` bytes.
fn head_hash(bytes: &mut (impl Read + Seek), length: u64) -> io::Result<String> {
    let mut head = Xxh3::new();
    hash(bytes, 0, length, &mut head)?;
    Ok(hex(&head))
}

fn hash(bytes: &mut (impl Read + Seek), at: u64, length: u64, into: &mut Xxh3) -> io::Result<()> {
    bytes.seek(SeekFrom::Start(at))?;
    let mut left = length;
    let mut buffer = vec![0; CHUNK_BYTES];
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        bytes.read_exact(&mut buffer[..wanted])?;
        into.update(&buffer[..wanted]);
        left -= wanted as u64;
    }
    Ok(())
}

fn hex(hash: &Xxh3) -> String {
    format!("{:032x}", hash.digest128())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::io::Cursor;
    use std::io::Read;
    use std::io::Seek;
    use std::io::SeekFrom;

    use crate::events::fingerprint::Fingerprint;
    use crate::events::fingerprint::WHOLE_BYTES;
    use crate::events::fingerprint::of;

    fn fingerprint(bytes: &[u8], size: usize) -> Fingerprint {
        of(&mut Cursor::new(bytes), size as u64).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_same_content_has_the_same_fingerprint_and_other_content_another_one() {
        let text = b"{\"a\":1}\n".repeat(20_000);
        assert_eq!(fingerprint(&text, text.len()), fingerprint(&text.clone(), text.len()));
        let mut other = text.clone();
        other[100_000] = b'2';
        let (one, two) = (fingerprint(&text, text.len()), fingerprint(&other, other.len()));
        assert_eq!(one.head_hash, two.head_hash);
        assert_ne!(one.content_hash, two.content_hash);
    }

    #[test]
    fn the_beginning_of_a_grown_file_has_the_fingerprint_of_what_it_was() {
        let text = b"{\"a\":1}\n".repeat(10);
        let grown = b"{\"a\":1}\n".repeat(11);
        assert_eq!(fingerprint(&text, 80), fingerprint(&grown, 80));
        assert_ne!(fingerprint(&text, 80).content_hash, fingerprint(&grown, 88).content_hash);
    }

    /// Bytes that are nowhere: all the same but for one.
    struct Large {
        size: u64,
        other: u64,
        at: u64,
    }

    impl Read for Large {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = (self.size - self.at).min(out.len() as u64);
            out[..count as usize].fill(b'x');
            if (self.at..self.at + count).contains(&self.other) {
                out[(self.other - self.at) as usize] = b'y';
            }
            self.at += count;
            Ok(count as usize)
        }
    }

    impl Seek for Large {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            match to {
                SeekFrom::Start(at) => self.at = at,
                _ => return Err(io::ErrorKind::Unsupported.into()),
            }
            Ok(self.at)
        }
    }

    #[test]
    fn of_a_very_large_file_the_end_counts_and_the_samples_are_inside() {
        let size = WHOLE_BYTES + 12_345;
        let hash = |other| of(&mut Large { size, other, at: 0 }, size).map(|all| all.content_hash);
        let same = hash(size).unwrap_or_default();
        assert_eq!(hash(size).ok(), Some(same.clone()));
        for other in [0, size / 4096 + 1, size - 1] {
            assert_ne!(hash(other).ok(), Some(same.clone()), "{other}");
        }
    }

    #[test]
    fn of_a_large_file_everything_counts() {
        let size = 100 << 20;
        let hash = |other| of(&mut Large { size, other, at: 0 }, size).map(|all| all.content_hash);
        for other in [70_001, 50_000_003, 99_999_999] {
            assert_ne!(hash(other).ok(), hash(size).ok(), "{other}");
        }
    }

    #[test]
    fn a_file_that_is_shorter_has_none() {
        assert!(of(&mut Cursor::new(b"abc"), 4).is_err());
    }
}
