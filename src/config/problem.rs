//! What is wrong with a configuration, and where each value was set.

use std::fmt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The process environment.
    Environment,
    /// A line of the `.env` file (lines count from 1).
    EnvFile {
        file: String,
        line: usize,
    },
    /// A file named by `NAME_FILE`, and where that was set.
    SecretFile {
        path: String,
        named_in: Box<Origin>,
    },
    /// The table's default.
    Default,
    NotSet,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Environment => f.write_str("environment"),
            Origin::EnvFile { file, line } => write!(f, "{file}:{line}"),
            Origin::SecretFile { path, named_in } => write!(f, "file {path}, named in {named_in}"),
            Origin::Default => f.write_str("default"),
            Origin::NotSet => f.write_str("not set"),
        }
    }
}

/// One thing to mend. `text` continues the sentence that the variable's name begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Empty for a line of `.env` that has no name.
    pub variable: String,
    pub origin: Origin,
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.variable, &self.origin) {
            (name, origin) if name.is_empty() => write!(f, "{origin}: {}", self.text),
            (name, Origin::NotSet | Origin::Default) => write!(f, "{name}: {}", self.text),
            (name, origin) => write!(f, "{name} ({origin}): {}", self.text),
        }
    }
}

/// Everything that is wrong, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("The configuration has a problem:")?,
            n => write!(f, "The configuration has {n} problems:")?,
        }
        for problem in &self.0 {
            write!(f, "\n  - {problem}")?;
        }
        f.write_str("\nEvery variable is explained in .env.example.")
    }
}

impl std::error::Error for Problems {}
