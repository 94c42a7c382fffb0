//! A terminal that is painted over and over, without a moment in which it is empty.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use common::format_duration;
use common::results::Window;
use crossterm::cursor::MoveTo;
use crossterm::queue;
use crossterm::style::Stylize;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap, EndSynchronizedUpdate,
};

use super::latest::Latest;
use super::tables::{self, Look};

/// What the screen says besides results.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// Where the dashboard is served.
    pub dashboard: Option<SocketAddr>,
    /// Length of a window.
    pub window: Duration,
    /// How long a window stays open after its end.
    pub watermark_delay: Duration,
}

/// Columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// Lines of a table around its rows: its header, and three rules.
const FRAME: usize = 4;

/// Fewer rows are no table.
const FEWEST_ROWS: usize = 2;

/// The lines of the screen. The last line of the terminal is left to the cursor.
pub fn lines(number: u64, latest: &Latest, surroundings: &Surroundings, size: Size) -> Vec<String> {
    let look = Look { width: Some(size.columns), styled: true };
    let dashboard = surroundings.dashboard.map(|address| format!(" · dashboard http://{address}/"));
    let mut lines =
        vec![format!("{}{} · Ctrl-C ends", format!("Batch: {number}").bold(), dashboard.unwrap_or_default())];
    let newest = latest.newest();
    match newest {
        Some((window, results)) => {
            lines.push(format!("Window {}{}", times(window), results.mark()).bold().to_string());
            lines.extend(results.totals_text());
        }
        None => lines.push(surroundings.waiting_text()),
    }
    let wanted = [
        newest.and_then(|(_, results)| results.stores.as_ref()).map_or(0, |top| top.stores.len()),
        newest.map_or(0, |(_, results)| results.items.len()),
        latest.expensive.len(),
    ];
    let most_lines = usize::from(size.rows.saturating_sub(1)).max(1);
    let [stores, items, expensive] = share_out(most_lines.saturating_sub(lines.len()), wanted);
    if let Some((_, results)) = newest {
        if let Some(top) = results.stores.as_ref().filter(|_| stores > 0) {
            lines.extend(tables::stores(top, stores, look).lines());
        }
        if items > 0 {
            lines.extend(tables::items(results, items, look).lines());
        }
    }
    if expensive > 0 {
        lines.extend(tables::expensive(&latest.expensive, expensive, look).lines());
    }
    lines.truncate(most_lines);
    lines
}

/// `2026-11-22 10:15:30 – 10:15:40 UTC`: shorter than on the wire.
fn times(window: &Window) -> String {
    let [start, end] = [window.start, window.end].map(|time| time.to_string().replace('T', " ").replace(".000", ""));
    let (date, end_date) = (start.get(..10), end.get(..10));
    let end = end.get(11..).filter(|_| date == end_date).unwrap_or(&end);
    format!("{} – {} UTC", start.trim_end_matches('Z'), end.trim_end_matches('Z'))
}

impl Surroundings {
    fn waiting_text(&self) -> String {
        let (window, delay) = (format_duration(self.window), format_duration(self.watermark_delay));
        format!("Waiting for the first window: it is {window} long, and published about {delay} after its end")
    }
}

/// How many rows each table gets of so many lines: one by turns, as long as it wants more. Where there is no room for
/// all tables, the last go.
fn share_out(lines: usize, mut wanted: [usize; 3]) -> [usize; 3] {
    let needed = |wanted: &[usize; 3]| -> usize {
        wanted.iter().filter(|rows| **rows > 0).map(|rows| FRAME + (*rows).min(FEWEST_ROWS)).sum()
    };
    while needed(&wanted) > lines
        && let Some(last) = wanted.iter_mut().rev().find(|rows| **rows > 0)
    {
        *last = 0;
    }
    let frames = FRAME * wanted.iter().filter(|rows| **rows > 0).count();
    let mut given = [0; 3];
    for _ in frames..lines {
        let hungry = (0..given.len()).filter(|table| given[*table] < wanted[*table]);
        let Some(table) = hungry.min_by_key(|table| given[*table]) else { break };
        given[table] += 1;
    }
    given
}

/// A terminal.
#[derive(Debug)]
pub struct Screen<W> {
    out: W,
    is_clear: bool,
}

