//! Bare numbers with a meaning of their own.

use std::fmt;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

/// Defines a whole number 0 … 2^63−1 that is an identity, not a quantity.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(i64);

        impl $name {
            /// `None` when the number is negative.
            pub const fn new(id: i64) -> Option<Self> {
                if id < 0 { None } else { Some(Self(id)) }
            }

            /// The bare number, never negative.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let id = i64::deserialize(deserializer)?;
                Self::new(id).ok_or_else(|| D::Error::invalid_value(Unexpected::Signed(id), &"a number that is not negative"))
            }
        }
    };
}

id! {
    /// A shop. The key of the receipts topic, as text.
    StoreId
}
id! {
    /// A till's operator; unique within a shop only.
    CashierId
}
