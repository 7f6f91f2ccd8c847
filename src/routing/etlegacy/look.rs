//! How numbers, times, sides and names are written, on cards and in answers to commands.

use crate::matches::report::{Feat, Honour, TeamNames, What};
use crate::matches::sum::Sum;
use crate::matches::team::Team;
use crate::routing::embed::{escape_at, fit};
use crate::source::etlegacy::Side;

/// Characters of a player's name.
const NAME: usize = 16;
/// Names of those who share a feat.
const NAMED: usize = 3;

pub const BLUE: u32 = 0x34_98DB;
pub const RED: u32 = 0xE7_4C3C;
pub const GOLD: u32 = 0xF1_C40F;
pub const BLURPLE: u32 = 0x58_65F2;
pub const GREY: u32 = 0x95_A5A6;

/// A player's name as it may stand inside a line.
pub fn name(name: &str) -> String {
    escape_at(&fit(name, NAME), false)
}

pub fn names(all: &[String]) -> String {
    all.iter().map(|one| name(one)).collect::<Vec<_>>().join(", ")
}

/// The first three of those who share something, and how many more.
pub fn some_names(all: &[String]) -> String {
    let left = all.len().saturating_sub(NAMED);
    let more = if left > 0 { format!(" and {left} more") } else { String::new() };
    format!("{}{more}", names(&all[..all.len() - left]))
}

/// `9:13`; a dash for what is not known.
pub fn clock(seconds: Option<u32>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{}:{:02}", seconds / 60, seconds % 60))
}

/// `1h 12m`, `9m`, `42s`
pub fn span(seconds: u32) -> String {
    match seconds {
        3600.. => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        60.. => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// Tenths of minutes as `8.5m`.
pub fn tenths(minutes: u32) -> String {
    format!("{}.{}m", minutes / 10, minutes % 10)
}

/// From a thousand on `1.2K`.
pub fn short(number: u32) -> String {
    match number {
        1_000_000.. => format!("{:.1}M", f64::from(number) / 1_000_000.0),
        1000.. => format!("{:.1}K", f64::from(number) / 1000.0),
        _ => number.to_string(),
    }
}

/// `1 map`, `2 maps`
pub fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// `12,345`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| "–".to_owned(), |rate| format!("{rate:.1}%"))
}

pub fn dpm(sum: &Sum) -> String {
    sum.dpm().map_or_else(|| "–".to_owned(), |dpm| format!("{dpm:.0}"))
}

/// 🥇🥈🥉, then digits.
pub fn medal(place: usize) -> String {
    const DIGITS: [&str; 9] = ["🥇", "🥈", "🥉", "4️⃣", "5️⃣", "6️⃣", "7️⃣", "8️⃣", "9️⃣"];
    DIGITS.get(place).map_or_else(|| format!("`{:>2}`", place + 1), |&medal| medal.to_owned())
}

pub fn side(side: Option<Side>) -> &'static str {
    match side {
        Some(Side::Axis) => "Axis",
        Some(Side::Allies) => "Allies",
        None => "unknown",
    }
}

/// What a team is called, as it may stand inside a line. Teams are people; sides change.
pub fn team(names: &TeamNames, team: Team) -> String {
    escape_at(names.of(team), false)
}

/// The mark of a team: one letter each, whatever they are called.
pub fn mark(team: Option<Team>) -> &'static str {
    match team {
        Some(Team::One) => "🅰️",
        Some(Team::Two) => "🅱️",
        None => "❓",
    }
}

/// `🅰️ Vikings`
pub fn heading(names: &TeamNames, of: Team) -> String {
    format!("{} {}", mark(Some(of)), team(names, of))
}

/// `Vikings **4–2** Slackers`
pub fn score(names: &TeamNames, (one, two): (u32, u32)) -> String {
    format!("{} **{one}–{two}** {}", team(names, Team::One), team(names, Team::Two))
}

/// ` 🔥 2x2 1x3`: how often how many at once; empty without any.
pub fn multikills(sum: &Sum) -> String {
    let some = sum.multikills.iter().zip(2..).filter(|(times, _)| **times > 0);
    let words: Vec<String> = some.map(|(times, kills)| format!("{times}x{kills}")).collect();
    if words.is_empty() { String::new() } else { format!(" 🔥 {}", words.join(" ")) }
}

