//! Where cleaned rows go.

use std::borrow::Cow;

use crate::columns::{Column, Columns};
use crate::csv::Spoilt;
use crate::error::Error;
use crate::reference::Reference;
use crate::repair::Applied;
use crate::row::Row;

/// Where a record stands in the input, and its bytes as they came.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The input's name.
    pub file: &'a str,
    /// The line on which the record begins, from 1.
    pub line: u64,
    /// The record without the line break that ends it; of one that is too long, the beginning.
    pub raw: &'a [u8],
    /// Whether it begins with the fields in [`Column::ALL`] order and has no quotes, so that each field ends at the next
    /// comma.
    pub is_plain: bool,
}

/// A record that was read, after all repairs.
#[derive(Debug, Clone, Copy)]
pub struct Cleaned<'a> {
    /// Where it comes from.
    pub origin: Origin<'a>,
    /// The fields as they came, in [`Column::ALL`] order.
    pub fields: &'a [&'a str; Column::COUNT],
    /// Its values.
    pub row: Row<'a>,
    /// What was filled.
    pub applied: Applied,
}

/// Why a record could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Fewer fields than named columns.
    TooFewFields {
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// More fields than columns, and they are not empty.
    TooManyFields {
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Its quotes or its size.
    Spoilt(Spoilt),
}

impl Unreadable {
    /// For people.
    pub fn reason(self) -> Cow<'static, str> {
        match self {
            Unreadable::TooFewFields { found, wanted } => format!("too few fields: {found} of {wanted}").into(),
            Unreadable::TooManyFields { found, wanted } => format!("too many fields: {found} of {wanted}").into(),
            Unreadable::NotUtf8 => "not UTF-8".into(),
            Unreadable::Spoilt(spoilt) => spoilt.reason().into(),
        }
    }
}

/// A record that is not kept.
#[derive(Debug, Clone, Copy)]
pub enum Rejected<'a> {
    /// It could not be read.
    Unreadable(Origin<'a>, Unreadable),
    /// It was read, and still lacks one of [`Columns::REQUIRED`].
    Incomplete(&'a Cleaned<'a>),
}

impl<'a> Rejected<'a> {
    /// Where it comes from.
    pub const fn origin(&self) -> Origin<'a> {
        match self {
            Rejected::Unreadable(origin, _) => *origin,
            Rejected::Incomplete(cleaned) => cleaned.origin,
        }
    }

    /// Known only of a record that was read.
    pub const fn transaction_id(&self) -> Option<&'a str> {
        match self {
            Rejected::Unreadable(..) => None,
            Rejected::Incomplete(cleaned) => cleaned.row.transaction_id,
        }
    }

    /// One or more, in column order.
    pub fn reasons(&self) -> Vec<Cow<'static, str>> {
        match self {
            Rejected::Unreadable(_, why) => vec![why.reason()],
            Rejected::Incomplete(cleaned) => {
                let missing = cleaned.row.nulls().and(Columns::REQUIRED);
                missing.iter().map(|column| format!("missing {}", column.name()).into()).collect()
            }
        }
    }
}

/// What a look at the inputs has found; where the sink can start anew, this may have been at their beginning only.
#[derive(Debug)]
pub struct Survey {
    /// The item reference.
    pub reference: Reference,
    /// SHA-256 over all contents and where the inputs end, if asked for.
    pub fingerprint: Option<[u8; 32]>,
    /// Records, without headers and blank lines.
    pub rows: u64,
}

/// Takes the rows. Workers fill [`Part`]s at the same time, each from one piece of the input; the parts are then written
/// one after another, in input order.
pub trait Sink: Send {
    /// What one worker fills.
    type Part: Part;

    /// An empty part.
    fn part(&self) -> Self::Part;

    /// Called before the first row. Called again if the sink can start anew and is to do so: then nothing is left of what
    /// was written before.
    fn start(&mut self, survey: &Survey) -> Result<(), Error> {
        let _ = survey;
        Ok(())
    }

    /// Whether a second [`Sink::start`] takes everything back. Such a sink is given rows on a guess at the reference, which
    /// nearly always holds and spares a pass over the inputs.
    fn can_start_anew(&self) -> bool {
        false
    }

    /// Writes the part and leaves it empty.
    fn write(&mut self, part: &mut Self::Part) -> Result<(), Error>;
}

/// Takes the rows of one piece of the input. It does no I/O, so it cannot fail.
pub trait Part: Send {
    /// A row that is complete.
    fn kept(&mut self, row: &Cleaned<'_>);

    /// A record that is not kept.
    fn rejected(&mut self, record: &Rejected<'_>) {
        let _ = record;
    }
}

/// Takes nothing: for the report alone.
impl Sink for () {
    type Part = ();

    fn part(&self) {}

    fn can_start_anew(&self) -> bool {
        true
    }

    fn write(&mut self, (): &mut ()) -> Result<(), Error> {
        Ok(())
    }
}

impl Part for () {
    fn kept(&mut self, _: &Cleaned<'_>) {}
}

/// Both take every row.
impl<A: Sink, B: Sink> Sink for (A, B) {
    type Part = (A::Part, B::Part);

    fn part(&self) -> Self::Part {
        (self.0.part(), self.1.part())
    }

    fn start(&mut self, survey: &Survey) -> Result<(), Error> {
        self.0.start(survey)?;
        self.1.start(survey)
    }

    fn can_start_anew(&self) -> bool {
        self.0.can_start_anew() && self.1.can_start_anew()
    }

    fn write(&mut self, part: &mut Self::Part) -> Result<(), Error> {
        self.0.write(&mut part.0)?;
        self.1.write(&mut part.1)
    }
}

impl<A: Part, B: Part> Part for (A, B) {
    fn kept(&mut self, row: &Cleaned<'_>) {
        self.0.kept(row);
        self.1.kept(row);
    }

    fn rejected(&mut self, record: &Rejected<'_>) {
        self.0.rejected(record);
        self.1.rejected(record);
    }
}

/// A sink that may be left out.
impl<S: Sink> Sink for Option<S> {
    type Part = Option<S::Part>;

    fn part(&self) -> Self::Part {
        self.as_ref().map(Sink::part)
    }

    fn start(&mut self, survey: &Survey) -> Result<(), Error> {
        self.as_mut().map_or(Ok(()), |sink| sink.start(survey))
    }

    fn can_start_anew(&self) -> bool {
        self.as_ref().is_none_or(Sink::can_start_anew)
    }

    fn write(&mut self, part: &mut Self::Part) -> Result<(), Error> {
        match (self, part) {
            (Some(sink), Some(part)) => sink.write(part),
            _ => Ok(()),
        }
    }
}

impl<P: Part> Part for Option<P> {
    fn kept(&mut self, row: &Cleaned<'_>) {
        if let Some(part) = self {
            part.kept(row);
        }
    }

    fn rejected(&mut self, record: &Rejected<'_>) {
        if let Some(part) = self {
            part.rejected(record);
        }
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    type Part = S::Part;

    fn part(&self) -> Self::Part {
        (**self).part()
    }

    fn start(&mut self, survey: &Survey) -> Result<(), Error> {
        (**self).start(survey)
    }

    fn can_start_anew(&self) -> bool {
        (**self).can_start_anew()
    }

    fn write(&mut self, part: &mut Self::Part) -> Result<(), Error> {
        (**self).write(part)
    }
}
