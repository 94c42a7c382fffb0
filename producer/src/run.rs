//! The sending thread: draws what is due, hands it over, waits when there is nothing to do; and the task that watches it.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use common::kafka::{Cluster, ClusterError, KafkaArgs, KafkaSettings};
use common::shutdown::{Shutdown, unless_stopped};
use common::telemetry::{self, Metrics, Pulse};
use common::{EventTime, http};
use tokio::sync::oneshot;

use crate::args::LoadArgs;
use crate::delivery::{Ledger, Offer, Outgoing, Sink};
use crate::error::Error;
use crate::health::Health;
use crate::load::{Pacer, Plan, Step};
use crate::progress::Progress;

/// Makes records. What it makes is a function of the seed and the times passed in.
pub(crate) trait Source: Send {
    /// Makes record `number`, that happens at `time`.
    fn make(&mut self, number: u64, time: EventTime) -> Made<'_>;

    /// The record that was made is in the sink's hands, so many times.
    fn taken(&mut self, copies: u32) -> Result<(), Error>;

    /// All is settled: `complete` if every record was acknowledged.
    fn finish(&mut self, complete: bool) -> Result<(), Error>;
}

/// A record, and how often it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made<'a> {
    pub(crate) record: Outgoing<'a>,
    pub(crate) copies: u32,
}

/// How the sending went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) elapsed: Duration,
    pub(crate) settled: Duration,
    pub(crate) target_per_s: Option<f64>,
    pub(crate) max_behind: Duration,
    pub(crate) mean_behind: Duration,
    pub(crate) not_sent: u64,
}

/// The clock is read, and reports are served, at least once in so many records.
const RECORDS_A_TURN: u32 = 64;
/// Delivery reports are served at least this often.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// Waits for room in the queue: from the shortest, doubling while nothing moves.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// After a signal, how long to wait for acknowledgements.
const SETTLE_AFTER_SIGNAL: Duration = Duration::from_secs(6);

/// Waits for time to pass, or for the signal to stop. Whoever asks here moves.
struct Stop {
    signal: Receiver<()>,
    pulse: Pulse,
}

impl Stop {
    /// Whether the run is to stop.
    fn wait(&self, duration: Duration) -> bool {
        self.pulse.beat();
        !matches!(self.signal.recv_timeout(duration), Err(RecvTimeoutError::Timeout))
    }

    fn is_set(&self) -> bool {
        self.wait(Duration::ZERO)
    }
}

/// Sends until the plan is done or `shutdown` comes, with a thread of its own for the client, and reports meanwhile.
pub(crate) async fn run<S, K>(
    load: &LoadArgs,
    plan: Plan,
    source: S,
    sink: K,
    ledger: Arc<Ledger>,
    metrics: Metrics,
    shutdown: Shutdown,
) -> Result<Pace, Error>
where
    S: Source + 'static,
    K: Sink + Send + 'static,
{
    let health = Arc::new(Health::new(ledger.clone(), sink.client(), shutdown.clone()));
    let schedule = plan.pacer.as_ref().map(|pacer| pacer.schedule().clone());
    let mut progress = Progress::new(schedule, ledger.clone(), &metrics, load.status_line);
    let http_stop = Shutdown::new();
    let server = match load.http.0 {
        Some(address) => {
            let listener = http::bind(address).await?;
            tracing::info!(%address, "serving /metrics, /healthz and /readyz");
            let routes = telemetry::router(metrics, health.clone());
            Some(tokio::spawn(http::serve(listener, routes, http_stop.clone())))
        }
        None => None,
    };

    let (stop, stopped) = mpsc::channel();
    let (done, mut outcome) = oneshot::channel();
    let stop_signal = Stop { signal: stopped, pulse: health.pulses().watch("sender") };
    let mut sender = Sender { plan, source, sink, ledger, stop: stop_signal, started: Instant::now() };
    std::thread::Builder::new()
        .name("sender".to_owned())
        .spawn(move || {
            let outcome = sender.run();
            // The client is closed before the run is over.
            drop(sender);
            // Nobody listens any more only if the whole run was dropped.
            let _ = done.send(outcome);
        })
        .map_err(Error::Runtime)?;

    let mut stop = Some(stop);
    let outcome = loop {
        tokio::select! {
            outcome = &mut outcome => break outcome.unwrap_or(Err(Error::SenderGone)),
            () = shutdown.cancelled(), if stop.is_some() => {
                // The sending thread sees the channel close.
                stop = None;
            }
            () = progress.tick() => health.look(Instant::now()),
        }
    };
    progress.finish();
    http_stop.cancel();
    if let Some(server) = server {
        server.await.map_err(|_| Error::SenderGone)?;
    }
    outcome
}

struct Sender<S, K> {
    plan: Plan,
    source: S,
    sink: K,
    ledger: Arc<Ledger>,
    stop: Stop,
    started: Instant,
}

