//! The service: inputs, outputs, Kafka, tables.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::kafka::{Cluster, TopicSettings};
use common::shutdown::Shutdown;
use common::{TopicKind, Topics};

use crate::args::Args;
use crate::demonstrations;
use crate::engine::{Options, clean_all};
use crate::error::Error;
use crate::input::{Input, open_files, spool_standard_input};
use crate::output::{Format, Packing, RejectsSink, RepairsSink, Restartable, RowsSink, Target};
use crate::progress::Watch;
use crate::publish::{Publication, PublishSettings, Publisher};
use crate::repair::Steps;
use crate::report::Report;

/// What a run has done.
#[derive(Debug)]
pub struct Summary {
    /// The numbers; `None` if a signal stopped the run, which then has left no file and no uncommitted row.
    pub report: Option<Report>,
    /// What was published, if that was asked for.
    pub publication: Option<Publication>,
}

/// How long a run that is asked to stop may take to put its files away. Only reading standard input takes longer, and
/// then there are none yet.
const STOP_PATIENCE: Duration = Duration::from_secs(6);

/// Cleans as the arguments say. `shutdown` stops it between two pieces of the input.
pub async fn run(args: Args, shutdown: Shutdown) -> Result<Summary, Error> {
    let plan = Plan::new(&args)?;
    let publisher = if args.kafka.brokers.is_some() { Some(connect(&args).await?) } else { None };
    let (done, mut outcome) = tokio::sync::oneshot::channel();
    let token = shutdown.clone();
    // A thread of its own: it may block on standard input for longer than a runtime would wait for it.
    std::thread::spawn(move || {
        // Nobody listens any more once the patience is over.
        let _ = done.send(plan.carry_out(publisher, &token));
    });
    let outcome = tokio::select! {
        outcome = &mut outcome => outcome,
        () = shutdown.cancelled() => match tokio::time::timeout(STOP_PATIENCE, outcome).await {
            Ok(outcome) => outcome,
            Err(_) => Ok(Err(Error::Stopped)),
        },
    };
    match outcome {
        Ok(Err(Error::Stopped)) => {
            tracing::info!(
                "stopped: no file was written, and rows that were not committed are published at the next start"
            );
            Ok(Summary { report: None, publication: None })
        }
        Ok(outcome) => outcome,
        Err(_) => Err(Error::Died),
    }
}

async fn connect(args: &Args) -> Result<Publisher, Error> {
    let kafka = args.kafka.settings()?;
    let topics = Topics::with_prefix(&args.kafka.topic_prefix);
    let settings = kafka.clone();
    let mut cluster =
        tokio::task::spawn_blocking(move || Cluster::connect(&settings)).await.map_err(|_| Error::Died)??;
    let kinds = [
        TopicKind::SalesCleaned,
        TopicKind::SalesRejected,
        TopicKind::SalesItems,
        TopicKind::SalesSummary,
        TopicKind::SalesProgress,
    ];
    cluster.create_missing(&topics, kinds, TopicSettings::from(&args.kafka)).await?;
    Ok(Publisher::new(PublishSettings {
        kafka,
        topics,
        steps: steps(args),
        force: args.force,
        transaction_records: args.transaction_records,
    }))
}

const fn steps(args: &Args) -> Steps {
    if args.strict { Steps::Strict } else { Steps::Full }
}

/// What is to be done, checked before anything is.
struct Plan {
    args: Args,
    options: Options,
    scratch_folder: PathBuf,
}

impl Plan {
    fn new(args: &Args) -> Result<Plan, Error> {
        let outputs = [&args.output, &args.rejects, &args.repairs, &args.report];
        let named: Vec<&PathBuf> = outputs.into_iter().flatten().collect();
        for (place, path) in named.iter().enumerate() {
            if named[..place].iter().any(|other| Target::are_same(path, other)) {
                return Err(Error::Arguments(format!("{} is named for two outputs", path.display())));
            }
        }
        let scratch_folder = args.scratch_folder.clone().unwrap_or_else(std::env::temp_dir);
        let mut options = Options::new(steps(args));
        options.threads = args.threads.unwrap_or(options.threads);
        options.max_distinct = args.max_distinct;
        options.scratch_folder = Some(scratch_folder.clone());
        options.fingerprint = args.kafka.brokers.is_some();
        if let Some(output) = &args.output {
            Format::of(output)?;
        }
        for list in [&args.rejects, &args.repairs].into_iter().flatten() {
            list_packing(list)?;
        }
        Ok(Plan { args: args.clone(), options, scratch_folder })
    }

