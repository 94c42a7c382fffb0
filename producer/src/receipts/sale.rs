//! Draws sales: who sold what to whom, and when. Pure: seed and due times in, sales out.

use common::{CashierId, EventTime, LineItem, Money, Receipt, StoreId};
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::Distribution as _;
use rand_distr::weighted::WeightedAliasIndex;

use super::catalogue::Catalogue;
use crate::args::ShopArgs;
use crate::error::Error;

/// A sale, before it is written down. Reused from one draw to the next.
#[derive(Debug, Clone)]
pub struct Sale {
    /// From 0; with the seed it makes the receipt's id.
    pub number: u64,
    /// The shop, 1 …
    pub store: u32,
    /// The till's operator, 1 …
    pub cashier: u32,
    /// Event time.
    pub timestamp: EventTime,
    /// How it was paid, if known.
    pub payment_method: Option<&'static str>,
    /// One or more lines.
    pub lines: Vec<Line>,
    /// Price × quantity over the lines.
    pub total: Money,
}

/// A line of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Index into the catalogue's items.
    pub item: usize,
    /// Price of one.
    pub price: Money,
    /// How many.
    pub quantity: i64,
}

/// Draws one sale after the other.
#[derive(Debug)]
pub struct SaleDraw {
    rng: Xoshiro256PlusPlus,
    stores: WeightedAliasIndex<f64>,
    cashiers: u32,
    items: WeightedAliasIndex<f64>,
    /// Catalogue indices, most popular first.
    by_popularity: Vec<usize>,
    prices: Vec<i64>,
    cheapest: usize,
    /// Millionths of the price.
    price_variation_ppm: i64,
    max_items: u32,
    expensive_share: f64,
    expensive_over: i64,
    sale: Sale,
}

/// How many in a hundred receipts have 1, 2, … 10 lines.
const LINES_PER_CENT: [u32; 10] = [18, 20, 17, 13, 10, 8, 6, 4, 2, 2];
/// How many in a hundred lines are of 1, 2, … 5 units.
const UNITS_PER_CENT: [u32; 5] = [60, 22, 10, 5, 3];
/// An expensive basket: the fewest lines, and the most units of each.
const EXPENSIVE_LINES: u32 = 5;
const EXPENSIVE_UNITS: i64 = 8;

