//! One input for several readers, each at its own pace. What the slowest has not read yet is kept in
//! files without a name, which go with the process, however it ends.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::events::input::read;

/// Bytes of one file. It goes when all have read it, so that an input without end takes no more disk
/// than what the slowest reader lies behind.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes taken of the input at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Readers that each give all of `input`. It is read when the first of them asks for more than was
/// read yet.
pub fn tee(input: impl Read + Send + 'static, readers: usize) -> Vec<TeeReader> {
    let input = Source { input: Box::new(input), chunk: vec![0; CHUNK_BYTES] };
    let kept =
        Kept { files: VecDeque::new(), first: 0, end: 0, ended: None, positions: vec![0; readers] };
    let shared = Arc::new(Shared { input: Mutex::new(input), kept: Mutex::new(kept) });
    (0..readers)
        .map(|number| TeeReader { shared: Arc::clone(&shared), number, position: 0 })
        .collect()
}

/// One of the readers of an input.
pub struct TeeReader {
    shared: Arc<Shared>,
    number: usize,
    position: u64,
}

struct Shared {
    /// Locked while somebody waits for more of it.
    input: Mutex<Source>,
    kept: Mutex<Kept>,
}

struct Source {
    input: Box<dyn Read + Send>,
    chunk: Vec<u8>,
}

struct Kept {
    files: VecDeque<Arc<Mutex<File>>>,
    /// How many files came before these.
    first: u64,
    /// How many bytes were taken of the input.
    end: u64,
    /// Whether nothing comes behind them, and if it is an error, which.
    ended: Option<Result<(), (io::ErrorKind, String)>>,
    /// Where each reader stands.
    positions: Vec<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }

    /// Takes more of the input, unless there is more than `position` already.
    fn take_more(&self, position: u64) {
        let mut source = lock(&self.input);
        let kept = self.kept();
        if kept.end > position || kept.ended.is_some() {
            return;
        }
        drop(kept);
        let Source { input, chunk } = &mut *source;
        let taken = read(input, chunk);
        let mut kept = self.kept();
        match taken.and_then(|count| kept.keep(&chunk[..count]).map(|()| count)) {
            Ok(0) => kept.ended = Some(Ok(())),
            Ok(_) => {}
            Err(error) => kept.ended = Some(Err((error.kind(), error.to_string()))),
        }
    }
}

impl Kept {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let number = self.end / FILE_BYTES - self.first;
            if number == self.files.len() as u64 {
                self.files.push_back(Arc::new(Mutex::new(tempfile::tempfile()?)));
            }
            let at = self.end % FILE_BYTES;
            let (now, later) = rest.split_at(rest.len().min((FILE_BYTES - at) as usize));
            if let Some(file) = self.files.back() {
                let mut file = lock(file);
                file.seek(SeekFrom::Start(at))?;
                file.write_all(now)?;
            }
            self.end += now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    /// The file that holds what comes next, where it begins there, and how much of it there is.
    fn find(&self, position: u64) -> Option<(Arc<Mutex<File>>, u64, usize)> {
        let file = self.files.get((position / FILE_BYTES).checked_sub(self.first)? as usize)?;
        let at = position % FILE_BYTES;
        let count = (self.end - position).min(FILE_BYTES - at) as usize;
        (count > 0).then(|| (Arc::clone(file), at, count))
    }

    fn reader_is_at(&mut self, number: usize, position: u64) {
        self.positions[number] = position;
        let slowest = self.positions.iter().copied().min().unwrap_or_default();
        while !self.files.is_empty() && (self.first + 1) * FILE_BYTES <= slowest {
            self.files.pop_front();
            self.first += 1;
        }
    }
}

impl Read for TeeReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let kept = self.shared.kept();
            if let Some((file, at, count)) = kept.find(self.position) {
                drop(kept);
                let count = count.min(out.len());
                let mut file = lock(&file);
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(&mut out[..count])?;
                drop(file);
                self.position += count as u64;
                self.shared.kept().reader_is_at(self.number, self.position);
                return Ok(count);
            }
            match &kept.ended {
                Some(Ok(())) => return Ok(0),
                Some(Err((kind, message))) => return Err(io::Error::new(*kind, message.clone())),
                None => drop(kept),
            }
            self.shared.take_more(self.position);
        }
    }
}

impl Drop for TeeReader {
    fn drop(&mut self) {
        self.shared.kept().reader_is_at(self.number, u64::MAX);
    }
}

impl fmt::Debug for TeeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TeeReader").field("position", &self.position).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::io::Read;
    use std::sync::mpsc;
    use std::thread;

    use crate::events::tee::FILE_BYTES;
    use crate::events::tee::tee;

    /// Bytes that differ from place to place.
    fn pattern(count: u64) -> impl Iterator<Item = u8> {
        (0..count).map(|at| (at.wrapping_mul(0x9E37_79B9) >> 24) as u8)
    }

    #[test]
    fn each_reader_gets_everything_at_its_own_pace() {
        let count = 3 * FILE_BYTES + 4711;
        let input: Vec<u8> = pattern(count).collect();
        let mut readers = tee(io::Cursor::new(input.clone()), 3);
        let shared = std::sync::Arc::clone(&readers[0].shared);
        // One gives up in the beginning.
        let mut little = [0; 10];
        assert!(readers[2].read_exact(&mut little).is_ok());
        drop(readers.pop());
        let mut first = Vec::new();
        assert_eq!(readers[0].read_to_end(&mut first).ok(), Some(count as usize));
        assert_eq!(shared.kept().files.len(), 4, "the slow one has it all before it");
        let work = readers.into_iter().map(|mut reader| {
            thread::spawn(move || {
                let mut all = Vec::new();
                reader.read_to_end(&mut all).map(|_| all)
            })
        });
        let work: Vec<_> = work.collect();
        let all: Vec<_> = work.into_iter().filter_map(|thread| thread.join().ok()).collect();
        assert!(first == input && matches!(&all[1], Ok(second) if *second == input));
        assert!(shared.kept().files.len() <= 1, "what all have read is gone");
    }

    #[test]
    fn nobody_waits_for_what_is_there() {
        struct Line(mpsc::Receiver<&'static [u8]>);

        impl Read for Line {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let piece = self.0.recv().map_err(io::Error::other)?;
                out[..piece.len()].copy_from_slice(piece);
                Ok(piece.len())
            }
        }

        let (give, line) = mpsc::channel();
        let mut readers = tee(Line(line), 2);
        let mut piece = [0; 100];
        for text in [&b"one\n"[..], b"two\n"] {
            assert!(give.send(text).is_ok());
            for reader in &mut readers {
                assert_eq!(reader.read(&mut piece).map(|count| &piece[..count]).ok(), Some(text));
            }
        }
        // Its end is an error here: all hear of it.
        drop(give);
        for reader in &mut readers {
            assert!(reader.read(&mut piece).is_err());
        }
    }
}
