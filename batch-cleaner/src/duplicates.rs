//! Counting transaction ids that occur more than once, in bounded memory: ids become hashes, which are parted by their
//! first bits; a worker that has many of a part hands them over as a sorted run without repetitions, runs go to a
//! temporary file, and at the end each part is looked at alone.
//!
//! Two different ids with one hash would be counted as one; among a hundred million ids the chance of a single such
//! pair is below one in a thousand.

use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::num::NonZero;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use foldhash::quality::FixedState;

/// Parts by the first six bits.
const PARTS: usize = 64;
/// Hashes of one part that a worker collects before it hands them over: 8 KiB.
const RUN_LENGTH: usize = 1024;
/// Hashes that are looked at together, about: 2 MiB. A larger part is looked at in several goes.
const MOST_TOGETHER: usize = 256 << 10;

/// A hash of 63 bits; the lowest bit is set where the id is known to occur again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Id(u64);

impl Id {
    fn new(id: &str) -> Id {
        const HASHER: FixedState = FixedState::with_seed(0);
        let mut hasher = HASHER.build_hasher();
        hasher.write(id.as_bytes());
        Id(hasher.finish() & !1)
    }

    const fn part(self) -> usize {
        (self.0 >> 58) as usize
    }

    /// Which of `goes`, a power of two, it belongs to.
    const fn go(self, goes: usize) -> usize {
        (self.0 >> 32) as usize & (goes - 1)
    }

    const fn occurs_again(self) -> bool {
        self.0 & 1 == 1
    }
}

/// Sorts, and leaves each id once, marked if there were several. Returns how many were left out.
fn leave_once(ids: &mut Vec<Id>) -> u64 {
    let before = ids.len();
    // Not the unstable sort: sorted runs one after another are merged.
    ids.sort();
    ids.dedup_by(|next, first| {
        let same = next.0 | 1 == first.0 | 1;
        if same {
            first.0 |= 1;
        }
        same
    });
    (before - ids.len()) as u64
}

/// Where runs go.
#[derive(Debug)]
pub struct Spill {
    folder: Option<PathBuf>,
    store: Mutex<Store>,
}

#[derive(Debug)]
struct Store {
    file: Option<File>,
    /// Bytes in the file.
    end: u64,
    parts: Vec<StoredPart>,
    /// Rows that are left out of the runs.
    left_out: u64,
}

#[derive(Debug, Default, Clone)]
struct StoredPart {
    /// Where in the file runs begin, and how long they are.
    spilled: Vec<(u64, u32)>,
    kept: Vec<Id>,
}

impl Spill {
    /// With `None` all runs stay in memory: eight bytes a row.
    pub fn new(folder: Option<PathBuf>) -> Self {
        let store = Store { file: None, end: 0, parts: vec![StoredPart::default(); PARTS], left_out: 0 };
        Spill { folder, store: Mutex::new(store) }
    }

    /// Takes a run and leaves it empty.
    fn take(&self, part: usize, ids: &mut Vec<Id>) -> io::Result<()> {
        let left_out = leave_once(ids);
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.0.to_le_bytes()).collect();
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let Store { file, end, parts, left_out: all_left_out } = &mut *store;
        *all_left_out += left_out;
        let (Some(folder), Ok(length)) = (&self.folder, u32::try_from(ids.len())) else {
            parts[part].kept.append(ids);
            return Ok(());
        };
        if file.is_none() {
            *file = Some(tempfile::tempfile_in(folder)?);
        }
        if let Some(file) = file {
            file.write_all_at(&bytes, *end)?;
            parts[part].spilled.push((*end, length));
            *end += bytes.len() as u64;
        }
        ids.clear();
        Ok(())
    }

    /// How many rows have an id that an earlier row has, and how many ids that concerns.
    pub fn count(&self, threads: NonZero<usize>) -> io::Result<Duplicates> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = std::mem::take(&mut store.parts);
        let (file, next) = (store.file.as_ref(), AtomicUsize::new(0));
        let worker = || -> io::Result<Duplicates> {
            let mut found = Duplicates::default();
            while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                part.count(file, &mut found)?;
            }
            Ok(found)
        };
        let mut all = Duplicates { ids: 0, rows: store.left_out };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(worker)).collect();
            for worker in workers {
                let found = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                all.ids += found.ids;
                all.rows += found.rows;
            }
            Ok(all)
        })
    }
}

