//! Keeps the log in its place while another copy of SQLite in this process looks at the file.
//!
//! The locks SQLite uses belong to the process. So Python's own `sqlite3`, in a notebook that reads
//! a store while it delivers, does not see ours: on closing it takes itself for the last one, and
//! removes the log with all that is committed to it later. Locks of an *open file description* are
//! seen by everybody: these two say that somebody else is there.
//!
//! <https://www.sqlite.org/howtocorrupt.html#multiple_copies_of_sqlite_linked_into_the_same_application>

use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::delivery::store::sqlite::lock::range;
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::delivery::store::sqlite::place::with_ending;

/// The locks, from the time the database is open until just before it is closed.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// Kept open until the database is closed: closing one lets go all locks of the process.
    files: Vec<File>,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Guard {
    /// Takes the locks of the store at `path`, which is open.
    pub(crate) fn take(path: &Path) -> io::Result<Self> {
        /// Whoever wants the database for himself locks these bytes for writing.
        const SHARED: (i64, i64) = (0x4000_0002, 510);
        /// Whoever makes the shared memory anew locks this byte for writing.
        const IN_USE: (i64, i64) = (128, 1);
        let files = vec![File::open(path)?, File::open(with_ending(path, "-shm"))?];
        for (file, (start, length)) in files.iter().zip([SHARED, IN_USE]) {
            set(file, nix::libc::F_RDLCK, start, length)?;
        }
        Ok(Self { files })
    }

    /// Lets the locks go, so that the database can be closed.
    pub(crate) fn open(&self) {
        for file in &self.files {
            // The worst that follows is that the log is kept.
            let _ = set(file, nix::libc::F_UNLCK, 0, 0);
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set(file: &File, kind: i32, start: i64, length: i64) -> io::Result<()> {
    let lock = range(kind, start, length);
    let set = nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_OFD_SETLK(&lock));
    set.map(drop).map_err(io::Error::from)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Guard {
    pub(crate) fn take(_path: &Path) -> io::Result<Self> {
        Ok(Self::default())
    }

    pub(crate) fn open(&self) {
        let Self { files } = self;
        debug_assert!(files.is_empty(), "there are no such locks here");
    }
}
