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
