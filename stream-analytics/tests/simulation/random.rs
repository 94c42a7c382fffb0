//! Chance from a seed. `SplitMix64` rather than a library's generator: a seed that once failed must mean the same for ever.

/// A source of chance.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// Chance of its own: drawing from it leaves what `self` will say as it is, so that seeds keep their meaning.
    pub fn apart(&self) -> Self {
        Random(self.0 ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `bound` - 1.
    pub fn below(&mut self, bound: i64) -> i64 {
        i64::try_from(self.next() % bound.max(1).unsigned_abs()).expect("a remainder is smaller than an i64")
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    /// True in so many of a thousand cases.
    pub fn per_mille(&mut self, share: i64) -> bool {
        self.below(1000) < share
    }

    pub fn index(&mut self, length: usize) -> usize {
        let length = i64::try_from(length).expect("lists are short");
        usize::try_from(self.below(length)).expect("never negative")
    }

    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.index(from.len())]
    }
}
