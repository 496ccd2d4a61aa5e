//! Events that were decided about, on their way to the engine in one go.

use crate::delivery::AcceptError;
use crate::delivery::Engine;
use crate::delivery::EngineError;
use crate::delivery::store::Discarded;
use crate::delivery::store::NewDelivery;
use crate::delivery::store::SourcePlace;
use crate::pipeline::SyncOptions;
use crate::pipeline::run::Confirmed;
use crate::pipeline::run::Progress;
use crate::value::Buffers;

/// Events handed to the engine at once: few enough to start sending early, many enough to make
/// handing over cheap.
const BATCH: usize = 64;
/// The same where the caller waits until they are on the disk, which takes about as long for many
/// as for one; and so many bytes of them, because they are in memory meanwhile.
const WRITTEN_BATCH: usize = 1024;
const WRITTEN_BYTES: usize = 1 << 20;
/// Positions without anything to deliver that the store is told at once.
pub(in crate::pipeline) const PASSED: usize = 1024;

/// Events on their way to the engine, and what the store is told along with them.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Batch {
    deliveries: Vec<NewDelivery>,
    pub(in crate::pipeline) discarded: Vec<Discarded>,
    /// Positions with nothing to deliver.
    pub(in crate::pipeline) passed: Vec<SourcePlace>,
    /// Sources that were read to their end, and how many positions they have.
    pub(in crate::pipeline) ends: Vec<(u64, u64)>,
    /// Where the event stands that is being decided about.
    pub(in crate::pipeline) place: Option<SourcePlace>,
    /// Whether to send what an earlier run delivered.
    pub(in crate::pipeline) again: bool,
    /// The same, for events without a key of their own.
    pub(in crate::pipeline) again_without_key: bool,
    pub(in crate::pipeline) buffers: Buffers,
    /// Whether the deliveries are written before they count as accepted.
    written: bool,
    /// Whether the caller waits for the store, and not for the receiver.
    at_once: bool,
    /// How much they weigh.
    bytes: usize,
}

impl Batch {
    /// An empty batch; what is done about events that an earlier run delivered is `confirmed`. What
    /// can be read again is written into a store only when its order matters.
    pub(in crate::pipeline) fn new(
        confirmed: Confirmed,
        can_be_reread: bool,
        options: &SyncOptions,
    ) -> Self {
        let one_by_one = confirmed == Confirmed::LeaveOutByKey;
        Self {
            again: confirmed == Confirmed::SendAgain,
            again_without_key: one_by_one,
            at_once: one_by_one && !options.is_in_memory(),
            written: !options.is_in_memory() && (!can_be_reread || options.ordering.is_some()),
            ..Self::default()
        }
    }

    pub(in crate::pipeline) fn push(&mut self, delivery: NewDelivery) {
        self.bytes += delivery.weight();
        self.deliveries.push(delivery);
    }

    pub(in crate::pipeline) fn is_full(&self) -> bool {
        let most = if self.written { WRITTEN_BATCH } else { BATCH };
        self.deliveries.len() >= most
            || (self.written && self.bytes >= WRITTEN_BYTES)
            || self.passed.len() >= PASSED
    }

    /// Hands everything over to the engine, in order.
    pub(in crate::pipeline) fn hand_over(
        &mut self,
        engine: &Engine,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        if !self.discarded.is_empty() {
            engine.discard(std::mem::take(&mut self.discarded))?;
        }
        if !self.deliveries.is_empty() {
            self.bytes = 0;
            let deliveries = std::mem::take(&mut self.deliveries);
            let accepted = if self.at_once {
                engine.accept_at_once(deliveries, &|| !go_on())
            } else {
                engine.accept(deliveries, &|| !go_on())
            };
            match accepted {
                Ok(()) => {}
                Err(AcceptError { error: EngineError::Interrupted, .. }) => {
                    self.pass(engine)?;
                    return Ok(Progress::Stopped);
                }
                Err(AcceptError { error, .. }) => return Err(error),
            }
        }
        self.pass(engine)?;
        for (source, end) in self.ends.drain(..) {
            engine.store().end_source(source, end).map_err(EngineError::Store)?;
        }
        Ok(Progress::Done)
    }

    /// Tells the store which positions hold nothing to deliver.
    pub(in crate::pipeline) fn pass(&mut self, engine: &Engine) -> Result<(), EngineError> {
        self.passed.retain(|place| place.source != 0);
        if !self.passed.is_empty() {
            engine.store().pass(&self.passed).map_err(EngineError::Store)?;
            self.passed.clear();
        }
        Ok(())
    }
}
