//! Counting transaction ids that occur more than once, in bounded memory: ids become 64-bit hashes, sorted runs of
//! them go to a temporary file, and the runs are merged at the end.
//!
//! Two different ids with one hash would be counted as one; among a hundred million ids the chance of a single such
//! pair is below one in three thousand.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Mutex;

use foldhash::quality::FixedState;

/// Ids in one run: 2 MiB of hashes.
const RUN_IDS: usize = 256 << 10;
/// Memory for reading runs back, shared by all of them.
const READ_BYTES: usize = 4 << 20;

/// Where runs go once they are full.
#[derive(Debug)]
pub struct Spill {
    folder: Option<PathBuf>,
    runs: Mutex<Runs>,
}

#[derive(Debug, Default)]
struct Runs {
    file: Option<File>,
    /// Bytes of the file, a run each.
    spilled: Vec<Range<u64>>,
    /// Runs that were not spilled.
    kept: Vec<Vec<u64>>,
}

impl Spill {
    /// With `None` all runs stay in memory: eight bytes a row.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Spill { folder, runs: Mutex::default() }
    }

    fn take(&self, ids: &mut Vec<u64>) -> io::Result<()> {
        ids.sort_unstable();
        let mut runs = self.runs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(folder) = &self.folder else {
            runs.kept.push(std::mem::take(ids));
            return Ok(());
        };
        let start = runs.spilled.last().map_or(0, |run| run.end);
        if runs.file.is_none() {
            runs.file = Some(tempfile::tempfile_in(folder)?);
        }
        if let Some(file) = &mut runs.file {
            let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
            file.write_all(&bytes)?;
            runs.spilled.push(start..start + bytes.len() as u64);
        }
        ids.clear();
        Ok(())
    }

    /// How many rows have an id that an earlier row has, and how many ids that concerns.
    pub fn count(&self) -> io::Result<Duplicates> {
        let mut runs = self.runs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Runs { file, spilled, kept } = std::mem::take(&mut *runs);
        let share = READ_BYTES / spilled.len().max(1) / 8 * 8;
        let mut sources: Vec<Source<'_>> = kept.iter().map(|ids| Source::Memory(ids.iter())).collect();
        if let Some(file) = &file {
            let read =
                |run: Range<u64>| Source::File { file, rest: run, buffer: Vec::new(), at: 0, share: share.max(512) };
            sources.extend(spilled.into_iter().map(read));
        }
        let mut heap = BinaryHeap::with_capacity(sources.len());
        for (index, source) in sources.iter_mut().enumerate() {
            if let Some(id) = source.next()? {
                heap.push(Reverse((id, index)));
            }
        }
        let mut duplicates = Duplicates::default();
        let mut latest: Option<(u64, bool)> = None;
        while let Some(mut top) = heap.peek_mut() {
            let Reverse((id, index)) = *top;
            match &mut latest {
                Some((same, counted)) if *same == id => {
                    duplicates.rows += 1;
                    duplicates.ids += u64::from(!*counted);
                    *counted = true;
                }
                _ => latest = Some((id, false)),
            }
            match sources[index].next()? {
                Some(next) => *top = Reverse((next, index)),
                None => {
                    std::collections::binary_heap::PeekMut::pop(top);
                }
            }
        }
        Ok(duplicates)
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
#[derive(Debug, Default)]
pub struct Ids {
    run: Vec<u64>,
    hasher: FixedState,
}

impl Ids {
    /// One more row's id.
    pub fn add(&mut self, id: &str) {
        self.run.push(self.hasher.hash_one(id.as_bytes()));
    }

    /// Hands the run over if it is full.
    pub fn spill(&mut self, spill: &Spill) -> io::Result<()> {
        if self.run.len() < RUN_IDS { Ok(()) } else { spill.take(&mut self.run) }
    }

    /// Hands the last run over.
    pub fn finish(mut self, spill: &Spill) -> io::Result<()> {
        spill.take(&mut self.run)
    }
}

enum Source<'a> {
    Memory(std::slice::Iter<'a, u64>),
    File { file: &'a File, rest: Range<u64>, buffer: Vec<u8>, at: usize, share: usize },
}

impl Source<'_> {
    fn next(&mut self) -> io::Result<Option<u64>> {
        match self {
            Source::Memory(ids) => Ok(ids.next().copied()),
            Source::File { file, rest, buffer, at, share } => {
                if *at == buffer.len() {
                    let wanted = usize::try_from(rest.end - rest.start).map_or(*share, |left| left.min(*share));
                    buffer.resize(wanted, 0);
                    file.read_exact_at(buffer, rest.start)?;
                    rest.start += wanted as u64;
                    *at = 0;
                }
                let Some(bytes) = buffer[*at..].first_chunk::<8>() else { return Ok(None) };
                *at += 8;
                Ok(Some(u64::from_le_bytes(*bytes)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_counted_alike_in_memory_and_on_disk() {
        for folder in [None, Some(std::env::temp_dir())] {
            let spill = Spill::new(folder);
            for worker in 0..3 {
                let mut ids = Ids::default();
                for id in 0..300_000 {
                    ids.add(&format!("{}", id * (worker + 1)));
                    ids.spill(&spill).unwrap();
                }
                ids.finish(&spill).unwrap();
            }
            // Multiples of 2 below 300,000 are in the first and the second run, multiples of 3 in the first and the
            // third; multiples of 6 below 600,000 in the second and the third.
            assert_eq!(spill.count().unwrap(), Duplicates { rows: 250_000 + 50_000, ids: 250_000 });
        }
    }
}
