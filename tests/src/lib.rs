//! What the end-to-end tests share: [`broker`] is the broker under test, [`topic`] reads whole topics from it, [`oracle`]
//! computes by brute force what the pipeline must have published, [`manifest`] reads what the producer foretold, and
//! [`agreement`] compares. [`process`] runs services, [`growth`] watches how far topics have come and
//! [`arrivals`] what comes, [`http`] asks. [`mid_transaction`] stops a service where it hurts. [`pair`] is two embedded
//! brokers of which one can go.
#![forbid(unsafe_code)]

pub mod admin;
pub mod agreement;
pub mod arrivals;
pub mod broker;
pub mod growth;
pub mod http;
pub mod manifest;
pub mod mid_transaction;
pub mod oracle;
pub mod pair;
pub mod process;
pub mod shop;
pub mod topic;
