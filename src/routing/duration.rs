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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        assert_eq!(span(TimeDelta::seconds(0)), "0 s");
        assert_eq!(span(TimeDelta::seconds(725)), "12 min 5 s");
        assert_eq!(span(TimeDelta::seconds(7200)), "2 h");
        assert_eq!(span(TimeDelta::hours(76)), "3 d 4 h");
    }
}
