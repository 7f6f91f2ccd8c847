//! The card of a map: both rounds together.

use super::list;
use super::look::{GOLD, clock, counted, dpm, heading, honours, kdg, medal, name, percent, score, short, team};
use super::round::outcome;
use crate::matches::report::{MapReport, PlayerLine, Remark};
use crate::matches::team::Team;
use crate::routing::embed::{Embed, Footer, TITLE, escape, fit};
use crate::source::etlegacy::Side;

/// Players that are shown.
const TOP: usize = 5;
/// Lines about records.
const HONOURS: usize = 6;

pub(super) fn embed(report: &MapReport) -> Embed {
    let footer = Footer { text: format!("ET:Legacy · {}", report.match_id), ..Footer::default() };
    let embed = Embed {
        title: fit(&format!("🗺️ {} - Map Complete!", escape(&report.line.map.to_uppercase())), TITLE),
        description: description(report),
        color: GOLD,
        footer,
        ..Embed::default()
    };
    let embed = embed.field("📋 Overview", overview(report), false);
    let top = report.players.iter().enumerate().take(TOP).map(|(place, line)| player(place, line));
    let embed = list(embed, "🏆 Top 5 · side in round 1", top);
    let embed = [Team::One, Team::Two].into_iter().fold(embed, |embed, of| {
        let members = report.players.iter().filter(|line| line.team == Some(of)).map(|line| name(&line.name));
        embed.field(&heading(&report.called, of), fit(&members.collect::<Vec<_>>().join(", "), 400), true)
    });
    list(embed, "🏅 Records of the Map", honours(&report.honours, HONOURS))
}

fn description(report: &MapReport) -> String {
    let mut lines = vec![verdict(report)];
    for (round, number) in report.line.rounds.iter().zip(1..) {
        let time = format!("{} / {}", clock(round.elapsed), clock(Some(round.limit)));
        let who = report.line.attacked_first.map(|first| if number == 1 { first } else { first.other() });
        let who = who.map(|who| format!(" · {} attacked", team(&report.called, who))).unwrap_or_default();
        let doubt = if round.counts { "" } else { " · ⚠️ does not count" };
        lines.push(format!("**Round {number}:** {time} · {}{who}{doubt}", outcome(round.state)));
    }
    lines.push(format!("**Session so far:** {}", score(&report.called, report.score)));
    lines.join("\n")
}

/// Who has the points of a map.
fn verdict(report: &MapReport) -> String {
    let wins = |of, points, against| format!("🏆 **{} wins the map {points}–{against}**", team(&report.called, of));
    match report.line.points {
        Some((one, two)) if one > two => wins(Team::One, one, two),
        Some((one, two)) if two > one => wins(Team::Two, two, one),
        Some((one, two)) => format!("🤝 **Both held: {one}–{two}**"),
        None if report.line.rounds.iter().any(|round| !round.counts) => "⚠️ **Does not count**: no points".to_owned(),
        None => "❔ **What is known does not decide the map**".to_owned(),
    }
}

fn overview(report: &MapReport) -> String {
    let total = report.total();
    format!(
        "{} · {} · {} kills · {} deaths · K/D {:.2}\n{} damage · {} headshots · ACC {} (all weapons {})",
        counted(report.line.rounds.len(), "round"),
        counted(report.players.len(), "player"),
        total.kills(),
        total.deaths(),
        total.kd(),
        short(total.damage_given),
        total.headshots(),
        percent(total.accuracy()),
        percent(total.accuracy_of_all()),
    )
}

fn player(place: usize, line: &PlayerLine) -> String {
    let sum = &line.sum;
    let marker = marker(line);
    format!(
        "{} **{}** {marker} `{}` {} DPM {}⬆/{}⬇ ACC {} {} HS Rev {}↑",
        medal(place),
        name(&line.name),
        kdg(sum),
        dpm(sum),
        short(sum.damage_given),
        short(sum.damage_received),
        percent(sum.accuracy()),
        sum.headshots(),
        sum.revives_given,
    )
}

/// The side of round 1, which tells the teams apart: who plays on has the other one in round 2. Who changed teams between them has none.
fn marker(line: &PlayerLine) -> &'static str {
    match line.side {
        _ if line.remarks.contains(&Remark::Changed) => "[MIXED]",
        Some(Side::Axis) => "[AXIS]",
        Some(Side::Allies) => "[ALLIES]",
        None => "[UNK]",
    }
}
