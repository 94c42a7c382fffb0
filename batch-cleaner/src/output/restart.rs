//! A sink that can start anew, by being made anew.

use crate::error::Error;
use crate::sink::{Sink, Survey};

/// Makes its sink once more where it is to start anew; see [`Sink::can_start_anew`].
pub struct Restartable<S> {
    make: Option<Box<dyn Fn() -> Result<S, Error> + Send>>,
    sink: S,
    has_started: bool,
}

impl<S> Restartable<S> {
    /// Each sink that `make` makes begins with an empty target; the one before is dropped.
    pub fn new(make: impl Fn() -> Result<S, Error> + Send + 'static) -> Result<Self, Error> {
        Ok(Restartable { sink: make()?, make: Some(Box::new(make)), has_started: false })
    }

    /// For a target from which nothing can be taken back.
    pub fn once(sink: S) -> Self {
        Restartable { sink, make: None, has_started: false }
    }

    /// The sink with all that was written since its last start.
    pub fn into_inner(self) -> S {
        self.sink
    }
}

impl<S: Sink> Sink for Restartable<S> {
    type Part = S::Part;

    fn part(&self) -> S::Part {
        self.sink.part()
    }

    fn start(&mut self, survey: &Survey) -> Result<(), Error> {
        if let (true, Some(make)) = (self.has_started, &self.make) {
            self.sink = make()?;
        }
        self.has_started = true;
        self.sink.start(survey)
    }

    fn can_start_anew(&self) -> bool {
        self.make.is_some()
    }

    fn write(&mut self, part: &mut S::Part) -> Result<(), Error> {
        self.sink.write(part)
    }
}
