//! The rows of a table on their way to the engine.

use std::cell::OnceCell;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;

use crate::delivery::Engine;
use crate::delivery::EngineError;
use crate::events::EventError;
use crate::events::arrow::Rows;
use crate::events::arrow::TableReader;
use crate::pipeline::Position;
use crate::pipeline::ahead::PullAhead;
use crate::pipeline::batch::Batch;
use crate::pipeline::feed::EVENTS_A_LOOK;
use crate::pipeline::run::Confirmed;
use crate::pipeline::run::Progress;
use crate::pipeline::run::Run;
use crate::pipeline::run::SLICE;
use crate::pipeline::text::EventText;
use crate::value::Node;
use crate::value::write_json;

/// A table's rows can't be sent on.
#[derive(Debug)]
pub enum RowsError {
    /// The table can't be read on; what was read before is accepted.
    Table(EventError),
    /// The engine does not take them.
    Engine(EngineError),
}

impl fmt::Display for RowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(error) => error.fmt(f),
            Self::Engine(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RowsError {}

impl From<EngineError> for RowsError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl Run {
    /// Sends the rows of a table; returns when they are accepted. `go_on` is asked at least every
    /// 50 ms. A row that is no event counts as `invalid`.
    ///
    /// Batches are asked for on a thread of their own, so that a query that takes long keeps nobody
    /// from stopping.
    ///
    /// # Errors
    /// When the table can't be read on, and when the store does not take the events.
    pub fn send_table(
        &self,
        mut table: TableReader,
        confirmed: Confirmed,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, RowsError> {
        let engine = self.engine()?;
        let mut batch = Batch::new(confirmed, false, self.sync.options());
        let ahead = PullAhead::start(move || table.next_batch());
        let ahead = ahead.map_err(|error| EngineError::Threads(error.to_string()))?;
        loop {
            match ahead.next(SLICE) {
                Ok(Ok(rows)) => {
                    let rows = rows.rows().map_err(RowsError::Table)?;
                    if self.send_rows(&engine, &rows, &mut batch, go_on)? == Progress::Stopped {
                        return Ok(Progress::Stopped);
                    }
                }
                Ok(Err(error)) => {
                    ahead.end();
                    batch.hand_over(&engine, go_on)?;
                    return Err(RowsError::Table(error));
                }
                Err(RecvTimeoutError::Timeout) => {
                    // What comes a little at a time must not wait for a full batch.
                    if batch.hand_over(&engine, go_on)? == Progress::Stopped {
                        return Ok(Progress::Stopped);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    ahead.end();
                    return Ok(batch.hand_over(&engine, go_on)?);
                }
            }
            if !go_on() {
                return Ok(Progress::Stopped);
            }
        }
    }

    fn send_rows(
        &self,
        engine: &Engine,
        rows: &Rows<'_>,
        batch: &mut Batch,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        let mut now = self.clock.wall().as_millis();
        for row in 0..rows.len() {
            if row % EVENTS_A_LOOK == EVENTS_A_LOOK - 1 {
                if !go_on() {
                    return Ok(Progress::Stopped);
                }
                now = self.clock.wall().as_millis();
            }
            let position = Position::Ordinal(self.ordinal.fetch_add(1, Ordering::Relaxed));
            match rows.event(row, std::mem::take(&mut batch.buffers)) {
                Ok(event) => {
                    self.decide(&event, &WrittenText::new(event.root()), &position, now, batch);
                    batch.buffers = event.into_buffers();
                }
                Err((error, buffers)) => {
                    self.invalid(&error);
                    batch.buffers = buffers;
                }
            }
            if batch.is_full() && batch.hand_over(engine, go_on)? == Progress::Stopped {
                return Ok(Progress::Stopped);
            }
        }
        Ok(Progress::Done)
    }
}

/// The text of an event that came as none: written when it is first asked for.
#[derive(Debug)]
struct WrittenText<'e> {
    event: Node<'e>,
    text: OnceCell<String>,
}

impl<'e> WrittenText<'e> {
    fn new(event: Node<'e>) -> Self {
        Self { event, text: OnceCell::new() }
    }
}

impl EventText for WrittenText<'_> {
    fn json(&self) -> &str {
        self.text.get_or_init(|| {
            let mut text = String::new();
            write_json(self.event, &mut text);
            text
        })
    }
}
