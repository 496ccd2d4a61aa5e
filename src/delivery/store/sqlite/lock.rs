//! One deliverer for each file: a lock beside it, which the system lets go when the process ends.
//!
//! On Unix it is a record lock, which a forked child does not have: a child that outlives its parent
//! must not keep the next process out. Within a process the table of open files does its work.

use std::fs;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;
use crate::delivery::store::sqlite::failure::failure;
use crate::delivery::store::sqlite::failure::of_file;

/// The lock, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: fs::File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of the store at `store`.
    pub(crate) fn take(store: &Path) -> Result<Self, StoreError> {
        let mut name = store.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let failed = |error: &io::Error| of_file(&path, "expected to lock the store", error);
        loop {
            let mut file = open(&path).map_err(|error| failed(&error))?;
            if !try_lock(&file).map_err(|error| failed(&error))? {
                let mut holder = String::new();
                // It is only for the message.
                let _ = (&mut file).take(20).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    process => format!("process {process}"),
                };
                let what = format!("expected a store that nobody delivers from, found {holder}");
                let hint = "end that process, or wait for it";
                return Err(failure(StoreErrorKind::InUse, store, what, hint));
            }
            // The holder before may have removed the file just now: then this lock is of nothing.
            if !is_same(&file, &path) {
                continue;
            }
            let written = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| write!(file, "{}", std::process::id()));
            written.map_err(|error| failed(&error))?;
            return Ok(Self { file, path });
        }
    }

    /// Lets the lock go.
    pub(crate) fn release(self) {
        // While it is still held, so that nobody else's lock is removed.
        let _ = fs::remove_file(&self.path);
        drop(self.file);
    }
}

fn open(path: &Path) -> io::Result<fs::File> {
    if let Err(error) = crate::delivery::store::sqlite::place::make_file(path)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    match options.open(path) {
        // Removed in between by the holder before.
        Err(error) if error.kind() == io::ErrorKind::NotFound => open(path),
        opened => opened,
    }
}

#[cfg(unix)]
fn try_lock(file: &fs::File) -> io::Result<bool> {
    use rustix::fs::FlockOperation;
    match rustix::fs::fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn try_lock(file: &fs::File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(unix)]
fn is_same(file: &fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same(_file: &fs::File, path: &Path) -> bool {
    path.exists()
}
