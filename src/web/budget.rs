//! Budgets per key: so many within a span, refilled evenly (GCRA). Bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Keys that are remembered; beyond it those whose budget is full again are forgotten.
const KEYS: usize = 10_000;

/// One budget for each key.
pub struct Budgets<K> {
    burst: TimeDelta,
    each: TimeDelta,
    /// When a key's budget is full again.
    full_at: Mutex<HashMap<K, DateTime<Utc>>>,
}

impl<K: Hash + Eq + Clone> Budgets<K> {
    /// `count` requests at once, and as many again in each `span`.
    pub fn new(count: u32, span: TimeDelta) -> Self {
        let each = span / i32::try_from(count.max(1)).unwrap_or(i32::MAX);
        Self { burst: span, each, full_at: Mutex::default() }
    }

    /// Takes one from the key's budget, or says how long until there is one.
    pub fn take(&self, key: &K, now: DateTime<Utc>) -> Result<(), TimeDelta> {
        let mut keys = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS {
            keys.retain(|_, full_at| *full_at > now);
        }
        let full_at = keys.get(key).copied().unwrap_or(now).max(now) + self.each;
        let over = full_at - now - self.burst;
        if over > TimeDelta::zero() {
            return Err(over);
        }
        // A full table of busy keys: the newcomer is served without being remembered, as the oldest would be.
        if keys.len() < KEYS || keys.contains_key(key) {
            keys.insert(key.clone(), full_at);
        }
        Ok(())
    }

    /// Whether the key has used up its budget, without taking from it.
    pub fn is_spent(&self, key: &K, now: DateTime<Utc>) -> Option<TimeDelta> {
        let keys = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let over = keys.get(key).copied()?.max(now) + self.each - now - self.burst;
        (over > TimeDelta::zero()).then_some(over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_and_refills() {
        let budgets = Budgets::new(3, TimeDelta::seconds(30));
        let start = DateTime::from_timestamp(1_755_256_800, 0).unwrap();
        for _ in 0..3 {
            assert!(budgets.take(&"a", start).is_ok());
        }
        assert_eq!(budgets.take(&"a", start), Err(TimeDelta::seconds(10)));
        assert_eq!(budgets.is_spent(&"a", start), Some(TimeDelta::seconds(10)));
        assert!(budgets.take(&"b", start).is_ok());
        assert!(budgets.take(&"a", start + TimeDelta::seconds(10)).is_ok());
        assert!(budgets.take(&"a", start + TimeDelta::seconds(10)).is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let budgets = Budgets::new(1, TimeDelta::seconds(1));
        let start = DateTime::from_timestamp(1_755_256_800, 0).unwrap();
        for n in 0..3 * KEYS {
            let _ = budgets.take(&n, start + TimeDelta::milliseconds(n as i64));
        }
        assert!(budgets.full_at.lock().unwrap().len() <= KEYS);
    }
}
