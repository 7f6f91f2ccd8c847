//! The card of a session: score, maps, teams, who stood out.

use super::list;
use super::look::{
    BLURPLE, GREY, clock, counted, dpm, feat, heading, honours, kdg, mark, medal, name, names, percent, score, short,
    some_names, span, team, weapon,
};
use crate::matches::outcome::StopwatchState;
use crate::matches::report::{Maker, MapLine, PlayerLine, SessionReport, TeamLine, WeaponLine};
use crate::matches::team::Team;
use crate::routing::embed::{Button, ButtonStyle, Embed, Footer, TITLE, escape, fit};

const PLAYERS: usize = 8;
const WEAPONS: usize = 5;
const MAKERS: usize = 10;
const HONOURS: usize = 10;

/// What the card of a session shows.
pub fn embed(report: &SessionReport) -> Embed {
    let title = if report.is_over { "📊 Session Summary" } else { "🟢 Session Under Way" };
    let embed = Embed {
        title: fit(&format!("{title}: {}", escape(report.day())), TITLE),
        description: description(report),
        color: if report.players.is_empty() { GREY } else { BLURPLE },
        footer: Footer { text: format!("ET:Legacy · session {}", report.stem), ..Footer::default() },
        ..Embed::default()
    };
    let (one, two) = (team(&report.called, Team::One), team(&report.called, Team::Two));
    let maps = format!("🗺️ Maps · points of {one} – {two}, times of both attacks");
    let embed = list(embed, &maps, report.maps.iter().zip(1..).map(map));
    let teams = report.teams.iter().filter(|_| !report.players.is_empty());
    let embed = teams.fold(embed, |embed, of| embed.field(&heading(&report.called, of.team), team_words(of), true));
    let top = report.players.iter().enumerate().take(PLAYERS);
    let embed = list(embed, "🏆 Players", top.map(|(place, line)| player(place, line)));
    let embed = list(embed, "🏅 Firsts and Records", honours(&report.honours, HONOURS));
    let embed = list(embed, "🎖️ Session Awards", report.makers.iter().take(MAKERS).map(maker));
    list(embed, "🔫 Weapon Mastery", report.weapons.iter().take(WEAPONS).map(mastery))
}

/// Leads to the views of `/stats session`.
pub(super) fn buttons(stem: &str) -> Vec<Button> {
    let button = |view: &str, label: &str, emoji| Button {
        custom_id: format!("v1:stats:session:{view}:{stem}"),
        label: label.to_owned(),
        emoji: Some(emoji),
        style: ButtonStyle::Secondary,
    };
    vec![
        button("top", "Top", "🏆"),
        button("teams", "Teams", "👥"),
        button("weapons", "Weapons", "🔫"),
        button("awards", "Awards", "🎖️"),
        button("graphs", "Graphs", "📈"),
    ]
}

fn description(report: &SessionReport) -> String {
    let (one, two) = report.score;
    let points = score(&report.called, report.score);
    let score = match (one.cmp(&two), one + two) {
        (_, 0) => "❔ No map is decided yet".to_owned(),
        (std::cmp::Ordering::Greater, _) => format!("🏆 **{}** · {points}", team(&report.called, Team::One)),
        (std::cmp::Ordering::Less, _) => format!("🏆 **{}** · {points}", team(&report.called, Team::Two)),
        (std::cmp::Ordering::Equal, _) => format!("🤝 **Even** · {points}"),
    };
    let counts = |map: &&MapLine| map.rounds.iter().all(|round| round.counts);
    let undecided = report.maps.iter().filter(counts).filter(|map| map.points.is_none()).count();
    let seconds = u32::try_from((report.ended - report.began).num_seconds()).unwrap_or_default();
    let mut lines = vec![
        score,
        format!(
            "{} · {} · {} · {}",
            counted(report.maps.len(), "map"),
            counted(report.rounds as usize, "round"),
            counted(report.players.len(), "player"),
            span(seconds)
        ),
    ];
    if undecided > 0 {
        lines.push(format!("❔ {} without points: what is known does not decide it", counted(undecided, "map")));
    }
    if report.left_out > 0 {
        lines.push(format!("⚠️ {} left out: not valid", counted(report.left_out as usize, "round")));
    }
    lines.join("\n")
}

/// A line about a map.
pub fn map((line, number): (&MapLine, u32)) -> String {
    let points = match line.points {
        Some((one, two)) => format!("**{one}–{two}**"),
        None if line.rounds.iter().any(|round| !round.counts) => "⚠️ does not count:".to_owned(),
        None => "**?**".to_owned(),
    };
    let times = line.rounds.iter().map(|round| match round.state {
        Some(StopwatchState::FullHold) => format!("{} held", clock(Some(round.limit))),
        Some(StopwatchState::TimeSet) => clock(round.elapsed),
        None => "–".to_owned(),
    });
    let missing = (line.rounds.len() < 2).then(|| "round 2 missing".to_owned());
    let first = match line.attacked_first {
        Some(Team::One) => "A attacked first: ",
        Some(Team::Two) => "B attacked first: ",
        None => "",
    };
    let times: Vec<String> = times.chain(missing).collect();
    format!("`{number}.` {points} {} · {first}{}", escape(&line.map), times.join(" / "))
}

fn team_words(of: &TeamLine) -> String {
    if of.players.is_empty() {
        return "–".to_owned();
    }
    let mvp = of.mvp.as_deref().map(|mvp| format!("\n⭐ MVP **{}**", name(mvp))).unwrap_or_default();
    let sum = &of.sum;
    format!(
        "{}{mvp}\n{} kills · {} deaths · K/D {:.2}\n{} damage · {} revives · ACC {}",
        fit(&names(&of.players), 400),
        sum.kills(),
        sum.deaths(),
        sum.kd(),
        short(sum.damage_given),
        sum.revives_given,
        percent(sum.accuracy()),
    )
}

fn player(place: usize, line: &PlayerLine) -> String {
    let sum = &line.sum;
    format!(
        "{} **{}** {} `{}` **{}** DPM {}⬆/{}⬇ ACC {} {} HS Rev {}↑",
        medal(place),
        name(&line.name),
        mark(line.team),
        kdg(sum),
        dpm(sum),
        short(sum.damage_given),
        short(sum.damage_received),
        percent(sum.accuracy()),
        sum.headshots(),
        sum.revives_given,
    )
}

fn maker(maker: &Maker) -> String {
    let (what, value) = feat(maker.what, maker.value);
    format!("{what}: **{}** {value}", some_names(&maker.players))
}

/// A line about a weapon.
pub fn mastery(line: &WeaponLine) -> String {
    let counts = line.counts;
    let rate = (line.is_light && counts.shots > 0).then(|| f64::from(counts.hits) * 100.0 / f64::from(counts.shots));
    let aim = rate.map(|rate| format!(" · ACC {}", percent(Some(rate)))).unwrap_or_default();
    let (what, kills) = (weapon(&line.weapon), counts.kills);
    format!("**{what}** {kills} kills{aim} · most by **{}** ({})", name(&line.master), line.master_counts.kills)
}
