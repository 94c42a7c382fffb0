//! Inputs: anything that can be read twice, plain or gzip.

mod files;
mod sniff;

use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use files::SourceFile;
pub use files::{open_files, spool_standard_input};

use crate::error::{Error, InputProblem};

/// What an input is read from.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// An input with the name that reports and rejects call it by.
pub struct Input<'r> {
    name: String,
    source: Source<'r>,
}

enum Source<'r> {
    Reader(Box<dyn ReadSeek + 'r>),
    /// Open only while it is read, since there may be more of them than a process may have open.
    File(SourceFile),
}

/// An input opened at its beginning, after its byte-order mark.
pub(crate) struct Opened<'i> {
    pub(crate) bytes: Box<dyn Read + Send + 'i>,
    /// How many packed bytes have been read, if they are packed.
    pub(crate) packed: Option<Arc<AtomicU64>>,
}

/// Counts what is read.
struct Counted<R> {
    reader: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl<'r> Input<'r> {
    /// It is read twice from its start; gzip is told by its first bytes.
    pub fn new(name: impl Into<String>, reader: impl ReadSeek + 'r) -> Self {
        Input { name: name.into(), source: Source::Reader(Box::new(reader)) }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes it has as it lies there, packed or not.
    pub(crate) fn size(&mut self) -> Result<u64, Error> {
        match &mut self.source {
            Source::Reader(reader) => reader.seek(SeekFrom::End(0)).map_err(|error| read_error(&self.name, error)),
            Source::File(file) => Ok(file.size()),
        }
    }

    /// Opens it at its beginning. What is clearly not CSV in UTF-8 is refused by its first bytes.
    pub(crate) fn open(&mut self) -> Result<Opened<'_>, Error> {
        let Input { name, source } = self;
        let refuse = |problem| Error::Input { name: name.clone(), problem };
        let mut reader: Box<dyn ReadSeek + '_> = match source {
            Source::Reader(reader) => Box::new(reader),
            Source::File(file) => Box::new(file.open(name)?),
        };
        reader.seek(SeekFrom::Start(0)).map_err(|error| read_error(name, error))?;
        let packed = read_head(&mut reader, 2).map_err(|error| read_error(name, error))?;
        reader.seek(SeekFrom::Start(0)).map_err(|error| read_error(name, error))?;
        let (mut opened, packed): (Box<dyn Read + Send + '_>, _) = if packed == sniff::GZIP {
            let taken = Arc::new(AtomicU64::new(0));
            let reader = Counted { reader, taken: Arc::clone(&taken) };
            (Box::new(MultiGzDecoder::new(BufReader::with_capacity(64 << 10, reader))), Some(taken))
        } else {
            (Box::new(reader), None)
        };
        let head = read_head(&mut opened, sniff::HEAD_BYTES).map_err(|error| read_error(name, error))?;
        let marked = sniff::check(&head).map_err(refuse)?;
        let mut head = Cursor::new(head);
        head.set_position(marked);
        Ok(Opened { bytes: Box::new(head.chain(opened)), packed })
    }
}

/// What reading has come to: damaged gzip data is the input's fault, the rest the system's.
pub(crate) fn read_error(name: &str, error: io::Error) -> Error {
    let name = name.to_owned();
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Error::Input { name, problem: InputProblem::Gzip(error) }
        }
        _ => Error::Read { name, source: error },
    }
}

fn read_head(reader: &mut impl Read, bytes: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(bytes).read_to_end(&mut head)?;
    Ok(head)
}
