//! Which source of an earlier run a file is, told by its content. Decides only: whoever asks has
//! looked at the file and at the store.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::delivery::store::KnownSource;
use crate::delivery::store::positions::Positions;
use crate::events::Fingerprint;

/// Characters of a content's hash that identify events by their position in it.
const IDENTITY_CHARACTERS: usize = 32;

/// The sources that a store remembers, and those that this run has come by.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Sources {
    known: Vec<KnownSource>,
    /// Numbers of those that are one of this run's files already: a copy is another source.
    taken: HashSet<u64>,
    /// How many files of this run had that content.
    copies: HashMap<String, u64>,
}

/// How far a file is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pipeline) enum Seen {
    /// Its content was never read.
    Never,
    /// Its content was read, at least in part.
    Same,
    /// Its beginning is a source that was read; it has grown since.
    Grown,
}

impl Sources {
    /// What a store remembers.
    pub(in crate::pipeline) fn new(known: Vec<KnownSource>) -> Self {
        Self { known, ..Self::default() }
    }

    /// The source that a file is which looks like `now` and is called `name`.
    ///
    /// `looks_like` is what its first so many bytes look like. `stayed` says whether another file
    /// still is what the store remembers it as, so that this one can't be that file, grown.
    ///
    /// # Errors
    /// When `looks_like` has one.
    pub(in crate::pipeline) fn find<E>(
        &mut self,
        name: &str,
        now: &Fingerprint,
        mut looks_like: impl FnMut(u64) -> Result<Option<Fingerprint>, E>,
        stayed: impl Fn(&KnownSource) -> bool,
    ) -> Result<(Seen, KnownSource), E> {
        let copies = self.copies.entry(now.content_hash.clone()).or_default();
        *copies += 1;
        let free = |source: &&KnownSource| !self.taken.contains(&source.id);
        let same = self.known.iter().filter(free).find(|source| is(source, now));
        let mut found = same.map(|source| (Seen::Same, source.clone()));
        if found.is_none() {
            let shorter = |source: &&KnownSource| 0 < source.size && source.size < now.size;
            let mut shorter: Vec<&KnownSource> =
                self.known.iter().filter(free).filter(shorter).collect();
            // The longest beginning is the file as it was last.
            shorter.sort_by_key(|source| std::cmp::Reverse(source.size));
            for source in shorter {
                if source.name != name && stayed(source) {
                    continue;
                }
                // A different beginning is told without a look at the rest.
                let head = looks_like(source.head_bytes)?;
                if head.is_none_or(|head| head.head_hash != source.head_hash) {
                    continue;
                }
                if looks_like(source.size)?.is_some_and(|first| is(source, &first)) {
                    found = Some((Seen::Grown, source.clone()));
                    break;
                }
            }
        }
        let (seen, mut source) = found.unwrap_or_else(|| (Seen::Never, new(now, *copies)));
        if seen == Seen::Grown {
            source.is_finished = false;
        }
        name.clone_into(&mut source.name);
        source.size = now.size;
        source.head_bytes = now.head_bytes;
        source.head_hash.clone_from(&now.head_hash);
        source.content_hash.clone_from(&now.content_hash);
        if source.id != 0 {
            self.taken.insert(source.id);
        }
        Ok((seen, source))
    }

    /// A source that was begun is one of this run's.
    pub(in crate::pipeline) fn take(&mut self, id: u64) {
        self.taken.insert(id);
    }
}

fn is(source: &KnownSource, fingerprint: &Fingerprint) -> bool {
    source.size == fingerprint.size
        && source.head_hash == fingerprint.head_hash
        && source.content_hash == fingerprint.content_hash
}

/// The source of a content that was never read, the so-manieth with it in this run.
fn new(now: &Fingerprint, copy: u64) -> KnownSource {
    let hash = now.content_hash.get(..IDENTITY_CHARACTERS).unwrap_or(&now.content_hash);
    let identity = if copy > 1 { format!("{hash}-{copy}") } else { hash.to_owned() };
    KnownSource { identity, ..KnownSource::default() }
}

/// Files that a run did not read to the end, and that are still there: another run goes on with them,
/// while what waits in a store is not all of it.
pub(in crate::pipeline) fn unfinished(
    known: &[KnownSource],
    is_there: impl Fn(&str) -> bool,
) -> Vec<String> {
    // Of one path, what was read last counts.
    let last: HashMap<&str, &KnownSource> =
        known.iter().map(|source| (source.name.as_str(), source)).collect();
    let mut unfinished: Vec<&KnownSource> =
        last.into_values().filter(|source| !source.is_finished && is_there(&source.name)).collect();
    unfinished.sort_unstable_by_key(|source| source.id);
    unfinished.into_iter().map(|source| source.name.clone()).collect()
}

/// The same source as if nothing of it had been read.
pub(in crate::pipeline) fn anew(source: KnownSource) -> KnownSource {
    KnownSource {
        finished: Positions::default(),
        is_finished: false,
        accepted: 0,
        pending: 0,
        ..source
    }
}

/// The way through one file, event by event.
#[derive(Debug)]
pub(in crate::pipeline) struct Cursor {
    /// The store's number of the source; 0 when the store remembers none.
    pub(in crate::pipeline) source: u64,
    /// What identifies events by their position; `None` when the source can't be read again.
    pub(in crate::pipeline) identity: Option<String>,
    finished: Positions,
    next: u64,
    /// Where the invalid ones begin that nothing valid has followed yet.
    invalid_from: Option<u64>,
}

impl Cursor {
    /// The way through a source that the store calls by this number.
    pub(in crate::pipeline) fn new(number: u64, source: KnownSource) -> Self {
        let KnownSource { identity, finished, .. } = source;
        Self { source: number, identity: Some(identity), finished, next: 0, invalid_from: None }
    }

