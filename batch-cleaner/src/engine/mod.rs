//! The two passes over the inputs, each parallel over pieces.
//!
//! A worker takes the next piece from the [`Feed`] (which reads and splits), works on it alone, and puts what came of
//! it into the sink when it is that piece's turn ([`InOrder`]). So pieces in flight are bounded by the workers, nothing
//! waits in a queue, and the output is in input order whatever the threads do.
//!
//! The first pass learns the item reference and collects ids; the second cleans.

mod feed;
mod in_order;
mod read;

use std::io;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::columns::{Column, Columns};
use crate::duplicates::{Ids, Spill};
use crate::error::Error;
use crate::header::Header;
use crate::input::Input;
use crate::reference::ReferenceBuilder;
use crate::repair::{Steps, repair};
use crate::report::Report;
use crate::row::Row;
use crate::samples::Samples;
use crate::sink::{Cleaned, Part, Rejected, Sink, Survey};
use crate::tally::Tally;
use crate::value::{parse_money, present};
use feed::{Feed, Piece};
use in_order::InOrder;
use read::{Scratch, each_record};

/// How a run goes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which steps.
    pub steps: Steps,
    /// Workers. The results are the same with any number.
    pub threads: NonZero<usize>,
    /// Size of the pieces, about. The results are the same with any size.
    pub piece_bytes: usize,
    /// Most distinct items, and most groups of an aggregate; more is an error.
    pub max_distinct: usize,
    /// Where hashes of transaction ids go once there are many; `None` keeps them in memory.
    pub scratch_folder: Option<PathBuf>,
    /// Whether [`Survey::fingerprint`] is made.
    pub fingerprint: bool,
}

impl Options {
    /// The usual: as many workers as keep the processors busy, nothing written to disk, no fingerprint.
    pub fn new(steps: Steps) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        // One more than processors: a worker that waits for its turn leaves its processor to another.
        let threads = NonZero::<usize>::MIN.saturating_add(processors);
        Options {
            steps,
            threads,
            piece_bytes: 256 << 10,
            max_distinct: 1_000_000,
            scratch_folder: None,
            fingerprint: false,
        }
    }
}

/// Watches a run, and may stop it.
pub trait Observer: Sync {
    /// Called for every piece, from any worker. `share` is what part of both passes' bytes this piece was.
    fn advanced(&self, bytes: u64, rows: u64) {
        let _ = (bytes, rows);
    }

    /// Whether the run is to end before its time.
    fn stop(&self) -> bool {
        false
    }
}

/// Watches nothing.
impl Observer for () {}

/// Cleans the inputs, one after another as if they were one, with one item reference.
pub fn clean_all<S: Sink>(
    inputs: &mut [Input<'_>],
    options: &Options,
    observer: &impl Observer,
    sink: &mut S,
) -> Result<Report, Error> {
    let engine = Engine { options, observer };
    let spill = Spill::new(options.scratch_folder.clone());
    let (survey, header) = engine.survey(inputs, &spill)?;
    sink.start(&survey)?;
    let (cleaned, duplicates) = std::thread::scope(|scope| {
        let counted = scope.spawn(|| spill.count());
        (engine.clean(inputs, &survey, sink), counted.join())
    });
    let (tally, samples) = cleaned?;
    let duplicates = duplicates.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let duplicates = duplicates.map_err(|error| engine.scratch_error(error))?;
    if tally.rows_read != survey.rows {
        return Err(Error::Changed);
    }
    Ok(Report { header, tally, samples, duplicates, reference: survey.reference, steps: options.steps })
}

struct Engine<'o, O> {
    options: &'o Options,
    observer: &'o O,
}

/// What a worker of the first pass collects.
#[derive(Default)]
struct Lesson {
    reference: ReferenceBuilder,
    ids: Ids,
    rows: u64,
}

