//! What the end-to-end tests share: [`broker`] is the broker under test, [`topic`] reads whole topics from it, and
//! [`oracle`] computes by brute force what the pipeline must have published.
#![forbid(unsafe_code)]

pub mod broker;
pub mod oracle;
pub mod process;
pub mod topic;
