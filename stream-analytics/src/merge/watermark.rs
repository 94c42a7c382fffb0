//! The merged watermark: how far every input partition has come, told from announcements alone.
//!
//! It never reads a clock: the same announcements give the same watermark, on whichever replica.

use std::collections::BTreeMap;

use crate::partials::Announcement;

/// The smallest bound over all partitions of the input topic.
#[derive(Debug, Clone, Default)]
pub struct MergedWatermark {
    inputs: BTreeMap<i32, Bound>,
    input_partitions: i32,
    /// The largest watermark that any partition has announced.
    largest_ms: Option<i64>,
    merged_ms: Option<i64>,
}

/// What one input partition vouches for.
#[derive(Debug, Clone, Copy, Default)]
struct Bound {
    watermark_ms: Option<i64>,
    /// In milliseconds: the largest watermark of all that was known when this partition last said that it is idle.
    at_last_idle_word: Option<i64>,
    vouched_ms: Option<i64>,
}

impl MergedWatermark {
    /// Takes in the announcements of one commit, which are simultaneous.
    pub fn announce(&mut self, announcement: &Announcement<'_>) {
        self.input_partitions = self.input_partitions.max(announcement.input_partitions);
        let known_before_ms = self.largest_ms;
        for input in &announcement.inputs {
            let bound = self.inputs.entry(input.partition).or_default();
            bound.watermark_ms = bound.watermark_ms.max(input.watermark_ms);
            bound.vouched_ms = if input.idle {
                // An idle partition vouches for what others had announced before its *previous* word of idleness: were
                // receipts for it under way with theirs, they would have come between the two words.
                let before_previous_word_ms = std::mem::replace(&mut bound.at_last_idle_word, known_before_ms);
                bound.watermark_ms.max(before_previous_word_ms)
            } else {
                bound.watermark_ms
            };
            self.largest_ms = self.largest_ms.max(bound.watermark_ms);
        }
        self.merged_ms = self.merged_ms.max(self.smallest_bound_ms());
    }

    /// `None` while a partition is not heard of or has nothing to vouch for.
    fn smallest_bound_ms(&self) -> Option<i64> {
        let bounds = (0..self.input_partitions).map(|partition| self.inputs.get(&partition)?.vouched_ms);
        bounds.min().flatten()
    }

    /// Windows that end at or before are complete.
    pub fn get(&self) -> Option<i64> {
        self.merged_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partials::InputState;

    fn say(merged: &mut MergedWatermark, states: &[(i32, Option<i64>, bool)]) -> Option<i64> {
        let inputs = states
            .iter()
            .map(|&(partition, watermark_ms, idle)| InputState { partition, watermark_ms, idle, ended_at: None })
            .collect();
        merged.announce(&Announcement { group: "g", input_partitions: 2, inputs });
        merged.get()
    }

    #[test]
    fn it_is_the_smallest_of_all_partitions_also_of_those_not_heard_of() {
        let mut merged = MergedWatermark::default();
        assert_eq!(say(&mut merged, &[(0, Some(100), false)]), None);
        assert_eq!(say(&mut merged, &[(1, Some(50), false)]), Some(50));
        assert_eq!(say(&mut merged, &[(1, Some(200), false)]), Some(100));
    }

    #[test]
    fn an_idle_partition_vouches_for_what_was_announced_before_its_previous_word() {
        let mut merged = MergedWatermark::default();
        say(&mut merged, &[(0, Some(100), false)]);
        assert_eq!(say(&mut merged, &[(1, Some(50), true)]), Some(50), "its first word vouches for nothing yet");
        assert_eq!(say(&mut merged, &[(0, Some(300), false)]), Some(50));
        assert_eq!(say(&mut merged, &[(1, Some(50), true)]), Some(100), "300 came after the first word");
        assert_eq!(say(&mut merged, &[(1, Some(50), true)]), Some(300));
    }

    #[test]
    fn announcements_of_one_commit_are_simultaneous() {
        let mut merged = MergedWatermark::default();
        say(&mut merged, &[(0, Some(100), true), (1, None, true)]);
        assert_eq!(say(&mut merged, &[(0, Some(200), true), (1, None, true)]), None, "100 came with the first word");
        assert_eq!(say(&mut merged, &[(0, Some(300), true), (1, None, true)]), Some(100));
    }

    #[test]
    fn when_all_are_idle_it_rises_to_the_largest() {
        let mut merged = MergedWatermark::default();
        for _ in 0..3 {
            say(&mut merged, &[(0, Some(100), true), (1, Some(40), true)]);
        }
        assert_eq!(merged.get(), Some(100));
    }

    #[test]
    fn it_never_goes_back_when_a_partition_wakes() {
        let mut merged = MergedWatermark::default();
        for _ in 0..3 {
            say(&mut merged, &[(0, Some(100), false), (1, Some(40), true)]);
        }
        assert_eq!(say(&mut merged, &[(1, Some(40), false)]), Some(100));
    }
}
