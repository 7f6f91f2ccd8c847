//! `config show`: every variable with its value and where that came from. Secrets are masked.

use std::fmt::Write as _;

use super::problem::Origin;
use super::variable::SECTIONS;
use super::{Loaded, Setting};

/// The text for a person; one block per section, one line per variable.
pub fn show(loaded: &Loaded) -> String {
    let mut out = String::new();
    for section in SECTIONS {
        let _ = writeln!(out, "{}# {}", if out.is_empty() { "" } else { "\n" }, section.title);
        let of_section = |s: &&Setting| section.variables.iter().any(|v| v.name == s.name);
        for setting in loaded.settings.iter().filter(of_section) {
            let _ = match &setting.origin {
                Origin::NotSet => writeln!(out, "{} (not set)", setting.name),
                origin => writeln!(out, "{}={} ({origin})", setting.name, setting.shown),
            };
        }
    }
    for warning in &loaded.warnings {
        let _ = write!(out, "\nwarning: {warning}");
    }
    if !loaded.warnings.is_empty() {
        out.push('\n');
    }
    out
}
