//! Follows the result topics: batches where standard output is read by a program, a screen where it is a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use common::kafka::KafkaSettings;
use common::shutdown::Shutdown;
use common::{TopicKind, Topics};
use rdkafka::error::KafkaResult;

use super::batch::batch;
use super::latest::Latest;
use super::screen::{self, Screen, Size, Surroundings};
use super::tail::{From, Tail};

/// Distance of the micro-batches.
const TRIGGER: Duration = Duration::from_secs(1);
/// After shutdown.
const LAST_LOOK: Duration = Duration::from_millis(300);
/// What is shown.
const SHOWN: [TopicKind; 4] =
    [TopicKind::TopStores, TopicKind::SalesTotals, TopicKind::PopularItems, TopicKind::ExpensiveReceipts];

/// Shows results from now on, until shutdown. Blocks its thread; a closed standard output ends it.
pub fn follow(
    settings: &KafkaSettings,
    topics: &Topics,
    surroundings: &Surroundings,
    shutdown: &Shutdown,
) -> KafkaResult<()> {
    let names: Vec<String> = SHOWN.iter().map(|kind| topics.name(*kind)).collect();
    let tail = Tail::open(settings, &topics.prefixed("console"), &names, From::Now)?;
    let mut sink = Sink::open();
    let mut latest = Latest::default();
    let mut is_new = sink.is_screen();
    loop {
        // What was published last is read too.
        let is_last = shutdown.is_cancelled();
        if sink.show(&mut latest, is_new, surroundings).is_err() {
            return Ok(());
        }
        is_new = false;
        tail.read(if is_last { LAST_LOOK } else { TRIGGER }, |topic, value| {
            if let Some(index) = names.iter().position(|name| name == topic) {
                is_new |= latest.take(SHOWN[index], value);
            }
        });
        if is_last {
            // A closed output ends it as well.
            let _ = sink.show(&mut latest, is_new, surroundings);
            return Ok(());
        }
    }
}

/// Where results go, and how many times they went.
struct Sink {
    screen: Option<(Screen<io::Stdout>, Option<Size>)>,
    number: u64,
}

impl Sink {
    fn open() -> Self {
        let can_paint = io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        Sink { screen: can_paint.then(|| (Screen::new(io::stdout()), None)), number: 0 }
    }

    fn is_screen(&self) -> bool {
        self.screen.is_some()
    }

    /// Paints all of it anew, or prints what is new and forgets it.
    fn show(&mut self, latest: &mut Latest, is_new: bool, surroundings: &Surroundings) -> io::Result<()> {
        match &mut self.screen {
            Some((screen, painted)) => {
                let (columns, rows) = crossterm::terminal::size()?;
                let size = Size { columns, rows };
                if !is_new && *painted == Some(size) {
                    return Ok(());
                }
                screen.paint(&screen::lines(self.number, latest, surroundings, size), size)?;
                *painted = Some(size);
            }
            None if is_new => writeln!(io::stdout(), "{}", batch(self.number, &std::mem::take(latest)))?,
            None => return Ok(()),
        }
        self.number += 1;
        Ok(())
    }
}
