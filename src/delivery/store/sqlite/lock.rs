//! One deliverer for each file: two locks, which the system lets go when the process ends.
//!
//! One is of a file beside the store: it holds from before `SQLite` sees the store. The other is of
//! the store itself: it holds whatever becomes of their names.
//!
//! On Unix they are record locks, which a forked child does not have: a child that outlives its parent
//! must not keep the next process out. Within a process the table of open files does its work.

use std::fs;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;
use crate::delivery::store::sqlite::failure::failure;
use crate::delivery::store::sqlite::failure::of_file;
use crate::delivery::store::sqlite::place::Identity;
use crate::delivery::store::sqlite::place::Place;
use crate::delivery::store::sqlite::place::identity;
use crate::delivery::store::sqlite::place::make_file;
use crate::delivery::store::sqlite::place::with_ending;

/// Both locks, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: fs::File,
    path: PathBuf,
    pub(crate) hold: Arc<Hold>,
}

impl Lock {
    /// Takes the locks of a store.
    pub(crate) fn take(place: &Place) -> Result<Self, StoreError> {
        let store = &place.path;
        let path = with_ending(store, ".lock");
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
                return Err(in_use(store, &holder));
            }
            // The holder before may have removed the file just now: then this lock is of nothing.
            if !is_same(&file, &path) {
                continue;
            }
            let hold = Arc::new(Hold::take(place).inspect_err(|_| remove(&path))?);
            let written = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| write!(file, "{}", std::process::id()));
            written.map_err(|error| failed(&error))?;
            return Ok(Self { file, path, hold });
        }
    }

    /// Lets the locks go. The database is closed by then.
    pub(crate) fn release(self) {
        if is_same(&self.file, &self.path) {
            // While it is still held, so that nobody else's lock is removed.
            remove(&self.path);
        }
        drop(self.file);
    }
}

/// A lock that is left behind does no harm.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

fn in_use(store: &Path, holder: &str) -> StoreError {
    let what = format!("expected a store that nobody delivers from, found {holder}");
    failure(StoreErrorKind::InUse, store, what, "end that process, or wait for it")
}

/// The store itself, held under whatever name.
#[derive(Debug)]
pub(crate) struct Hold {
    /// Open until the database is closed: closing it lets go all locks of this process, `SQLite`'s too.
    file: fs::File,
    path: PathBuf,
    identity: Identity,
}

impl Hold {
    fn take(place: &Place) -> Result<Self, StoreError> {
        let path = place.path.clone();
        let opened = open_store(&path, true).or_else(|error| match error.kind() {
            // What can only be read can still be recovered.
            io::ErrorKind::PermissionDenied => open_store(&path, false),
            _ => Err(error),
        });
        let file = opened.map_err(|error| of_file(&path, "expected to lock the store", &error))?;
        let hold = Self { file, path, identity: place.identity.clone() };
        hold.check()?;
        Ok(hold)
    }

    /// Refuses to go on when the file has another name now, or none, and when another process holds
    /// it. The lock is taken anew: `SQLite` lets it go when it opens the database, and so does whoever
    /// closes the file in this process.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let failed = |error: &io::Error| of_file(&self.path, "expected to look at the file", error);
        match fs::symlink_metadata(&self.path) {
            Ok(found) if identity(&self.path, &found) == self.identity => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
            _ => {
                let what = "expected the file that was opened, found it removed or replaced";
                let hint = "nothing more is accepted; put it back, and open the store again";
                return Err(failure(StoreErrorKind::Io, &self.path, what, hint));
            }
        }
        let holder = lock_byte(&self.file).map_err(|error| failed(&error))?;
        holder.map_or(Ok(()), |holder| Err(in_use(&self.path, &holder)))
    }
}

fn open_store(path: &Path, to_write: bool) -> io::Result<fs::File> {
    fs::OpenOptions::new().read(true).write(to_write).open(path)
}

/// Locks a byte that `SQLite` does not; else says who has it locked.
#[cfg(unix)]
fn lock_byte(file: &fs::File) -> io::Result<Option<String>> {
    use nix::errno::Errno;
    use nix::fcntl::FcntlArg;
    use nix::fcntl::fcntl;

    /// Behind the last of those that `SQLite` locks.
    const BYTE: i64 = 0x4000_0200;
    let mut wanted = range(nix::libc::F_WRLCK, BYTE, 1);
    let mut locked = fcntl(file, FcntlArg::F_SETLK(&wanted));
    if locked == Err(Errno::EBADF) {
        // It is open for reading only.
        wanted = range(nix::libc::F_RDLCK, BYTE, 1);
        locked = fcntl(file, FcntlArg::F_SETLK(&wanted));
    }
    match locked {
        Ok(_) => Ok(None),
        Err(Errno::EAGAIN | Errno::EACCES) => {
            let known = fcntl(file, FcntlArg::F_GETLK(&mut wanted)).is_ok() && wanted.l_pid > 0;
            let process = format!("process {}", wanted.l_pid);
            Ok(Some(if known { process } else { "another process".to_owned() }))
        }
        Err(error) => Err(error.into()),
    }
}

/// The file beside the store is all there is.
#[cfg(not(unix))]
fn lock_byte(_file: &fs::File) -> io::Result<Option<String>> {
    Ok(None)
}

/// A lock of some bytes of a file.
#[cfg(unix)]
pub(crate) fn range(kind: i32, start: i64, length: i64) -> nix::libc::flock {
    nix::libc::flock {
        l_type: i16::try_from(kind).unwrap_or_default(),
        l_whence: 0,
        l_start: start,
        l_len: length,
        l_pid: 0,
    }
}

fn open(path: &Path) -> io::Result<fs::File> {
    if let Err(error) = make_file(path)
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
