//! The command `batch-cleaner`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use batch_cleaner::{Args, Error, run};
use common::{exit, shutdown};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Args = match exit::parse_arguments() {
        Ok(args) => args,
        Err(code) => return code,
    };
    args.logging.init("info,librdkafka=error");
    exit::finish(serve(args).await)
}

async fn serve(args: Args) -> Result<(), Error> {
    let shutdown = shutdown::on_signal().map_err(|source| Error::Read { name: "the signals".to_owned(), source })?;
    run(args, shutdown).await.map(drop)
}
