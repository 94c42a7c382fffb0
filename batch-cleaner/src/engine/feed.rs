//! Handing out the inputs' pieces, in order.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::csv::{Cut, Records, Splitter, Spoilt};
use crate::error::{Error, InputProblem};
use crate::header::Header;
use crate::input::{Input, Opened, read_error};

use super::read::unquoted;

/// Part of an input.
#[derive(Default)]
pub(super) struct Piece {
    /// 0, 1, 2 … over all inputs.
    pub(super) sequence: u64,
    pub(super) bytes: Vec<u8>,
    /// The line of the input on which it begins, from 1.
    pub(super) first_line: u64,
    /// Set where all of it is one record that the splitter has refused.
    pub(super) refused: Option<Spoilt>,
    pub(super) source: Arc<InputHead>,
    /// Bytes that were read of the input, packed or not, to make it.
    pub(super) read_bytes: u64,
}

/// What is known of an input before its first row.
#[derive(Default)]
pub(super) struct InputHead {
    pub(super) name: String,
    pub(super) header: Option<Header>,
}

/// Reads the inputs one after another.
pub(super) struct Feed<'i, 'r> {
    waiting: std::slice::IterMut<'i, Input<'r>>,
    open: Option<Open<'i>>,
    piece_bytes: usize,
    sequence: u64,
    hash: Option<Hash>,
    first_header: Option<Header>,
}

struct Open<'i> {
    splitter: Splitter<Box<dyn Read + Send + 'i>>,
    /// Packed bytes that were read of the input so far, and those that pieces have told of.
    packed: Option<Arc<AtomicU64>>,
    told: u64,
    head: Arc<InputHead>,
    /// What follows the header in the piece it was read from.
    rest: Option<(Vec<u8>, u64)>,
}

#[derive(Default)]
struct Hash {
    all: Sha256,
    input: Sha256,
}

impl<'i, 'r> Feed<'i, 'r> {
    pub(super) fn new(inputs: &'i mut [Input<'r>], piece_bytes: usize, fingerprint: bool) -> Self {
        Feed {
            waiting: inputs.iter_mut(),
            open: None,
            piece_bytes,
            sequence: 0,
            hash: fingerprint.then(Hash::default),
            first_header: None,
        }
    }

    /// Fills `piece` with the next one; false at the end.
    pub(super) fn next(&mut self, piece: &mut Piece) -> Result<bool, Error> {
        loop {
            if self.open.is_none() {
                let Some(input) = self.waiting.next() else { return Ok(false) };
                self.open = Some(self.open_input(input)?);
            }
            let Some(open) = &mut self.open else { return Ok(false) };
            if fill(open, piece, self.hash.as_mut())? {
                piece.sequence = self.sequence;
                self.sequence += 1;
                return Ok(true);
            }
            self.open = None;
            if let Some(hash) = &mut self.hash {
                let input = std::mem::take(&mut hash.input).finalize();
                hash.all.update(input);
            }
        }
    }

    /// The first input's header as it stands there, and the fingerprint of all.
    pub(super) fn finish(self) -> (Option<Header>, Option<[u8; 32]>) {
        (self.first_header, self.hash.map(|hash| hash.all.finalize().into()))
    }

    fn open_input(&mut self, input: &'i mut Input<'r>) -> Result<Open<'i>, Error> {
        let name = input.name().to_owned();
        let refuse = |problem| Error::Input { name: name.clone(), problem };
        let Opened { bytes, packed } = input.open()?;
        let mut splitter = Splitter::new(bytes, self.piece_bytes);
        let mut bytes = Vec::new();
        loop {
            let first_line = splitter.next_line();
            let cut = splitter.next(&mut bytes, |read| hash_into(self.hash.as_mut(), read));
            match cut.map_err(|error| read_error(&name, error))? {
                None => return Err(refuse(InputProblem::Empty)),
                Some(Cut::Refused(spoilt)) => return Err(refuse(InputProblem::BadHeader(spoilt.reason()))),
                Some(Cut::Records) => {}
            }
            let mut marks = Vec::new();
            let mut records = Records::new(&bytes, &mut marks);
            let Some(record) = records.advance() else { continue };
            if let Some(spoilt) = record.spoilt {
                return Err(refuse(InputProblem::BadHeader(spoilt.reason())));
            }
            let fields: Option<Vec<String>> = records.fields().iter().map(|field| unquoted(&bytes, *field)).collect();
            let fields = fields.ok_or_else(|| refuse(InputProblem::BadHeader("it is not UTF-8")))?;
            let header = Header::read(&fields).map_err(|error| refuse(error.into()))?;
            let position = records.position();
            let lines = memchr::memchr_iter(b'\n', &bytes[..position]).count() as u64;
            let rest = Some((bytes.split_off(position), first_line + lines));
            self.first_header.get_or_insert_with(|| header.clone());
            return Ok(Open {
                splitter,
                packed,
                told: 0,
                head: Arc::new(InputHead { name, header: Some(header) }),
                rest,
            });
        }
    }
}

impl Open<'_> {
    /// What was read of the input as it lies there for a piece of `bytes`.
    fn read_bytes(&mut self, bytes: usize) -> u64 {
        let Some(packed) = &self.packed else { return bytes as u64 };
        let read = packed.load(Ordering::Relaxed);
        read - std::mem::replace(&mut self.told, read)
    }
}

fn fill(open: &mut Open<'_>, piece: &mut Piece, mut hash: Option<&mut Hash>) -> Result<bool, Error> {
    piece.source = Arc::clone(&open.head);
    piece.refused = None;
    if let Some((rest, first_line)) = open.rest.take() {
        piece.bytes = rest;
        piece.first_line = first_line;
        piece.read_bytes = open.read_bytes(piece.bytes.len());
        return Ok(true);
    }
    piece.first_line = open.splitter.next_line();
    let cut = open.splitter.next(&mut piece.bytes, |read| hash_into(hash.as_deref_mut(), read));
    let cut = cut.map_err(|error| read_error(&open.head.name, error))?;
    if let Some(Cut::Refused(spoilt)) = cut {
        piece.refused = Some(spoilt);
    }
    piece.read_bytes = open.read_bytes(piece.bytes.len());
    Ok(cut.is_some())
}

fn hash_into(hash: Option<&mut Hash>, read: &[u8]) {
    if let Some(hash) = hash {
        hash.input.update(read);
    }
}
