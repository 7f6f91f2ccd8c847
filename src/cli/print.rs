//! How the command line shows steps and tables: plain text for people, JSON for programs.

use serde_json::{Value, json};

use crate::setup::{Outcome, StepResult};

/// Shows steps as they come, and remembers how they went.
#[derive(Default)]
pub struct Steps {
    json: Option<Vec<Value>>,
    topic: &'static str,
    pub failed: usize,
    pub changed: usize,
}

impl Steps {
    pub fn new(json: bool) -> Self {
        Self { json: json.then(Vec::new), ..Self::default() }
    }

    /// What the next steps are about.
    pub fn topic(&mut self, topic: &'static str) {
        if self.json.is_none() {
            println!("{}{topic}", if self.topic.is_empty() { "" } else { "\n" });
        }
        self.topic = topic;
    }

    pub fn told(&mut self, step: StepResult) {
        self.failed += usize::from(step.is_failure());
        self.changed += usize::from(step.outcome == Outcome::Changed);
        if let Some(all) = &mut self.json {
            all.push(json!({
                "topic": self.topic, "step": step.name, "outcome": step.outcome.as_str(),
                "said": step.said, "fix": step.fix,
            }));
            return;
        }
        println!("  {} {:<11}  {}", sign(step.outcome), step.name, step.said);
        if let Some(fix) = &step.fix {
            println!("    {:<11}  → {fix}", "");
        }
    }

    /// Prints all of them at once, when that is how they are wanted.
    pub fn finish(&self) {
        if let Some(all) = &self.json {
            print_json(&Value::from(all.clone()));
        }
    }
}

fn sign(outcome: Outcome) -> char {
    match outcome {
        Outcome::Fine => '✓',
        Outcome::Changed => '+',
        Outcome::Warning => '!',
        Outcome::Failed => '✗',
    }
}

pub fn print_json(value: &Value) {
    println!("{value:#}");
}

/// Columns as wide as their widest cell; the last one is not filled up.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut out = line(head.to_vec());
    for row in rows {
        out.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    out
}
