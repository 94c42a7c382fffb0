//! The records of one piece, and their fields.

use std::ops::Range;

use wide::u8x16;

use super::MAX_RECORD_BYTES;

/// Why a record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoilt {
    /// Longer than the bound.
    TooLong,
    /// A quoted field has no end.
    UnclosedQuote,
    /// Something other than a comma or a line break follows a closing quote.
    TextAfterQuote,
}

impl Spoilt {
    /// For people.
    pub const fn reason(self) -> &'static str {
        match self {
            Spoilt::TooLong => "record longer than 512 KiB",
            Spoilt::UnclosedQuote => "unclosed quote",
            Spoilt::TextAfterQuote => "text after a closing quote",
        }
    }
}

/// Where a field lies in its piece, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Field {
    start: u32,
    end: u32,
    /// Whether doubled quotes stand in it.
    doubled: bool,
}

impl Field {
    /// The field's bytes as they stand in the piece, doubled quotes and all.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether doubled quotes are to be undone.
    pub const fn has_doubled_quotes(self) -> bool {
        self.doubled
    }
}

/// A record as it stands in its piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordText {
    /// Its bytes, without the line break that ends it.
    pub range: Range<usize>,
    /// Lines of the piece before it.
    pub lines_before: u32,
    /// Set where its fields cannot be told.
    pub spoilt: Option<Spoilt>,
    /// Whether any quote stands in it.
    pub has_quotes: bool,
}

/// Steps through the records of a piece. Its fields are those of the latest record.
pub struct Records<'p> {
    piece: &'p [u8],
    /// Where the commas, quotes and line breaks of the piece are, in order.
    marks: &'p [u32],
    next_mark: usize,
    /// Where the next record begins.
    at: usize,
    lines: u32,
    fields: Vec<Field>,
    /// Fields of the latest record without quotes: most records have as many as the one before.
    width: usize,
}

/// Finds the commas, quotes and line breaks of `piece`; `marks` is cleared first.
pub fn find_marks(piece: &[u8], marks: &mut Vec<u32>) {
    marks.clear();
    let mut base = 0_u32;
    let (blocks, tail) = piece.as_chunks::<64>();
    for block in blocks {
        let mut word = marks_in(block);
        while word != 0 {
            marks.push(base + word.trailing_zeros());
            word &= word - 1;
        }
        base += 64;
    }
    for byte in tail {
        if matches!(byte, b',' | b'\n' | b'"') {
            marks.push(base);
        }
        base += 1;
    }
}

/// Bit `i` is set where byte `i` is a mark.
fn marks_in(block: &[u8; 64]) -> u64 {
    let [comma, line_break, quote] = [b',', b'\n', b'"'].map(u8x16::splat);
    let mut word = 0;
    for (place, sixteen) in block.as_chunks::<16>().0.iter().enumerate() {
        let bytes = u8x16::new(*sixteen);
        let found = bytes.simd_eq(comma) | bytes.simd_eq(line_break) | bytes.simd_eq(quote);
        word |= u64::from(found.to_bitmask()) << (place * 16);
    }
    word
}

impl<'p> Records<'p> {
    /// `marks` is scratch space.
    ///
    /// # Panics
    /// If the piece has 2^32 bytes or more; the splitter's are far smaller.
    pub fn new(piece: &'p [u8], marks: &'p mut Vec<u32>) -> Self {
        assert!(u32::try_from(piece.len()).is_ok(), "pieces are bounded");
        find_marks(piece, marks);
        Records { piece, marks, next_mark: 0, at: 0, lines: 0, fields: Vec::with_capacity(16), width: 0 }
    }

    /// The fields of the latest record; none if it is spoilt.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Where the next record begins.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Steps to the next record that is not a blank line.
    pub fn advance(&mut self) -> Option<RecordText> {
        loop {
            let record = self.read_record()?;
            if self.fields.len() != 1 || record.spoilt.is_some() || !is_blank(&self.piece[record.range.clone()]) {
                return Some(record);
            }
        }
    }

