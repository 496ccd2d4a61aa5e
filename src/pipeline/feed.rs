//! Events of a source, or given one by one, on their way to the engine: read, decided about, and
//! handed over in batches.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::delivery::Engine;
use crate::delivery::EngineError;
use crate::delivery::log::LogLevel;
use crate::delivery::log::LogTarget;
use crate::delivery::log::LogValue;
use crate::delivery::store::Discarded;
use crate::delivery::store::NewDelivery;
use crate::delivery::store::Reason;
use crate::delivery::store::SourcePlace;
use crate::delivery::store::StoreError;
use crate::events::Block;
use crate::events::EventError;
use crate::events::EventErrorKind;
use crate::events::Reader;
use crate::events::file_size;
use crate::pipeline::Decision;
use crate::pipeline::Position;
use crate::pipeline::ahead::Next;
use crate::pipeline::ahead::ReadAhead;
use crate::pipeline::batch::Batch;
use crate::pipeline::batch::PASSED;
use crate::pipeline::run::Confirmed;
use crate::pipeline::run::Progress;
use crate::pipeline::run::Run;
use crate::pipeline::run::SLICE;
use crate::pipeline::sources::Cursor;
use crate::pipeline::sources::Seen;
use crate::pipeline::sources::Sources;
use crate::pipeline::sources::anew;
use crate::pipeline::text::EventText;
use crate::report::ErrorSample;
use crate::report::grouped;
use crate::value::Document;

/// A block of fewer bytes comes from a source that gives little at a time.
const SHORT_BLOCK: usize = 128 * 1024;
/// Events prepared before the caller is asked whether to go on: a heavy template takes some
/// milliseconds for each.
pub(in crate::pipeline) const EVENTS_A_LOOK: usize = 8;

impl Run {
    /// Sends the events of a source; `go_on` is asked at least every 50 ms.
    ///
    /// A file that the store knows by its content is gone on with where earlier runs left it, and
    /// not read at all when it is finished. A part of the source that can't be read counts as
    /// `invalid`, and the run goes on behind it.
    ///
    /// # Errors
    /// When the store does not take the events: those of the last batch are not accepted.
    pub fn feed(
        &self,
        mut reader: Reader,
        confirmed: Confirmed,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        let engine = self.engine()?;
        let mut batch = Batch::new(confirmed, true, self.sync.options());
        while let Some(origin) = reader.next_file() {
            let begun = match origin {
                Ok(origin) => self.begin_file(&engine, &mut reader, &origin.file, confirmed)?,
                Err(error) => Err(error),
            };
            match begun {
                Ok(Some(mut cursor)) => {
                    let fed = self.feed_file(&engine, reader, &mut cursor, &mut batch, go_on)?;
                    let Some(behind) = fed else { return Ok(Progress::Stopped) };
                    reader = behind;
                }
                Ok(None) => {}
                Err(error) => self.invalid(&error),
            }
            if !go_on() {
                return Ok(Progress::Stopped);
            }
        }
        batch.hand_over(&engine, go_on)
    }

