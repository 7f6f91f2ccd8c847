//! Minutes of an hour as the bits of a number: bit m is minute m. Pure.

use chrono::{DateTime, Utc};

const MINUTE: i64 = 60;
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 86_400;
/// Every minute of an hour.
pub const WHOLE: i64 = (1 << 60) - 1;

/// Hours since 1970, UTC.
pub fn hour_of(at: DateTime<Utc>) -> i32 {
    at.timestamp().div_euclid(HOUR) as i32
}

/// Days since 1970, UTC.
pub fn day_of(at: DateTime<Utc>) -> i32 {
    at.timestamp().div_euclid(DAY) as i32
}

pub fn minute_of(at: DateTime<Utc>) -> u32 {
    at.timestamp().rem_euclid(HOUR).div_euclid(MINUTE) as u32
}

/// When an hour begins.
pub fn start_of(hour: i32) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(hour) * HOUR, 0).unwrap_or_default()
}

/// When a day begins.
pub fn start_of_day(day: i32) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(day) * DAY, 0).unwrap_or_default()
}

/// The minutes `from ..= to` of an hour; what lies outside of it is left out.
fn span(from: i64, to: i64) -> i64 {
    let (from, to) = (from.max(0), to.min(59));
    if from > to { 0 } else { (WHOLE >> (59 - (to - from))) << from }
}

/// The minutes of an hour that a stretch of time touches; one without an end goes on.
pub fn touched(hour: i32, from: DateTime<Utc>, until: Option<DateTime<Utc>>) -> i64 {
    let begin = i64::from(hour) * HOUR;
    let first = (from.timestamp() - begin).div_euclid(MINUTE);
    let last = match until {
        None => 59,
        // A stretch that ends with a minute does not touch the next one.
        Some(until) => (until.timestamp() - begin - 1).div_euclid(MINUTE),
    };
    span(first, last)
}

/// The minutes in which somebody is present who wrote in `minute`, as bits of this hour and of the next one.
pub fn presence(minute: u32, active: u32) -> (i64, i64) {
    let (first, last) = (i64::from(minute), i64::from(minute) + i64::from(active) - 1);
    (span(first, last), span(first - 60, last - 60))
}

/// The window that ends with a minute, as bits of this hour and of the one before.
pub fn window(minute: u32, length: u32) -> (i64, i64) {
    let (last, first) = (i64::from(minute), i64::from(minute) - i64::from(length) + 1);
    (span(first, last), span(first + 60, last + 60))
}

/// The stretches of minutes, as `from ..= to`.
pub fn stretches(bits: i64) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for minute in (0..60).filter(|minute| bits >> minute & 1 == 1) {
        match found.last_mut() {
            Some((_, to)) if *to + 1 == minute => *to = minute,
            _ => found.push((minute, minute)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn minutes_are_bits() {
        assert_eq!((hour_of(at(7199)), minute_of(at(7199)), hour_of(at(-1)), day_of(at(-1))), (1, 59, -1, -1));
        assert_eq!(start_of(2), at(7200));
        assert_eq!((presence(0, 2), presence(59, 2), presence(58, 5)), ((0b11, 0), (1 << 59, 1), (0b11 << 58, 0b111)));
        assert_eq!((window(4, 5), window(0, 5), window(59, 5)), ((0b11111, 0), (1, 0b1111 << 56), (0b11111 << 55, 0)));
        assert_eq!(stretches(0b1011), [(0, 1), (3, 3)]);
        assert_eq!(stretches(WHOLE), [(0, 59)]);
    }

    #[test]
    fn a_stretch_touches_minutes() {
        let hour = 10;
        let begin = i64::from(hour) * HOUR;
        assert_eq!(touched(hour, at(begin - 5), None), WHOLE);
        assert_eq!(touched(hour, at(begin + 119), Some(at(begin + 120))), 0b10);
        assert_eq!(touched(hour, at(begin), Some(at(begin + 61))), 0b11);
        assert_eq!(touched(hour, at(begin - 100), Some(at(begin))), 0);
        assert_eq!(touched(hour, at(begin + HOUR), None), 0);
    }
}