    fn read_record(&mut self) -> Option<RecordText> {
        self.fields.clear();
        if self.at >= self.piece.len() {
            return None;
        }
        let (start, lines_before) = (self.at, self.lines);
        let (mut spoilt, mut has_quotes) = (None, false);
        if let Some(end) = self.read_usual() {
            if end - start > MAX_RECORD_BYTES {
                self.fields.clear();
                spoilt = Some(Spoilt::TooLong);
            }
            return Some(RecordText { range: start..end, lines_before, spoilt, has_quotes });
        }
        let mut field_start = start;
        let end = loop {
            let Some(mark) = self.marks.get(self.next_mark).map(|mark| *mark as usize) else {
                // The last line has no line break.
                self.push_field(field_start, without_return(self.piece, field_start, self.piece.len()), false);
                self.at = self.piece.len();
                break without_return(self.piece, start, self.piece.len());
            };
            self.next_mark += 1;
            match self.piece[mark] {
                b',' => {
                    self.push_field(field_start, mark, false);
                    field_start = mark + 1;
                }
                b'\n' => {
                    let end = without_return(self.piece, field_start, mark);
                    self.push_field(field_start, end, false);
                    self.end_line(mark);
                    break end;
                }
                _ if mark != field_start => has_quotes = true,
                _ => {
                    has_quotes = true;
                    match self.read_quoted(mark) {
                        After::Comma(comma) => field_start = comma + 1,
                        After::End(end) => break end,
                        After::Spoilt(end, why) => {
                            spoilt = Some(why);
                            break end;
                        }
                    }
                }
            }
        };
        if !has_quotes {
            self.width = self.fields.len();
        }
        if end - start > MAX_RECORD_BYTES {
            spoilt = Some(Spoilt::TooLong);
        }
        if spoilt.is_some() {
            self.fields.clear();
        }
        Some(RecordText { range: start..end, lines_before, spoilt, has_quotes })
    }

    /// Reads a record without quotes, with as many fields as the one before and a line break, if it is one; returns its
    /// end.
    #[expect(clippy::cast_possible_truncation, reason = "a piece is shorter than 2^32 bytes, see `new`")]
    fn read_usual(&mut self) -> Option<usize> {
        let marks = self.marks.get(self.next_mark..self.next_mark + self.width)?;
        let (line_break, commas) = marks.split_last()?;
        let is = |mark: &u32, byte: u8| self.piece[*mark as usize] == byte;
        if !is(line_break, b'\n') || !commas.iter().all(|mark| is(mark, b',')) {
            return None;
        }
        let mut start = self.at as u32;
        self.fields.extend(marks.iter().map(|end| {
            let field = Field { start, end: *end, doubled: false };
            start = end + 1;
            field
        }));
        let line_break = *line_break as usize;
        let last = self.fields.last_mut()?;
        let end = without_return(self.piece, last.start as usize, line_break);
        last.end = end as u32;
        self.next_mark += self.width;
        self.end_line(line_break);
        Some(end)
    }

    /// Reads the field whose opening quote is at `opening`, and what ends it.
    fn read_quoted(&mut self, opening: usize) -> After {
        let mut doubled = false;
        let close = loop {
            let Some(mark) = self.marks.get(self.next_mark).map(|mark| *mark as usize) else {
                // The splitter leaves no quote open; a piece made otherwise may.
                self.at = self.piece.len();
                return After::Spoilt(self.at, Spoilt::UnclosedQuote);
            };
            self.next_mark += 1;
            match self.piece[mark] {
                b'"' if self.piece.get(mark + 1) == Some(&b'"') => {
                    self.next_mark += 1;
                    doubled = true;
                }
                b'"' => break mark,
                byte => self.lines += u32::from(byte == b'\n'),
            }
        };
        match &self.piece[close + 1..] {
            [b',', ..] => {
                self.push_field(opening + 1, close, doubled);
                self.next_mark += 1;
                After::Comma(close + 1)
            }
            [b'\n', ..] => {
                self.push_field(opening + 1, close, doubled);
                self.next_mark += 1;
                self.end_line(close + 1);
                After::End(close + 1)
            }
            [b'\r', b'\n', ..] => {
                self.push_field(opening + 1, close, doubled);
                self.next_mark += 1;
                self.end_line(close + 2);
                After::End(close + 1)
            }
            [] | [b'\r'] => {
                self.push_field(opening + 1, close, doubled);
                self.at = self.piece.len();
                After::End(close + 1)
            }
            _ => After::Spoilt(self.skip_line(close), Spoilt::TextAfterQuote),
        }
    }

    /// Goes to the next line break, whatever quotes there are; returns the record's end.
    fn skip_line(&mut self, from: usize) -> usize {
        while let Some(mark) = self.marks.get(self.next_mark).map(|mark| *mark as usize) {
            self.next_mark += 1;
            if self.piece[mark] == b'\n' {
                self.end_line(mark);
                return without_return(self.piece, from, mark);
            }
        }
        self.at = self.piece.len();
        without_return(self.piece, from, self.at)
    }

    fn end_line(&mut self, line_break: usize) {
        self.at = line_break + 1;
        self.lines += 1;
    }

    #[expect(clippy::cast_possible_truncation, reason = "a piece is shorter than 2^32 bytes, see `new`")]
    fn push_field(&mut self, start: usize, end: usize, doubled: bool) {
        self.fields.push(Field { start: start as u32, end: end as u32, doubled });
    }
}

enum After {
    Comma(usize),
    End(usize),
    Spoilt(usize, Spoilt),
}

/// `end`, or one less where a carriage return stands before it.
fn without_return(piece: &[u8], start: usize, end: usize) -> usize {
    if end > start && piece[end - 1] == b'\r' { end - 1 } else { end }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}
