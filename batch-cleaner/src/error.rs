//! What can go wrong, and whose fault it is.

use std::io;

use common::exit::ExitStatus;
use common::kafka::{ClusterError, SettingsError};

use crate::header::HeaderError;
use crate::publish::PublishError;

/// Why nothing, or not all, was cleaned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments do not go together.
    #[error("{0}")]
    Arguments(String),
    /// An input is not what can be cleaned.
    #[error("{name}: {problem}")]
    Input {
        /// As given.
        name: String,
        /// What was seen.
        problem: InputProblem,
    },
    /// The system cannot read an input.
    #[error("cannot read {name}")]
    Read {
        /// As given.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something cannot be written.
    #[error("cannot write {name}")]
    Write {
        /// As given.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The second look at the inputs saw something else than the first.
    #[error("the input changed while it was read: clean a copy, or wait until it is complete")]
    Changed,
    /// More distinct items, or groups, than memory is meant for.
    #[error(
        "more than {limit} distinct {what}: raise --max-distinct, at about 350 bytes of memory each, or check that the columns are right"
    )]
    TooManyDistinct {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The thread that cleans has ended without a word.
    #[error("the cleaning was cut off by a fault in this program: see the lines above")]
    Died,
    /// A signal came first; nothing was left half done.
    #[error("stopped")]
    Stopped,
    /// The Kafka flags are unusable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The broker, or its topics, are unusable.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Publishing failed.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// What an input is instead of a sales file.
#[derive(Debug, thiserror::Error)]
pub enum InputProblem {
    /// Nothing by that name.
    #[error("there is no such file")]
    Missing,
    /// A pattern that no file matches.
    #[error("no file matches this pattern")]
    NoMatch,
    /// A directory.
    #[error("this is a directory: name its files, or use a pattern such as DIR/*.csv")]
    Directory,
    /// No bytes, or blank lines only.
    #[error("the file is empty: there is not even a header")]
    Empty,
    /// Bytes of some other format.
    #[error("this is {0}, not a CSV file in UTF-8: convert it first")]
    OtherFormat(&'static str),
    /// The first record is no header of ours.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The header itself cannot be read.
    #[error("the header cannot be read: {0}")]
    BadHeader(&'static str),
    /// gzip data that is cut off or damaged.
    #[error("the gzip data is damaged or cut off ({0}): fetch the file again")]
    Gzip(io::Error),
}

impl ExitStatus for Error {
    fn exit_status(&self) -> u8 {
        match self {
            Error::Arguments(_) | Error::Input { .. } | Error::TooManyDistinct { .. } | Error::Settings(_) => 2,
            Error::Cluster(error) => error.exit_status(),
            Error::Stopped => 0,
            Error::Read { .. } | Error::Write { .. } | Error::Changed | Error::Died | Error::Publish(_) => 1,
        }
    }
}
