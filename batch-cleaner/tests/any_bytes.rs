//! The reader takes any bytes: it never panics, never hangs, and says of every row what became of it. The fuzz target
//! `fuzz/fuzz_targets/reader.rs` checks the same with a fuzzer's inputs.

use std::io::Cursor;

use batch_cleaner::{Options, Steps, clean};
use proptest::prelude::*;

const HEADER: &[u8] = b"transaction_id,customer_id,category,item,price_per_unit,quantity,total_spent,payment_method,location,transaction_date,discount_applied\n";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..4000), headed in any::<bool>(), piece_bytes in 1_usize..2000) {
        let file = if headed { [HEADER, &bytes].concat() } else { bytes };
        let options = Options { piece_bytes, ..Options::new(Steps::Full) };
        if let Ok(report) = clean(Cursor::new(file), &options, &mut ()) {
            prop_assert_eq!(report.rows_read(), report.kept() + report.rejected());
        } else {
            prop_assert!(!headed, "a file with a header is never refused as a whole");
        }
    }
}
