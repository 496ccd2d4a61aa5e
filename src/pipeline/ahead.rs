//! Reading ahead: a source is unpacked and cut into blocks on a thread of its own.
//!
//! So unpacking takes nothing from the thread that prepares requests, and a source that keeps its
//! reader waiting, such as a terminal, does not keep the caller from stopping. The only file of the
//! room that starts a thread.

use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::events::Block;
use crate::events::EventError;
use crate::events::Reader;

/// Blocks that are ready before they are asked for: what is read ahead is in memory.
const BLOCKS_AHEAD: usize = 2;

/// A reader at work on its own thread, until the file it has come to is read. Dropped before, it
/// leaves the thread to itself: it goes when its next block is there, or with the process.
#[derive(Debug)]
pub(in crate::pipeline) struct ReadAhead {
    blocks: Receiver<Result<Block, EventError>>,
    used: Sender<Block>,
    thread: JoinHandle<Reader>,
}

/// What a reader has to give.
#[derive(Debug)]
pub(in crate::pipeline) enum Next {
    /// A block, or what can't be read.
    Block(Result<Block, EventError>),
    /// Nothing yet.
    NotYet,
    /// Nothing any more.
    End,
}

impl ReadAhead {
    /// Begins to read.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(in crate::pipeline) fn start(mut reader: Reader) -> io::Result<Self> {
        let (give, blocks) = mpsc::sync_channel(BLOCKS_AHEAD);
        let (used, given_back) = mpsc::channel();
        let read = move || {
            while let Some(block) = reader.next_block_of_file() {
                if give.send(block).is_err() {
                    break;
                }
                given_back.try_iter().for_each(|block| reader.reuse(block));
            }
            reader
        };
        let thread = thread::Builder::new().name(String::from("read")).spawn(read)?;
        Ok(Self { blocks, used, thread })
    }

    /// What comes next, waited for at most so long.
    pub(in crate::pipeline) fn next(&self, limit: Duration) -> Next {
        match self.blocks.recv_timeout(limit) {
            Ok(block) => Next::Block(block),
            Err(RecvTimeoutError::Timeout) => Next::NotYet,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }

    /// The reader, at the end of the file or, if that is not reached, behind the blocks read ahead.
    pub(in crate::pipeline) fn end(self) -> Reader {
        drop(self.blocks);
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Takes a block that is done with, for its memory.
    pub(in crate::pipeline) fn reuse(&self, block: Block) {
        // A reader at its end has no use for it.
        let _ = self.used.send(block);
    }
}

/// Works on a thread beside the caller's, until both are done: what the caller gave, and the work.
///
/// # Errors
/// When the system gives no thread; then neither was begun.
pub(in crate::pipeline) fn beside<T, W: Send>(
    work: impl FnOnce() -> W + Send,
    caller: impl FnOnce() -> T,
) -> io::Result<(T, W)> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(String::from("feed")).spawn_scoped(scope, work)?;
        let given = caller();
        Ok((given, thread.join().unwrap_or_else(|panic| resume_unwind(panic))))
    })
}

/// The same for what is asked for piece by piece, such as the batches of a table: while one is worked
/// on, one is made, and no more.
#[cfg(feature = "arrow")]
#[derive(Debug)]
pub(in crate::pipeline) struct PullAhead<T> {
    pieces: Receiver<T>,
    thread: JoinHandle<()>,
}

#[cfg(feature = "arrow")]
impl<T: Send + 'static> PullAhead<T> {
    /// Begins to pull, until `pull` gives nothing more.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(in crate::pipeline) fn start(
        mut pull: impl FnMut() -> Option<T> + Send + 'static,
    ) -> io::Result<Self> {
        let (give, pieces) = mpsc::sync_channel(0);
        let pull = move || while pull().is_some_and(|piece| give.send(piece).is_ok()) {};
        let thread = thread::Builder::new().name(String::from("read")).spawn(pull)?;
        Ok(Self { pieces, thread })
    }

    /// The next piece, waited for at most so long.
    pub(in crate::pipeline) fn next(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
        self.pieces.recv_timeout(limit)
    }

    /// Waits for the thread to go, at the end of the pieces.
    pub(in crate::pipeline) fn end(self) {
        drop(self.pieces);
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    }
}
