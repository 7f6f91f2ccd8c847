//! Two people side by side. Each axis ends at the better of the two; the numbers stand beside it.

use std::f64::consts::TAU;

use anyhow::Result;

use super::{Chart, Drawing, FIRST, GRID, QUIET, SECOND, TEXT, drawn};
use crate::picture::fit;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 600.0;
const MIDDLE: (f64, f64) = (380.0, 330.0);
const RADIUS: f64 = 180.0;
const NAME: usize = 22;

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub label: &'static str,
    pub values: (f64, f64),
    /// With their units.
    pub texts: (String, String),
}

pub async fn radar(names: (String, String), axes: Vec<Axis>) -> Result<Chart> {
    drawn(svg((&names.0, &names.1), &axes), words((&names.0, &names.1), &axes)).await
}

fn words((one, other): (&str, &str), axes: &[Axis]) -> String {
    let axes: Vec<String> =
        axes.iter().map(|axis| format!("{}: {} to {}", axis.label, axis.texts.0, axis.texts.1)).collect();
    format!("{one} and {other} compared. {}", axes.join("; "))
}

pub(super) fn svg((one, other): (&str, &str), axes: &[Axis]) -> String {
    let (one, other) = (fit(one, NAME), fit(other, NAME));
    let quiet = "Each axis ends at the better of the two";
    let mut drawing = Drawing::new(WIDTH as u32, HEIGHT as u32, &format!("{one} and {other}"), quiet);
    drawing.lines(HEIGHT - 24.0, &one, &other);
    for ring in 1..=4 {
        let ring: Vec<(f64, f64)> = (0..axes.len()).map(|at| place(at, axes.len(), f64::from(ring) / 4.0)).collect();
        shape(&mut drawing, &ring, &format!(r##"fill="none" stroke="{GRID}" stroke-width="1""##));
    }
    for (at, axis) in axes.iter().enumerate() {
        let (x, y) = place(at, axes.len(), 1.0);
        drawing.add(format_args!(
            r##"<path d="M{} {}L{x:.1} {y:.1}" stroke="{GRID}" stroke-width="1"/>"##,
            MIDDLE.0, MIDDLE.1
        ));
        label(&mut drawing, at, axes.len(), axis);
    }
    for (which, colour) in [(0, FIRST), (1, SECOND)] {
        let share = |axis: &Axis| {
            let value = if which == 0 { axis.values.0 } else { axis.values.1 };
            let most = axis.values.0.max(axis.values.1);
            if most > 0.0 { (value / most).clamp(0.0, 1.0) } else { 0.0 }
        };
        let places: Vec<(f64, f64)> =
            axes.iter().enumerate().map(|(at, axis)| place(at, axes.len(), share(axis))).collect();
        let line = if which == 0 { "" } else { super::BROKEN };
        let style = format!(r##"fill="{colour}" fill-opacity="0.22" stroke="{colour}" stroke-width="3" {line}"##);
        shape(&mut drawing, &places, &style);
        for (x, y) in places {
            drawing.add(format_args!(r##"<circle cx="{x:.1}" cy="{y:.1}" r="4" fill="{colour}"/>"##));
        }
    }
    drawing.end()
}

/// From the middle, the first axis upwards.
fn place(at: usize, count: usize, share: f64) -> (f64, f64) {
    let angle = TAU * at as f64 / count.max(1) as f64 - TAU / 4.0;
    (MIDDLE.0 + RADIUS * share * angle.cos(), MIDDLE.1 + RADIUS * share * angle.sin())
}

fn shape(drawing: &mut Drawing, places: &[(f64, f64)], style: &str) {
    let points: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    drawing.add(format_args!(r##"<polygon points="{}" {style} stroke-linejoin="round"/>"##, points.join(" ")));
}

fn label(drawing: &mut Drawing, at: usize, count: usize, axis: &Axis) {
    let (x, y) = place(at, count, 1.13);
    let anchor = match x - MIDDLE.0 {
        off if off > 20.0 => "start",
        off if off < -20.0 => "end",
        _ => "middle",
    };
    // Above the middle both lines stand above the end of the axis.
    let y = if y < MIDDLE.1 - RADIUS * 0.8 { y - 16.0 } else { y };
    drawing.text((x, y), 15, anchor, QUIET, axis.label);
    let (one, other) = &axis.texts;
    let (one, other) = (crate::picture::escape(one), crate::picture::escape(other));
    drawing.add(format_args!(
        r##"<text x="{x:.1}" y="{:.1}" font-size="16" font-weight="bold" text-anchor="{anchor}"><tspan fill="{FIRST}">{one}</tspan><tspan fill="{TEXT}"> · </tspan><tspan fill="{SECOND}">{other}</tspan></text>"##,
        y + 20.0
    ));
}
