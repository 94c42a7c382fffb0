//! The command, as a shell calls it: exit statuses, last lines, and the files it leaves.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

const HEADER: &str = "Transaction ID,Customer ID,Category,Item,Price Per Unit,Quantity,Total Spent,Payment Method,Location,Transaction Date,Discount Applied\n";
const ROW: &str = "T1,C1,Food,Item_1,5.0,2.0,10.0,Cash,Online,2024-04-08,True\n";
const CLEANED: &str = "T1,C1,Food,Item_1,5.00,2,10.00,Cash,Online,2024-04-08,true,Monday,4\n";

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names of all files, sorted.
    fn files(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(self.0.path()).unwrap().map(name).collect();
        names.sort();
        names
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_batch-cleaner"));
        command.current_dir(self.0.path()).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

/// The exit status and the last line of what it said.
fn said(output: &Output) -> (Option<i32>, String) {
    let lines = String::from_utf8(output.stderr.clone()).unwrap();
    (output.status.code(), lines.lines().last().unwrap_or_default().to_owned())
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn rows(file: &str) -> &str {
    file.split_once('\n').unwrap().1
}

#[test]
fn what_cannot_be_cleaned_is_one_line_and_leaves_no_file() {
    let dirty = format!("{HEADER}{ROW}");
    let utf16: Vec<u8> = dirty.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let gzip = packed(dirty.repeat(2000).as_bytes());
    for (bytes, wanted) in [
        (b"".to_vec(), "empty"),
        (b"\n\n".to_vec(), "empty"),
        (packed(b""), "empty"),
        (utf16.clone(), "UTF-16"),
        ([b"\xff\xfe".to_vec(), utf16].concat(), "UTF-16"),
        (dirty.replace(',', ";").into_bytes(), "semicolons"),
        (dirty.replace(',', "\t").into_bytes(), "tabs"),
        (dirty.replace('\n', "\r").into_bytes(), "carriage returns"),
        (dirty.replace("Quantity", "Amount").into_bytes(), "no column quantity"),
        (dirty.replace("Location", "PricePerUnit").into_bytes(), "price_per_unit twice"),
        (gzip[..gzip.len() - 5].to_vec(), "cut off"),
        (gzip[..gzip.len() / 2].to_vec(), "cut off"),
        ([&gzip[..], b"more"].concat(), "damaged"),
    ] {
        let place = Place::new();
        place.write("in.csv", bytes);
        let output = place.run(&["in.csv", "--output", "out.csv", "--rejects", "rejects.csv"]);
        let (status, line) = said(&output);
        assert!(status == Some(2) && line.starts_with("error: in.csv: ") && line.contains(wanted), "{wanted}: {line}");
        assert_eq!(place.files(), ["in.csv"], "{wanted}");
    }
    let place = Place::new();
    for (name, wanted) in [(".", "directory"), ("none.csv", "no such file"), ("none*.csv", "no file matches")] {
        let (status, line) = said(&place.run(&[name, "--output", "out.csv"]));
        assert!(status == Some(2) && line.contains(wanted), "{line}");
    }
}

#[test]
fn arguments_that_do_not_go_together_are_refused_before_anything_is_done() {
    let place = Place::new();
    place.write("in.csv", format!("{HEADER}{ROW}"));
    fs::create_dir(place.path("folder")).unwrap();
    for arguments in [
        ["--output", "out.xlsx", "--report", "report.json"],
        ["--output", "out.csv", "--rejects", "rejects.parquet"],
        ["--output", "out.csv", "--repairs", "out.csv"],
        ["--output", "out.csv", "--repairs", "folder/../out.csv"],
        ["--output", "-", "--report", "-"],
    ] {
        let (status, line) = said(&place.run(&[&["in.csv"], &arguments[..]].concat()));
        assert!(status == Some(2) && line.starts_with("error: "), "{arguments:?}: {line}");
    }
    assert_eq!(place.files(), ["folder", "in.csv"]);
}

#[test]
fn what_cannot_be_written_is_one_line_and_status_one() {
    let place = Place::new();
    place.write("in.csv", format!("{HEADER}{}", ROW.repeat(20_000)));
    for output in ["/dev/full", "none/out.csv", "/proc/out.csv", "."] {
        let (status, line) = said(&place.run(&["in.csv", "--output", output]));
        assert!(status == Some(1) && line.starts_with("error: cannot write "), "{output}: {line}");
    }
    let mut child =
        place.command(&["in.csv", "--output", "-"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let (status, line) = said(&child.wait_with_output().unwrap());
    assert!(status == Some(1) && line.contains("roken pipe"), "{line}");
    assert_eq!(place.files(), ["in.csv"]);
}

#[test]
fn a_file_that_is_there_is_replaced_whole_or_not_at_all() {
    let place = Place::new();
    place.write("in.csv", format!("{HEADER}{ROW}"));
    place.write("out.csv", "old");
    // The gzip data breaks off after most of the rows have been cleaned.
    let gzip = packed(format!("{HEADER}{}", ROW.repeat(50_000)).as_bytes());
    place.write("broken.csv", &gzip[..gzip.len() - 9]);
    assert_eq!(place.run(&["broken.csv", "--output", "out.csv"]).status.code(), Some(2));
    assert_eq!(place.read("out.csv"), "old");
    assert_eq!(place.run(&["in.csv", "--output", "out.csv", "--quiet"]).status.code(), Some(0));
    assert_eq!(rows(&place.read("out.csv")), CLEANED);
    // The input itself may be the output: it is read to its end before.
    assert_eq!(place.run(&["in.csv", "--output", "in.csv", "--quiet"]).status.code(), Some(0));
    assert_eq!(place.read("in.csv"), place.read("out.csv"));
    assert_eq!(place.files(), ["broken.csv", "in.csv", "out.csv"]);
}

#[test]
fn standard_input_standard_output_and_gzip_are_taken_for_files() {
    let place = Place::new();
    let dirty = format!("\u{feff}{HEADER}{ROW}");
    let members = [packed(dirty.as_bytes()), packed(ROW.as_bytes())].concat();
    for (bytes, rows_wanted) in [(dirty.into_bytes(), 1), (members, 2)] {
        let mut child = place
            .command(&["-", "--output", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(
            rows(&String::from_utf8(output.stdout).unwrap()),
            CLEANED.repeat(rows_wanted),
            "tables go elsewhere"
        );
    }
}

#[test]
fn several_files_are_cleaned_as_if_they_were_one() {
    let place = Place::new();
    fs::create_dir(place.path("in")).unwrap();
    // The second file has its columns in another order, and lacks the item that the first one teaches.
    place.write("in/1.csv", format!("{HEADER}{ROW}"));
    place.write("in/2.csv", "DiscountApplied,item,category,extra,price_per_unit,quantity,totalSpent,payment method,Location,Transaction Date,customer_id,Transaction_ID\nno,,Food,x,5,1,,Cash,,2024-04-09,C2,T2\n");
    place.write("in/3.csv", HEADER);
    let output = place.run(&[
        "in/*.csv",
        "--output",
        "out.csv",
        "--repairs",
        "repairs.csv",
        "--report",
        "report.json",
        "--lineage",
        "--quiet",
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        rows(&place.read("out.csv")),
        format!(
            "{},\nT2,C2,Food,Item_1,5.00,1,5.00,Cash,,2024-04-09,false,Tuesday,4,item;total_spent\n",
            CLEANED.trim_end()
        )
    );
    assert_eq!(
        rows(&place.read("repairs.csv")),
        "2,T2,item,,Item_1,item of category and price,in/2.csv\n2,T2,total_spent,,5.00,quantity x price,in/2.csv\n"
    );
    let report: serde_json::Value = serde_json::from_str(&place.read("report.json")).unwrap();
    assert_eq!(report["rows_read"], 2);
    assert_eq!(report["rows_read_is_rows_out_plus_rows_rejected"], true);
    // More files than a process may have open.
    for number in 0..1500 {
        place.write(&format!("in/many-{number}.csv"), format!("{HEADER}{ROW}"));
    }
    let many =
        format!("ulimit -n 200; exec {} 'in/many-*.csv' --output out.csv --quiet", env!("CARGO_BIN_EXE_batch-cleaner"));
    let output = Command::new("sh").args(["-c", &many]).current_dir(place.0.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(rows(&place.read("out.csv")), CLEANED.repeat(1500));
}

#[test]
fn a_header_alone_is_legal_in_every_format() {
    let place = Place::new();
    place.write("in.csv", HEADER.trim_end());
    for output in ["out.csv", "out.csv.gz", "out.jsonl", "out.jsonl.gz", "out.parquet"] {
        let (status, line) = said(&place.run(&["in.csv", "--output", output, "--quiet"]));
        assert_eq!(status, Some(0), "{output}: {line}");
    }
    assert_eq!(place.read("out.csv").lines().count(), 1);
    assert_eq!(place.read("out.jsonl"), "");
    let mut unpacked = String::new();
    flate2::read::MultiGzDecoder::new(File::open(place.path("out.csv.gz")).unwrap())
        .read_to_string(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, place.read("out.csv"));
}

#[test]
fn rejects_are_listed_as_they_came() {
    let place = Place::new();
    let records = ["T2,C1,Food", "T3,C1,\"Fo\"\"od\",,,1.5,ERROR,\u{a0},x,,", "T4,C1,\"Food\"x,,5,1,5,,,,"];
    place.write("in.csv", format!("{HEADER}\n{}\r\n{ROW}{}\r\n{}\n", records[0], records[1], records[2]));
    assert_eq!(place.run(&["in.csv", "--rejects", "rejects.csv.gz", "--quiet"]).status.code(), Some(0));
    let list = flate2::read::MultiGzDecoder::new(File::open(place.path("rejects.csv.gz")).unwrap());
    let listed: Vec<(u64, String, String, String, String)> =
        csv::Reader::from_reader(list).deserialize().map(Result::unwrap).collect();
    let reject = |line, id: &str, reasons: &str, row: &str| {
        (line, id.to_owned(), reasons.to_owned(), row.to_owned(), "in.csv".to_owned())
    };
    assert_eq!(
        listed,
        [
            reject(3, "", "too few fields: 3 of 11", records[0]),
            reject(5, "T3", "missing price_per_unit; missing quantity; missing total_spent", records[1]),
            reject(6, "", "text after a closing quote", records[2]),
        ]
    );
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        std::thread::yield_now();
    }
}

fn interrupt(child: &Child) {
    let done = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(done.success());
}

fn is_being_written(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let entry = entry.unwrap();
        entry.file_name().to_string_lossy().contains(".part")
            && entry.metadata().is_ok_and(|metadata| metadata.len() > 0)
    })
}

#[test]
fn an_interrupt_leaves_no_half_file() {
    let place = Place::new();
    place.write("in.csv", format!("{HEADER}{}", ROW.repeat(1_000_000)));
    place.write("out.csv", "old");
    let mut child =
        place.command(&["in.csv", "--output", "out.csv", "--threads", "1"]).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the first bytes", || is_being_written(place.0.path()));
    interrupt(&child);
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
    assert_eq!(place.read("out.csv"), "old");
    assert_eq!(place.files(), ["in.csv", "out.csv"]);
}

#[test]
fn an_interrupt_ends_the_wait_for_standard_input() {
    let place = Place::new();
    let mut child =
        place.command(&["-", "--output", "out.csv"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let input = child.stdin.take().unwrap();
    wait_for("the start", || fs::read_link(format!("/proc/{}/fd/0", child.id())).is_ok() && started(&child));
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(input);
    assert_eq!(place.files(), [""; 0]);
}

/// Whether it has come to handling signals itself.
fn started(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
    u64::from_str_radix(caught.trim(), 16).is_ok_and(|caught| caught & (1 << 1) != 0)
}
