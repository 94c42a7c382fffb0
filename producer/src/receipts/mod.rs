//! Receipts: [`catalogue`] says what is sold, [`sale`] draws who buys it, [`encode`] writes it down, [`disorder`] makes
//! it wrong where that is wanted, and [`run_receipts`] sends the lot.

pub mod catalogue;
mod catalogue_topic;
pub mod disorder;
pub mod encode;
pub mod sale;
mod service;
mod stream;

pub use service::run_receipts;
pub use stream::ReceiptStream;
