//! The command line: what all generators share ([`LoadArgs`]), and what each has of its own.

mod load;
mod numbers;
mod receipts;
mod sales_csv;

use clap::Args;

pub use load::{DEFAULT_HTTP, LoadArgs};
pub use numbers::NumbersArgs;
pub use receipts::{CatalogueSource, DisorderArgs, ManifestArgs, ReceiptsArgs, ShopArgs};
pub use sales_csv::{DirtArgs, SalesCsvArgs};

/// Reads flags as the command line would, defaults and environment variables included; for a program that starts a
/// generator inside itself. The first argument is a flag, not a program's name.
fn from_flags<A: Args>(flags: impl IntoIterator<Item = impl Into<String>>) -> Result<A, clap::Error> {
    let command = A::augment_args(clap::Command::new("producer").no_binary_name(true));
    A::from_arg_matches(&command.try_get_matches_from(flags.into_iter().map(Into::into))?)
}

/// Gives an arguments struct its `from_flags`.
macro_rules! from_flags {
    ($($args:ty),*) => { $(
        impl $args {
            /// Reads flags as the command line would, defaults and environment variables included. The first item is
            /// a flag, not a program's name.
            pub fn from_flags(flags: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, clap::Error> {
                from_flags(flags)
            }
        }
    )* };
}
from_flags!(ReceiptsArgs, NumbersArgs, SalesCsvArgs);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every flag of a command with its environment variable.
    fn check_variables<A: Args>() {
        let command = A::augment_args(clap::Command::new("x"));
        for arg in command.get_arguments() {
            let flag = arg.get_long().expect("flags only");
            // Merged with the variable key by key, by KafkaArgs itself.
            if flag != "kafka" {
                let variable = format!("RETAIL_{}", flag.to_uppercase().replace('-', "_"));
                assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(variable.as_str()), "--{flag}");
            }
        }
        command.debug_assert();
    }

    #[test]
    fn every_flag_has_its_environment_variable() {
        check_variables::<ReceiptsArgs>();
        check_variables::<NumbersArgs>();
        check_variables::<SalesCsvArgs>();
    }

    #[test]
    fn flags_are_read_without_a_program_name() {
        let args = ReceiptsArgs::from_flags(["--brokers", "b:1", "--rate", "200/s", "--late", "1%"]).unwrap();
        assert_eq!(args.kafka.brokers.as_deref(), Some("b:1"));
        assert_eq!(args.load.rate.unwrap().to_string(), "200/s");
        assert!(ReceiptsArgs::from_flags(["--rtae", "200/s"]).is_err());
    }
}
