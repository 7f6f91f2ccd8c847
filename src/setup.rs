//! Setting up a connection step by step: each step says what it found or did, and the way out when it failed.
//! The command line and the slash commands show the same steps; nothing is printed here.
//!
//! Every step may be repeated: what is right already is left alone, and said so.

pub mod discord;
pub mod party;
pub mod xtsystems;

mod text;

/// What a step found or did. The texts hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepResult {
    /// One or two words, at most 12 characters.
    pub name: String,
    pub outcome: Outcome,
    pub said: String,
    pub fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Right already; nothing was changed.
    Fine,
    /// Right now; something was created or changed.
    Changed,
    /// It may work, and there is something to look at.
    Warning,
    Failed,
}

impl Outcome {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Fine => "fine",
            Outcome::Changed => "changed",
            Outcome::Warning => "warning",
            Outcome::Failed => "failed",
        }
    }
}

impl StepResult {
    fn new(name: impl Into<String>, outcome: Outcome, said: impl Into<String>) -> Self {
        Self { name: name.into(), outcome, said: said.into(), fix: None }
    }

    pub fn fine(name: impl Into<String>, said: impl Into<String>) -> Self {
        Self::new(name, Outcome::Fine, said)
    }

    pub fn changed(name: impl Into<String>, said: impl Into<String>) -> Self {
        Self::new(name, Outcome::Changed, said)
    }

    pub fn warning(name: impl Into<String>, said: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(name, Outcome::Warning, said) }
    }

    pub fn failed(name: impl Into<String>, said: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(name, Outcome::Failed, said) }
    }

    pub fn is_failure(&self) -> bool {
        self.outcome == Outcome::Failed
    }
}

/// Takes each step when it is done.
pub type Told<'a> = &'a mut (dyn FnMut(StepResult) + Send);
