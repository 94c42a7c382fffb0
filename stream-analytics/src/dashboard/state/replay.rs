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

/// What a browser has to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// This event, and then it is at the cursor.
    Event(Bytes, Cursor),
    /// Nothing: it has them all.
    UpToDate,
    /// It has missed more than is kept, or comes from another process: it needs a snapshot.
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

    /// The event after the cursor.
    pub(crate) fn after(&self, cursor: Cursor) -> Resume {
        let missed = self.cursor().number.checked_sub(cursor.number);
        let Some(missed) = missed.filter(|_| cursor.process == self.process) else { return Resume::Gone };
        if missed == 0 {
            return Resume::UpToDate;
        }
        let place = usize::try_from(missed).ok().and_then(|missed| self.events.len().checked_sub(missed));
        let event = place.and_then(|place| self.events.get(place));
        event.map_or(Resume::Gone, |event| Resume::Event(event.clone(), Cursor { number: cursor.number + 1, ..cursor }))
    }
}

/// What a browser that has nothing begins with: everything, and the latest health.
pub(crate) fn snapshot_event(cursor: Cursor, snapshot: &[u8], health: Option<&[u8]>) -> Bytes {
    let health = health.map(|health| frame(cursor, "health", health)).unwrap_or_default();
    [frame(cursor, "snapshot", snapshot), health].concat().into()
}

/// A server-sent event. One `data` line holds the JSON: line breaks in it stand between members, as in a summary that was
/// written for people, and are made blanks. It takes its length in memory and no more, which a text that grows does not.
fn frame(id: Cursor, name: &str, json: &[u8]) -> Bytes {
    let head = format!("id: {id}\nevent: {name}\ndata: ");
    let mut event = [head.as_bytes(), json, b"\n\n"].concat();
    let breaks = event.iter_mut().skip(head.len()).take(json.len()).filter(|byte| matches!(**byte, b'\n' | b'\r'));
    breaks.for_each(|byte| *byte = b' ');
    event.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many events a browser gets that comes back with this number; `None` if it needs a snapshot.
    fn missed(replay: &Replay, number: u64) -> Option<u64> {
        let mut cursor = Cursor { process: 7, number };
        loop {
            match replay.after(cursor) {
                Resume::Event(event, next) => {
                    assert!(event.starts_with(format!("id: {next}\n").as_bytes()), "{event:?}");
                    cursor = next;
                }
                Resume::UpToDate => return Some(cursor.number - number),
                Resume::Gone => return None,
            }
        }
    }

    #[test]
    fn an_event_is_written_as_browsers_read_it() {
        let mut replay = Replay::new(255);
        replay.push("update", b"{\r\n\"a\": 1}");
        let Resume::Event(event, cursor) = replay.after(Cursor::parse("ff-0").unwrap()) else { panic!("no event") };
        assert_eq!(event, "id: ff-1\nevent: update\ndata: {  \"a\": 1}\n\n");
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
    }

    #[test]
    fn another_process_or_a_number_not_yet_given_needs_a_snapshot() {
        let mut replay = Replay::new(7);
        replay.push("update", b"{}");
        assert_eq!(missed(&replay, 1), Some(0));
        assert_eq!(missed(&replay, 2), None);
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
            match missed(&replay, seen) {
                Some(missed) => prop_assert_eq!(seen + missed, pushed),
                None => prop_assert!(seen > pushed || pushed - seen > Replay::MAX_EVENTS as u64),
            }
        }
    }
}
