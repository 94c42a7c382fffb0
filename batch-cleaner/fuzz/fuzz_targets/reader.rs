//! Any bytes are read or refused: no panic, no hang, and the same rows however the input is cut into pieces.
#![no_main]

use std::io::Cursor;
use std::num::NonZero;

use batch_cleaner::{CsvSink, Options, Packing, RejectsSink, Steps, clean};
use libfuzzer_sys::fuzz_target;

const HEADER: &[u8] = b"transaction_id,customer_id,category,item,price_per_unit,quantity,total_spent,payment_method,location,transaction_date,discount_applied\n";

fn cleaned(file: &[u8], piece_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let options = Options { piece_bytes, threads: NonZero::<usize>::MIN, ..Options::new(Steps::Full) };
    let mut csv = CsvSink::new("csv", Vec::new(), Packing::Plain, false);
    let mut rejects = RejectsSink::new("rejects", Vec::new(), Packing::Plain);
    let report = clean(Cursor::new(file), &options, &mut (&mut csv, &mut rejects)).expect("it has a header");
    assert_eq!(report.rows_read(), report.kept() + report.rejected());
    (csv.finish().expect("memory"), rejects.finish().expect("memory"))
}

fuzz_target!(|bytes: &[u8]| {
    let _ = clean(Cursor::new(bytes), &Options::new(Steps::Full), &mut ());
    let file = [HEADER, bytes].concat();
    assert_eq!(cleaned(&file, 1 << 20), cleaned(&file, 7));
});
