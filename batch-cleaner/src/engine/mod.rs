//! The passes over the inputs, each parallel over pieces.
//!
//! A worker takes the next piece from the [`Feed`](feed::Feed) (which reads and splits), works on it alone, and hands
//! over what came of it; [`InOrder`](in_order::InOrder) puts it into the sink when it is that piece's turn. So pieces in
//! flight are bounded, and the output is in input order whatever the threads do.
//!
//! The first pass learns the item reference and collects ids; the second cleans. Where the sink can start anew, the
//! first one cleans too, on a [`Guess`](guess::Guess); if that holds to the end there is no second one.

mod feed;
mod guess;
mod in_order;
mod pass;
mod read;
mod workers;

use std::io;
use std::num::NonZero;
use std::path::PathBuf;

use crate::duplicates::Spill;
use crate::error::Error;
use crate::input::Input;
use crate::repair::Steps;
use crate::report::Report;
use crate::sink::{Sink, Survey};
use pass::Task;

/// How a run goes. The results are the same whatever the number of workers and the sizes are.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which steps.
    pub steps: Steps,
    /// Workers.
    pub threads: NonZero<usize>,
    /// Size of the pieces, about.
    pub piece_bytes: usize,
    /// How much of the inputs' beginning the guess at the reference is made from; with 0 there is none.
    pub sample_bytes: u64,
    /// Most distinct items, and most groups of an aggregate; more is an error.
    pub max_distinct: usize,
    /// Where hashes of transaction ids go once there are many; `None` keeps them in memory.
    pub scratch_folder: Option<PathBuf>,
    /// Whether [`Survey::fingerprint`] is made.
    pub fingerprint: bool,
}

impl Options {
    /// The usual: a worker for each processor, nothing written to disk, no fingerprint.
    pub fn new(steps: Steps) -> Self {
        Options {
            steps,
            threads: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            piece_bytes: 256 << 10,
            sample_bytes: 4 << 20,
            max_distinct: 1_000_000,
            scratch_folder: None,
            fingerprint: false,
        }
    }
}

/// Watches a run, and may stop it.
pub trait Observer: Sync {
    /// Called before each pass; so many are still to come, as far as is known.
    fn begins(&self, passes: u64) {
        let _ = passes;
    }

    /// Called for every piece, from any worker, with its share of the inputs' bytes, and its rows.
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
    let guess = if sink.can_start_anew() && !options.fingerprint { engine.sample(inputs)? } else { None };
    let learnt = if let Some(guess) = &guess {
        observer.begins(1);
        sink.start(guess.survey())?;
        engine.pass(inputs, &Task::LearnAndClean(&spill, guess), sink)?
    } else {
        observer.begins(2);
        engine.pass(inputs, &Task::Learn(&spill), sink)?
    };
    let header = learnt.header.ok_or_else(|| Error::Arguments("there is no input".to_owned()))?;
    let survey = Survey { reference: learnt.reference.build(), fingerprint: learnt.fingerprint, rows: learnt.rows };
    let (tally, samples, duplicates) = if guess.is_some_and(|guess| !guess.is_wrong()) {
        (learnt.tally, learnt.samples, spill.count(options.threads))
    } else {
        observer.begins(1);
        sink.start(&survey)?;
        let (cleaned, duplicates) = std::thread::scope(|scope| {
            let counted = scope.spawn(|| spill.count(NonZero::<usize>::MIN));
            (engine.pass(inputs, &Task::Clean(&survey.reference), sink), counted.join())
        });
        let cleaned = cleaned?;
        if cleaned.rows != survey.rows {
            return Err(Error::Changed);
        }
        (cleaned.tally, cleaned.samples, duplicates.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    };
    let duplicates = duplicates.map_err(|error| engine.scratch_error(error))?;
    Ok(Report { header, tally, samples, duplicates, reference: survey.reference, steps: options.steps })
}

struct Engine<'o, O> {
    options: &'o Options,
    observer: &'o O,
}

impl<O> Engine<'_, O> {
    fn bounded(&self, what: &'static str, count: usize) -> Result<(), Error> {
        let limit = self.options.max_distinct;
        if count > limit { Err(Error::TooManyDistinct { what, limit }) } else { Ok(()) }
    }

    fn scratch_error(&self, source: io::Error) -> Error {
        let folder = self.options.scratch_folder.as_ref();
        Error::Write { name: folder.map_or_else(String::new, |folder| folder.display().to_string()), source }
    }
}
