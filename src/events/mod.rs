//! Events from files: what a source holds, told by its first bytes, as lines of JSON in bounded
//! memory.
//!
//! Reading has two stages, so that a pipeline can put each on a thread of its own:
//!
//! 1. [`Reader::next_block`] finds the files, unpacks gzip and zip, and cuts the text into
//!    [`Block`]s: whole lines, or whole items of a JSON array, in memory of their own.
//! 2. [`Block::lines`] gives the events' texts with their places, and [`Line::parse`] reads one as
//!    JSON, borrowed from the block.
//!
//! ```
//! use webhook_stream::events::{Reader, Settings};
//! use webhook_stream::value::Buffers;
//!
//! # let folder = std::env::temp_dir().join(format!("webhook_stream-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # let path = folder.join("events.ndjson");
//! # std::fs::write(&path, "{\"event_type\":\"Login\"}\nnot JSON\n")?;
//! # let path = path.display().to_string();
//! let mut reader = Reader::open(&[path], Settings::default())?;
//! let (mut events, mut invalid) = (0, 0);
//! let mut buffers = Buffers::default();
//! while let Some(block) = reader.next_block() {
//!     let block = block?;
//!     for line in block.lines() {
//!         match line?.parse(buffers) {
//!             Ok(event) => {
//!                 events += 1;
//!                 buffers = event.into_buffers();
//!             }
//!             Err((error, unused)) => {
//!                 assert_eq!(error.line(), Some(2));
//!                 invalid += 1;
//!                 buffers = unused;
//!             }
//!         }
//!     }
//!     reader.reuse(block);
//! }
//! assert_eq!((events, invalid), (1, 1));
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Who remembers what was read goes file by file instead: [`Reader::next_file`],
//! [`Reader::fingerprint`] and [`Reader::next_block_of_file`].
//!
//! One bad line is one [`EventError`], and the run goes on. Nothing here starts a thread, looks at
//! what an event means, or decides by a file's name what is in it.

#[cfg(feature = "arrow")]
pub mod arrow;
mod block;
mod cut;
mod error;
mod fingerprint;
mod input;
mod layout;
mod reader;
mod scan;
mod sniff;
mod source;
mod tee;
mod unpack;
mod zip_stream;

use std::fmt;
use std::sync::Arc;

pub use crate::events::block::{Block, Line, Lines};
pub use crate::events::error::{EventError, EventErrorKind};
pub use crate::events::fingerprint::Fingerprint;
pub use crate::events::reader::Reader;
pub use crate::events::source::file_size;
pub use crate::events::tee::{TeeReader, tee};

/// The longest event by default: far beyond what any receiver takes, far below what hurts.
const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;
/// The size of a block by default: some hundred events, and it stays in a core's own cache.
const BLOCK_BYTES: usize = 256 * 1024;

/// How sources are read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest text of one event in bytes. A longer one is an error of its own; the run goes
    /// on behind it. 16 MiB by default.
    pub max_event_bytes: usize,
    /// How many bytes a block has when the source gives them: more for one long event, less at the
    /// end of a file and while the standard input waits. 256 KiB by default.
    pub block_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_event_bytes: MAX_EVENT_BYTES, block_bytes: BLOCK_BYTES }
    }
}

/// A text that events are read from: a file, or a member of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The file as the user would name it; `-` for the standard input.
    pub file: String,
    /// The member's path inside the file, when the file is an archive.
    pub member: Option<String>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match &self.member {
            Some(member) => write!(f, ":{member}"),
            None => Ok(()),
        }
    }
}

/// Where an event stands: enough to find it again, and the same on every run over the same source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file and member.
    pub origin: Arc<Origin>,
    /// The line its text starts on, from 1.
    pub line: u64,
    /// The offset of its first byte in the unpacked text, from 0.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.origin, self.line)
    }
}