    /// The way through what can't be read again.
    pub(in crate::pipeline) fn live() -> Self {
        let (identity, finished) = (None, Positions::default());
        Self { source: 0, identity, finished, next: 0, invalid_from: None }
    }

    /// Goes on to the next event: its position, or `None` when it was finished by an earlier run.
    pub(in crate::pipeline) fn step(&mut self) -> Option<u64> {
        let position = self.next;
        self.next += 1;
        if self.finished.contains(position) {
            self.invalid_from = None;
            return None;
        }
        Some(position)
    }

    /// What stands at this position is no event. It is passed over when something behind it is
    /// one: at the end of a file it may be an event that is still being written.
    pub(in crate::pipeline) fn invalid(&mut self, position: u64) {
        self.invalid_from.get_or_insert(position);
    }

    /// What stands at this position is an event: the positions before it that are passed over.
    pub(in crate::pipeline) fn valid(&mut self, position: u64) -> std::ops::Range<u64> {
        self.invalid_from.take().unwrap_or(position)..position
    }

    /// The end of what is in the file for good.
    pub(in crate::pipeline) fn end(&self) -> u64 {
        self.invalid_from.unwrap_or(self.next)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use crate::delivery::store::KnownSource;
    use crate::events::Fingerprint;
    use crate::pipeline::sources::Cursor;
    use crate::pipeline::sources::Seen;
    use crate::pipeline::sources::Sources;
    use crate::pipeline::sources::unfinished;

    #[test]
    fn of_each_path_the_last_source_is_finished_or_not() {
        let source = |id, name: &str, is_finished| KnownSource {
            id,
            name: name.to_owned(),
            is_finished,
            ..KnownSource::default()
        };
        let known = [
            source(1, "b", false),
            source(2, "a", false),
            source(3, "done", true),
            source(4, "replaced", false),
            source(5, "replaced", true),
            source(6, "gone", false),
        ];
        assert_eq!(unfinished(&known, |name| name != "gone"), ["b", "a"]);
    }

    /// A file's fingerprint, its content being its hash.
    fn looks(content: &str) -> Fingerprint {
        Fingerprint {
            size: content.len() as u64,
            head_bytes: content.len().min(4) as u64,
            head_hash: content.chars().take(4).collect(),
            content_hash: content.to_owned(),
        }
    }

    fn find(sources: &mut Sources, name: &str, content: &str) -> (Seen, KnownSource) {
        stayed(sources, name, content, false)
    }

    fn stayed(
        sources: &mut Sources,
        name: &str,
        content: &str,
        stays: bool,
    ) -> (Seen, KnownSource) {
        let first = |bytes: u64| {
            let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(content.len());
            Ok::<_, Infallible>(content.get(..length).map(looks))
        };
        match sources.find(name, &looks(content), first, |_| stays) {
            Ok(found) => found,
        }
    }

    fn known(id: u64, name: &str, content: &str) -> KnownSource {
        let (_, source) = find(&mut Sources::default(), name, content);
        KnownSource { id, ..source }
    }

    #[test]
    fn the_same_content_under_another_path_is_the_same_source() {
        let mut sources = Sources::new(vec![known(7, "a", "one two three")]);
        let (seen, source) = find(&mut sources, "b", "one two three");
        assert_eq!((seen, source.id, source.name.as_str()), (Seen::Same, 7, "b"));
    }

    #[test]
    fn other_content_under_the_same_path_is_another_source() {
        let mut sources = Sources::new(vec![known(7, "a", "one two three")]);
        let (seen, source) = find(&mut sources, "a", "one two four!");
        assert_eq!((seen, source.id), (Seen::Never, 0));
        assert_ne!(source.identity, known(7, "a", "one two three").identity);
    }

    #[test]
    fn a_file_that_has_grown_keeps_its_identity() {
        let before = known(7, "a", "one two");
        let longer = known(8, "c", "one two three");
        let mut sources = Sources::new(vec![before, longer.clone()]);
        let (seen, source) = find(&mut sources, "a", "one two three four");
        assert_eq!((seen, source.id, source.size), (Seen::Grown, 8, 18));
        assert_eq!(source.identity, longer.identity);
        assert!(!source.is_finished);
    }

    #[test]
    fn a_file_that_begins_like_one_that_is_still_there_is_another_source() {
        let mut sources = Sources::new(vec![known(7, "a", "one two")]);
        assert_eq!(stayed(&mut sources, "b", "one two three", true).0, Seen::Never);
        assert_eq!(stayed(&mut sources, "a", "one two three four", true).0, Seen::Grown);
    }

    #[test]
    fn a_copy_in_the_same_run_is_a_source_of_its_own() {
        let mut sources = Sources::new(vec![known(7, "a", "one two")]);
        let (first, _) = find(&mut sources, "a", "one two");
        let (second, copy) = find(&mut sources, "b", "one two");
        assert_eq!((first, second, copy.id), (Seen::Same, Seen::Never, 0));
        assert!(copy.identity.ends_with("-2"), "{copy:?}");
    }

    #[test]
    fn what_is_invalid_at_the_end_is_not_there_for_good() {
        let mut cursor = Cursor::live();
        let steps: Vec<Option<u64>> = (0..5).map(|_| cursor.step()).collect();
        assert_eq!(steps, [Some(0), Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(cursor.valid(0), 0..0);
        cursor.invalid(1);
        cursor.invalid(2);
        assert_eq!(cursor.valid(3), 1..3);
        cursor.invalid(4);
        assert_eq!(cursor.end(), 4);
    }
}
