//! `producer numbers`: the first job's input, `{"value":1}`, `{"value":2}`, …

use std::sync::Arc;

use common::shutdown::Shutdown;
use common::telemetry::Metrics;
use common::{EventTime, TopicKind, Topics};

use crate::args::NumbersArgs;
use crate::delivery::{KafkaSink, Ledger, Outgoing, StdoutSink};
use crate::error::Error;
use crate::load::Plan;
use crate::malform::Malformation;
use crate::receipts::disorder::{Chance, DUPLICATE_STREAM, MALFORMED_STREAM};
use crate::run::{self, Made, Source};
use crate::seed::{now, random_seed};
use crate::summary::Summary;

/// Sends numbers until the plan is done or `shutdown` comes, and waits for the acknowledgements.
pub async fn run_numbers(args: NumbersArgs, shutdown: Shutdown) -> Result<Summary, Error> {
    if args.interval.is_zero() {
        return Err(Error::Usage("--interval 0 is no pace: use --rate max".to_owned()));
    }
    let plan = Plan::new(&args.load, args.interval.as_secs_f64().recip(), now())?;
    let seed = args.load.seed.unwrap_or_else(random_seed);
    let topic = args
        .load
        .topic
        .clone()
        .unwrap_or_else(|| Topics::with_prefix(&args.kafka.topic_prefix).name(TopicKind::Numbers));
    let ledger = Arc::new(Ledger::default());
    let metrics = Metrics::new("producer", env!("CARGO_PKG_VERSION"));
    let source = Numbers::new(&args, seed, ledger.clone());
    let pace = if args.load.dry_run {
        let sink = StdoutSink::new(std::io::stdout(), ledger.clone());
        run::run(&args.load, plan, source, sink, ledger.clone(), metrics, shutdown).await?
    } else {
        let (settings, mut cluster) = run::connect(&args.kafka, &shutdown).await?;
        cluster.create_missing_named(vec![(topic.clone(), false)], (&args.kafka).into()).await?;
        tracing::info!(topic, "sending numbers");
        let sink = KafkaSink::new(&settings, topic.clone(), ledger.clone(), &metrics)?;
        run::run(&args.load, plan, source, sink, ledger.clone(), metrics, shutdown).await?
    };
    Ok(Summary::new(topic, seed, &ledger, pace))
}

struct Numbers {
    first: i64,
    malformed: Chance,
    duplicate: Chance,
    kind: Option<Malformation>,
    value: Vec<u8>,
    ledger: Arc<Ledger>,
}

impl Numbers {
    fn new(args: &NumbersArgs, seed: u64, ledger: Arc<Ledger>) -> Numbers {
        Numbers {
            first: args.first,
            malformed: Chance::new(args.malformed.get(), seed, MALFORMED_STREAM),
            duplicate: Chance::new(args.duplicate.get(), seed, DUPLICATE_STREAM),
            kind: None,
            value: Vec::new(),
            ledger,
        }
    }
}

impl Source for Numbers {
    fn make(&mut self, number: u64, time: EventTime) -> Made<'_> {
        let value = self.first.wrapping_add_unsigned(number);
        self.value.clear();
        self.value.extend_from_slice(b"{\"value\":");
        self.value.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.value.push(b'}');
        let strikes = self.malformed.strikes();
        self.kind = strikes.then(|| Malformation::inflict(self.malformed.rng(), &["value"], &mut self.value));
        let copies = 1 + u32::from(self.duplicate.strikes());
        Made { record: Outgoing { key: None, value: &self.value, timestamp_ms: time.ms() }, copies }
    }

    fn taken(&mut self, copies: u32) -> Result<(), Error> {
        if let Some(kind) = self.kind {
            self.ledger.add_malformed(kind, copies.into());
        }
        Ok(())
    }

    fn finish(&mut self, _complete: bool) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_up_from_the_first() {
        let args = NumbersArgs::from_flags(["--first", "-1"]).unwrap();
        let mut numbers = Numbers::new(&args, 7, Arc::default());
        let mut value = |number| String::from_utf8(numbers.make(number, EventTime::MIN).record.value.to_vec()).unwrap();
        assert_eq!([value(0), value(1), value(2)], ["{\"value\":-1}", "{\"value\":0}", "{\"value\":1}"]);
    }

    #[test]
    fn a_malformed_number_is_no_number() {
        let args = NumbersArgs::from_flags(["--malformed", "100%"]).unwrap();
        let mut numbers = Numbers::new(&args, 7, Arc::default());
        for number in 0..1_000 {
            let record = numbers.make(number, EventTime::MIN).record;
            let value = serde_json::from_slice::<serde_json::Value>(record.value);
            assert!(!value.is_ok_and(|value| value["value"].is_i64()), "{:?}", record.value);
        }
    }
}
