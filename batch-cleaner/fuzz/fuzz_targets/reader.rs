//! Any bytes are read or refused: no panic, no hang, and the same rows however the input is cut into pieces, whether they
//! are cleaned on a guess at the reference or not.
#![no_main]

use std::io::Cursor;
use std::num::NonZero;

use batch_cleaner::{CsvSink, Options, Packing, RejectsSink, Restartable, Steps, clean};
use libfuzzer_sys::fuzz_target;

const HEADER: &[u8] = b"transaction_id,customer_id,category,item,price_per_unit,quantity,total_spent,payment_method,location,transaction_date,discount_applied\n";

fn cleaned(file: &[u8], piece_bytes: usize, sample_bytes: u64) -> (Vec<u8>, Vec<u8>) {
    let options = Options { piece_bytes, sample_bytes, threads: NonZero::<usize>::MIN, ..Options::new(Steps::Full) };
    let csv = || Ok(CsvSink::new("csv", Vec::new(), Packing::Plain, false));
    let mut csv = Restartable::new(csv).expect("memory");
    let rejects = || Ok(RejectsSink::new("rejects", Vec::new(), Packing::Plain));
    let mut rejects = Restartable::new(rejects).expect("memory");
    let report = clean(Cursor::new(file), &options, &mut (&mut csv, &mut rejects)).expect("it has a header");
    assert_eq!(report.rows_read(), report.kept() + report.rejected());
    (csv.into_inner().finish().expect("memory"), rejects.into_inner().finish().expect("memory"))
}

fuzz_target!(|bytes: &[u8]| {
    let _ = clean(Cursor::new(bytes), &Options::new(Steps::Full), &mut ());
    let file = [HEADER, bytes].concat();
    assert_eq!(cleaned(&file, 1 << 20, 0), cleaned(&file, 7, bytes.len() as u64 / 4));
});