impl<W: Write> Screen<W> {
    /// Nothing is written yet.
    pub fn new(out: W) -> Self {
        Screen { out, is_clear: false }
    }

    /// Paints the lines over what was there, in one write.
    pub fn paint(&mut self, lines: &[String], size: Size) -> io::Result<()> {
        let mut frame = Vec::new();
        queue!(frame, BeginSynchronizedUpdate, DisableLineWrap)?;
        if !self.is_clear {
            // What is on the screen goes where one can scroll back to it.
            frame.extend(std::iter::repeat_n(b'\n', size.rows.into()));
            self.is_clear = true;
        }
        queue!(frame, MoveTo(0, 0))?;
        for line in lines {
            frame.extend_from_slice(line.as_bytes());
            queue!(frame, Clear(ClearType::UntilNewLine))?;
            frame.extend_from_slice(b"\r\n");
        }
        queue!(frame, Clear(ClearType::FromCursorDown), EnableLineWrap, EndSynchronizedUpdate)?;
        self.out.write_all(&frame)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use common::{EventTime, TopicKind};
    use proptest::prelude::*;

    use super::super::latest::tests::{expensive, top_stores};
    use super::*;

    const SURROUNDINGS: Surroundings = Surroundings {
        dashboard: Some(SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080)),
        window: Duration::from_secs(10),
        watermark_delay: Duration::from_secs(10),
    };

    #[test]
    fn before_the_first_window_it_says_what_it_waits_for() {
        let text = lines(0, &Latest::default(), &SURROUNDINGS, Size { columns: 80, rows: 24 }).join("\n");
        assert!(
            text.contains("http://127.0.0.1:8080/") && text.contains("Waiting for the first window: it is 10s long")
        );
    }

    #[test]
    fn a_low_terminal_shows_something_of_each_table() {
        assert_eq!(share_out(21, [5, 8, 100]), [3, 3, 3]);
        assert_eq!(share_out(42, [5, 8, 100]), [5, 8, 17]);
        assert_eq!(share_out(42, [5, 8, 2]), [5, 8, 2]);
        assert_eq!(share_out(13, [5, 8, 100]), [3, 2, 0]);
        assert_eq!(share_out(8, [0, 0, 100]), [0, 0, 4]);
        assert_eq!(share_out(0, [5, 8, 2]), [0, 0, 0]);
    }

    #[test]
    fn a_window_is_named_as_short_as_it_can_be() {
        let window = |start, end| {
            let [start, end] = [start, end].map(|text| EventTime::parse(text).unwrap());
            times(&Window { start, end })
        };
        assert_eq!(window("2026-11-22T10:15:30Z", "2026-11-22T10:15:40Z"), "2026-11-22 10:15:30 – 10:15:40 UTC");
        assert_eq!(
            window("2026-11-22T23:59:59.500Z", "2026-11-23T00:00:00Z"),
            "2026-11-22 23:59:59.500 – 2026-11-23 00:00:00 UTC"
        );
    }

    proptest! {
        #[test]
        fn the_screen_is_never_too_high(rows in 0_u16..80, columns in 0_u16..200, receipts in 0_u32..60) {
            let mut latest = Latest::default();
            latest.take(TopicKind::TopStores, &top_stores(10, 7));
            for second in 0..receipts {
                latest.take(TopicKind::ExpensiveReceipts, &expensive("r", second));
            }
            let lines = lines(7, &latest, &SURROUNDINGS, Size { columns, rows });
            prop_assert!(lines.len() <= usize::from(rows.saturating_sub(1)).max(1));
            prop_assert!(lines.iter().all(|line| !line.contains('\n')));
        }
    }

    #[test]
    fn a_frame_clears_nothing_before_it_is_painted_over() {
        let mut bytes = Vec::new();
        let mut screen = Screen::new(&mut bytes);
        let size = Size { columns: 20, rows: 3 };
        screen.paint(&["one".to_owned()], size).unwrap();
        screen.paint(&["two".to_owned()], size).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.matches("\n\n\n").count(), 1, "only the first frame scrolls: {text:?}");
        let second = &text[text.find("two").unwrap()..];
        assert!(!text.contains("\u{1b}[2J") && second.contains("\u{1b}[K\r\n\u{1b}[J"), "{text:?}");
    }
}
