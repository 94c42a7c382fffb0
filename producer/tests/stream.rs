//! What the receipts are like: their statistics with fixed seeds, and the laws that hold for every seed.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;

use common::{EventTime, Receipt};
use producer::ReceiptsArgs;
use producer::malform::Malformation;
use producer::receipts::ReceiptStream;
use producer::receipts::catalogue::Catalogue;
use proptest::prelude::*;

/// 2026-11-22T10:00:00Z.
const START_MS: i64 = 1_795_341_600_000;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    key: Vec<u8>,
    value: Vec<u8>,
    due_ms: i64,
    stamped_ms: i64,
    late: bool,
    malformed: Option<Malformation>,
    copies: u32,
}

/// The first receipts of a stream, one a millisecond.
fn stream(seed: u64, flags: &[&str], count: u64) -> Vec<Made> {
    let args = ReceiptsArgs::from_flags(flags.iter().copied()).unwrap();
    let mut stream = ReceiptStream::new(&args, seed, &Catalogue::builtin()).unwrap();
    (0..count)
        .map(|number| {
            let due_ms = START_MS + i64::try_from(number).unwrap();
            let made = stream.generate(number, EventTime::from_ms(due_ms).unwrap());
            Made {
                key: made.key.to_vec(),
                value: made.value.to_vec(),
                due_ms,
                stamped_ms: made.sale.timestamp.ms(),
                late: made.late,
                malformed: made.malformed,
                copies: made.copies,
            }
        })
        .collect()
}

fn receipts(seed: u64, flags: &[&str], count: u64) -> Vec<Receipt> {
    stream(seed, flags, count).iter().map(|made| Receipt::from_json(&made.value).unwrap()).collect()
}

fn share(part: usize, whole: u64) -> f64 {
    f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
}

/// `observed` is within five standard deviations of a binomial share.
fn assert_share(observed: f64, expected: f64, count: u64, what: &str) {
    let deviation = (expected * (1.0 - expected) / f64::from(u32::try_from(count).unwrap())).sqrt();
    assert!((observed - expected).abs() <= 5.0 * deviation, "{what}: {observed} is not {expected} ± {deviation}");
}

#[test]
fn stores_are_chosen_by_zipfs_law() {
    const COUNT: u64 = 200_000;
    for skew in [0.0, 1.1, 2.0] {
        let flags = ["--stores", "50", "--skew", &skew.to_string()];
        let mut by_store: BTreeMap<i64, usize> = BTreeMap::new();
        for receipt in receipts(1, &flags, COUNT) {
            *by_store.entry(receipt.store_id.get()).or_default() += 1;
        }
        let weights: Vec<f64> = (1..=50).map(|rank| f64::from(rank).powf(-skew)).collect();
        let sum: f64 = weights.iter().sum();
        for (store, weight) in (1..).zip(&weights) {
            let observed = share(by_store.get(&store).copied().unwrap_or(0), COUNT);
            assert_share(observed, weight / sum, COUNT, &format!("store {store} at skew {skew}"));
        }
        assert!(by_store.keys().all(|store| (1..=50).contains(store)));
    }
}

#[test]
fn as_many_receipts_are_expensive_as_was_asked_for() {
    const COUNT: u64 = 100_000;
    for (flags, expected) in [
        (vec![], 0.05),
        (vec!["--expensive-share", "20%"], 0.20),
        (vec!["--expensive-share", "0%"], 0.0),
        (vec!["--expensive-over", "50.00", "--max-items", "3"], 0.05),
        (vec!["--expensive-over", "123456.78"], 0.05),
    ] {
        let args = ReceiptsArgs::from_flags(flags.iter().copied()).unwrap();
        let over = |receipt: &&Receipt| receipt.total().unwrap() > args.shops.expensive_over;
        let expensive = receipts(2, &flags, COUNT).iter().filter(over).count();
        assert_share(share(expensive, COUNT), expected, COUNT, &format!("{flags:?}"));
    }
}

#[test]
fn jitter_stays_within_its_bound_and_fills_it() {
    let made = stream(3, &["--jitter", "2s"], 50_000);
    let behind: Vec<i64> = made.iter().map(|made| made.due_ms - made.stamped_ms).collect();
    assert!(behind.iter().all(|ms| (0..=2_000).contains(ms)));
    let mean = behind.iter().sum::<i64>() / 50_000;
    assert!((980..=1_020).contains(&mean), "{mean}");
    assert!(behind.contains(&0) && behind.contains(&2_000));
    let out_of_order = made.windows(2).filter(|pair| pair[1].stamped_ms < pair[0].stamped_ms).count();
    assert!(out_of_order > 20_000, "{out_of_order}");
}

#[test]
fn disorder_comes_at_the_rates_asked_for() {
    const COUNT: u64 = 100_000;
    let flags = ["--late", "1%", "--late-by", "30s", "--malformed", "0.4%", "--duplicate", "0.1%"];
    let made = stream(4, &flags, COUNT);
    let count = |is: &dyn Fn(&Made) -> bool| share(made.iter().filter(|made| is(made)).count(), COUNT);
    assert_share(count(&|made| made.late), 0.01, COUNT, "late");
    assert_share(count(&|made| made.copies == 2), 0.001, COUNT, "duplicates");
    for kind in [Malformation::Truncated, Malformation::WrongType, Malformation::MissingField, Malformation::NotUtf8] {
        assert_share(count(&|made| made.malformed == Some(kind)), 0.001, COUNT, &format!("{kind:?}"));
    }
    for made in &made {
        assert_eq!(made.due_ms - made.stamped_ms, if made.late { 30_000 } else { 0 });
    }
}

