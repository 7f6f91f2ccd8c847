//! Errors that cross module borders: what a person reads, and what a background step decided.

use std::fmt;

use chrono::TimeDelta;

/// A text meant for the person who asked: what is wrong and how to mend it. Everything else is
/// logged once with its chain and shown as a reference id.
#[derive(Debug, Clone)]
pub struct UserError(pub String);

impl UserError {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UserError {}

/// A failure with all that caused it, for the log. The addresses of requests are left out: that of an answer to
/// an interaction, or of a webhook, has its token in it.
pub fn chain(error: &anyhow::Error) -> String {
    without_addresses(&format!("{error:#}"))
}

/// `… for url (https://…): …` without the address.
pub fn without_addresses(text: &str) -> String {
    const ADDRESS: &str = " for url (";
    let mut pieces = text.split(ADDRESS);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        // An address has no spaces; what follows it begins with a colon, or with a space.
        let end = piece.find(char::is_whitespace).unwrap_or(piece.len());
        out.push_str(if piece[..end].ends_with("):") { ":" } else { "" });
        out.push_str(&piece[end..]);
    }
    out
}

/// What a background step does with a failure. The author decides at each `?`.
#[derive(Debug)]
pub enum Failure {
    /// Try again by the caller's schedule.
    Retry(anyhow::Error),
    /// Try again, but not before this long.
    RetryAfter(TimeDelta, anyhow::Error),
    /// Trying again cannot help.
    Permanent(anyhow::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_of_a_request_is_left() {
        for (text, left) in [
            (
                "a: error sending request for url (https://x/webhooks/7/tok(en)?a=b): broken pipe",
                "a: error sending request: broken pipe",
            ),
            ("decoding for url (https://x/tok)", "decoding"),
            ("one for url (https://x/tok): two for url (http://y/tok): three", "one: two: three"),
            ("nothing of the kind", "nothing of the kind"),
        ] {
            assert_eq!(without_addresses(text), left);
        }
        assert_eq!(chain(&anyhow::anyhow!("broken for url (https://x/tok)").context("telling")), "telling: broken");
    }
}
