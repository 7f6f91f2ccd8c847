//! When a call is made again of which nobody can say whether it arrived. Pure.

use chrono::TimeDelta;

/// Waits between calls; the last one repeats.
const WAITS: [TimeDelta; 6] = [
    TimeDelta::seconds(2),
    TimeDelta::seconds(10),
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
    TimeDelta::minutes(30),
];

/// The wait after so many calls.
pub fn again_after(calls: i32) -> TimeDelta {
    let n = usize::try_from(calls.saturating_sub(1)).unwrap_or(0);
    WAITS[n.min(WAITS.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_and_the_last_one_stays() {
        assert_eq!(again_after(1), WAITS[0]);
        assert_eq!(again_after(2), WAITS[1]);
        assert_eq!(again_after(500), WAITS[5]);
    }
}
