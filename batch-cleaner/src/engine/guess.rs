//! Cleaning before the whole reference is known.
//!
//! Most files name all their items early. What the first rows teach is taken for the whole reference, and the pass that
//! learns cleans on that guess as well. The guess is wrong only if a row asked for a category and price that another row
//! teaches an item for which the guess has not: then the rest of the pass only learns, and the sink starts anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use common::Money;
use hashbrown::HashTable;

use crate::reference::{Reference, hash};
use crate::row::Row;
use crate::sink::Survey;

/// A reference that may turn out to lack something that matters.
pub(super) struct Guess {
    survey: Survey,
    wrong: AtomicBool,
    heard: Mutex<Heard>,
    /// Most keys that are remembered; with more of them the guess is given up.
    most_keys: usize,
}

/// What all workers have come across.
#[derive(Default)]
struct Heard {
    asked: Keys,
    taught: Keys,
}

impl Guess {
    pub(super) fn new(survey: Survey, most_keys: usize) -> Self {
        Guess { survey, wrong: AtomicBool::new(false), heard: Mutex::default(), most_keys }
    }

    pub(super) const fn survey(&self) -> &Survey {
        &self.survey
    }

    pub(super) const fn reference(&self) -> &Reference {
        &self.survey.reference
    }

    pub(super) fn is_wrong(&self) -> bool {
        self.wrong.load(Ordering::Relaxed)
    }

    /// A row without item asks what its category and price stand for; `asked` are the keys that this worker has told of.
    pub(super) fn ask(&self, asked: &mut Keys, category: &str, price: Money) {
        if asked.insert(category, price) {
            self.hear(|heard| {
                heard.asked.insert(category, price);
                heard.taught.contains(category, price)
            });
        }
    }

    /// A row teaches an item that this worker has not seen before.
    pub(super) fn teach(&self, row: &Row<'_>) {
        let (Some(category), Some(item), Some(price)) = (row.category, row.item, row.price_per_unit) else { return };
        // What is ambiguous stays so, whatever else is taught.
        if self.reference().has(category, item, price) || self.reference().is_ambiguous(category, price) {
            return;
        }
        self.hear(|heard| {
            heard.taught.insert(category, price);
            heard.asked.contains(category, price)
        });
    }

    fn hear(&self, is_wrong: impl FnOnce(&mut Heard) -> bool) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if is_wrong(&mut heard) || heard.asked.len().max(heard.taught.len()) > self.most_keys {
            self.wrong.store(true, Ordering::Relaxed);
        }
    }
}

/// A set of categories with prices.
#[derive(Default)]
pub(super) struct Keys(HashTable<(Box<str>, Money)>);

impl Keys {
    /// Whether it is new.
    fn insert(&mut self, category: &str, price: Money) -> bool {
        if self.contains(category, price) {
            return false;
        }
        let rehash = |(category, price): &(Box<str>, Money)| hash((&**category, *price));
        self.0.insert_unique(hash((category, price)), (category.into(), price), rehash);
        true
    }

    fn contains(&self, category: &str, price: Money) -> bool {
        self.0.find(hash((category, price)), |(known, at)| **known == *category && *at == price).is_some()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::ReferenceBuilder;

    fn row(item: &str, minor: i64) -> Row<'_> {
        let price_per_unit = Some(Money::from_minor(minor));
        Row { category: Some("Food"), item: Some(item), price_per_unit, ..Row::default() }
    }

    fn guess() -> Guess {
        let mut builder = ReferenceBuilder::default();
        for row in [row("a", 100), row("b", 200), row("c", 200)] {
            builder.learn(&row);
        }
        Guess::new(Survey { reference: builder.build(), fingerprint: None, rows: 3 }, 10)
    }

    fn is_wrong(asked: &[i64], taught: &[Row<'_>]) -> [bool; 2] {
        let ask = |guess: &Guess| {
            for minor in asked {
                guess.ask(&mut Keys::default(), "Food", Money::from_minor(*minor));
            }
        };
        let teach = |guess: &Guess| {
            for row in taught {
                guess.teach(row);
            }
        };
        let (first_asked, first_taught) = (guess(), guess());
        ask(&first_asked);
        teach(&first_asked);
        teach(&first_taught);
        ask(&first_taught);
        [first_asked.is_wrong(), first_taught.is_wrong()]
    }

    #[test]
    fn it_is_wrong_where_another_item_is_taught_for_what_was_asked() {
        assert_eq!(is_wrong(&[100, 300], &[row("a", 100), row("d", 400)]), [false; 2]);
        assert_eq!(is_wrong(&[100], &[row("d", 100)]), [true; 2], "now ambiguous");
        assert_eq!(is_wrong(&[300], &[row("d", 300)]), [true; 2], "was unknown");
        assert_eq!(is_wrong(&[200], &[row("d", 200)]), [false; 2], "ambiguous as ever");
    }

    #[test]
    fn it_is_given_up_where_too_much_is_asked() {
        let asked: Vec<i64> = (1000..1010).collect();
        assert_eq!(is_wrong(&asked, &[]), [false; 2]);
        let asked: Vec<i64> = (1000..1011).collect();
        assert_eq!(is_wrong(&asked, &[]), [true; 2]);
    }
}
