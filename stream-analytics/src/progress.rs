//! What a committed offset carries in its metadata: all the state that a new owner needs beside the log.

use std::fmt;
use std::str::FromStr;

/// The settings that the sums and windows under a group depend on. They cannot change under a running group: old and new
/// sums would be added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Window length, milliseconds.
    pub window_ms: i64,
    /// Slide, milliseconds.
    pub slide_ms: i64,
    /// Watermark delay, milliseconds.
    pub delay_ms: i64,
    /// Partitions of `partials`.
    pub merge_partitions: i32,
    /// Full name of the input topic.
    pub input_topic: String,
}

/// Metadata of an input partition's committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputProgress {
    /// Under which settings.
    pub settings: Settings,
    /// The sums of everything before this offset are in `partials`. From here to the committed offset a new owner adds up
    /// again, in silence.
    pub summed_until: i64,
    /// The partition's watermark at `summed_until`.
    pub watermark_ms: Option<i64>,
}

/// Metadata of a merge partition's committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeProgress {
    /// Under which settings.
    pub settings: Settings,
    /// The offset to replay from: the oldest sum that an open window needs.
    pub replay_offset: i64,
    /// Windows that end at or before are published.
    pub published_ms: Option<i64>,
    /// Windows that end at or before may be published already: at-least-once commits this before it publishes.
    pub announced_ms: Option<i64>,
    /// With `--until-end`: the sum of the input ends at which every window was closed.
    pub ended_at: Option<i64>,
}

/// Metadata that is not ours, or of another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the committed offset's metadata {0:?} is not of this program's version")]
pub struct ForeignMetadata(String);

struct OrNone(Option<i64>);

impl fmt::Display for OrNone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => number.fmt(f),
            None => f.write_str("-"),
        }
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { window_ms, slide_ms, delay_ms, merge_partitions, input_topic } = self;
        write!(
            f,
            "window_ms={window_ms} slide_ms={slide_ms} delay_ms={delay_ms} partials={merge_partitions} topic={input_topic}"
        )
    }
}

impl fmt::Display for InputProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, summed_until, watermark_ms } = self;
        write!(f, "input-2 summed_until={summed_until} watermark_ms={} {settings}", OrNone(*watermark_ms))
    }
}

impl fmt::Display for MergeProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "merge-1 replay={} published_ms={} announced_ms={} ended_at={} {}",
            self.replay_offset,
            OrNone(self.published_ms),
            OrNone(self.announced_ms),
            OrNone(self.ended_at),
            self.settings
        )
    }
}

/// `key=value` pairs after a kind.
struct Pairs<'a>(&'a str);

impl<'a> Pairs<'a> {
    fn of_kind(text: &'a str, kind: &str) -> Option<Self> {
        Some(Pairs(text.strip_prefix(kind)?.strip_prefix(' ')?))
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
    }

    fn number<N: FromStr>(&self, key: &str) -> Option<N> {
        self.get(key)?.parse().ok()
    }

    fn optional(&self, key: &str) -> Option<OrNone> {
        match self.get(key)? {
            "-" => Some(OrNone(None)),
            number => Some(OrNone(Some(number.parse().ok()?))),
        }
    }

    fn settings(&self) -> Option<Settings> {
        Some(Settings {
            window_ms: self.number("window_ms")?,
            slide_ms: self.number("slide_ms")?,
            delay_ms: self.number("delay_ms")?,
            merge_partitions: self.number("partials")?,
            input_topic: self.get("topic")?.to_owned(),
        })
    }
}

impl FromStr for InputProgress {
    type Err = ForeignMetadata;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let pairs = Pairs::of_kind(text, "input-2")?;
            Some(InputProgress {
                settings: pairs.settings()?,
                summed_until: pairs.number("summed_until")?,
                watermark_ms: pairs.optional("watermark_ms")?.0,
            })
        };
        read().ok_or_else(|| ForeignMetadata(text.to_owned()))
    }
}

impl FromStr for MergeProgress {
    type Err = ForeignMetadata;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let pairs = Pairs::of_kind(text, "merge-1")?;
            Some(MergeProgress {
                settings: pairs.settings()?,
                replay_offset: pairs.number("replay")?,
                published_ms: pairs.optional("published_ms")?.0,
                announced_ms: pairs.optional("announced_ms")?.0,
                ended_at: pairs.optional("ended_at")?.0,
            })
        };
        read().ok_or_else(|| ForeignMetadata(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_as_it_was_written() {
        let settings = Settings {
            window_ms: 10_000,
            slide_ms: 1_000,
            delay_ms: 0,
            merge_partitions: 4,
            input_topic: "shop.receipts".into(),
        };
        let input = InputProgress { settings: settings.clone(), summed_until: 3, watermark_ms: Some(-5) };
        assert_eq!(input.to_string().parse(), Ok(input));
        let merge =
            MergeProgress { settings, replay_offset: 7, published_ms: None, announced_ms: Some(3), ended_at: Some(9) };
        assert_eq!(merge.to_string().parse(), Ok(merge));
    }

    #[test]
    fn foreign_metadata_is_refused() {
        for text in ["", "input-1 watermark_ms=1", "input-2 watermark_ms=1", "merge-1 replay=x"] {
            assert!(text.parse::<InputProgress>().is_err());
            assert!(text.parse::<MergeProgress>().is_err());
        }
    }
}
