//! Results on a terminal, in the micro-batches that Spark's console sink prints.

pub mod batch;
pub mod numbers;
pub mod results;
mod tail;
