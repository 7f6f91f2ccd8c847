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
/// How the line of the second colour is drawn, for who cannot tell colours.
const BROKEN: &str = r#"stroke-dasharray="9 6""#;
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

    /// What the first and the second colour stand for: the one a whole line, the other a broken one.
    fn lines(&mut self, y: f64, one: &str, other: &str) {
        let second = self.legend(32.0, y, one, |x| {
            format!(r##"<path d="M{x} {:.1}h28" stroke="{FIRST}" stroke-width="4"/>"##, y - 5.0)
        });
        self.legend(second, y, other, |x| {
            format!(r##"<path d="M{x} {:.1}h28" stroke="{SECOND}" stroke-width="4" {BROKEN}/>"##, y - 5.0)
        });
    }

    /// The same for bars, which have a letter.
    fn letters(&mut self, y: f64, one: &str, other: &str) {
        let square = |colour: &str, letter: &str, x: f64| {
            format!(
                r##"<rect x="{x}" y="{:.1}" width="22" height="18" rx="4" fill="{colour}"/><text x="{:.1}" y="{:.1}" font-size="13" font-weight="bold" text-anchor="middle" fill="{BACKGROUND}">{letter}</text>"##,
                y - 14.0,
                x + 11.0,
                y - 0.5
            )
        };
        let second = self.legend(32.0, y, one, |x| square(FIRST, "A", x));
        self.legend(second, y, other, |x| square(SECOND, "B", x));
    }

    /// A mark and what it stands for. Returns where the next one begins.
    fn legend(&mut self, x: f64, y: f64, text: &str, mark: impl Fn(f64) -> String) -> f64 {
        self.svg.push_str(&mark(x));
        self.text((x + 36.0, y), 15, "start", TEXT, text);
        x + 76.0 + LETTER * text.chars().count() as f64
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
