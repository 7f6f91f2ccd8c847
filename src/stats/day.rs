//! Days and months as people write them, by the game server's clock.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

pub fn today(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    now.with_timezone(&zone).date_naive()
}

/// `2025-10-14`, `2025 10 14`, `14.10.2025`, today, yesterday.
pub fn day(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    let text = text.trim().to_lowercase();
    match text.as_str() {
        "today" => return Some(today),
        "yesterday" => return today.checked_sub_days(Days::new(1)),
        _ => {}
    }
    let parts: Vec<u32> = text.split(['-', ' ', '.', '/']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match *parts.as_slice() {
        [year @ (2000..), month, day] | [day, month, year @ (2000..)] => {
            NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
        }
        _ => None,
    }
}

/// The first day of `10`, `2025-10`, `october`, `oct`; without a year the latest that has begun.
pub fn month(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    let text = text.trim().to_lowercase();
    if let Some((year, month)) = text.split_once('-') {
        return NaiveDate::from_ymd_opt(year.parse().ok().filter(|year| *year >= 2000)?, month.parse().ok()?, 1);
    }
    let named = |name: &&str| text.len() >= 3 && name.starts_with(&text);
    let number = match text.parse::<u32>() {
        Ok(number) => number,
        Err(_) => MONTHS.iter().position(|name| named(name))? as u32 + 1,
    };
    let this_year = NaiveDate::from_ymd_opt(today.year(), number, 1)?;
    if this_year <= today { Some(this_year) } else { this_year.checked_sub_months(Months::new(12)) }
}

/// The first day after a month.
pub fn next_month(first: NaiveDate) -> NaiveDate {
    first.checked_add_months(Months::new(1)).unwrap_or(first)
}

/// The first day of the quarter: seasons are quarters of the calendar.
pub fn season(today: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(today.year(), today.month0() / 3 * 3 + 1, 1).unwrap_or(today)
}

/// `2025-Q4 Winter`
pub fn season_name(first: NaiveDate) -> String {
    let quarter = first.month0() / 3;
    let name = ["Spring", "Summer", "Fall", "Winter"][quarter as usize % 4];
    format!("{}-Q{} {name}", first.year(), quarter + 1)
}

/// When a day begins there: at midnight, unless a change of the clock leaves it out.
pub fn begin(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    let mut hours = (0..3).map(|hours| midnight + TimeDelta::hours(hours));
    let first = hours.find_map(|time| zone.from_local_datetime(&time).earliest());
    first.map_or_else(|| midnight.and_utc(), |time| time.to_utc())
}
