//! The latest events, numbered, for browsers that come back with a `Last-Event-ID`.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;

/// The place of an event in this process's sequence. Another process (a restart, another replica) has another name, and
/// sends a snapshot instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    process: u64,
    number: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.process, self.number)
    }
}

impl Cursor {
    /// Reads a `Last-Event-ID`.
    pub(crate) fn parse(text: &str) -> Option<Cursor> {
        let (process, number) = text.split_once('-')?;
        Some(Cursor { process: u64::from_str_radix(process, 16).ok()?, number: number.parse().ok()? })
    }
}

/// What a browser has missed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// These events, and then it is at the cursor.
    Events(Vec<Bytes>, Cursor),
    /// More than is kept, or it comes from another process: it needs a snapshot.
    Gone,
}

/// A bounded run of events.
#[derive(Debug)]
pub(crate) struct Replay {
    process: u64,
    next: u64,
    events: VecDeque<Bytes>,
    bytes: usize,
}

impl Replay {
    /// At ten events a second, nearly two minutes.
    const MAX_EVENTS: usize = 1_024;
    const MAX_BYTES: usize = 8 << 20;

    /// An empty run of the process of this name.
    pub(crate) fn new(process: u64) -> Self {
        Replay { process, next: 1, events: VecDeque::new(), bytes: 0 }
    }

    /// Appends an event of one line of JSON.
    pub(crate) fn push(&mut self, name: &str, json: &[u8]) {
        let id = Cursor { process: self.process, number: self.next };
        let event = frame(id, name, json);
        self.next += 1;
        self.bytes += event.len();
        self.events.push_back(event);
        while self.events.len() > Self::MAX_EVENTS || self.bytes > Self::MAX_BYTES {
            let Some(gone) = self.events.pop_front() else { break };
            self.bytes -= gone.len();
        }
    }

    /// Where the run ends now.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor { process: self.process, number: self.next - 1 }
    }

    /// The events after the cursor.
    pub(crate) fn after(&self, cursor: Cursor) -> Resume {
        let missed = self.next.checked_sub(1).and_then(|last| last.checked_sub(cursor.number));
        match missed.and_then(|missed| usize::try_from(missed).ok()) {
            Some(missed) if cursor.process == self.process && missed <= self.events.len() => {
                Resume::Events(self.events.range(self.events.len() - missed..).cloned().collect(), self.cursor())
            }
            _ => Resume::Gone,
        }
    }
}

/// What a browser that has nothing begins with: everything, and the latest health.
pub(crate) fn snapshot_event(cursor: Cursor, snapshot: &[u8], health: Option<&[u8]>) -> Bytes {
    let mut event = frame(cursor, "snapshot", snapshot).to_vec();
    event.extend_from_slice(&health.map(|health| frame(cursor, "health", health)).unwrap_or_default());
    event.into()
}

/// A server-sent event. JSON without blanks has no line breaks, so one `data` line holds it.
fn frame(id: Cursor, name: &str, json: &[u8]) -> Bytes {
    let mut event = format!("id: {id}\nevent: {name}\ndata: ").into_bytes();
    event.extend_from_slice(json);
    event.extend_from_slice(b"\n\n");
    event.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(replay: &Replay, number: u64) -> Option<usize> {
        match replay.after(Cursor { process: 7, number }) {
            Resume::Events(events, _) => Some(events.len()),
            Resume::Gone => None,
        }
    }

    #[test]
    fn an_event_is_written_as_browsers_read_it() {
        let mut replay = Replay::new(255);
        replay.push("update", b"{}");
        let Resume::Events(events, cursor) = replay.after(Cursor::parse("ff-0").unwrap()) else { panic!("gone") };
        assert_eq!(events, [Bytes::from_static(b"id: ff-1\nevent: update\ndata: {}\n\n")]);
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
    }

    #[test]
    fn another_process_or_a_number_not_yet_given_needs_a_snapshot() {
        let mut replay = Replay::new(7);
        replay.push("update", b"{}");
        assert_eq!(after(&replay, 1), Some(0));
        assert_eq!(after(&replay, 2), None);
        assert_eq!(replay.after(Cursor { process: 8, number: 1 }), Resume::Gone);
        assert_eq!(Cursor::parse("x"), None);
    }

    proptest! {
        #[test]
        fn whoever_comes_back_gets_all_that_he_missed_or_a_snapshot(pushed in 0..3_000u64, seen in 0..3_000u64) {
            let mut replay = Replay::new(7);
            for _ in 0..pushed {
                replay.push("update", b"{}");
            }
            match after(&replay, seen) {
                Some(missed) => prop_assert_eq!(seen + missed as u64, pushed),
                None => prop_assert!(seen > pushed || pushed - seen > Replay::MAX_EVENTS as u64),
            }
        }
    }
}