    fn carry_out(self, mut publisher: Option<Publisher>, shutdown: &Shutdown) -> Result<Summary, Error> {
        let args = &self.args;
        let spooled = args.files.iter().any(|name| name == "-").then(|| spool_standard_input(&self.scratch_folder));
        let mut inputs = open_files(&args.files, args.fallback.as_deref(), spooled.transpose()?)?;
        let bytes = inputs.iter_mut().map(Input::size).sum::<Result<u64, Error>>()?;

        let lineage = args.lineage;
        let mut rows =
            args.output.as_deref().map(|path| open(path, move |path| RowsSink::open(path, lineage))).transpose()?;
        let mut rejects = open_list(args.rejects.as_deref(), RejectsSink::new)?;
        let mut repairs = open_list(args.repairs.as_deref(), RepairsSink::new)?;
        let report_file = args.report.as_deref().map(Target::open).transpose()?;

        let watch = Watch::new(bytes, args.quiet, shutdown.clone());
        let mut sink = ((&mut rows, &mut publisher), (&mut rejects, &mut repairs));
        let report = clean_all(&mut inputs, &self.options, &watch, &mut sink);
        watch.finish();
        let report = report?;

        let publication = publisher.map(|publisher| publisher.finish(&report)).transpose()?;
        let written = [
            rows.map(|rows| rows.into_inner().finish()),
            rejects.map(|rejects| rejects.into_inner().finish()),
            repairs.map(|repairs| repairs.into_inner().finish()),
        ];
        for target in written.into_iter().flatten().collect::<Result<Vec<Target>, Error>>()? {
            target.complete()?;
        }
        if let Some(file) = report_file {
            write_report(file, args.report.as_deref(), &report)?;
        }
        self.tell(&report)?;
        Ok(Summary { report: Some(report), publication })
    }

    /// The tables, and one line for the log. Where standard output takes rows, the tables go to standard error.
    fn tell(&self, report: &Report) -> Result<(), Error> {
        tracing::info!(
            rows_read = report.rows_read(),
            kept = report.kept(),
            rejected = report.rejected(),
            duplicate_ids = report.duplicates().rows,
            "cleaned"
        );
        if self.args.quiet {
            return Ok(());
        }
        let outputs = [&self.args.output, &self.args.rejects, &self.args.repairs, &self.args.report];
        let taken = outputs.into_iter().flatten().any(|path| path == Path::new("-"));
        let mut tables = Vec::new();
        let written = demonstrations::write(&mut tables, report)
            .and_then(|()| if taken { io::stderr().write_all(&tables) } else { io::stdout().write_all(&tables) });
        written.map_err(|source| Error::Write { name: "the tables".to_owned(), source })
    }
}

/// Opens a sink whose target is `path`.
fn open<S>(path: &Path, make: impl Fn(&Path) -> Result<S, Error> + Send + 'static) -> Result<Restartable<S>, Error> {
    if Target::can_be_taken_back(path) {
        let path = path.to_owned();
        Restartable::new(move || make(&path))
    } else {
        make(path).map(Restartable::once)
    }
}

fn open_list<S>(path: Option<&Path>, new: fn(String, Target, Packing) -> S) -> Result<Option<Restartable<S>>, Error>
where
    S: 'static,
{
    let make = move |path: &Path| Ok(new(path.display().to_string(), Target::open(path)?, list_packing(path)?));
    path.map(|path| open(path, make)).transpose()
}

fn list_packing(path: &Path) -> Result<Packing, Error> {
    match Format::of(path)? {
        Format::Csv(packing) => Ok(packing),
        _ => Err(Error::Arguments(format!(
            "{}: rejects and repairs are lists in CSV: use .csv or .csv.gz",
            path.display()
        ))),
    }
}

fn write_report(mut file: Target, path: Option<&Path>, report: &Report) -> Result<(), Error> {
    let mut json = report.to_json();
    json.push(b'\n');
    let name = path.map_or_else(String::new, |path| path.display().to_string());
    file.write_all(&json).map_err(|source| Error::Write { name, source })?;
    file.complete()
}
