//! Bytes with a look ahead: what the next ones are, without taking them.

use std::fmt;
use std::io;
use std::io::Read;

/// How much is asked of the source at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// A reader of bytes that can be looked into before it is read.
pub(in crate::events) struct Input {
    inner: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The inner reader is at its end.
    ended: bool,
    /// What the inner reader failed with, behind the bytes in the buffer.
    failed: Option<io::Error>,
}

impl Input {
    pub(in crate::events) fn new(inner: impl Read + Send + 'static) -> Self {
        let inner = Box::new(inner);
        Self { inner, buffer: Vec::new(), start: 0, end: 0, ended: false, failed: None }
    }

    /// The bytes that come next: at least `wanted` of them, fewer only at the end or before an
    /// error, which comes when there is nothing left before it.
    pub(in crate::events) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.end - self.start < wanted && !self.ended && self.failed.is_none() {
            self.fill(wanted);
        }
        if self.start == self.end
            && let Some(error) = self.failed.take()
        {
            self.ended = true;
            return Err(error);
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Takes `count` of the bytes that [`Input::peek`] showed.
    pub(in crate::events) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            // What a long look ahead took is given back.
            if self.buffer.len() > CHUNK_BYTES {
                self.buffer = Vec::new();
            }
        }
    }

    fn fill(&mut self, wanted: usize) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let needed = wanted.max(CHUNK_BYTES);
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
        match read(&mut self.inner, &mut self.buffer[self.end..]) {
            Ok(0) => self.ended = true,
            Ok(count) => self.end += count,
            Err(error) => self.failed = Some(error),
        }
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end
            && !self.ended
            && self.failed.is_none()
            && out.len() >= CHUNK_BYTES
        {
            let count = read(&mut self.inner, out)?;
            self.ended = count == 0;
            return Ok(count);
        }
        let ready = self.peek(1)?;
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("ready", &(self.end - self.start)).finish_non_exhaustive()
    }
}

/// One read; a signal in between is no reason to stop.
pub(in crate::events) fn read(reader: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::io::Read;

    use crate::events::input::Input;

    struct Failing(&'static [u8]);

    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::other("broken"));
            }
            let count = self.0.len().min(out.len()).min(3);
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn looking_ahead_takes_nothing() {
        let mut input = Input::new(&b"abcdef"[..]);
        assert_eq!(input.peek(2).ok().map(|bytes| bytes[..2].to_vec()), Some(b"ab".to_vec()));
        input.consume(1);
        let mut text = String::new();
        assert!(input.read_to_string(&mut text).is_ok());
        assert_eq!(text, "bcdef");
    }

    #[test]
    fn what_comes_before_an_error_is_not_lost() {
        let mut input = Input::new(Failing(b"abcdef"));
        assert_eq!(input.peek(100).map(<[u8]>::len).ok(), Some(6));
        input.consume(6);
        assert!(input.peek(1).is_err());
        assert_eq!(input.peek(1).map(<[u8]>::len).ok(), Some(0));
    }
}
