//! Disorder on demand: out of order, late, malformed, twice. Each kind draws from a stream of its own, so that turning
//! one on changes nothing else.

use common::EventTime;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

use crate::args::DisorderArgs;
use crate::malform::Malformation;

/// Decides which receipts go wrong, and how.
#[derive(Debug)]
pub struct Disorder {
    jitter_ms: i64,
    late: Chance,
    late_by_ms: i64,
    malformed: Chance,
    duplicate: Chance,
    jitter_rng: Xoshiro256PlusPlus,
}

/// A share of yes, from a stream of its own.
#[derive(Debug)]
pub(crate) struct Chance {
    share: f64,
    rng: Xoshiro256PlusPlus,
}

/// The streams' numbers: added to the seed, which spreads them over the generator's whole state.
const JITTER_STREAM: u64 = 0x6a69_7474_6572_0001;
const LATE_STREAM: u64 = 0x6c61_7465_0000_0001;
pub(crate) const MALFORMED_STREAM: u64 = 0x6d61_6c66_6f72_6d01;
pub(crate) const DUPLICATE_STREAM: u64 = 0x6475_706c_6963_6101;

/// Members that a receipt cannot do without, in the order of the value.
const MEMBERS: [&str; 9] =
    ["receipt_id", "store_id", "store_name", "cashier_id", "timestamp", "name", "category", "price", "quantity"];

impl Chance {
    pub(crate) fn new(share: f64, seed: u64, stream: u64) -> Chance {
        Chance { share, rng: Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_add(stream)) }
    }

    pub(crate) fn strikes(&mut self) -> bool {
        self.share > 0.0 && self.rng.random_bool(self.share)
    }

    pub(crate) fn rng(&mut self) -> &mut Xoshiro256PlusPlus {
        &mut self.rng
    }
}

impl Disorder {
    /// As the flags say.
    pub fn new(args: &DisorderArgs, seed: u64) -> Disorder {
        // Durations on the command line are below 2^53 ms.
        let ms = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Disorder {
            jitter_ms: ms(args.jitter),
            late: Chance::new(args.late.get(), seed, LATE_STREAM),
            late_by_ms: ms(args.late_by),
            malformed: Chance::new(args.malformed.get(), seed, MALFORMED_STREAM),
            duplicate: Chance::new(args.duplicate.get(), seed, DUPLICATE_STREAM),
            jitter_rng: Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_add(JITTER_STREAM)),
        }
    }

    /// What time to stamp on a receipt made at `time`, and whether it is one of the late ones.
    pub fn stamp(&mut self, time: EventTime) -> (EventTime, bool) {
        let jitter_ms = if self.jitter_ms > 0 { self.jitter_rng.random_range(0..=self.jitter_ms) } else { 0 };
        let late = self.late.strikes();
        let late_ms = if late { self.late_by_ms } else { 0 };
        let stamped = time.ms().saturating_sub(jitter_ms).saturating_sub(late_ms);
        (EventTime::from_ms(stamped).unwrap_or(EventTime::MIN), late)
    }

    /// Makes the value wrong, if it is this one's turn.
    pub fn malform(&mut self, value: &mut Vec<u8>) -> Option<Malformation> {
        self.malformed.strikes().then(|| Malformation::inflict(self.malformed.rng(), &MEMBERS, value))
    }

    /// How often the record is sent.
    pub fn copies(&mut self) -> u32 {
        1 + u32::from(self.duplicate.strikes())
    }
}
