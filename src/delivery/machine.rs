//! What this machine is like, as far as delivering depends on it. For a check-up; nothing here is
//! judged, and nothing is sent.

use std::fs;
use std::io;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::delivery::clock::instant;
use crate::delivery::names::NameError;
use crate::delivery::names::Names;
use crate::delivery::pool::look_up_threads;
use crate::delivery::store::sqlite::network::network_file_system;
use crate::delivery::store::sqlite::place::make_file;
use crate::delivery::store::sqlite::place::sync_folder;

/// How long a look-up goes on before the caller is asked whether to wait on.
const SLICE: Duration = Duration::from_millis(25);

/// How many files and sockets this process may have open; `None` for no limit, or nobody knows.
pub fn open_file_limit() -> Option<u64> {
    #[cfg(unix)]
    {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current
    }
    #[cfg(not(unix))]
    None
}

/// How many bytes may still be written where this folder is; `None` when nobody knows.
///
/// # Errors
/// When the system does not say.
pub fn free_bytes(folder: &Path) -> io::Result<Option<u64>> {
    #[cfg(unix)]
    {
        let found = rustix::fs::statvfs(folder)?;
        Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(None)
    }
}

/// The name of the network file system that a folder lies on; `None`: it lies on this machine.
///
/// # Errors
/// When the system does not say.
pub fn network(folder: &Path) -> io::Result<Option<String>> {
    network_file_system(folder)
}

/// Makes a file in this folder, makes it safe on the disk, and removes it.
///
/// # Errors
/// When one of these fails.
pub fn write_safely(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".webhook-stream-{}.tmp", std::process::id()));
    let mut file = make_file(&path)?;
    let written = file
        .write_all(b"can this be kept?")
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_folder(&path));
    drop(file);
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// Whether others than the owner may read the file; never, where files have no owners.
///
/// # Errors
/// When the system does not say.
pub fn others_may_read(file: &Path) -> io::Result<bool> {
    let found = fs::metadata(file)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        Ok(found.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        drop(found);
        Ok(false)
    }
}

/// The certificates that the system trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// The system has a verifier of its own.
    System,
    /// So many, in files; and what went wrong with others.
    Files(usize, Vec<String>),
}

/// Which certificates the system trusts; looks at `SSL_CERT_FILE` and `SSL_CERT_DIR`, too.
pub fn trusted_roots() -> Roots {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    {
        let found = rustls_native_certs::load_native_certs();
        let errors = found.errors.iter().map(ToString::to_string).collect();
        Roots::Files(found.certs.len(), errors)
    }
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    Roots::System
}

/// The addresses of a host, as requests would find them; asks `go_on` while it waits.
///
/// # Errors
/// Says why there is none: not found, or not within `limit`.
pub fn resolve(
    host: &str,
    limit: Duration,
    go_on: &dyn Fn() -> bool,
) -> Result<Vec<IpAddr>, String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![address]);
    }
    let names = Names::new(look_up_threads());
    let deadline = instant() + limit;
    loop {
        let slice = instant() + SLICE;
        match names.resolve(host, Some(slice), &AtomicBool::new(false)) {
            Ok(addresses) => return Ok(addresses.to_vec()),
            Err(NameError::NotFound(message)) => return Err(message),
            Err(NameError::TooSlow | NameError::Cut) if instant() < deadline && go_on() => {}
            Err(NameError::TooSlow | NameError::Cut) => {
                return Err(format!("no answer within {} s", limit.as_secs()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::delivery::machine::free_bytes;
    use crate::delivery::machine::resolve;
    use crate::delivery::machine::write_safely;

    #[test]
    fn a_folder_is_tried_and_left_as_it_was() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        write_safely(folder.path())?;
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        assert!(free_bytes(folder.path())?.is_none_or(|bytes| bytes > 0));
        assert!(write_safely(&folder.path().join("nowhere")).is_err());
        Ok(())
    }

    #[test]
    fn an_address_is_its_own_answer() {
        let found = resolve("::1", Duration::from_secs(5), &|| true);
        assert_eq!(found, Ok(vec![std::net::IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]));
    }
}
