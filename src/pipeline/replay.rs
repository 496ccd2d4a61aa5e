//! Dead letters on their way to the receiver once more.

use crate::delivery::EngineError;
use crate::delivery::Until;
use crate::delivery::store::Revival;
use crate::pipeline::LetterFilter;
use crate::pipeline::Letters;
use crate::pipeline::Progress;
use crate::pipeline::Run;
use crate::pipeline::SentAs;
use crate::report::ErrorSample;

/// Dead letters taken on at once.
const BATCH: usize = 64;
/// So many may wait for their first attempt before more are taken on: what is dead is on the disk,
/// and should not all be in memory.
const MAX_WAITING: u64 = 4096;

impl Run {
    /// Sends dead letters again: the same bytes, or their events anew.
    /// One that can't be rendered stays where it is, and is counted in the report's errors.
    /// What dies during the replay is not sent once more.
    ///
    /// # Errors
    /// When the store can't be read, or does not take them on.
    pub fn replay(
        &self,
        filter: &LetterFilter,
        sent_as: SentAs<'_>,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        let engine = self.engine()?;
        let store = &**engine.store();
        let letters = Letters::new(store, filter).map(|letter| letter.map(|letter| letter.id));
        let wanted: Vec<u64> = letters.collect::<Result<_, _>>().map_err(EngineError::Store)?;
        let Some(last) = wanted.last().copied() else { return Ok(Progress::Done) };
        let mut batch = Vec::with_capacity(BATCH);
        for letter in Letters::new(store, filter) {
            let letter = letter.map_err(EngineError::Store)?;
            if letter.id > last {
                break;
            }
            if wanted.binary_search(&letter.id).is_err() {
                continue;
            }
            let renewed = self.sync.renew(&letter, sent_as, self.clock.wall().as_millis());
            match renewed.request {
                Ok(request) => batch.push(Revival { id: letter.id, request, at: letter.died_at }),
                Err(error) => {
                    self.stayed();
                    self.counters.error(ErrorSample {
                        kind: error.kind,
                        message: error.message,
                        place: String::new(),
                        key: letter.key,
                    });
                }
            }
            if batch.len() >= BATCH {
                engine.revive(std::mem::take(&mut batch))?;
                while self.counters.unattempted() > MAX_WAITING {
                    if !go_on() {
                        return Ok(Progress::Stopped);
                    }
                    engine.wait(Until::FirstAttempts, crate::pipeline::run::SLICE)?;
                }
            }
            if !go_on() {
                return Ok(Progress::Stopped);
            }
        }
        engine.revive(batch)?;
        Ok(Progress::Done)
    }
}
