//! The fast reader and the general one give one verdict on any bytes, and read the same.
#![no_main]

use common::Receipt;
use common::results::ExpensiveReceipt;
use libfuzzer_sys::fuzz_target;
use stream_analytics::combine::receipt::with_receipt;

fuzz_target!(|bytes: &[u8]| {
    let general = Receipt::from_json(bytes);
    let same = with_receipt(bytes, |view| {
        let receipt = general.as_ref().expect("only a receipt is handed on");
        assert_eq!(view.receipt_id, receipt.receipt_id);
        assert_eq!(view.store_id, receipt.store_id.get());
        assert_eq!(view.store_name, receipt.store_name);
        assert_eq!(view.event_ms, receipt.timestamp.ms());
        assert_eq!(Some(view.total_minor), receipt.total().map(|total| total.minor()));
        let total = receipt.total().expect("what is handed on has a total");
        assert_eq!(view.expensive_json(), ExpensiveReceipt { receipt, total }.to_json());
        assert_eq!(view.lines().len(), receipt.items.len());
        for (line, item) in view.lines().iter().zip(&receipt.items) {
            assert_eq!((line.name, line.category, line.quantity), (&*item.name, &*item.category, item.quantity));
            assert_eq!(Some(line.revenue_minor), item.revenue().map(|revenue| revenue.minor()));
        }
    });
    assert_eq!(same.is_ok(), general.is_ok());
    if let Ok(receipt) = general {
        // What is written is read again as it was, and by the fast reader too.
        let written = receipt.to_json();
        assert_eq!(Receipt::from_json(&written).as_ref(), Ok(&receipt));
        assert!(with_receipt(&written, |_| ()).is_ok());
    }
});
