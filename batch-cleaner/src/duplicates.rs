//! Counting transaction ids that occur more than once, in bounded memory: ids become hashes, which are parted by their
//! first bits; a worker that has many of a part hands them over, they go to a temporary file, and at the end each part is
//! looked at alone.
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
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Parts by the first six bits.
const PARTS: usize = 64;
/// Hashes of one part that a worker collects before it hands them over: 8 KiB.
const RUN_LENGTH: usize = 1024;
/// Distinct hashes that are looked at together: 4 MiB. A part with more of them is parted again.
const MOST_DISTINCT: usize = 384 << 10;

/// A hash of 63 bits; the lowest bit is set where the id is known to occur again.
#[derive(Debug, Clone, Copy)]
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

    /// For a table, which looks at the first and the last bits: the first are the same in all of a part, so others are
    /// mixed in; the mark is left out.
    const fn place(self) -> u64 {
        (self.0 >> 1) ^ (self.0 << 20)
    }
}

/// Where ids go.
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
        let store = Store { file: None, end: 0, parts: vec![StoredPart::default(); PARTS] };
        Spill { folder, store: Mutex::new(store) }
    }

    /// Takes the ids of one part and leaves none; `bytes` is scratch space.
    fn take(&self, part: usize, ids: &mut Vec<Id>, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.clear();
        for id in &*ids {
            bytes.extend_from_slice(&id.0.to_le_bytes());
        }
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let Store { file, end, parts } = &mut *store;
        let (Some(folder), Ok(length)) = (&self.folder, u32::try_from(ids.len())) else {
            parts[part].kept.append(ids);
            return Ok(());
        };
        if file.is_none() {
            *file = Some(tempfile::tempfile_in(folder)?);
        }
        if let Some(file) = file {
            file.write_all_at(bytes, *end)?;
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
            let (mut found, mut table) = (Duplicates::default(), HashTable::new());
            while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                part.count(file, Share::ALL, &mut table, &mut found)?;
            }
            Ok(found)
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.get()).map(|_| scope.spawn(worker)).collect();
            let mut all = Duplicates::default();
            for worker in workers {
                all.add(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(all)
        })
    }
}

/// The ids of a part that have certain bits.
#[derive(Debug, Clone, Copy)]
struct Share {
    /// Which bits, from the lowest.
    mask: u64,
    bits: u64,
}

impl Share {
    const ALL: Share = Share { mask: 0, bits: 0 };

    /// Begins in the middle of the id, far from what parts and tables look at.
    const fn has(self, id: Id) -> bool {
        (id.0 | 1).rotate_right(32) & self.mask == self.bits
    }

    /// Its halves.
    const fn parted(self) -> [Share; 2] {
        let bit = self.mask.wrapping_add(1);
        let mask = self.mask | bit;
        [Share { mask, bits: self.bits }, Share { mask, bits: self.bits | bit }]
    }
}

impl StoredPart {
    fn count(
        &self,
        file: Option<&File>,
        share: Share,
        table: &mut HashTable<Id>,
        found: &mut Duplicates,
    ) -> io::Result<()> {
        table.clear();
        let mut here = Duplicates::default();
        let mut bytes = Vec::new();
        let mut few = here.look_at(table, self.kept.iter().copied().filter(|id| share.has(*id)));
        for (start, length) in &self.spilled {
            let (true, Some(file)) = (few, file) else { break };
            bytes.resize(*length as usize * 8, 0);
            file.read_exact_at(&mut bytes, *start)?;
            let ids = bytes.as_chunks::<8>().0.iter().map(|id| Id(u64::from_le_bytes(*id)));
            few = here.look_at(table, ids.filter(|id| share.has(*id)));
        }
        if few {
            found.add(here);
            return Ok(());
        }
        for half in share.parted() {
            self.count(file, half, table, found)?;
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

impl Duplicates {
    fn add(&mut self, other: Duplicates) {
        self.ids += other.ids;
        self.rows += other.rows;
    }

    /// Counts the ids that are in `table` already, and puts the others in; false once there are too many of them.
    fn look_at(&mut self, table: &mut HashTable<Id>, ids: impl Iterator<Item = Id>) -> bool {
        for id in ids {
            match table.entry(id.place(), |known| known.0 | 1 == id.0 | 1, |known| known.place()) {
                Entry::Occupied(mut known) => {
                    self.rows += 1;
                    self.ids += u64::from(known.get().0 & 1 == 0);
                    known.get_mut().0 |= 1;
                }
                Entry::Vacant(free) => {
                    free.insert(id);
                }
            }
        }
        table.len() <= MOST_DISTINCT
    }
}

/// One worker's ids.
#[derive(Debug)]
pub struct Ids {
    parts: Vec<Vec<Id>>,
    scratch: Vec<u8>,
}

impl Default for Ids {
    fn default() -> Self {
        Ids { parts: vec![Vec::new(); PARTS], scratch: Vec::new() }
    }
}

impl Ids {
    /// One more row's id.
    pub fn add(&mut self, id: &str) {
        let id = Id::new(id);
        self.parts[id.part()].push(id);
    }

    /// Hands over what has grown.
    pub fn spill(&mut self, spill: &Spill) -> io::Result<()> {
        let grown = self.parts.iter_mut().enumerate().filter(|(_, ids)| ids.len() >= RUN_LENGTH);
        for (part, ids) in grown {
            spill.take(part, ids, &mut self.scratch)?;
        }
        Ok(())
    }

    /// Hands over the rest, which is small enough to stay in memory.
    pub fn finish(self, spill: &Spill) {
        let mut store = spill.store.lock().unwrap_or_else(PoisonError::into_inner);
        for (stored, mut ids) in store.parts.iter_mut().zip(self.parts) {
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
    fn a_part_with_many_ids_is_parted_again() {
        let mut stored = StoredPart::default();
        let ids = 3 * MOST_DISTINCT as u64;
        stored.kept.extend((0..ids).chain(0..ids / 2).chain([7; 9]).map(|id| Id::new(&id.to_string())));
        let mut found = Duplicates::default();
        stored.count(None, Share::ALL, &mut HashTable::new(), &mut found).unwrap();
        assert_eq!(found, Duplicates { rows: ids / 2 + 9, ids: ids / 2 });
        assert!(stored.kept.len() > 4 * MOST_DISTINCT, "more than one share was needed");
    }
}
