//! Amounts of money that people type, as whole cents. Pure. No floating point: what is read is what was typed.

/// What an amount may be at most: 999,999,999,999.99.
pub const MOST_CENTS: i64 = 99_999_999_999_999;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAmount {
    /// Nothing was typed.
    Missing,
    Invalid,
    TooLarge,
}

/// `$1,500.25`, `1500`, `1 500,25` is not one. At most two decimals, more than nothing.
pub fn parse(text: &str) -> Result<i64, NoAmount> {
    let text: String = text.chars().filter(|c| !matches!(c, '$' | ',' | ' ')).collect();
    if text.is_empty() {
        return Err(NoAmount::Missing);
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + decimals.len() == 0 || decimals.len() > 2 || !is_number(whole) || !is_number(decimals) {
        return Err(NoAmount::Invalid);
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > 12 {
        return Err(NoAmount::TooLarge);
    }
    let cents: i64 = format!("{whole}{decimals:0<2}").parse().map_err(|_| NoAmount::Invalid)?;
    match cents {
        0 => Err(NoAmount::Invalid),
        cents if cents > MOST_CENTS => Err(NoAmount::TooLarge),
        cents => Ok(cents),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_typed() {
        for (typed, cents) in
            [("1500.25", 150_025), ("$1,500.25", 150_025), (" 7 ", 700), (".5", 50), ("0.01", 1), ("12.", 1200)]
        {
            assert_eq!(parse(typed), Ok(cents), "{typed}");
        }
        assert_eq!(parse("999,999,999,999.99"), Ok(MOST_CENTS));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for typed in ["inf", "nan", "1e9", "-5", "0", "0.00", "1.234", "1.2.3", ".", "٣", "0x10", "1_000"] {
            assert_eq!(parse(typed), Err(NoAmount::Invalid), "{typed}");
        }
        assert_eq!(parse("$ ,"), Err(NoAmount::Missing));
        assert_eq!(parse("1000000000000"), Err(NoAmount::TooLarge));
        assert_eq!(parse(&"9".repeat(400)), Err(NoAmount::TooLarge));
    }
}