    /// Finds out where to begin in the file that the reader has come to; `None` when all of it is
    /// finished, an error when it can't be read.
    fn begin_file(
        &self,
        engine: &Engine,
        reader: &mut Reader,
        name: &str,
        confirmed: Confirmed,
    ) -> Result<Result<Option<Cursor>, EventError>, EngineError> {
        let now = match reader.fingerprint() {
            Ok(Some(now)) => now,
            Ok(None) => return Ok(Ok(Some(Cursor::live()))),
            Err(error) => return Ok(Err(error)),
        };
        let store = engine.store();
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let sources = match &mut *sources {
            Some(sources) => sources,
            none => none.insert(Sources::new(store.sources().map_err(EngineError::Store)?)),
        };
        let name = std::path::absolute(name)
            .map_or_else(|_| name.to_owned(), |path| path.to_string_lossy().into_owned());
        let found = sources.find(
            &name,
            &now,
            |bytes| reader.fingerprint_of_first(bytes),
            |source| file_size(&source.name) == Some(source.size),
        );
        let (seen, source) = match found {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let source = if confirmed == Confirmed::SendAgain { anew(source) } else { source };
        // Those that were pending are counted as resumed.
        let confirmed = source.accepted.saturating_sub(source.pending);
        self.counters.confirmed_before(confirmed);
        self.tell_source(&name, confirmed);
        if seen == Seen::Same && source.is_finished {
            return Ok(Ok(None));
        }
        let number = store.begin_source(&source).map_err(EngineError::Store)?;
        sources.take(number);
        Ok(Ok(Some(Cursor::new(number, source))))
    }

    /// The reader behind the file; `None` when the caller said not to go on.
    fn feed_file(
        &self,
        engine: &Engine,
        reader: Reader,
        cursor: &mut Cursor,
        batch: &mut Batch,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Option<Reader>, EngineError> {
        let ahead = ReadAhead::start(reader);
        let ahead = ahead.map_err(|error| EngineError::Threads(error.to_string()))?;
        let reader = loop {
            match ahead.next(SLICE) {
                Next::End => break ahead.end(),
                Next::NotYet => {}
                Next::Block(Ok(block)) => {
                    let progress = self.feed_block(engine, &block, cursor, batch, go_on)?;
                    ahead.reuse(block);
                    if progress == Progress::Stopped {
                        return Ok(None);
                    }
                }
                Next::Block(Err(error)) => {
                    if error.kind() == EventErrorKind::Unreadable {
                        // Another time it may be read: nobody knows how many events this was.
                        self.invalid(&error);
                        return Ok(Some(ahead.end()));
                    }
                    if let Some(position) = cursor.step() {
                        self.invalid(&error);
                        cursor.invalid(position);
                    }
                }
            }
            if !go_on() {
                return Ok(None);
            }
        };
        if cursor.source != 0 {
            batch.ends.push((cursor.source, cursor.end()));
        }
        Ok(Some(reader))
    }

    fn feed_block(
        &self,
        engine: &Engine,
        block: &Block,
        cursor: &mut Cursor,
        batch: &mut Batch,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        let now = self.clock.wall().as_millis();
        for (number, line) in block.lines().enumerate() {
            if number % EVENTS_A_LOOK == 0 && !go_on() {
                return Ok(Progress::Stopped);
            }
            let Some(position) = cursor.step() else { continue };
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    self.invalid(&error);
                    cursor.invalid(position);
                    continue;
                }
            };
            match line.parse(std::mem::take(&mut batch.buffers)) {
                Ok(event) => {
                    for passed in cursor.valid(position) {
                        batch.passed.push(SourcePlace { source: cursor.source, position: passed });
                        if batch.passed.len() >= PASSED {
                            batch.pass(engine)?;
                        }
                    }
                    let stands = match &cursor.identity {
                        Some(identity) => Position::Source(identity, position),
                        None => Position::Ordinal(self.ordinal.fetch_add(1, Ordering::Relaxed)),
                    };
                    batch.place = (cursor.source != 0)
                        .then_some(SourcePlace { source: cursor.source, position });
                    self.decide(&event, line.text(), &stands, now, batch);
                    batch.buffers = event.into_buffers();
                }
                Err((error, buffers)) => {
                    self.invalid(&error);
                    cursor.invalid(position);
                    batch.buffers = buffers;
                }
            }
            if batch.is_full() && batch.hand_over(engine, go_on)? == Progress::Stopped {
                return Ok(Progress::Stopped);
            }
        }
        // What comes a little at a time must not wait for a full batch.
        if cursor.identity.is_none() || block.len() < SHORT_BLOCK {
            batch.hand_over(engine, go_on)
        } else {
            Ok(Progress::Done)
        }
    }

