//! From sources to blocks: opens one file after the other, peels off what it is packed in, and
//! gives the text in it on.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::io::{Seek, SeekFrom};
use std::sync::Arc;

use crate::events::EventError;
use crate::events::EventErrorKind;
use crate::events::Origin;
use crate::events::Settings;
use crate::events::block::Block;
use crate::events::cut::Cutter;
use crate::events::fingerprint::{Fingerprint, fingerprint};
use crate::events::input::Input;
use crate::events::sniff::{Content, HEAD_BYTES, sniff};
use crate::events::source::{Bytes, Found, Opened, find};
use crate::events::unpack::{Gunzip, Member, ZipFile};
use crate::events::zip_stream::ZipStream;
use crate::value::Document;
use crate::value::Node;

/// Gzip in gzip happens when a download is packed once more; deeper is a trap.
const MAX_LAYERS: usize = 3;
/// An error message that a service sends in place of an archive is shorter than this.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// The memory of this many blocks is kept for the next ones.
const MAX_SPARE: usize = 8;

/// Reads sources one after the other as [`Block`]s of text. Also an iterator of them.
///
/// After an error the reader goes on with what can still be read: an error is about one event, or
/// about what is left of one file or one member of an archive.
pub struct Reader {
    settings: Settings,
    waiting: VecDeque<Found>,
    /// What to read for `-`, if not the standard input itself.
    standard_input: Option<Box<dyn io::Read + Send>>,
    /// The file that comes next, open, with nothing read of it yet.
    opened: Option<(Opened, Arc<Origin>)>,
    /// Where the bytes are from that are read without a file, until somebody was told.
    announced: Option<Arc<Origin>>,
    archive: Option<(Archive, Arc<Origin>)>,
    text: Option<Cutter>,
    /// The memory of blocks that were given back.
    spare: Vec<Vec<u8>>,
}

enum Archive {
    File(Box<ZipFile>),
    Stream(ZipStream),
}

impl Archive {
    fn next_member(&mut self) -> Option<Result<Member, EventError>> {
        match self {
            Self::File(archive) => archive.next_member().map(Ok),
            Self::Stream(archive) => archive.next_member(),
        }
    }
}

impl Reader {
    /// Opens `sources` in order: files (JSON, JSON lines, gzip, zip), folders with all that is in
    /// them, patterns such as `exports/*.zip`, and `-` for the standard input.
    ///
    /// # Errors
    /// When a source names nothing, or a file that can't be opened. What is in the files is looked
    /// at when they are read.
    pub fn open(sources: &[impl AsRef<str>], settings: Settings) -> Result<Self, EventError> {
        Ok(Self::of(find(sources)?.into(), settings))
    }

    fn of(waiting: VecDeque<Found>, settings: Settings) -> Self {
        let (opened, announced, archive, text) = (None, None, None, None);
        let standard_input = None;
        let spare = Vec::new();
        Self { settings, waiting, standard_input, opened, announced, archive, text, spare }
    }

    /// The same, but `-` stands for these bytes: the standard input can be read by one only
    /// ([`tee`](crate::events::tee())).
    #[must_use]
    pub fn with_standard_input(mut self, bytes: impl io::Read + Send + 'static) -> Self {
        self.standard_input = Some(Box::new(bytes));
        self
    }

    /// Reads from bytes of any origin, which `name` stands for in messages.
    pub fn from_bytes(
        name: &str,
        bytes: impl io::Read + Send + 'static,
        settings: Settings,
    ) -> Result<Self, EventError> {
        let mut reader = Self::of(VecDeque::new(), settings);
        let origin = Arc::new(Origin { file: name.to_owned(), member: None });
        reader.begin(&origin, Input::new(bytes), None, true)?;
        reader.announced = Some(origin);
        Ok(reader)
    }

    /// The next block; `None` when all sources are read.
    pub fn next_block(&mut self) -> Option<Result<Block, EventError>> {
        loop {
            if let Some(result) = self.next_block_of_file() {
                return Some(result);
            }
            if let Err(error) = self.next_file()? {
                return Some(Err(error));
            }
        }
    }

