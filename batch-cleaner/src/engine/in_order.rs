//! Doing things in turn.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::Error;

/// Lets workers touch a value one after another, in the order of the pieces they hold. The first failure ends it for
/// all.
pub(super) struct InOrder<T> {
    state: Mutex<State<T>>,
    turned: Condvar,
    failed: AtomicBool,
}

struct State<T> {
    turn: u64,
    value: T,
    failure: Option<Error>,
}

impl<T> InOrder<T> {
    pub(super) fn new(value: T) -> Self {
        InOrder {
            state: Mutex::new(State { turn: 0, value, failure: None }),
            turned: Condvar::new(),
            failed: AtomicBool::new(false),
        }
    }

    /// Waits for the turn of piece `sequence`, and does `work`. False where all is over.
    pub(super) fn take_turn(&self, sequence: u64, work: impl FnOnce(&mut T) -> Result<(), Error>) -> bool {
        let waiting = |state: &mut State<T>| state.turn != sequence && !self.has_failed();
        let mut state = self.turned.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        if self.has_failed() {
            return false;
        }
        let outcome = work(&mut state.value);
        state.turn += 1;
        drop(state);
        self.turned.notify_all();
        match outcome {
            Ok(()) => true,
            Err(error) => {
                self.fail(error);
                false
            }
        }
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

    pub(super) fn into_inner(self) -> T {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).value
    }

    /// Ends it for all if the worker panics, so that the others do not wait for its turn.
    pub(super) fn guard(&self) -> Guard<'_, T> {
        Guard(self)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Guard<'o, T>(&'o InOrder<T>);

impl<T> Guard<'_, T> {
    pub(super) fn disarm(self) {
        std::mem::forget(self);
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.0.end();
    }
}
