//! Charts of match statistics, for people who read in the dark. Each is a picture and the same as text, which is what who cannot
//! see it is told.

mod bars;
mod curve;
mod radar;

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

pub use bars::{Bar, bars};
pub use curve::{Point, curve};
pub use radar::{Axis, radar};

use crate::picture::{escape, png};

const BACKGROUND: &str = "#1e1f29";
const PANEL: &str = "#262838";
const GRID: &str = "#3a3d54";
const TEXT: &str = "#ffffff";
/// Width of a letter of legends, more or less.
const LETTER: f64 = 9.5;
const QUIET: &str = "#b3b6cc";
/// Told apart by people who see few colours, too.
const FIRST: &str = "#5aa9ff";
const SECOND: &str = "#ffb454";

/// A picture, and what it shows in words.
#[derive(Clone, Debug)]
pub struct Chart {
    pub png: Vec<u8>,
    pub words: String,
}

/// A drawing that is under way.
struct Drawing {
    svg: String,
}

impl Drawing {
    fn new(width: u32, height: u32, title: &str, quiet: &str) -> Drawing {
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="DejaVu Sans">
<rect width="{width}" height="{height}" rx="18" fill="{BACKGROUND}"/>"##
        );
        let _ = write!(
            svg,
            r##"<text x="32" y="46" font-size="24" font-weight="bold" fill="{TEXT}">{}</text>
<text x="32" y="74" font-size="15" fill="{QUIET}">{}</text>"##,
            escape(title),
            escape(quiet)
        );
        Drawing { svg }
    }

    fn add(&mut self, svg: std::fmt::Arguments<'_>) {
        let _ = self.svg.write_fmt(svg);
    }

    /// `anchor`: start, middle or end.
    fn text(&mut self, (x, y): (f64, f64), size: u32, anchor: &str, colour: &str, text: &str) {
        let text = escape(text);
        self.add(format_args!(
            r##"<text x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{text}</text>"##
        ));
    }

    /// Squares of colours beside each other, each with what it stands for.
    fn legends(&mut self, y: f64, all: [(&str, &str); 2]) {
        let mut x = 32.0;
        for (colour, text) in all {
            self.legend((x, y), colour, text);
            x += 60.0 + LETTER * text.chars().count() as f64;
        }
    }

    /// A square of a colour and what it stands for.
    fn legend(&mut self, (x, y): (f64, f64), colour: &str, text: &str) {
        self.add(format_args!(
            r##"<rect x="{x}" y="{:.1}" width="14" height="14" rx="3" fill="{colour}"/>"##,
            y - 12.0
        ));
        self.text((x + 22.0, y), 15, "start", TEXT, text);
    }

    fn end(mut self) -> String {
        self.svg.push_str("</svg>");
        self.svg
    }
}

/// Drawn beside the other work.
async fn drawn(svg: String, words: String) -> Result<Chart> {
    let png = tokio::task::spawn_blocking(move || png(&svg)).await.context("drawing a chart")??;
    Ok(Chart { png, words })
}

/// A round number at or above a value: where an axis ends.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let unit = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * unit).find(|end| *end >= value).unwrap_or(10.0 * unit)
}