impl<O: Observer> Engine<'_, O> {
    /// The first pass.
    fn survey(&self, inputs: &mut [Input<'_>], spill: &Spill) -> Result<(Survey, Header), Error> {
        let mut feed = Feed::new(inputs, self.options.piece_bytes, self.options.fingerprint);
        let order = InOrder::new(());
        let lessons = self.run(&mut feed, &order, |lesson: &mut Lesson, piece, scratch| {
            let before = lesson.rows;
            each_record(piece, &LEARNT, scratch, |_, fields| {
                lesson.rows += 1;
                if let Ok(fields) = fields {
                    learn(lesson, fields);
                }
            });
            lesson.ids.spill(spill).map_err(|error| self.scratch_error(error))?;
            self.bounded("items", lesson.reference.len())?;
            Ok((lesson.rows - before, |(): &mut ()| Ok(())))
        })?;
        let mut reference = ReferenceBuilder::default();
        let mut rows = 0;
        for lesson in lessons {
            rows += lesson.rows;
            reference.merge(lesson.reference);
            lesson.ids.finish(spill).map_err(|error| self.scratch_error(error))?;
        }
        self.bounded("items", reference.len())?;
        let (header, fingerprint) = feed.finish();
        let header = header.ok_or_else(|| Error::Arguments("there is no input".to_owned()))?;
        Ok((Survey { reference: reference.build(), fingerprint, rows }, header))
    }

    /// The second pass.
    fn clean<S: Sink>(
        &self,
        inputs: &mut [Input<'_>],
        survey: &Survey,
        sink: &mut S,
    ) -> Result<(Tally, Samples), Error> {
        let mut feed = Feed::new(inputs, self.options.piece_bytes, false);
        let parts: Mutex<Vec<S::Part>> = Mutex::default();
        let new_part = || sink.part();
        let mut spare: Vec<S::Part> = (0..self.options.threads.get()).map(|_| new_part()).collect();
        parts.lock().unwrap_or_else(PoisonError::into_inner).append(&mut spare);
        let order = InOrder::new((sink, Samples::default()));
        let tallies = self.run(&mut feed, &order, |tally: &mut Tally, piece, scratch| {
            let before = tally.rows_read;
            let mut part = parts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop()
                .expect("there is a part for every worker, and it is put back");
            let mut samples = Samples::default();
            each_record(piece, &Column::ALL, scratch, |origin, fields| match fields {
                Ok(fields) => {
                    let (mut row, invalid) = Row::read(fields);
                    tally.read(row.nulls(), invalid);
                    let applied = repair(&mut row, &survey.reference, self.options.steps);
                    tally.repaired(applied);
                    let cleaned = Cleaned { origin, fields, row, applied };
                    let nulls = row.nulls();
                    let kept = nulls.and(Columns::REQUIRED).is_empty();
                    if kept {
                        tally.kept(&row, nulls);
                        part.kept(&cleaned);
                    } else {
                        tally.incomplete(nulls);
                        part.rejected(&Rejected::Incomplete(&cleaned));
                    }
                    if !samples.is_full() {
                        samples.add(&cleaned, kept);
                    }
                }
                Err(why) => {
                    tally.unreadable(why);
                    part.rejected(&Rejected::Unreadable(origin, why));
                }
            });
            self.bounded("values of one grouping column", tally.most_groups())?;
            let parts = &parts;
            Ok((tally.rows_read - before, move |(sink, all): &mut (&mut S, Samples)| {
                sink.write(&mut part)?;
                if !all.is_full() {
                    all.append(samples);
                }
                parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
                Ok(())
            }))
        })?;
        let mut total = Tally::default();
        for tally in &tallies {
            total.merge(tally);
        }
        self.bounded("values of one grouping column", total.most_groups())?;
        let (_, samples) = order.into_inner();
        Ok((total, samples))
    }

    /// Runs the workers until the inputs end or one fails. `work` does what can be done apart and returns how many rows
    /// that was, and what is to be done in turn.
    fn run<W, T, F>(
        &self,
        feed: &mut Feed<'_, '_>,
        order: &InOrder<T>,
        work: impl Fn(&mut W, &Piece, &mut Scratch) -> Result<(u64, F), Error> + Sync,
    ) -> Result<Vec<W>, Error>
    where
        W: Default + Send,
        T: Send,
        F: FnOnce(&mut T) -> Result<(), Error>,
    {
        let feed = Mutex::new(feed);
        let worker = || -> Option<W> {
            let mut state = W::default();
            let (mut piece, mut scratch) = (Piece::default(), Scratch::default());
            let guard = order.guard();
            loop {
                let more = if self.observer.stop() {
                    Err(Error::Stopped)
                } else if order.has_failed() {
                    Ok(false)
                } else {
                    feed.lock().unwrap_or_else(PoisonError::into_inner).next(&mut piece)
                };
                let outcome = more
                    .and_then(|more| if more { work(&mut state, &piece, &mut scratch).map(Some) } else { Ok(None) });
                match outcome {
                    Ok(None) => break,
                    Ok(Some((rows, in_turn))) => {
                        self.observer.advanced(piece.read_bytes, rows);
                        if !order.take_turn(piece.sequence, in_turn) {
                            break;
                        }
                    }
                    Err(error) => {
                        order.fail(error);
                        break;
                    }
                }
            }
            guard.disarm();
            Some(state)
        };
        let states = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.options.threads.get()).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .filter_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        order.failure().map_or(Ok(states), Err)
    }

    fn bounded(&self, what: &'static str, count: usize) -> Result<(), Error> {
        let limit = self.options.max_distinct;
        if count > limit { Err(Error::TooManyDistinct { what, limit }) } else { Ok(()) }
    }

    fn scratch_error(&self, source: io::Error) -> Error {
        let folder = self.options.scratch_folder.as_ref();
        Error::Write { name: folder.map_or_else(String::new, |folder| folder.display().to_string()), source }
    }
}

/// The columns that the first pass looks at.
const LEARNT: [Column; 4] = [Column::TransactionId, Column::Category, Column::Item, Column::PricePerUnit];

fn learn(lesson: &mut Lesson, fields: &[&str; LEARNT.len()]) {
    let [id, category, item, price] = fields.map(present);
    if let Some(id) = id {
        lesson.ids.add(id);
    }
    let price_per_unit = price.and_then(parse_money);
    lesson.reference.learn(&Row { category, item, price_per_unit, ..Row::default() });
}