impl StoredPart {
    fn count(&self, file: Option<&File>, found: &mut Duplicates) -> io::Result<()> {
        let length = self.spilled.iter().map(|(_, length)| *length as usize).sum::<usize>() + self.kept.len();
        let goes = length.div_ceil(MOST_TOGETHER).max(1).next_power_of_two();
        let (mut ids, mut bytes) = (Vec::new(), Vec::new());
        for go in 0..goes {
            ids.clear();
            for (start, length) in &self.spilled {
                let Some(file) = file else { break };
                bytes.resize(*length as usize * 8, 0);
                file.read_exact_at(&mut bytes, *start)?;
                let run = bytes.as_chunks::<8>().0.iter().map(|id| Id(u64::from_le_bytes(*id)));
                ids.extend(run.filter(|id| id.go(goes) == go));
            }
            ids.extend(self.kept.iter().filter(|id| id.go(goes) == go));
            found.rows += leave_once(&mut ids);
            found.ids += ids.iter().filter(|id| id.occurs_again()).count() as u64;
        }
        Ok(())
    }
}

/// How often ids occur again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Duplicates {
    /// Ids that occur more than once.
    pub ids: u64,
    /// Rows whose id an earlier row has.
    pub rows: u64,
}

/// One worker's ids.
#[derive(Debug)]
pub struct Ids(Vec<Vec<Id>>);

impl Default for Ids {
    fn default() -> Self {
        Ids(vec![Vec::new(); PARTS])
    }
}

impl Ids {
    /// One more row's id.
    pub fn add(&mut self, id: &str) {
        let id = Id::new(id);
        self.0[id.part()].push(id);
    }

    /// Hands over what has grown.
    pub fn spill(&mut self, spill: &Spill) -> io::Result<()> {
        let grown = self.0.iter_mut().enumerate().filter(|(_, ids)| ids.len() >= RUN_LENGTH);
        for (part, ids) in grown {
            spill.take(part, ids)?;
        }
        Ok(())
    }

    /// Hands over the rest, which is small enough to stay in memory.
    pub fn finish(self, spill: &Spill) {
        let mut store = spill.store.lock().unwrap_or_else(PoisonError::into_inner);
        for (stored, mut ids) in store.parts.iter_mut().zip(self.0) {
            stored.kept.append(&mut ids);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(folder: Option<PathBuf>, workers: Vec<Vec<u64>>) -> Duplicates {
        let spill = Spill::new(folder);
        for worker in workers {
            let mut ids = Ids::default();
            for id in worker {
                ids.add(&id.to_string());
                ids.spill(&spill).unwrap();
            }
            ids.finish(&spill);
        }
        spill.count(NonZero::new(2).unwrap()).unwrap()
    }

    #[test]
    fn ids_are_counted_alike_in_memory_and_on_disk() {
        for folder in [None, Some(std::env::temp_dir())] {
            let multiples = (1..=3).map(|factor| (0..600_000).map(|id| id * factor).collect()).collect();
            // Multiples of 2 below 600,000 are in the first and the second list, multiples of 3 in the first and the
            // third; multiples of 6 below 1,200,000 in the second and the third.
            assert_eq!(counted(folder.clone(), multiples), Duplicates { rows: 600_000, ids: 500_000 });
            let few = vec![(0..100_000).map(|row| row % 7).collect(), vec![3, 8]];
            assert_eq!(counted(folder, few), Duplicates { rows: 99_994, ids: 7 });
        }
    }

    #[test]
    fn a_part_that_is_large_is_counted_in_several_goes() {
        let mut stored = StoredPart::default();
        let ids: u64 = 3 * MOST_TOGETHER as u64;
        // Steps that differ in the bits by which goes are told.
        stored.kept.extend((0..ids).chain(0..ids / 2).map(|id| Id(id << 30)));
        let mut found = Duplicates::default();
        stored.count(None, &mut found).unwrap();
        assert_eq!(found, Duplicates { rows: ids / 2, ids: ids / 2 });
    }
}
