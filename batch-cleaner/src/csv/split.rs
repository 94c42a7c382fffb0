//! Cutting the input into pieces of whole records.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};

use super::{MAX_RECORD_BYTES, Spoilt};

/// What a piece holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Whole records, and nothing that only the splitter can refuse.
    Records,
    /// The lines of a record that has no end within the bound; of a long one the beginning only.
    Refused(Spoilt),
}

/// Reads an input from its start to its end, piece by piece.
pub struct Splitter<R> {
    reader: R,
    /// Bytes read and not yet given out; begins at a record's start.
    pending: Vec<u8>,
    /// A piece is given out once this many bytes are there, or the end.
    piece_bytes: usize,
    ended: bool,
    /// Lines given out so far.
    lines: u64,
    /// Bytes given out so far.
    given: u64,
    /// Up to which byte of the input a look for a closing quote has gone in vain.
    looked_until: u64,
}

/// A record's end, as far as the bytes at hand tell.
enum Boundary {
    /// Whole records up to here.
    At(usize),
    /// The first record is spoilt, up to here; its end may lie further on.
    Spoilt { end: usize, why: Spoilt },
    /// No record ends in these bytes.
    Unknown,
}

impl<R: Read> Splitter<R> {
    /// `piece_bytes` is how large pieces are, about; records are the same whatever it is.
    pub fn new(reader: R, piece_bytes: usize) -> Self {
        Splitter {
            reader,
            pending: Vec::new(),
            piece_bytes: piece_bytes.max(1),
            ended: false,
            lines: 0,
            given: 0,
            looked_until: 0,
        }
    }

    /// The line on which the next piece begins, from 1.
    pub fn next_line(&self) -> u64 {
        self.lines + 1
    }

    /// Fills `piece` with the next piece; `None` at the end. `on_read` is shown all bytes in order as they are read.
    pub fn next(&mut self, piece: &mut Vec<u8>, mut on_read: impl FnMut(&[u8])) -> io::Result<Option<Cut>> {
        std::mem::swap(piece, &mut self.pending);
        self.pending.clear();
        let mut wanted = self.piece_bytes;
        loop {
            self.fill(piece, wanted, &mut on_read)?;
            if piece.is_empty() {
                return Ok(None);
            }
            match self.boundary(piece) {
                Boundary::At(end) => {
                    self.give(piece, end);
                    return Ok(Some(Cut::Records));
                }
                Boundary::Spoilt { end, why } => {
                    self.refuse(piece, end, &mut on_read)?;
                    return Ok(Some(Cut::Refused(why)));
                }
                Boundary::Unknown => wanted = piece.len() + self.piece_bytes.max(1 << 12),
            }
        }
    }

    /// Reads until there are `wanted` bytes, or the end.
    fn fill(&mut self, piece: &mut Vec<u8>, wanted: usize, on_read: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let had = piece.len();
        if !self.ended && had < wanted {
            let missing = wanted - had;
            piece.reserve(missing);
            // Reads into the reserved space without filling it with zeros first.
            let read = (&mut self.reader).take(missing as u64).read_to_end(piece)?;
            self.ended = read < missing;
            on_read(&piece[had..]);
        }
        Ok(())
    }

    /// Gives `piece[..end]` out and keeps the rest.
    fn give(&mut self, piece: &mut Vec<u8>, end: usize) {
        self.pending.extend_from_slice(&piece[end..]);
        piece.truncate(end);
        self.lines += memchr_iter(b'\n', piece).count() as u64;
        self.given += end as u64;
    }