    /// Sends events given as JSON texts; returns when they are accepted.
    ///
    /// # Errors
    /// When the store does not take them; how many it took before, the message says.
    pub fn send(
        &self,
        events: &[impl AsRef<str>],
        confirmed: Confirmed,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Progress, EngineError> {
        let mut accepted = 0;
        self.send_all(events, confirmed, go_on, &mut accepted).map_err(|error| match error {
            EngineError::Store(StoreError { kind, message }) => {
                let message = match (accepted, events.len()) {
                    (0, _) => format!("{message}; nothing of this call was accepted"),
                    (first, all) => format!(
                        "{message}; of this call the first {} of {} events were accepted",
                        grouped(first as u64),
                        grouped(all as u64),
                    ),
                };
                EngineError::Store(StoreError { kind, message })
            }
            error => error,
        })
    }

    /// The same; `accepted` is how many of the events are.
    pub(in crate::pipeline) fn send_all(
        &self,
        events: &[impl AsRef<str>],
        confirmed: Confirmed,
        go_on: &dyn Fn() -> bool,
        accepted: &mut usize,
    ) -> Result<Progress, EngineError> {
        let engine = self.engine()?;
        let mut batch = Batch::new(confirmed, false, self.sync.options());
        let now = self.clock.wall().as_millis();
        for (number, text) in events.iter().enumerate() {
            if number % EVENTS_A_LOOK == EVENTS_A_LOOK - 1 && !go_on() {
                return Ok(Progress::Stopped);
            }
            let text = text.as_ref().trim();
            let ordinal = self.ordinal.fetch_add(1, Ordering::Relaxed);
            match Document::parse_with(text, std::mem::take(&mut batch.buffers)) {
                Ok(event) if event.root().as_object().is_some() => {
                    self.decide(&event, text, &Position::Ordinal(ordinal), now, &mut batch);
                    batch.buffers = event.into_buffers();
                }
                Ok(event) => {
                    let found = event.root().kind_name();
                    self.invalid_text(
                        ordinal,
                        "not_an_object",
                        format!("expected an object, found {found}"),
                    );
                }
                Err((error, buffers)) => {
                    self.invalid_text(ordinal, "invalid_json", error.to_string());
                    batch.buffers = buffers;
                }
            }
            if batch.is_full() {
                if batch.hand_over(&engine, go_on)? == Progress::Stopped {
                    return Ok(Progress::Stopped);
                }
                *accepted = number + 1;
            }
        }
        batch.hand_over(&engine, go_on)
    }

    pub(in crate::pipeline) fn decide(
        &self,
        event: &Document<'_>,
        text: &(impl EventText + ?Sized),
        position: &Position<'_>,
        now: i64,
        batch: &mut Batch,
    ) {
        let root = event.root();
        let place = batch.place;
        let kept = || self.sync.options().keep_events.then(|| text.json().to_owned());
        match self.sync.decide(root, text, position, now) {
            Decision::Filtered => {
                self.counters.filtered(1);
                batch.passed.extend(place);
            }
            Decision::Send { key, has_own_key, request, lane } => {
                // Without a template the payload is the event already.
                let event = if self.sync.options().template.is_some() { kept() } else { None };
                let mut new = NewDelivery::new(key, request, event);
                new.place = place;
                new.lane = lane;
                new.again = batch.again || (batch.again_without_key && !has_own_key);
                batch.push(new);
            }
            Decision::Discard { key, reason: discard } => {
                let message = discard.message();
                self.counters.error(ErrorSample {
                    kind: discard.kind(),
                    message: message.clone(),
                    place: String::new(),
                    key: key.clone(),
                });
                let reason =
                    if discard.reason() == "filter" { Reason::Filter } else { Reason::Render };
                let at = self.clock.wall();
                let event = kept();
                batch.discarded.push(Discarded { key, reason, message, event, at, place });
            }
        }
    }

    fn tell_source(&self, name: &str, before: u64) {
        let log = self.log();
        log.write(LogLevel::Info, LogTarget::Events, "source", self.clock.now(), || {
            let fields = vec![
                ("source", LogValue::Text(name.to_owned())),
                ("confirmed_before", LogValue::Number(before)),
            ];
            let known = match before {
                0 => String::new(),
                before => format!(", of which earlier runs took {} events", grouped(before)),
            };
            (format!("reads {name}{known}"), fields)
        });
    }

    fn tell_invalid(&self, kind: &str, place: &str, message: &str) {
        let log = self.log();
        log.write(LogLevel::Warning, LogTarget::Events, kind, self.clock.now(), || {
            // The lines behind the first draw the place.
            let first = message.lines().next().unwrap_or_default();
            let fields = vec![
                ("kind", LogValue::Text(kind.to_owned())),
                ("place", LogValue::Text(place.to_owned())),
            ];
            (format!("left out what is no event, {first}"), fields)
        });
    }

    pub(in crate::pipeline) fn invalid(&self, error: &EventError) {
        self.counters.invalid(1);
        let place = error.origin().map(ToString::to_string).unwrap_or_default();
        let place = match error.line() {
            Some(line) => format!("{place}:{line}"),
            None => place,
        };
        let kind = format!("event_{}", error.kind().name());
        let message = error.to_string();
        self.tell_invalid(&kind, &place, &message);
        self.counters.error(ErrorSample { kind, message, place, key: String::new() });
    }

    fn invalid_text(&self, ordinal: u64, kind: &str, message: String) {
        self.counters.invalid(1);
        let place = format!("event {}", ordinal + 1);
        let kind = format!("event_{kind}");
        self.tell_invalid(&kind, &place, &format!("{place}: {message}"));
        self.counters.error(ErrorSample { kind, message, place, key: String::new() });
    }
}
