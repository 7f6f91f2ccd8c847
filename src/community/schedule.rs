//! When a timed message is due: every so often, or by a cron expression and the clocks of a place. Pure.

use std::str::FromStr as _;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;

/// The rhythm of a timed message.
#[derive(Clone, Debug)]
pub enum Rhythm {
    Every(TimeDelta),
    Cron { cron: Box<Cron>, zone: Tz },
}

impl Rhythm {
    /// From how it is stored. `None`: it cannot be read.
    pub fn of(every_seconds: Option<i64>, cron: Option<&str>, zone: &str) -> Option<Self> {
        match (every_seconds, cron) {
            (Some(seconds), _) => Some(Rhythm::Every(TimeDelta::try_seconds(seconds.max(60))?)),
            (None, Some(cron)) => Some(Rhythm::Cron { cron: Box::new(parse_cron(cron)?), zone: zone.parse().ok()? }),
            (None, None) => None,
        }
    }

    /// The next time after this one. `None`: never.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Rhythm::Every(span) => Some(after + *span),
            Rhythm::Cron { cron, zone } => {
                let next = cron.find_next_occurrence(&after.with_timezone(zone), false).ok()?;
                Some(next.with_timezone(&Utc))
            }
        }
    }
}

/// Five fields: minute, hour, day, month, weekday. What has seconds is no timed message.
pub fn parse_cron(text: &str) -> Option<Cron> {
    (text.split_whitespace().count() == 5).then(|| Cron::from_str(text).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn cron(text: &str, zone: &str) -> Rhythm {
        Rhythm::of(None, Some(text), zone).unwrap()
    }

    #[test]
    fn a_rhythm_is_by_the_clocks_of_its_place() {
        let daily = cron("0 20 * * *", "Europe/Berlin");
        assert_eq!(daily.next(at("2026-01-10T12:00:00Z")), Some(at("2026-01-10T19:00:00Z")), "winter");
        assert_eq!(daily.next(at("2026-07-10T12:00:00Z")), Some(at("2026-07-10T18:00:00Z")), "summer");
        assert_eq!(daily.next(at("2026-01-10T19:00:00Z")), Some(at("2026-01-11T19:00:00Z")), "after it, the next one");
    }

    #[test]
    fn an_hour_that_is_skipped_or_comes_twice_is_one() {
        let night = cron("30 2 * * *", "Europe/Berlin");
        let spring = night.next(at("2026-03-28T12:00:00Z")).unwrap();
        assert!(spring < at("2026-03-29T03:00:00Z"), "{spring}");
        let autumn = night.next(at("2026-10-24T12:00:00Z")).unwrap();
        assert!(night.next(autumn).unwrap() > at("2026-10-25T12:00:00Z"), "{autumn}");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in ["", "* * * *", "61 * * * *", "0 0 * * * *", "a b c d e"] {
            assert!(Rhythm::of(None, Some(text), "UTC").is_none(), "{text}");
        }
        assert!(Rhythm::of(None, Some("0 0 * * *"), "Mars/Olympus").is_none());
        assert!(Rhythm::of(None, None, "UTC").is_none());
        assert!(cron("0 0 30 2 *", "UTC").next(at("2026-01-01T00:00:00Z")).is_none(), "there is no such day");
    }
}
