//! The store of a sync, opened.

use std::path::Path;
use std::sync::Arc;

use crate::delivery::store::Store;
use crate::delivery::store::memory::MemoryStore;
use crate::delivery::store::sqlite;
use crate::delivery::store::sqlite::SqliteStore;
use crate::pipeline::StartError;
use crate::pipeline::Sync;
use crate::pipeline::SyncOptions;

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
        if access == Access::Read && !path.exists() {
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
