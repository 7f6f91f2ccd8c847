//! Lengths of time in words.

use chrono::TimeDelta;

/// The two largest units: `12 min 5 s`, `3 d 4 h`.
pub fn span(time: TimeDelta) -> String {
    let seconds = time.num_seconds();
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let first = units.iter().position(|(size, _)| seconds >= *size).unwrap_or(3);
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, name) in units.iter().skip(first).take(2) {
        if rest / size > 0 || parts.is_empty() {
            parts.push(format!("{} {name}", rest / size));
        }
        rest %= size;
    }
    parts.join(" ")
}

/// `90s`, `30m`, `2h`, `1d`, `1w`, and several of them together: `1h30m`.
pub fn parse_span(words: &str) -> Option<TimeDelta> {
    let words = words.trim().to_ascii_lowercase().replace(' ', "");
    let mut rest = words.as_str();
    let mut all = TimeDelta::zero();
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let one = match &rest[..letters] {
            "s" => TimeDelta::try_seconds(number),
            "m" | "min" => TimeDelta::try_minutes(number),
            "h" => TimeDelta::try_hours(number),
            "d" => TimeDelta::try_days(number),
            "w" => TimeDelta::try_weeks(number),
            _ => None,
        };
        all = all.checked_add(&one?)?;
        rest = &rest[letters..];
    }
    (!words.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        assert_eq!(parse_span("90m"), Some(TimeDelta::minutes(90)));
        assert_eq!(parse_span("1h 30 min"), Some(TimeDelta::minutes(90)));
        assert_eq!(parse_span("1w"), Some(TimeDelta::days(7)));
        for odd in ["", "h", "2", "-1h", "2 fortnights", "99999999999999999w", "1ü"] {
            assert_eq!(parse_span(odd), None, "{odd}");
        }
    }

    #[test]
    fn spans_read_well() {
        assert_eq!(span(TimeDelta::seconds(0)), "0 s");
        assert_eq!(span(TimeDelta::seconds(725)), "12 min 5 s");
        assert_eq!(span(TimeDelta::seconds(7200)), "2 h");
        assert_eq!(span(TimeDelta::hours(76)), "3 d 4 h");
    }
}
