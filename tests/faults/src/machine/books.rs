//! [`Books`]: a model in which it shows when a command is lost, happens twice, or happens in another order.

use memstate::collections::{BTreeMap, Vec};
use serde::{Deserialize, Serialize};

/// How many accounts there are.
const ACCOUNTS: u64 = 16;

/// Accounts, and everything that was ever done to them.
///
/// Several lanes send transfers, each lane numbers its own from 1. What a transfer does follows from its lane and its number, so
/// whoever knows the trail knows what everything else has to be.
#[memstate::model]
#[derive(Default)]
pub struct Books {
    /// The [`mark`] of every transfer, in the order in which they happened.
    trail: Vec<u64>,
    /// What each account has; all together have nothing.
    accounts: BTreeMap<u64, i64>,
    /// How many bytes of padding came with the transfers.
    padding: u64,
}

#[memstate::model]
impl Books {
    /// Moves money, and gives back how many transfers there are now, this one counted.
    pub fn transfer(&mut self, lane: u8, number: u32, padding: std::vec::Vec<u8>) -> u64 {
        let (from, to, amount) = movement(lane, number);
        *self.accounts.entry(from).or_default() -= amount;
        *self.accounts.entry(to).or_default() += amount;
        self.padding += padding.len() as u64;
        self.trail.push(mark(lane, number));
        self.trail.len() as u64
    }

    /// Changes everything, and then refuses, so that nothing of it may be seen.
    pub fn spoil(&mut self, lane: u8) -> Result<(), String> {
        self.trail.push(mark(lane, u32::MAX));
        self.accounts.retain(|account, _| account % 2 == 0);
        *self.accounts.entry(0).or_default() += 1;
        self.padding += 1;
        Err("it was not meant".to_owned())
    }
}

/// A state of [`Books`], as one process tells it to another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub trail: std::vec::Vec<u64>,
    pub accounts: std::vec::Vec<(u64, i64)>,
}

impl Books {
    /// What there is.
    pub fn statement(&self) -> Statement {
        Statement {
            trail: self.trail.iter().copied().collect(),
            accounts: self.accounts.iter().map(|(account, money)| (*account, *money)).collect(),
        }
    }
}

impl Statement {
    /// The last number of a lane, and 0 if it has none.
    pub fn last_of(&self, lane: u8) -> u32 {
        let of_lane = self.trail.iter().rev().find(|mark| lane_of(**mark) == lane);
        of_lane.map_or(0, |mark| number_of(*mark))
    }

    /// Whether everything in it fits together: every lane's numbers stand in order, each once, and the accounts are what the
    /// trail makes of them.
    ///
    /// # Errors
    ///
    /// What does not fit.
    pub fn check(&self) -> Result<(), String> {
        let mut lasts = [0u32; 256];
        let mut accounts = std::collections::BTreeMap::<u64, i64>::new();
        for (index, &mark) in self.trail.iter().enumerate() {
            let (lane, number) = (lane_of(mark), number_of(mark));
            let last = &mut lasts[usize::from(lane)];
            crate::ensure!(
                number == last.wrapping_add(1),
                "transfer {} is number {number} of lane {lane}, after number {last}: {}",
                index + 1,
                if number <= *last { "it has happened before" } else { "one is missing" }
            );
            *last = number;
            let (from, to, amount) = movement(lane, number);
            *accounts.entry(from).or_default() -= amount;
            *accounts.entry(to).or_default() += amount;
        }
        let sum: i64 = self.accounts.iter().map(|(_, money)| money).sum();
        crate::ensure!(sum == 0, "the accounts have {sum} together, and nothing was ever paid in");
        let right: std::vec::Vec<_> = accounts.into_iter().collect();
        crate::ensure!(
            right == self.accounts,
            "after {} transfers the accounts should have {right:?} and have {:?}",
            self.trail.len(),
            self.accounts
        );
        Ok(())
    }
}

/// A transfer in one number.
pub fn mark(lane: u8, number: u32) -> u64 {
    u64::from(lane) << 32 | u64::from(number)
}

fn lane_of(mark: u64) -> u8 {
    (mark >> 32) as u8
}

fn number_of(mark: u64) -> u32 {
    mark as u32
}

/// Text for a mark.
pub fn named(mark: u64) -> String {
    format!("number {} of lane {}", number_of(mark), lane_of(mark))
}

/// From where to where how much is moved.
fn movement(lane: u8, number: u32) -> (u64, u64, i64) {
    let mut mixed = mark(lane, number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 29;
    (mixed % ACCOUNTS, mixed / ACCOUNTS % ACCOUNTS, (mixed >> 40) as i64 % 1000)
}
