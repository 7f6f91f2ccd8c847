//! How somebody has done from session to session: damage per minute on the left axis, kills per death on the right one.

use anyhow::Result;

use super::{Chart, Drawing, FIRST, GRID, QUIET, SECOND, ceiling, drawn};
use crate::picture::fit;
use crate::routing::etlegacy::look::counted;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 430.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 836.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 346.0;
/// Lines across.
const STEPS: u32 = 4;
/// Days below the axis.
const LABELS: usize = 6;
/// Sessions that are told in words.
const TOLD: usize = 10;

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The day.
    pub label: String,
    /// `None`: no round's length is known.
    pub dpm: Option<f64>,
    pub kd: f64,
}

pub async fn curve(name: &str, points: Vec<Point>) -> Result<Chart> {
    drawn(svg(name, &points), words(&points)).await
}

fn words(points: &[Point]) -> String {
    let of = |point: &Point| match point.dpm {
        Some(dpm) => format!("{}: {dpm:.0} DPM, K/D {:.2}", point.label, point.kd),
        None => format!("{}: K/D {:.2}", point.label, point.kd),
    };
    let left = points.len().saturating_sub(TOLD);
    let last: Vec<String> = points[left..].iter().map(of).collect();
    format!("Damage per minute and kills per death by session. {}", last.join("; "))
}

pub(super) fn svg(name: &str, points: &[Point]) -> String {
    let quiet = format!("Damage per minute and kills per death, {}", counted(points.len(), "session"));
    let mut drawing = Drawing::new(WIDTH as u32, HEIGHT as u32, &fit(name, 40), &quiet);
    drawing.lines(HEIGHT - 24.0, "DPM (left)", "K/D (right)");
    let most = |values: &mut dyn Iterator<Item = f64>| ceiling(values.fold(0.0, f64::max));
    let dpm_end = most(&mut points.iter().filter_map(|point| point.dpm));
    let kd_end = most(&mut points.iter().map(|point| point.kd));
    for step in 0..=STEPS {
        let share = f64::from(step) / f64::from(STEPS);
        let y = BOTTOM - share * (BOTTOM - TOP);
        drawing.add(format_args!(r##"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="{GRID}" stroke-width="1"/>"##));
        drawing.text((LEFT - 10.0, y + 5.0), 14, "end", FIRST, &format!("{:.0}", share * dpm_end));
        drawing.text((RIGHT + 10.0, y + 5.0), 14, "start", SECOND, &format!("{:.1}", share * kd_end));
    }
    for at in labelled(points.len()) {
        drawing.text((x(at, points.len()), BOTTOM + 26.0), 14, "middle", QUIET, &points[at].label);
    }
    let place = |at: usize, value: f64, end: f64| (x(at, points.len()), BOTTOM - value / end * (BOTTOM - TOP));
    let dpm = points.iter().enumerate().filter_map(|(at, point)| Some(place(at, point.dpm?, dpm_end)));
    line(&mut drawing, &dpm.collect::<Vec<_>>(), FIRST, true);
    let kd: Vec<(f64, f64)> = points.iter().enumerate().map(|(at, point)| place(at, point.kd, kd_end)).collect();
    line(&mut drawing, &kd, SECOND, false);
    drawing.end()
}

fn x(at: usize, count: usize) -> f64 {
    let inset = 18.0;
    let width = RIGHT - LEFT - 2.0 * inset;
    if count < 2 { (LEFT + RIGHT) / 2.0 } else { LEFT + inset + width * at as f64 / (count - 1) as f64 }
}

/// Evenly spread, the first and the last among them.
fn labelled(count: usize) -> Vec<usize> {
    let labels = LABELS.min(count);
    (0..labels).map(|label| if labels < 2 { 0 } else { label * (count - 1) / (labels - 1) }).collect()
}

fn line(drawing: &mut Drawing, places: &[(f64, f64)], colour: &str, filled: bool) {
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return };
    if filled && places.len() > 1 {
        drawing.add(format_args!(
            r##"<path d="M{:.1} {BOTTOM}L{}L{:.1} {BOTTOM}Z" fill="{colour}" fill-opacity="0.15"/>"##,
            first.0,
            path.join("L"),
            last.0
        ));
    }
    drawing.add(format_args!(
        r##"<path d="M{}" fill="none" stroke="{colour}" stroke-width="3" stroke-linejoin="round" {}/>"##,
        path.join("L"),
        if filled { "" } else { super::BROKEN }
    ));
    for (x, y) in places {
        drawing.add(format_args!(r##"<circle cx="{x:.1}" cy="{y:.1}" r="4" fill="{colour}"/>"##));
    }
}
