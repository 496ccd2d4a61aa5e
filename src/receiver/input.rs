//! Requests as they come in on a connection: head, body in one piece or in chunks.

use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;

use crate::delivery::clock::Timestamp;
use crate::receiver::ReceivedRequest;

/// The longest head of a request that is read.
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// The longest body of a request that is read.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// Header lines of a request that are read.
const MAX_HEADERS: usize = 256;

/// What has come in on a connection and was not read yet.
pub(crate) struct Input<'a> {
    stream: &'a TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(stream: &'a TcpStream) -> Self {
        Self { stream, buffer: vec![0; 16 * 1024], start: 0, end: 0 }
    }

    /// The next request; `None` when the peer closed in between requests or sends no HTTP.
    pub(crate) fn read_request(&mut self) -> io::Result<Option<ReceivedRequest>> {
        let (mut request, framing) = loop {
            match parse_head(&self.buffer[self.start..self.end]) {
                Ok(Some((length, request, framing))) => {
                    self.start += length;
                    break (request, framing);
                }
                Ok(None) if self.end - self.start < MAX_HEAD_BYTES => {
                    if !self.fill()? {
                        return Ok(None);
                    }
                }
                _ => {
                    let refusal = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                    let mut stream = self.stream;
                    stream.write_all(refusal)?;
                    return Ok(None);
                }
            }
        };
        if framing.expects_continue {
            let mut stream = self.stream;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = if framing.chunked {
            self.read_chunks()?
        } else {
            self.read_exactly(framing.length.min(MAX_BODY_BYTES))?
        };
        Ok(Some(request))
    }

    fn read_exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::with_capacity(length.min(1024 * 1024));
        while body.len() < length {
            if self.start == self.end && !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let amount = (length - body.len()).min(self.end - self.start);
            body.extend_from_slice(&self.buffer[self.start..self.start + amount]);
            self.start += amount;
        }
        Ok(body)
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.read_line()?;
            let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size = std::str::from_utf8(size).ok().map(str::trim);
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.filter(|size| body.len() + size <= MAX_BODY_BYTES);
            let size = size.ok_or(io::ErrorKind::InvalidData)?;
            body.extend(self.read_exactly(size)?);
            if size == 0 {
                // Trailers, up to the empty line.
                while !self.read_line()?.is_empty() {}
                return Ok(body);
            }
            self.read_line()?;
        }
    }

    fn read_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            match self.read_exactly(1)?.first() {
                Some(b'\n') => return Ok(line),
                Some(b'\r') | None => {}
                Some(byte) if line.len() < MAX_HEAD_BYTES => line.push(*byte),
                Some(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    /// Reads more; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.end == self.buffer.len() {
                self.buffer.resize(self.end * 2, 0);
            }
        }
        let mut stream = self.stream;
        loop {
            match stream.read(&mut self.buffer[self.end..]) {
                Ok(amount) => {
                    self.end += amount;
                    return Ok(amount > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// How the body of a request is told from what follows.
struct Framing {
    length: usize,
    chunked: bool,
    expects_continue: bool,
}

/// The head of a request, once it is complete, and its length.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, ReceivedRequest, Framing)>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(bytes)? else {
        return Ok(None);
    };
    let mut framing = Framing { length: 0, chunked: false, expects_continue: false };
    let mut kept = Vec::with_capacity(parsed.headers.len());
    for header in parsed.headers.iter() {
        let value = String::from_utf8_lossy(header.value).into_owned();
        if header.name.eq_ignore_ascii_case("content-length") {
            framing.length = value.trim().parse().map_err(|_| httparse::Error::HeaderValue)?;
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            framing.chunked = value.to_ascii_lowercase().contains("chunked");
        } else if header.name.eq_ignore_ascii_case("expect") {
            framing.expects_continue = value.eq_ignore_ascii_case("100-continue");
        }
        kept.push((header.name.to_owned(), value));
    }
    let request = ReceivedRequest {
        ordinal: 0,
        connection: 0,
        at: Timestamp::default(),
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        headers: kept,
        body: Vec::new(),
        status: 0,
    };
    Ok(Some((length, request, framing)))
}