    /// Goes on to the next file, past what is left of this one; `None` behind the last.
    ///
    /// Every file of a folder or pattern is one of its own, an archive is one with all its members.
    pub fn next_file(&mut self) -> Option<Result<Arc<Origin>, EventError>> {
        if let Some(origin) = self.announced.take() {
            return Some(Ok(origin));
        }
        (self.archive, self.text) = (None, None);
        let found = self.waiting.pop_front()?;
        Some(found.open().map(|opened| {
            let origin = Arc::clone(&found.origin);
            self.opened = Some((opened, Arc::clone(&origin)));
            origin
        }))
    }

    /// What the file is known by that [`Reader::next_file`] has come to, before its first block was
    /// read. `None` for one that can't be read again, such as a pipe, and for one without content.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn fingerprint(&mut self) -> Result<Option<Fingerprint>, EventError> {
        self.fingerprint_of_first(u64::MAX)
    }

    /// The same for the first `bytes` of the file: to be compared with what a file was known by
    /// that this one may have grown from.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn fingerprint_of_first(&mut self, bytes: u64) -> Result<Option<Fingerprint>, EventError> {
        let Some((Opened { bytes: Bytes::File(file), live: false }, origin)) = &mut self.opened
        else {
            return Ok(None);
        };
        let mut made = || {
            let size = file.metadata()?.len().min(bytes);
            if size == 0 { Ok(None) } else { fingerprint(file, size).map(Some) }
        };
        made().map_err(|error| EventError::from_io(error).within(origin))
    }

    /// The next block of the file that [`Reader::next_file`] has come to; `None` at its end.
    pub fn next_block_of_file(&mut self) -> Option<Result<Block, EventError>> {
        self.announced = None;
        if let Some((opened, origin)) = self.opened.take()
            && let Err(error) = self.begin_file(opened, &origin)
        {
            return Some(Err(error));
        }
        loop {
            if let Some(text) = &mut self.text {
                match text.next(self.spare.pop().unwrap_or_default()) {
                    Some(result) => return Some(result),
                    None => self.text = None,
                }
                continue;
            }
            let (archive, origin) = self.archive.as_mut()?;
            let origin = Arc::clone(origin);
            match archive.next_member() {
                Some(Ok(member)) => {
                    if let Err(error) = self.begin_member(&origin, member) {
                        return Some(Err(error));
                    }
                }
                Some(Err(error)) => return Some(Err(error.within(&origin))),
                None => self.archive = None,
            }
        }
    }

    /// Takes a block that is done with, for its memory.
    pub fn reuse(&mut self, block: Block) {
        let usual = self.settings.block_bytes;
        if self.spare.len() < MAX_SPARE && (usual..=2 * usual).contains(&block.memory.len()) {
            self.spare.push(block.memory);
        }
    }

    fn begin_file(&mut self, opened: Opened, origin: &Arc<Origin>) -> Result<(), EventError> {
        match opened.bytes {
            Bytes::StandardInput => {
                let input = match self.standard_input.take() {
                    Some(bytes) => Input::new(bytes),
                    None => Input::new(io::stdin()),
                };
                self.begin(origin, input, None, opened.live)
            }
            Bytes::File(file) => {
                let again = file.try_clone().ok().filter(|_| !opened.live);
                self.begin(origin, Input::new(file), again, opened.live)
            }
        }
    }

    fn begin_member(&mut self, archive: &Origin, member: Member) -> Result<(), EventError> {
        let origin = Origin { file: archive.file.clone(), member: Some(member.name) };
        let origin = Arc::new(origin);
        let input = member.content.map_err(|error| error.within(&origin))?;
        self.begin(&origin, input, None, false)
    }

    /// Finds out what `input` holds and gets ready to read it. `file` is the same once more, when
    /// it can be searched.
    fn begin(
        &mut self,
        origin: &Arc<Origin>,
        mut input: Input,
        file: Option<File>,
        live: bool,
    ) -> Result<(), EventError> {
        let wrong = |kind, what: &str, hint: &str| {
            let message = format!("expected JSON, found {what}");
            EventError::new(kind, message).with_hint(hint).within(origin)
        };
        for layer in 0..=MAX_LAYERS {
            let head = look(&mut input, live)
                .map_err(|error| EventError::from_io(error).within(origin))?;
            match sniff(head) {
                Content::Gzip if layer < MAX_LAYERS => {
                    input = Input::new(Gunzip::new(input));
                }
                Content::Gzip => {
                    let hint = "unpack it first";
                    return Err(wrong(EventErrorKind::Unsupported, "gzip inside gzip", hint));
                }
                Content::Zip if layer == 0 && origin.member.is_none() => {
                    let archive =
                        open_archive(input, file).map_err(|error| error.within(origin))?;
                    self.archive = Some((archive, Arc::clone(origin)));
                    return Ok(());
                }
                Content::Zip => {
                    let hint = "unpack the outer one first";
                    return Err(wrong(
                        EventErrorKind::Unsupported,
                        "a zip inside an archive",
                        hint,
                    ));
                }
                Content::Unsupported(foreign) => {
                    return Err(wrong(EventErrorKind::Unsupported, foreign.what, foreign.hint));
                }
                Content::NotText(foreign) => {
                    return Err(wrong(EventErrorKind::NotText, foreign.what, foreign.hint));
                }
                Content::Text { mark } => {
                    input.consume(mark);
                    if let Some(error) = error_message(origin, &mut input, live) {
                        return Err(error.within(origin));
                    }
                    let (origin, settings) = (Arc::clone(origin), self.settings.clone());
                    self.text = Some(Cutter::new(input, origin, settings, mark, live));
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Iterator for Reader {
    type Item = Result<Block, EventError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_block()
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

/// The first bytes, as many as tell what follows. Of a live source no more than must be waited for:
/// a first short event is not held back.
fn look(input: &mut Input, live: bool) -> io::Result<&[u8]> {
    const LONGEST_MAGIC: usize = 16;
    if !live {
        return input.peek(HEAD_BYTES);
    }
    let first = input.peek(1)?.first().copied().unwrap_or(b'{');
    let is_text = matches!(first, b'{' | b'[' | b' ' | b'\t' | b'\r' | b'\n');
    input.peek(if is_text { 1 } else { LONGEST_MAGIC })
}

fn open_archive(input: Input, file: Option<File>) -> Result<Archive, EventError> {
    let Some(mut file) = file else { return Ok(Archive::Stream(ZipStream::new(input))) };
    if let Some(archive) = ZipFile::open(&file) {
        return Ok(Archive::File(Box::new(archive)));
    }
    file.seek(SeekFrom::Start(0)).map_err(EventError::from_io)?;
    Ok(Archive::Stream(ZipStream::without_directory(Input::new(file))))
}

/// Whether the whole text is not an event but a service's error message, as an export that was
/// refused leaves it under the archive's name.
fn error_message(origin: &Origin, input: &mut Input, live: bool) -> Option<EventError> {
    let head = look(input, live).ok()?;
    if head.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let head = if live { head } else { input.peek(MAX_MESSAGE_BYTES).ok()? };
    if head.len() >= MAX_MESSAGE_BYTES {
        return None;
    }
    let document = Document::parse(std::str::from_utf8(head).ok()?).ok()?;
    let message = document.root().as_object()?;
    let error = message.get("error").filter(|_| message.get("event_type").is_none())?;
    let name = origin.file.to_ascii_lowercase();
    let is_archive = [".zip", ".gz"].iter().any(|end| name.ends_with(end));
    let code = error.as_object().and_then(|error| error.get("http_code"));
    if !is_archive && code.is_none() {
        return None;
    }
    let mut words = Vec::new();
    collect_words(error, "", &mut words);
    let what = format!("this is not an archive but a JSON error: {}", words.join(", "));
    let error = EventError::new(EventErrorKind::NotAnArchive, what);
    let hint = match code.map(|code| format!("{code:?}")).as_deref() {
        Some("400") => "the time range may hold too much for one export; ask for a shorter one",
        Some("401" | "403") => "check the API key and the secret key of the export request",
        Some("404") => "there may be no events in the time range of the export request",
        _ => "the export request failed; send it again",
    };
    Some(error.with_hint(hint))
}

/// The numbers and texts of an error message in a line.
fn collect_words(node: Node<'_>, key: &str, words: &mut Vec<String>) {
    if let Some(object) = node.as_object() {
        object.iter().for_each(|(key, value)| collect_words(value, key, words));
    } else if let Some(text) = node.as_text() {
        // Its kind says nothing that the message does not say.
        if key != "type" {
            words.push(text.to_owned());
        }
    } else if !node.is_null() {
        words.push(format!("{key} {node:?}").trim_start().to_owned());
    }
}