impl SaleDraw {
    /// `silent` stores sell nothing.
    pub fn new(seed: u64, shops: &ShopArgs, silent: &[StoreId], catalogue: &Catalogue) -> Result<SaleDraw, Error> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut weights = zipf_weights(shops.stores, shops.skew);
        for store in silent {
            let index = usize::try_from(store.get()).ok().and_then(|id| id.checked_sub(1));
            let weight = index.and_then(|index| weights.get_mut(index)).ok_or_else(|| {
                Error::Usage(format!("--silent-store {store} is none of the stores 1 … {}", shops.stores))
            })?;
            *weight = 0.0;
        }
        let stores = WeightedAliasIndex::new(weights)
            .map_err(|_| Error::Usage("no store is left to sell: name fewer in --silent-store".to_owned()))?;
        let prices: Vec<i64> = catalogue.items().iter().map(|item| item.price_per_unit.minor()).collect();
        let kinds = u32::try_from(prices.len()).unwrap_or(u32::MAX);
        let items = WeightedAliasIndex::new(zipf_weights(kinds, shops.item_skew))
            .map_err(|_| Error::Usage("the catalogue is empty".to_owned()))?;
        let mut by_popularity: Vec<usize> = (0..prices.len()).collect();
        by_popularity.shuffle(&mut rng);
        let cheapest = (0..prices.len()).min_by_key(|item| prices[*item]).unwrap_or(0);
        Ok(SaleDraw {
            rng,
            stores,
            cashiers: shops.cashiers,
            items,
            by_popularity,
            prices,
            cheapest,
            price_variation_ppm: ppm(shops.price_variation.get()),
            max_items: shops.max_items,
            expensive_share: shops.expensive_share.get(),
            expensive_over: shops.expensive_over.minor(),
            sale: Sale {
                number: 0,
                store: 0,
                cashier: 0,
                timestamp: EventTime::MIN,
                payment_method: None,
                lines: Vec::with_capacity(shops.max_items as usize),
                total: Money::ZERO,
            },
        })
    }

    /// The next sale, made at `timestamp`.
    pub fn draw(&mut self, number: u64, timestamp: EventTime) -> &Sale {
        self.sale.number = number;
        self.sale.timestamp = timestamp;
        // At most a million stores.
        self.sale.store = u32::try_from(self.stores.sample(&mut self.rng)).unwrap_or(u32::MAX - 1) + 1;
        self.sale.cashier = self.rng.random_range(1..=self.cashiers);
        self.sale.payment_method = self.payment_method();
        let expensive = self.rng.random_bool(self.expensive_share);
        let lines = self.basket_size(expensive);
        self.sale.lines.clear();
        let mut total = 0;
        for _ in 0..lines {
            let line = self.line(expensive);
            total += line.price.minor() * line.quantity;
            self.sale.lines.push(line);
        }
        let over = total > self.expensive_over;
        self.sale.total = Money::from_minor(match (expensive, over) {
            (true, false) => raise_over(&mut self.sale.lines, total, self.expensive_over),
            (false, true) => self.lower(),
            _ => total,
        });
        &self.sale
    }

    /// The sale drawn last.
    pub fn last(&self) -> &Sale {
        &self.sale
    }

    fn payment_method(&mut self) -> Option<&'static str> {
        match self.rng.random_range(0..100_u32) {
            0..38 => Some("Cash"),
            38..74 => Some("Credit Card"),
            74..98 => Some("Digital Wallet"),
            _ => None,
        }
    }

    fn basket_size(&mut self, expensive: bool) -> u32 {
        if expensive {
            self.rng.random_range(EXPENSIVE_LINES.min(self.max_items)..=self.max_items)
        } else {
            (pick(&LINES_PER_CENT, self.rng.random_range(0..100)) + 1).min(self.max_items)
        }
    }

    fn line(&mut self, expensive: bool) -> Line {
        let item = self.by_popularity[self.items.sample(&mut self.rng)];
        let price = self.prices[item];
        let swing_ppm = self.rng.random_range(-self.price_variation_ppm..=self.price_variation_ppm);
        let price = price + price * swing_ppm / 1_000_000;
        let quantity = if expensive {
            self.rng.random_range(1..=EXPENSIVE_UNITS)
        } else {
            i64::from(pick(&UNITS_PER_CENT, self.rng.random_range(0..100))) + 1
        };
        Line { item, price: Money::from_minor(price), quantity }
    }

    /// Takes goods back until the total is not expensive, if the catalogue has anything so cheap.
    fn lower(&mut self) -> i64 {
        let lines = &mut self.sale.lines;
        for line in lines.iter_mut() {
            line.quantity = 1;
        }
        let mut total: i64 = lines.iter().map(|line| line.price.minor()).sum();
        while total > self.expensive_over && lines.len() > 1 {
            total -= lines.pop().map_or(0, |line| line.price.minor());
        }
        if total > self.expensive_over {
            total = self.prices[self.cheapest];
            lines[0] = Line { item: self.cheapest, price: Money::from_minor(total), quantity: 1 };
        }
        total
    }
}

/// Multiplies all quantities until the total is over `threshold`. Free goods stay cheap, and a threshold that no total
/// can pass is not passed.
fn raise_over(lines: &mut [Line], total: i64, threshold: i64) -> i64 {
    let Some(factor) = threshold.checked_div(total).map(|factor| factor + 1) else { return total };
    let Some(raised) = total.checked_mul(factor) else { return total };
    for line in lines {
        line.quantity *= factor;
    }
    raised
}

/// 1, 1/2^s, 1/3^s, …
fn zipf_weights(ranks: u32, exponent: f64) -> Vec<f64> {
    (1..=ranks).map(|rank| f64::from(rank).powf(-exponent)).collect()
}

/// Which part of a hundred `at` falls into.
fn pick(per_cent: &[u32], mut at: u32) -> u32 {
    for (index, share) in (0..).zip(per_cent) {
        if at < *share {
            return index;
        }
        at -= share;
    }
    0
}

#[allow(clippy::cast_possible_truncation, reason = "a share is at most one")]
fn ppm(share: f64) -> i64 {
    (share * 1e6) as i64
}

impl Sale {
    /// The receipt that it makes; what the fast encoder writes is this one's JSON.
    pub fn to_receipt(&self, seed: u64, catalogue: &Catalogue) -> Receipt {
        let line = |line: &Line| {
            let item = &catalogue.items()[line.item];
            LineItem {
                name: item.item.clone(),
                category: item.category.clone(),
                price: line.price,
                quantity: line.quantity,
            }
        };
        Receipt {
            receipt_id: format!("{seed:016x}-{}", self.number),
            store_id: self.store_id(),
            store_name: format!("Store {}", self.store),
            cashier_id: CashierId::new(self.cashier.into()).expect("unsigned"),
            timestamp: self.timestamp,
            payment_method: self.payment_method.map(str::to_owned),
            items: self.lines.iter().map(line).collect(),
        }
    }

    /// The shop's id on the wire.
    pub fn store_id(&self) -> StoreId {
        StoreId::new(self.store.into()).expect("unsigned")
    }
}
