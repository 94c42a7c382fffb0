//! One pass over the inputs: what its workers do with a piece, and what comes of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::columns::{Column, Columns};
use crate::duplicates::{Ids, Spill};
use crate::error::Error;
use crate::header::Header;
use crate::input::Input;
use crate::reference::{Reference, ReferenceBuilder};
use crate::repair::repair;
use crate::row::Row;
use crate::samples::Samples;
use crate::sink::{Cleaned, Part, Rejected, Sink, Survey};
use crate::tally::Tally;
use crate::value::{parse_money, present};

use super::feed::{Feed, Piece};
use super::guess::{Guess, Keys};
use super::in_order::InOrder;
use super::read::{Scratch, each_record};
use super::{Engine, Observer};

/// What a pass is for.
pub(super) enum Task<'t> {
    /// To learn the reference.
    Learn(&'t Spill),
    /// To learn it, and to clean as long as the guess holds.
    LearnAndClean(&'t Spill, &'t Guess),
    /// To clean.
    Clean(&'t Reference),
}

/// What has come of a pass.
pub(super) struct Outcome {
    pub(super) reference: ReferenceBuilder,
    /// Records that were learnt from, the unreadable ones too.
    pub(super) rows: u64,
    pub(super) tally: Tally,
    pub(super) samples: Samples,
    /// The first input's header.
    pub(super) header: Option<Header>,
    pub(super) fingerprint: Option<[u8; 32]>,
}

/// What one worker has done.
#[derive(Default)]
struct Work {
    reference: ReferenceBuilder,
    ids: Ids,
    rows: u64,
    asked: Keys,
    tally: Tally,
}

/// The columns that are looked at to learn.
const LEARNT: [Column; 4] = [Column::TransactionId, Column::Category, Column::Item, Column::PricePerUnit];

impl<O: Observer> Engine<'_, O> {
    /// Looks at the inputs' beginning until most of it has taught nothing new. No guess where that does not come: then
    /// there is more to come.
    pub(super) fn sample(&self, inputs: &mut [Input<'_>]) -> Result<Option<Guess>, Error> {
        let sample_bytes = self.options.sample_bytes;
        let mut feed = Feed::new(inputs, self.options.piece_bytes, false);
        let (mut piece, mut scratch, mut work) = (Piece::default(), Scratch::default(), Work::default());
        // Up to where the inputs are read, and up to where they taught something.
        let (mut read, mut taught) = (0, 0);
        while read < sample_bytes.min(sample_bytes / 8 + 4 * taught) {
            if !feed.next(&mut piece)? {
                taught = 0;
                break;
            }
            let known = work.reference.len();
            learn_piece(&mut work, &piece, &mut scratch);
            read += piece.bytes.len() as u64;
            if work.reference.len() > known {
                taught = read;
            }
        }
        self.bounded("items", work.reference.len())?;
        let is_settled = sample_bytes > 0 && read >= 2 * taught;
        let survey = || Survey { reference: work.reference.build(), fingerprint: None, rows: work.rows };
        Ok(is_settled.then(survey).map(|survey| Guess::new(survey, self.options.max_distinct)))
    }

    /// Goes over the inputs once.
    pub(super) fn pass<S: Sink>(
        &self,
        inputs: &mut [Input<'_>],
        task: &Task<'_>,
        sink: &mut S,
    ) -> Result<Outcome, Error> {
        let fingerprint = self.options.fingerprint && !matches!(task, Task::Clean(_));
        let mut feed = Feed::new(inputs, self.options.piece_bytes, fingerprint);
        let threads = self.options.threads.get();
        let most_waiting = threads;
        let spare = if matches!(task, Task::Learn(_)) { 0 } else { threads + most_waiting };
        let parts = Parts(Mutex::new((0..spare).map(|_| sink.part()).collect()));
        let order = InOrder::new((sink, Samples::default()), most_waiting);
        let has_samples = AtomicBool::new(false);
        let works = self.run(
            &mut feed,
            &order,
            |work: &mut Work, piece, scratch| {
                let before = work.rows + work.tally.rows_read;
                let room = (!has_samples.load(Ordering::Relaxed)).then(Samples::default);
                let cleaned = self.work_on(work, piece, scratch, task, || (parts.take(), room))?;
                Ok((work.rows + work.tally.rows_read - before, cleaned))
            },
            |(sink, samples), cleaned| {
                if let Some((mut part, seen)) = cleaned {
                    sink.write(&mut part)?;
                    parts.put_back(part);
                    if let Some(seen) = seen {
                        samples.append(seen);
                        has_samples.store(samples.is_full(), Ordering::Relaxed);
                    }
                }
                Ok(())
            },
        )?;
        let (_, samples) = order.into_inner().ok_or(Error::Died)?;
        let (header, fingerprint) = feed.finish();
        let mut outcome = Outcome {
            reference: ReferenceBuilder::default(),
            rows: 0,
            tally: Tally::default(),
            samples,
            header,
            fingerprint,
        };
        for work in works {
            outcome.rows += work.rows;
            outcome.reference.merge(work.reference);
            outcome.tally.merge(work.tally);
            if let Task::Learn(spill) | Task::LearnAndClean(spill, _) = task {
                work.ids.finish(spill);
            }
        }
        outcome.rows += outcome.tally.rows_read;
        self.bounded("items", outcome.reference.len())?;
        self.bounded("values of one grouping column", outcome.tally.most_groups())?;
        Ok(outcome)
    }

    fn work_on<P: Part>(
        &self,
        work: &mut Work,
        piece: &Piece,
        scratch: &mut Scratch,
        task: &Task<'_>,
        part: impl FnOnce() -> PartAndSamples<P>,
    ) -> Result<Option<PartAndSamples<P>>, Error> {
        let cleaned = match task {
            Task::LearnAndClean(_, guess) if !guess.is_wrong() => {
                Some(self.clean_piece(work, piece, scratch, guess.reference(), Some(guess), part()))
            }
            Task::Learn(_) | Task::LearnAndClean(..) => {
                learn_piece(work, piece, scratch);
                None
            }
            Task::Clean(reference) => Some(self.clean_piece(work, piece, scratch, reference, None, part())),
        };
        if let Task::Learn(spill) | Task::LearnAndClean(spill, _) = task {
            work.ids.spill(spill).map_err(|error| self.scratch_error(error))?;
            self.bounded("items", work.reference.len())?;
        }
        self.bounded("values of one grouping column", work.tally.most_groups())?;
        Ok(cleaned)
    }

    fn clean_piece<P: Part>(
        &self,
        work: &mut Work,
        piece: &Piece,
        scratch: &mut Scratch,
        reference: &Reference,
        guess: Option<&Guess>,
        (mut part, mut samples): PartAndSamples<P>,
    ) -> PartAndSamples<P> {
        each_record(piece, &Column::ALL, scratch, |origin, fields| match fields {
            Ok(fields) => {
                let (mut row, invalid) = Row::read(fields);
                if let Some(guess) = guess {
                    if let Some(id) = row.transaction_id {
                        work.ids.add(id);
                    }
                    if work.reference.learn(&row) {
                        guess.teach(&row);
                    }
                }
                work.tally.read(row.nulls(), invalid);
                let item_is_missing = row.item.is_none();
                let applied = repair(&mut row, reference, self.options.steps);
                if item_is_missing
                    && let (Some(guess), Some(category), Some(price)) = (guess, row.category, row.price_per_unit)
                {
                    guess.ask(&mut work.asked, category, price);
                }
                work.tally.repaired(applied);
                let cleaned = Cleaned { origin, fields, row, applied };
                let nulls = row.nulls();
                let kept = nulls.and(Columns::REQUIRED).is_empty();
                if kept {
                    work.tally.kept(&row, nulls);
                    part.kept(&cleaned);
                } else {
                    work.tally.incomplete(nulls);
                    part.rejected(&Rejected::Incomplete(&cleaned));
                }
                if let Some(samples) = &mut samples {
                    samples.add(&cleaned, kept);
                }
            }
            Err(why) => {
                work.tally.unreadable(why);
                part.rejected(&Rejected::Unreadable(origin, why));
            }
        });
        (part, samples)
    }
}

fn learn_piece(work: &mut Work, piece: &Piece, scratch: &mut Scratch) {
    each_record(piece, &LEARNT, scratch, |_, fields| {
        work.rows += 1;
        let Ok(fields) = fields else { return };
        let [id, category, item, price] = fields.map(present);
        if let Some(id) = id {
            work.ids.add(id);
        }
        let price_per_unit = price.and_then(parse_money);
        work.reference.learn(&Row { category, item, price_per_unit, ..Row::default() });
    });
}

/// What a worker fills from one piece; samples only until there are enough of them.
type PartAndSamples<P> = (P, Option<Samples>);

/// Parts that nobody fills or writes at the moment.
struct Parts<P>(Mutex<Vec<P>>);

impl<P> Parts<P> {
    fn take(&self) -> P {
        let part = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        part.expect("there is a part for every worker and for every result that may wait, and it is put back")
    }

    fn put_back(&self, part: P) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }
}