#[test]
fn prices_vary_around_the_catalogues() {
    let catalogue = Catalogue::builtin();
    let base: BTreeMap<_, _> =
        catalogue.items().iter().map(|item| (item.item.as_str(), item.price_per_unit.minor())).collect();
    let lines: Vec<_> =
        receipts(5, &["--price-variation", "10%"], 20_000).into_iter().flat_map(|receipt| receipt.items).collect();
    let off = |name: &str, price: i64| (price - base[name]) * 1_000 / base[name];
    let offs: Vec<i64> = lines.iter().map(|line| off(&line.name, line.price.minor())).collect();
    assert!(offs.iter().all(|off| (-100..=100).contains(off)));
    assert!(offs.iter().any(|off| *off < -90) && offs.iter().any(|off| *off > 90));
    for line in receipts(5, &["--price-variation", "0%"], 1_000).into_iter().flat_map(|receipt| receipt.items) {
        assert_eq!(line.price.minor(), base[line.name.as_str()]);
    }
}

#[test]
fn baskets_cashiers_and_payment_methods_are_all_there() {
    let receipts = receipts(6, &["--cashiers", "3", "--max-items", "10"], 20_000);
    for lines in 1..=10 {
        assert!(receipts.iter().any(|receipt| receipt.items.len() == lines), "{lines} lines");
    }
    assert!(receipts.iter().all(|receipt| receipt.items.len() <= 10));
    for cashier in 1..=3 {
        assert!(receipts.iter().any(|receipt| receipt.cashier_id.get() == cashier), "cashier {cashier}");
    }
    assert!(receipts.iter().all(|receipt| (1..=3).contains(&receipt.cashier_id.get())));
    for method in [Some("Cash"), Some("Credit Card"), Some("Digital Wallet"), None] {
        assert!(receipts.iter().any(|receipt| receipt.payment_method.as_deref() == method), "{method:?}");
    }
    let ids: std::collections::BTreeSet<_> = receipts.iter().map(|receipt| &receipt.receipt_id).collect();
    assert_eq!(ids.len(), receipts.len());
}

#[test]
fn a_silent_store_sells_nothing() {
    let receipts = receipts(7, &["--stores", "5", "--silent-store", "1", "--silent-store", "4"], 5_000);
    let stores: std::collections::BTreeSet<_> = receipts.iter().map(|receipt| receipt.store_id.get()).collect();
    assert_eq!(stores.into_iter().collect::<Vec<_>>(), [2, 3, 5]);
    for silent in [&["--stores", "1", "--silent-store", "1"][..], &["--stores", "3", "--silent-store", "4"]] {
        let args = ReceiptsArgs::from_flags(silent.iter().copied()).unwrap();
        assert!(ReceiptStream::new(&args, 7, &Catalogue::builtin()).is_err());
    }
}

#[test]
fn one_kind_of_disorder_changes_nothing_about_the_others() {
    let calm = stream(8, &[], 2_000);
    let rough = stream(8, &["--malformed", "5%", "--duplicate", "5%"], 2_000);
    let rougher = stream(8, &["--malformed", "5%", "--duplicate", "5%", "--late", "5%"], 2_000);
    for ((calm, rough), rougher) in calm.iter().zip(&rough).zip(&rougher) {
        assert_eq!((rough.malformed, rough.copies), (rougher.malformed, rougher.copies));
        if rough.malformed.is_none() {
            assert_eq!(calm.value, rough.value);
        }
        if !rougher.late {
            assert_eq!(rough.value, rougher.value);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_receipt_is_valid_unless_it_was_made_wrong(
        seed: u64, malformed in 0_u32..=100, expensive in 0_u32..=100, max_items in 1_u32..=100, over in 0_i64..1_000_000,
    ) {
        let flags = [
            format!("--malformed={malformed}%"),
            format!("--expensive-share={expensive}%"),
            format!("--max-items={max_items}"),
            format!("--expensive-over={}", common::Money::from_minor(over)),
        ];
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        for made in stream(seed, &flags, 300) {
            match Receipt::from_json(&made.value) {
                Ok(receipt) => {
                    prop_assert_eq!(made.malformed, None);
                    prop_assert_eq!(receipt.to_json(), made.value);
                    prop_assert_eq!(receipt.store_id.to_string().into_bytes(), made.key);
                    prop_assert_eq!(receipt.timestamp.ms(), made.stamped_ms);
                }
                Err(error) => prop_assert!(made.malformed.is_some(), "{error}: {}", String::from_utf8_lossy(&made.value)),
            }
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes(seed: u64) {
        let flags = ["--jitter", "2s", "--late", "1%", "--malformed", "1%", "--duplicate", "1%"];
        let once = stream(seed, &flags, 300);
        prop_assert_eq!(&once, &stream(seed, &flags, 300));
        prop_assert_ne!(once, stream(seed.wrapping_add(1), &flags, 300));
    }
}
