// Modules, generics, closures, traits and functions inlined into each other.
use std::collections::BTreeMap;

mod ledger {
    pub trait Priced {
        fn price(&self) -> u64;
        fn with_tax(&self) -> u64 {
            self.price() * 119 / 100
        }
    }

    pub struct Item {
        pub cents: u64,
    }

    impl Priced for Item {
        #[inline(never)]
        fn price(&self) -> u64 {
            self.cents + inner::fee(self.cents)
        }
    }

    pub mod inner {
        #[inline(always)]
        pub fn fee(cents: u64) -> u64 {
            if cents > 100 {
                rounded(cents / 10)
            } else {
                7
            }
        }

        #[inline(always)]
        fn rounded(value: u64) -> u64 {
            value - value % 5
        }
    }
}

use ledger::{Item, Priced};

#[inline(never)]
fn sum_of<T: Priced>(items: &[T], filter: impl Fn(&T) -> bool) -> u64 {
    items.iter().filter(|item| filter(item)).map(|item| item.with_tax()).sum()
}

#[inline(never)]
fn checked(values: &[u64], index: usize) -> u64 {
    values[index] + values[index / 2]
}

fn main() {
    let count = std::env::args().count() as u64;
    let items: Vec<Item> = (0..count + 4).map(|i| Item { cents: i * 60 }).collect();
    let limit = 200;
    let total = sum_of(&items, |item| item.cents < limit);
    let mut by_price = BTreeMap::new();
    for item in &items {
        by_price.insert(item.price(), item.cents);
    }
    let prices: Vec<u64> = by_price.keys().copied().collect();
    println!("{} {}", total, checked(&prices, 2));
}
