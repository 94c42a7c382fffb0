//! Doing things in turn.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::Error;

/// Applies results to a value in the order of the pieces they come from. Whoever hands over the result whose turn it is
/// applies it, and those behind it that are there already; the others go on with their work. The first failure ends it
/// for all.
pub(super) struct InOrder<T, R> {
    state: Mutex<State<T, R>>,
    turned: Condvar,
    failed: AtomicBool,
    /// Results that may wait for an earlier one; who has one more waits with it.
    most_waiting: usize,
}

struct State<T, R> {
    /// The piece whose result is applied next.
    turn: u64,
    /// Results of the piece whose turn it is and those after it.
    waiting: VecDeque<Option<R>>,
    /// Not there while somebody applies a result to it.
    value: Option<T>,
    failure: Option<Error>,
}

impl<T, R> InOrder<T, R> {
    pub(super) fn new(value: T, most_waiting: usize) -> Self {
        InOrder {
            state: Mutex::new(State { turn: 0, waiting: VecDeque::new(), value: Some(value), failure: None }),
            turned: Condvar::new(),
            failed: AtomicBool::new(false),
            most_waiting: most_waiting.max(1),
        }
    }

    /// Hands over the result of piece `sequence`. False where all is over.
    pub(super) fn hand_over(&self, sequence: u64, result: R, apply: impl Fn(&mut T, R) -> Result<(), Error>) -> bool {
        let place = |turn: u64| usize::try_from(sequence - turn).unwrap_or(usize::MAX);
        // The one whose turn it is never waits, so there is always somebody who goes on.
        let too_far = |state: &mut State<T, R>| place(state.turn) >= self.most_waiting && !self.has_failed();
        let mut state = self.turned.wait_while(self.lock(), too_far).unwrap_or_else(PoisonError::into_inner);
        if self.has_failed() {
            return false;
        }
        let place = place(state.turn);
        if state.waiting.len() <= place {
            state.waiting.resize_with(place + 1, || None);
        }
        state.waiting[place] = Some(result);
        let Some(mut value) = state.value.take() else { return true };
        while let Some(Some(next)) = state.waiting.front_mut().map(Option::take) {
            drop(state);
            let outcome = apply(&mut value, next);
            if let Err(error) = outcome {
                self.fail(error);
                self.lock().value = Some(value);
                return false;
            }
            state = self.lock();
            state.waiting.pop_front();
            state.turn += 1;
            self.turned.notify_all();
        }
        state.value = Some(value);
        !self.has_failed()
    }

    /// Ends it for all; the first failure is the one that is reported.
    pub(super) fn fail(&self, error: Error) {
        self.lock().failure.get_or_insert(error);
        self.end();
    }

    fn end(&self) {
        self.failed.store(true, Ordering::SeqCst);
        // A worker that has just looked holds the lock until it waits.
        drop(self.lock());
        self.turned.notify_all();
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    pub(super) fn failure(&self) -> Option<Error> {
        self.lock().failure.take()
    }

    /// The value, once all results are applied; `None` if a worker was lost while it had it.
    pub(super) fn into_inner(self) -> Option<T> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).value
    }

    /// Ends it for all if the worker panics, so that the others do not wait for its turn.
    pub(super) fn guard(&self) -> Guard<'_, T, R> {
        Guard(self)
    }

    fn lock(&self) -> MutexGuard<'_, State<T, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Guard<'o, T, R>(&'o InOrder<T, R>);

impl<T, R> Guard<'_, T, R> {
    pub(super) fn disarm(self) {
        std::mem::forget(self);
    }
}

impl<T, R> Drop for Guard<'_, T, R> {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_applied_in_the_order_of_their_pieces() {
        for most_waiting in [1, 2, 7] {
            let order = InOrder::new(Vec::new(), most_waiting);
            std::thread::scope(|scope| {
                for worker in 0..5 {
                    let order = &order;
                    scope.spawn(move || {
                        for sequence in (worker..500).step_by(5) {
                            assert!(order.hand_over(sequence, sequence, |all, one| {
                                all.push(one);
                                Ok(())
                            }));
                        }
                    });
                }
            });
            assert_eq!(order.into_inner(), Some((0..500).collect()));
        }
    }

    #[test]
    fn a_failure_ends_it_for_those_who_wait() {
        let order = InOrder::new((), 1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| order.hand_over(1, (), |(), ()| Ok(())));
            assert!(!order.hand_over(0, (), |(), ()| Err(Error::Changed)));
            assert!(!waiting.join().expect("it does not panic"));
        });
        assert!(matches!(order.failure(), Some(Error::Changed)));
    }
}