impl<S: Source, K: Sink> Sender<S, K> {
    fn run(&mut self) -> Result<Pace, Error> {
        self.started = Instant::now();
        let stopped = self.send_plan()?;
        let sent_ns = self.elapsed_ns();
        self.settle(stopped)?;
        let settled = self.started.elapsed();
        let complete = Ledger::get(&self.ledger.failed) == 0;
        self.source.finish(complete)?;
        let pacer = self.plan.pacer.as_ref();
        Ok(Pace {
            elapsed: Duration::from_nanos(sent_ns),
            settled,
            target_per_s: pacer.map(|pacer| pacer.schedule().mean_rate_per_s(Duration::from_nanos(sent_ns))),
            max_behind: Duration::from_nanos(pacer.map_or(0, Pacer::max_behind_ns)),
            mean_behind: Duration::from_nanos(pacer.map_or(0, Pacer::mean_behind_ns)),
            not_sent: self.not_sent(sent_ns),
        })
    }

    /// Whether a signal ended it.
    fn send_plan(&mut self) -> Result<bool, Error> {
        let (mut number, mut now_ns, mut turn) = (0, 0, RECORDS_A_TURN);
        loop {
            if turn >= RECORDS_A_TURN {
                turn = 0;
                self.sink.serve()?;
                if self.stop.is_set() {
                    return Ok(true);
                }
                now_ns = self.elapsed_ns();
            }
            if self.plan.end_wall_ns.is_some_and(|end_ns| now_ns >= end_ns) {
                return Ok(false);
            }
            let Some(time) = self.plan.event_time(number, now_ns) else { return Ok(false) };
            if let Some(Step::WaitUntil(until_ns)) = self.plan.pacer.as_mut().map(|pacer| pacer.step(now_ns)) {
                let wait = Duration::from_nanos(until_ns.saturating_sub(self.elapsed_ns()));
                if self.stop.wait(wait.min(LONGEST_WAIT)) {
                    return Ok(true);
                }
                turn = RECORDS_A_TURN;
                continue;
            }
            match self.send(number, time)? {
                Sent::Taken => number += 1,
                Sent::TakenAfterAWait => {
                    number += 1;
                    turn = RECORDS_A_TURN;
                }
                Sent::Closed => return Ok(false),
                Sent::Stopped => return Ok(true),
            }
            turn += 1;
        }
    }

    /// Hands one record and its copies over; waits while the queue is full.
    fn send(&mut self, number: u64, time: EventTime) -> Result<Sent, Error> {
        let Made { record, copies } = self.source.make(number, time);
        let (mut wait, mut waited) = (SHORTEST_WAIT, false);
        let mut taken = 0;
        while taken < copies {
            match self.sink.offer(record)? {
                Offer::Taken => taken += 1,
                Offer::Closed => return Ok(Sent::Closed),
                Offer::Full => {
                    waited = true;
                    let before = self.ledger.in_flight();
                    if self.stop.wait(wait) {
                        if taken == 0 {
                            return Ok(Sent::Stopped);
                        }
                        break;
                    }
                    self.sink.serve()?;
                    let moved = self.ledger.in_flight() < before;
                    wait = if moved { SHORTEST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
                }
            }
        }
        Ledger::add(&self.ledger.generated, 1);
        Ledger::add(&self.ledger.value_bytes, record.value.len() as u64 * u64::from(taken));
        Ledger::add(&self.ledger.duplicates, u64::from(taken - 1));
        self.source.taken(taken)?;
        Ok(if waited { Sent::TakenAfterAWait } else { Sent::Taken })
    }

    /// Waits until all is acknowledged or failed: as long as the client's own delivery timeout, or briefly after a
    /// signal.
    fn settle(&mut self, mut stopped: bool) -> Result<(), Error> {
        let mut give_up_at = stopped.then(|| Instant::now() + SETTLE_AFTER_SIGNAL);
        let mut wait = SHORTEST_WAIT;
        while !self.sink.is_settled()? {
            if give_up_at.is_some_and(|at| Instant::now() >= at) {
                self.sink.abandon();
                return Ok(());
            }
            if stopped {
                // The channel is closed: it would not wait any more.
                std::thread::park_timeout(wait);
            } else if self.stop.wait(wait) {
                stopped = true;
                give_up_at = Some(Instant::now() + SETTLE_AFTER_SIGNAL);
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Ok(())
    }

    /// Records of the plan that were due and not sent.
    fn not_sent(&self, end_ns: u64) -> u64 {
        let Some(pacer) = &self.plan.pacer else { return 0 };
        let generated = Ledger::get(&self.ledger.generated);
        let left = self.plan.count.map_or(u64::MAX, |count| count.saturating_sub(generated));
        let end_ns = self.plan.end_event_ns.map_or(end_ns, |plan_end_ns| plan_end_ns.min(end_ns));
        pacer.overdue(end_ns).min(left)
    }

    fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

enum Sent {
    Taken,
    TakenAfterAWait,
    /// Nobody reads any more.
    Closed,
    /// A signal came first.
    Stopped,
}

/// Asks the cluster for its topics.
pub(crate) async fn connect(args: &KafkaArgs, shutdown: &Shutdown) -> Result<(KafkaSettings, Cluster), Error> {
    let settings = args.settings()?;
    let connecting = settings.clone();
    let connect = unless_stopped(shutdown, move || Cluster::connect(&connecting));
    Ok((settings, connect.await.ok_or(ClusterError::Stopped)??))
}
