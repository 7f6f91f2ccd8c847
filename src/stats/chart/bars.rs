//! The players of a session: damage as a bar, damage per minute beside it, the teams by colour and letter.

use anyhow::Result;

use super::{Chart, Drawing, FIRST, PANEL, QUIET, SECOND, TEXT, drawn};
use crate::picture::fit;

const WIDTH: f64 = 900.0;
const HEAD: f64 = 132.0;
const LINE: f64 = 44.0;
const FOOT: f64 = 56.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 690.0;
const NAME: usize = 18;
/// A bar as long as that has room for the letter of its team.
const LETTERED: f64 = 28.0;

/// A player.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub name: String,
    /// Whether they are of the first team; `None`: of neither.
    pub is_first: Option<bool>,
    pub damage: u32,
    pub dpm: Option<f64>,
}

/// In their order.
pub async fn bars(title: &str, teams: (&str, &str), players: Vec<Bar>) -> Result<Chart> {
    drawn(svg(title, teams, &players), words(teams, &players)).await
}

fn words((one, other): (&str, &str), players: &[Bar]) -> String {
    let line = |bar: &Bar| {
        let team = match bar.is_first {
            Some(true) => format!(" ({one})"),
            Some(false) => format!(" ({other})"),
            None => String::new(),
        };
        let dpm = bar.dpm.map(|dpm| format!(", {dpm:.0} DPM")).unwrap_or_default();
        format!("{}{team}: {} damage{dpm}", bar.name, bar.damage)
    };
    format!("Damage and damage per minute. {}", players.iter().map(line).collect::<Vec<_>>().join("; "))
}

pub(super) fn svg(title: &str, (one, other): (&str, &str), players: &[Bar]) -> String {
    let height = HEAD + LINE * players.len() as f64 + FOOT;
    let quiet = "Damage given, and damage per minute of the rounds played";
    let mut drawing = Drawing::new(WIDTH as u32, height as u32, &fit(title, 50), quiet);
    drawing.letters(height - 22.0, one, other);
    drawing.text((LEFT, HEAD - 16.0), 14, "start", QUIET, "Damage");
    drawing.text((WIDTH - 32.0, HEAD - 16.0), 14, "end", QUIET, "DPM");
    let most = players.iter().map(|bar| bar.damage).max().unwrap_or_default().max(1);
    for (at, bar) in players.iter().enumerate() {
        let top = HEAD + LINE * at as f64;
        let base = top + 27.0;
        let fill = if at % 2 == 0 { PANEL } else { super::BACKGROUND };
        let (colour, letter) = match bar.is_first {
            Some(true) => (FIRST, "A"),
            Some(false) => (SECOND, "B"),
            None => (QUIET, ""),
        };
        let width = ((RIGHT - LEFT) * f64::from(bar.damage) / f64::from(most)).max(2.0);
        drawing.add(format_args!(
            r##"<rect x="20" y="{top}" width="{}" height="{LINE}" rx="8" fill="{fill}"/>
<rect x="{LEFT}" y="{}" width="{width:.1}" height="24" rx="5" fill="{colour}"/>"##,
            WIDTH - 40.0,
            top + 10.0
        ));
        drawing.text((32.0, base), 17, "start", TEXT, &fit(&bar.name, NAME));
        if width >= LETTERED {
            drawing.text((LEFT + 14.0, base), 14, "middle", super::BACKGROUND, letter);
        }
        let damage = crate::routing::etlegacy::look::grouped(bar.damage.into());
        drawing.text((LEFT + width + 10.0, base), 15, "start", TEXT, &damage);
        let dpm = bar.dpm.map_or_else(|| "–".to_owned(), |dpm| format!("{dpm:.0}"));
        drawing.text((WIDTH - 32.0, base), 18, "end", colour, &dpm);
    }
    drawing.end()
}