/// `11/8/3 (1.38)`: kills, deaths, gibs.
pub fn kdg(sum: &Sum) -> String {
    format!("{}/{}/{} ({:.2})", sum.kills(), sum.deaths(), sum.gibs, sum.kd())
}

/// A weapon as people write it.
pub fn weapon(name: &str) -> String {
    let known = match name {
        "MP40" | "MP34" | "MG42" | "FG42" | "K43" => name,
        "KNIFE_KBAR" => "Ka-Bar",
        "GRENADELAUNCHER" => "Rifle Grenade",
        "MORTAR2" => "Mortar (Axis)",
        "KAR98" => "Kar98",
        "LUGER" => "Luger",
        "BROWNING" => "Browning",
        _ => return crate::routing::notice::capitalised(&name.to_lowercase()),
    };
    known.to_owned()
}

/// What a feat is called, and its value in its unit.
pub fn feat(feat: Feat, value: f64) -> (&'static str, String) {
    let whole = format!("{value:.0}");
    match feat {
        Feat::Kills => ("🔫 Most kills", whole),
        Feat::Dpm => ("💥 Highest DPM", whole),
        Feat::Damage => ("⚔️ Most damage", short(value as u32)),
        Feat::Accuracy => ("🎯 Best aim (light weapons)", percent(Some(value))),
        Feat::Headshots => ("🧠 Most headshots", whole),
        Feat::Revives => ("💉 Most revives", whole),
        Feat::Gibs => ("🦴 Most gibs", whole),
        Feat::Objectives => ("🚩 Most objectives", whole),
        Feat::Assists => ("🤝 Most assists", whole),
        Feat::Denied => ("⏳ Most playtime denied", span(value as u32)),
        Feat::UsefulKills => ("🕰️ Most useful kills", whole),
        Feat::KillingSpree => ("🔥 Longest killing spree", whole),
        Feat::Multikills => ("✨ Most multikills", whole),
        Feat::Revived => ("🧟 Most often revived", whole),
        Feat::SelfKills => ("☠️ Most selfkills", whole),
        Feat::TeamDamage => ("🙈 Most team damage", short(value as u32)),
        Feat::TimeDead => ("💀 Longest dead", percent(Some(value))),
    }
}

fn what(what: What) -> &'static str {
    match what {
        What::Kills => "kills",
        What::Damage => "damage",
        What::Headshots => "headshots",
        What::Revives => "revives",
        What::Spree => "killing spree",
        What::Rounds => "rounds",
        What::FastestAttack => "fastest attack",
    }
}

fn value(of: What, value: u32) -> String {
    if of == What::FastestAttack { clock(Some(value)) } else { grouped(value.into()) }
}

/// Lines about what was never so before, at most so many; what several reached, or one in several things, in one line each.
pub fn honours(all: &[Honour], most: usize) -> Vec<String> {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for (line, item) in all.iter().map(honour) {
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, items)) => items.push(item),
            None => lines.push((line, vec![item])),
        }
    }
    let left = lines.len().saturating_sub(most);
    let more = (left > 0).then(|| format!("… and {left} more"));
    let line = |(line, items): (String, Vec<String>)| format!("{line}: {}", items.join(", "));
    lines.into_iter().take(most).map(line).chain(more).collect()
}

/// What it is, and what is listed behind it.
fn honour(honour: &Honour) -> (String, String) {
    let bold = |player: &str| format!("**{}**", name(player));
    let bettered =
        |of: What, now: u32, before: u32| format!("{} **{}** (before {})", what(of), value(of, now), value(of, before));
    match honour {
        Honour::FirstRound { player } => ("👋 First rounds here".to_owned(), bold(player)),
        Honour::FirstOnMap { map } => {
            ("🗺️ Never played here before".to_owned(), format!("**{}**", escape_at(map, false)))
        }
        Honour::PersonalBest { player, what, value, before } => {
            (format!("📈 Personal best of **{}**", name(player)), bettered(*what, *value, *before))
        }
        Honour::MapRecord { map, players, what, value, before } => {
            let item = format!("{} by {}", bettered(*what, *value, *before), some_names(players));
            (format!("🏅 Record on **{}**", escape_at(map, false)), item)
        }
        Honour::Milestone { player, what: of, value: now, title } => {
            let title = title.as_deref().map(|title| format!(" (*{title}*)")).unwrap_or_default();
            (format!("🎖️ Passed {} {}{title}", value(*of, *now), what(*of)), bold(player))
        }
    }
}
