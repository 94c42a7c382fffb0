//! Bytes made in parts and written in order, plain or gzip.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::Error;

/// Whether bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As they are.
    Plain,
    /// Each part a gzip member of its own, packed by the worker that made it; together they are one gzip file.
    Gzip,
}

/// The writing end.
pub struct Stream<W> {
    name: String,
    target: W,
    packing: Packing,
}

/// The bytes of one piece.
pub struct StreamPart {
    plain: Vec<u8>,
    packing: Packing,
    packer: Option<GzEncoder<Vec<u8>>>,
}

/// Plain bytes are handed to the packer in portions of this size.
const PORTION_BYTES: usize = 64 << 10;

impl<W: Write> Stream<W> {
    /// `name` is what an error calls the target.
    pub fn new(name: impl Into<String>, target: W, packing: Packing) -> Self {
        Stream { name: name.into(), target, packing }
    }

    /// An empty part.
    pub fn part(&self) -> StreamPart {
        StreamPart { plain: Vec::new(), packing: self.packing, packer: None }
    }

    /// Writes bytes that are known at once.
    pub fn write_whole(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut part = self.part();
        part.push(|out| out.extend_from_slice(bytes));
        self.write(&mut part)
    }

    /// Writes a part and empties it.
    pub fn write(&mut self, part: &mut StreamPart) -> Result<(), Error> {
        let written = match self.packing {
            Packing::Plain => self.target.write_all(&part.plain),
            Packing::Gzip => part.pack().and_then(|packed| self.target.write_all(&packed)),
        };
        part.plain.clear();
        written.map_err(|source| Error::Write { name: self.name.clone(), source })
    }

    /// The target, once all is written.
    pub fn finish(mut self) -> Result<W, Error> {
        match self.target.flush() {
            Ok(()) => Ok(self.target),
            Err(source) => Err(Error::Write { name: self.name, source }),
        }
    }
}

impl StreamPart {
    /// Adds what `write` writes.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.plain);
        if self.packing == Packing::Gzip && self.plain.len() >= PORTION_BYTES {
            // Packing into memory does not fail; should it, packing the rest does so again.
            if self.feed_packer().is_ok() {
                self.plain.clear();
            }
        }
    }

    fn feed_packer(&mut self) -> std::io::Result<()> {
        let packer = self.packer.get_or_insert_with(|| GzEncoder::new(Vec::new(), Compression::default()));
        packer.write_all(&self.plain)
    }

    fn pack(&mut self) -> std::io::Result<Vec<u8>> {
        if self.plain.is_empty() && self.packer.is_none() {
            return Ok(Vec::new());
        }
        self.feed_packer()?;
        self.packer.take().map_or(Ok(Vec::new()), GzEncoder::finish)
    }
}
