//! What the doctor found, and how it reads: lines for a terminal, JSON for programs, text for an embed. Pure.

use serde::Serialize;
use serde_json::{Value, json};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Good,
    /// Works, or could not be looked at.
    Warning,
    Problem,
}

impl State {
    pub fn symbol(self) -> &'static str {
        match self {
            State::Good => "✅",
            State::Warning => "⚠️",
            State::Problem => "❌",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// `Discord`
    pub subject: &'static str,
    /// `Token`
    pub check: String,
    pub state: State,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    pub fn good(check: &str, text: impl Into<String>) -> Self {
        Self { subject: "", check: check.to_owned(), state: State::Good, text: text.into(), fix: None }
    }

    pub fn warning(check: &str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Warning, fix: Some(fix.into()), ..Self::good(check, text) }
    }

    pub fn problem(check: &str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Problem, fix: Some(fix.into()), ..Self::good(check, text) }
    }

    /// `❌ Discord · Token: refused. Fix: copy it again`
    pub fn line(&self) -> String {
        let Finding { subject, check, text, .. } = self;
        let mut line = format!("{} {subject} · {check}: {text}", self.state.symbol());
        if let Some(fix) = &self.fix {
            let dot = if line.ends_with(['.', '?', '!']) { "" } else { "." };
            line.push_str(&format!("{dot} Fix: {fix}"));
        }
        line
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn is_healthy(&self) -> bool {
        self.count(State::Problem) == 0
    }

    fn count(&self, state: State) -> usize {
        self.findings.iter().filter(|finding| finding.state == state).count()
    }

    /// `2 problems, 1 warning, 14 fine`
    pub fn summary(&self) -> String {
        let many = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        format!(
            "{}, {}, {} fine",
            many(self.count(State::Problem), "problem"),
            many(self.count(State::Warning), "warning"),
            self.count(State::Good)
        )
    }

    /// One line for each finding, and the summary.
    pub fn lines(&self) -> String {
        let lines: Vec<String> = self.findings.iter().map(Finding::line).collect();
        format!("{}\n\n{}.", lines.join("\n"), self.summary())
    }

    pub fn json(&self) -> Value {
        json!({ "healthy": self.is_healthy(), "findings": self.findings })
    }

    /// The lines, what is wrong first: so that it is what a limit does not cut off.
    pub fn worst_first(&self) -> String {
        let mut findings: Vec<&Finding> = self.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.state));
        findings.iter().map(|finding| finding.line()).collect::<Vec<_>>().join("\n")
    }
}
