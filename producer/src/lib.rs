//! The generator: receipts and numbers for Kafka, and dirty sales files, all from a seed.
//!
//! The route of a receipt: [`load`] says when it is due, [`receipts`] draws it and makes disorder on demand,
//! [`manifest`] notes what an analytics service must make of it, [`delivery`] hands it to Kafka (or to standard
//! output) and keeps count, and `run` ties these together on a thread of its own while `progress` reports.
//!
//! [`numbers`] takes the same route with `{"value":n}`; [`sales_csv`] writes files and needs none of it.
#![forbid(unsafe_code)]

pub mod args;
pub mod delivery;
mod error;
mod health;
pub mod load;
pub mod malform;
pub mod manifest;
mod metrics;
pub mod numbers;
mod output;
mod progress;
mod rate;
pub mod receipts;
mod run;
pub mod sales_csv;
mod seed;
mod summary;

pub use args::{NumbersArgs, ReceiptsArgs, SalesCsvArgs};
pub use error::Error;
pub use numbers::run_numbers;
pub use rate::{Rate, RateError, Share, ShareError};
pub use receipts::run_receipts;
pub use summary::Summary;
