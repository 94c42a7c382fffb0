//! The threads of a pass.

use std::sync::{Mutex, PoisonError};

use super::feed::{Feed, Piece};
use super::in_order::InOrder;
use super::read::Scratch;
use super::{Engine, Observer};
use crate::error::Error;

impl<O: Observer> Engine<'_, O> {
    /// Runs the workers until the inputs end or one fails. `work` does what can be done apart and returns how many rows
    /// that was, and a result; `apply` is called with the results in the order of their pieces.
    pub(super) fn run<W, T, R>(
        &self,
        feed: &mut Feed<'_, '_>,
        order: &InOrder<T, R>,
        work: impl Fn(&mut W, &Piece, &mut Scratch) -> Result<(u64, R), Error> + Sync,
        apply: impl Fn(&mut T, R) -> Result<(), Error> + Sync,
    ) -> Result<Vec<W>, Error>
    where
        W: Default + Send,
        T: Send,
        R: Send,
    {
        let feed = Mutex::new(feed);
        let worker = || -> W {
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
                    Ok(Some((rows, result))) => {
                        self.observer.advanced(piece.read_bytes, rows);
                        if !order.hand_over(piece.sequence, result, &apply) {
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
            state
        };
        let states = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.options.threads.get()).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        order.failure().map_or(Ok(states), Err)
    }
}
