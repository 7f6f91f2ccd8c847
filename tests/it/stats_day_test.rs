//! Days and months as people write them.

use chrono::NaiveDate;
use signalbox::stats::day::{begin, day, month, next_month, season, season_name};

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

#[test]
fn days_and_months_are_read_as_people_write_them() {
    let today = date(2026, 1, 2);
    let days = ["today", " Yesterday", "2025-10-14", "2025 10 14", "14.10.2025"].map(|text| day(text, today).unwrap());
    assert_eq!(days, [today, date(2026, 1, 1), date(2025, 10, 14), date(2025, 10, 14), date(2025, 10, 14)]);
    let months = ["10", "Oct", "october", "2025-10", "1"].map(|text| month(text, today).unwrap());
    let october = date(2025, 10, 1);
    assert_eq!(months, [october, october, october, october, date(2026, 1, 1)]);
    for odd in ["", "once", "1-2-3", "2025-13-01", "2025-02-30"] {
        assert_eq!((day(odd, today), month(odd, today)), (None, None), "{odd}");
    }
    assert_eq!([month("13", today), month("ma", today), month("2025-0", today)], [None; 3]);
}

#[test]
fn a_day_begins_by_the_servers_clock_and_a_season_is_a_quarter() {
    let zone = chrono_tz::Europe::Berlin;
    assert_eq!(begin(date(2026, 7, 1), zone).to_rfc3339(), "2026-06-30T22:00:00+00:00");
    // Midnight is left out there.
    assert_eq!(begin(date(2018, 11, 4), chrono_tz::America::Sao_Paulo).to_rfc3339(), "2018-11-04T03:00:00+00:00");
    assert_eq!(next_month(date(2025, 12, 1)), date(2026, 1, 1));
    assert_eq!(season_name(season(date(2025, 12, 31))), "2025-Q4 Winter");
}
