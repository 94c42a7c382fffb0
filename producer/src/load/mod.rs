//! When records are due: a [`Profile`] shapes a [`Schedule`], a [`Pacer`] follows it without ever bunching up.
//!
//! All of it is a function of numbers passed in: no clock is read here.

mod pacer;
mod plan;
mod profile;
mod schedule;

pub use pacer::{CatchUp, CatchUpError, Pacer, Step};
pub use plan::{DEFAULT_RATE_PER_S, Plan, Stamping};
pub use profile::Profile;
pub use schedule::Schedule;
