//! The store of a sync, opened.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::delivery::store::Store;
use crate::delivery::store::StoreError;
use crate::delivery::store::StoreErrorKind;
use crate::delivery::store::memory::MemoryStore;
use crate::delivery::store::sqlite;
use crate::delivery::store::sqlite::Salvage;
use crate::delivery::store::sqlite::SqliteStore;
use crate::delivery::store::sqlite::place::recovered;
use crate::delivery::store::sqlite::place::with_ending;
use crate::events::file_size;
use crate::pipeline::StartError;
use crate::pipeline::Sync;
use crate::pipeline::SyncOptions;
use crate::pipeline::sources::unfinished;

/// The name of the store that is none: what is pending ends with the process.
pub const MEMORY: &str = "memory";

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To deliver; one at a time.
    Deliver,
    /// To look into it, also while somebody delivers.
    Read,
}

impl SyncOptions {
    /// Whether what is pending lives in memory and ends with the process.
    pub fn is_in_memory(&self) -> bool {
        self.store == MEMORY
    }

    /// The file of the store, when it is one.
    pub fn store_file(&self) -> Option<&Path> {
        (!self.is_in_memory()).then(|| Path::new(&self.store))
    }
}

impl Sync {
    /// Opens the sync's store. Of one in memory each call makes a new, empty one. What does not
    /// exist yet is made to deliver, and is empty to look into.
    ///
    /// # Errors
    /// When the file is no store, is damaged or can't be used where it is, and, to deliver, when
    /// somebody else does.
    pub fn open_store(&self, access: Access) -> Result<Arc<dyn Store>, StartError> {
        let options = self.options();
        let Some(path) = options.store_file() else {
            return Ok(Arc::new(MemoryStore::new()));
        };
        if access == Access::Read && !has_store(path) {
            return Ok(Arc::new(MemoryStore::new()));
        }
        let how = sqlite::OpenOptions {
            durability: options.durability,
            access: match access {
                Access::Deliver => sqlite::Access::Deliver,
                Access::Read => sqlite::Access::Read,
            },
            ..sqlite::OpenOptions::default()
        };
        let store = SqliteStore::open(path, &options.name, how).map_err(StartError::Store)?;
        Ok(Arc::new(store))
    }
}

/// Whether there is a store, or what a recovery that was cut off left of one.
pub fn has_store(path: &Path) -> bool {
    path.exists() || recovered(path).exists()
}

/// Files that a run did not read to the end, and that are still there.
///
/// # Errors
/// When the store cannot be read.
pub fn unfinished_sources(store: &dyn Store) -> Result<Vec<String>, StoreError> {
    Ok(unfinished(&store.sources()?, |name| file_size(name).is_some()))
}

/// What was saved of a damaged store.
#[derive(Debug)]
pub struct Recovered {
    /// How much of what.
    pub salvage: Salvage,
    /// Where the damaged file is now.
    pub damaged: PathBuf,
}

impl Recovered {
    /// What was saved, for programs.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "pending": self.salvage.pending,
            "dead_letters": self.salvage.dead_letters,
            "sources": self.salvage.sources,
            "damaged": self.salvage.damaged,
            "lost": self.salvage.lost,
            "damaged_file": self.damaged.display().to_string(),
        })
    }
}

/// Saves what can be read of a store into a new one in its place. The damaged file stays beside it,
/// as `….damaged`. `sync_name` is the sync that alone uses the file, if it is only one. A recovery that
/// was cut off is begun again.
///
/// # Errors
/// When somebody delivers from the store, when it is none, when nothing can be read, or files can't be
/// renamed; the store is still where it was then, or beside it as `….damaged`.
pub fn recover_store(path: &Path, sync_name: Option<&str>) -> Result<Recovered, StoreError> {
    let saved = recovered(path);
    if !path.exists() && saved.exists() {
        put_back(path)?;
    }
    let damaged = damaged_names(path)
        .find(|path| !path.exists())
        .unwrap_or_else(|| with_ending(path, ".damaged"));
    // What an earlier attempt left half done.
    let _ = fs::remove_file(&saved);
    let salvage = sqlite::recover(path, &saved, sync_name)?;
    rename(path, &damaged)?;
    rename_beside(path, &damaged)?;
    rename(&saved, path)?;
    Ok(Recovered { salvage, damaged })
}

/// Gives the store back its name, which a recovery that was cut off had taken from it.
fn put_back(path: &Path) -> Result<(), StoreError> {
    let Some(damaged) = damaged_names(path).take_while(|path| path.exists()).last() else {
        let (path, saved) = (path.display(), recovered(path));
        return Err(StoreError {
            kind: StoreErrorKind::Place,
            message: format!(
                "{path}: expected a store, found only what a recovery saved, {} (rename it to {path})",
                saved.display()
            ),
        });
    };
    // The file comes last: without it, this is begun again.
    rename_beside(&damaged, path)?;
    rename(&damaged, path)
}

/// The names that damaged files are given, the first first.
fn damaged_names(path: &Path) -> impl Iterator<Item = PathBuf> {
    let numbered = (2..10_000).map(|number| format!(".damaged-{number}"));
    std::iter::once(String::from(".damaged")).chain(numbered).map(|end| with_ending(path, &end))
}

/// Renames what lies beside a store, as far as it is there.
fn rename_beside(from: &Path, to: &Path) -> Result<(), StoreError> {
    for end in ["-wal", "-shm"] {
        if with_ending(from, end).exists() {
            rename(&with_ending(from, end), &with_ending(to, end))?;
        }
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(|error| StoreError {
        kind: StoreErrorKind::Io,
        message: format!("{} can't be renamed to {}: {error}", from.display(), to.display()),
    })
}
