//! `producer receipts`: connects, gets the catalogue, sends.

use std::sync::Arc;

use common::kafka::{Cluster, KafkaSettings};
use common::shutdown::Shutdown;
use common::telemetry::Metrics;
use common::{TopicKind, Topics};

use super::catalogue::Catalogue;
use super::catalogue_topic::{read_items, wait_for_items};
use super::stream::{CountedStream, ReceiptStream};
use crate::args::{CatalogueSource, ReceiptsArgs};
use crate::delivery::{KafkaSink, Ledger, StdoutSink};
use crate::error::Error;
use crate::load::{DEFAULT_RATE_PER_S, Plan};
use crate::manifest::{Manifest, Rules};
use crate::run;
use crate::seed::{now, random_seed};
use crate::summary::Summary;

/// Sends receipts until the plan is done or `shutdown` comes, and waits for the acknowledgements.
///
/// Records that the client gave up are counted in the summary: see [`Summary::verdict`].
pub async fn run_receipts(args: ReceiptsArgs, shutdown: Shutdown) -> Result<Summary, Error> {
    Rules::new(&args.manifest)?;
    let plan = Plan::new(&args.load, DEFAULT_RATE_PER_S, now())?;
    let seed = args.load.seed.unwrap_or_else(random_seed);
    let topics = Topics::with_prefix(&args.kafka.topic_prefix);
    let topic = args.load.topic.clone().unwrap_or_else(|| topics.name(TopicKind::Receipts));

    // A file that is no catalogue is said before anybody waits for a broker.
    let given = match &args.shops.catalogue {
        CatalogueSource::File(path) => Some(Catalogue::from_file(path)?),
        _ => None,
    };
    let mut connection = connect(&args, &shutdown).await?;
    let catalogue = match given {
        Some(catalogue) => catalogue,
        None => catalogue(&args, &topics, connection.as_mut(), &shutdown).await?,
    };
    let catalogue = Arc::new(catalogue);
    let ledger = Arc::new(Ledger::default());
    let metrics = Metrics::new("producer", env!("CARGO_PKG_VERSION"));
    let stream = ReceiptStream::new(&args, seed, &catalogue)?;
    let partitions = match &mut connection {
        Some((_, cluster)) => {
            cluster.create_missing_named(vec![(topic.clone(), false)], (&args.kafka).into()).await?;
            cluster.partitions(&topic).unwrap_or(args.kafka.partitions)
        }
        None => args.kafka.partitions,
    };
    let manifest = match &args.manifest.manifest {
        Some(path) => Some(Manifest::create(path, &args, seed, partitions.unsigned_abs().max(1), catalogue.clone())?),
        None => None,
    };
    let source = CountedStream { stream, ledger: ledger.clone(), expensive_over: args.shops.expensive_over, manifest };
    tracing::info!(
        topic,
        seed,
        rate = args.load.rate.map_or_else(|| "default".to_owned(), |rate| rate.to_string()),
        items = catalogue.items().len(),
        stores = args.shops.stores,
        "sending receipts"
    );
    let pace = match connection {
        Some((settings, _)) if !args.load.dry_run => {
            let sink = KafkaSink::new(&settings, topic.clone(), ledger.clone(), &metrics)?;
            run::run(&args.load, plan, source, sink, ledger.clone(), metrics, shutdown).await?
        }
        _ => {
            let sink = StdoutSink::new(std::io::stdout(), ledger.clone());
            run::run(&args.load, plan, source, sink, ledger.clone(), metrics, shutdown).await?
        }
    };
    Ok(Summary::new(topic, seed, &ledger, pace))
}

/// A dry run needs no broker unless the items come from one, or one is named.
async fn connect(args: &ReceiptsArgs, shutdown: &Shutdown) -> Result<Option<(KafkaSettings, Cluster)>, Error> {
    let needless = args.load.dry_run && args.kafka.brokers.is_none() && args.shops.catalogue != CatalogueSource::Topic;
    if needless { Ok(None) } else { run::connect(&args.kafka, shutdown).await.map(Some) }
}

async fn catalogue(
    args: &ReceiptsArgs,
    topics: &Topics,
    connection: Option<&mut (KafkaSettings, Cluster)>,
    shutdown: &Shutdown,
) -> Result<Catalogue, Error> {
    match (&args.shops.catalogue, connection) {
        (CatalogueSource::Topic, Some((settings, cluster))) => {
            wait_for_items(settings, cluster, topics, shutdown).await
        }
        (CatalogueSource::Auto, Some((settings, cluster))) => {
            let topic = topics.name(TopicKind::SalesItems);
            let found = match cluster.partitions(&topic) {
                Some(partitions) => read_items(settings, topics, partitions).await?,
                None => None,
            };
            Ok(found.unwrap_or_else(|| {
                tracing::info!(topic, "the topic has no items: using the built-in catalogue");
                Catalogue::builtin()
            }))
        }
        _ => Ok(Catalogue::builtin()),
    }
}