    /// Gives a spoilt record out: at least `piece[..end]`, through the next line break, of which all but the first
    /// [`MAX_RECORD_BYTES`] are left out.
    fn refuse(&mut self, piece: &mut Vec<u8>, end: usize, on_read: &mut impl FnMut(&[u8])) -> io::Result<()> {
        if let Some(at) = memchr(b'\n', &piece[end - 1..]) {
            self.give(piece, end + at);
            return Ok(());
        }
        self.lines += memchr_iter(b'\n', piece).count() as u64;
        self.given += piece.len() as u64;
        piece.truncate(MAX_RECORD_BYTES);
        let mut rest = Vec::new();
        loop {
            rest.clear();
            self.fill(&mut rest, self.piece_bytes.max(1 << 12), on_read)?;
            let line_end = memchr(b'\n', &rest).map(|at| at + 1);
            self.given += line_end.unwrap_or(rest.len()) as u64;
            self.lines += u64::from(line_end.is_some());
            if let Some(line_end) = line_end {
                self.pending.extend_from_slice(&rest[line_end..]);
            }
            if line_end.is_some() || rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Where to cut `data`, which begins at a record's start.
    fn boundary(&mut self, data: &[u8]) -> Boundary {
        let mut record_start = 0;
        // Everything before this is settled; it lies outside quotes.
        let mut at = 0;
        while let Some(quote) = opening_quote(data, at) {
            if let Some(line_end) = memrchr(b'\n', &data[at..quote]) {
                record_start = at + line_end + 1;
            }
            if quote - record_start >= MAX_RECORD_BYTES {
                return if record_start > 0 {
                    Boundary::At(record_start)
                } else {
                    Boundary::Spoilt { end: quote + 1, why: Spoilt::TooLong }
                };
            }
            match self.closing_quote(data, record_start, quote) {
                Closing::At(close) => match data.get(close + 1) {
                    Some(b',' | b'\n') => at = close + 1,
                    None if self.ended => return Boundary::At(data.len()),
                    Some(b'\r') if data.get(close + 2).is_none() && self.ended => return Boundary::At(data.len()),
                    Some(b'\r') if data.get(close + 2) == Some(&b'\n') => at = close + 2,
                    Some(b'\r') if data.get(close + 2).is_none() => return self.before(data, record_start),
                    None => return self.before(data, record_start),
                    Some(_) => match memchr(b'\n', &data[close + 1..]) {
                        Some(line_end) => {
                            at = close + 1 + line_end + 1;
                            record_start = at;
                        }
                        None => return self.before(data, record_start),
                    },
                },
                Closing::Missing if record_start > 0 => return Boundary::At(record_start),
                Closing::Missing => return self.unclosed(data),
                Closing::Unknown => return self.before(data, record_start),
            }
        }
        if let Some(line_end) = memrchr(b'\n', &data[at..]) {
            record_start = at + line_end + 1;
        }
        self.before(data, record_start)
    }

    /// The records before the one that begins at `record_start` and has no end in `data`.
    fn before(&self, data: &[u8], record_start: usize) -> Boundary {
        if self.ended {
            Boundary::At(data.len())
        } else if record_start > 0 {
            Boundary::At(record_start)
        } else if data.len() > MAX_RECORD_BYTES {
            Boundary::Spoilt { end: data.len(), why: Spoilt::TooLong }
        } else {
            Boundary::Unknown
        }
    }

    /// The first record's quoted field has no end: its first line is refused. If a look for an end has already gone
    /// over these bytes, all the lines it went over are, so that no byte is looked at more than a few times.
    fn unclosed(&mut self, data: &[u8]) -> Boundary {
        let looked = data.len().min(MAX_RECORD_BYTES);
        let again =
            usize::try_from(self.looked_until.saturating_sub(self.given)).map_or(looked, |ahead| ahead.min(looked));
        self.looked_until = self.looked_until.max(self.given + looked as u64);
        let end = if again > 0 { again } else { memchr(b'\n', data).map_or(data.len(), |at| at + 1) };
        Boundary::Spoilt { end, why: Spoilt::UnclosedQuote }
    }

    fn closing_quote(&self, data: &[u8], record_start: usize, opening: usize) -> Closing {
        let limit = data.len().min(record_start + MAX_RECORD_BYTES);
        let mut at = opening + 1;
        while at < limit {
            let Some(quote) = memchr(b'"', &data[at..limit]).map(|found| at + found) else { break };
            match data.get(quote + 1) {
                Some(b'"') => at = quote + 2,
                None if !self.ended => return Closing::Unknown,
                _ => return Closing::At(quote),
            }
        }
        if self.ended || data.len() > record_start + MAX_RECORD_BYTES { Closing::Missing } else { Closing::Unknown }
    }
}

enum Closing {
    At(usize),
    /// There is none within the bound.
    Missing,
    /// The bytes at hand end before it.
    Unknown,
}

/// The next quote that begins a field.
fn opening_quote(data: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let quote = at + memchr(b'"', &data[at..])?;
        if quote == 0 || matches!(data[quote - 1], b',' | b'\n') {
            return Some(quote);
        }
        at = quote + 1;
    }
}
