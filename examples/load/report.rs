//! What was measured: a table for people, JSON for programs.

use std::fmt::{self, Display};
use std::time::Duration;

use serde_json::{Map, Value, json};

/// Rows of named figures under a title, and notes below.
pub struct Report {
    title: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Report {
    pub fn new(title: &'static str, columns: &'static [&'static str]) -> Self {
        Self { title, columns, rows: Vec::new(), notes: Vec::new() }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        eprintln!("{}", cells.join("  "));
        self.rows.push(cells);
    }

    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    pub fn json(&self) -> String {
        let row = |cells: &Vec<String>| -> Map<String, Value> {
            let number = |cell: &String| cell.replace(' ', "").parse::<f64>().map_or(json!(cell), |n| json!(n));
            self.columns.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), number(cell))).collect()
        };
        let rows: Vec<_> = self.rows.iter().map(row).collect();
        let all = json!({ "title": self.title, "cores": cores(), "rows": rows, "notes": self.notes });
        format!("{all:#}\n")
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.columns[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(wide).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded = cells.zip(&widths).enumerate().map(|(n, (cell, width))| match n {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            padded.collect::<Vec<_>>().join("  ")
        };
        writeln!(f, "\n{} ({} cores)\n", self.title, cores())?;
        writeln!(f, "{}", line(&mut self.columns.iter().copied()))?;
        for row in &self.rows {
            writeln!(f, "{}", line(&mut row.iter().map(String::as_str)))?;
        }
        for note in &self.notes {
            writeln!(f, "\n{note}")?;
        }
        Ok(())
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `12 345`
pub fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

pub fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

/// The value below which this share of the sorted times lies.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
