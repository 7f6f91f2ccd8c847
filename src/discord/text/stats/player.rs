//! A career, and two of them side by side.

use super::frame;
use crate::matches::rating::{Confidence, Rating};
use crate::matches::sum::Sum;
use crate::routing::embed::{Embed, Footer, escape, fit};
use crate::routing::etlegacy::list;
use crate::routing::etlegacy::look::{clock, counted, dpm, grouped, name, percent, short, span, weapon};
use crate::stats::career::Career;
use crate::stats::chart::{Axis, Point};
use crate::store::stats::sums::Summed;

const WEAPONS: usize = 3;
const SESSIONS: usize = 3;
const MAPS: usize = 3;
const ALIASES: usize = 3;
/// What kills and rounds are celebrated at, as the older tool has it.
const KILLS: [(u32, &str); 6] = [
    (100, "First Blood Century"),
    (500, "Killing Machine"),
    (1000, "Thousand Killer"),
    (2500, "Elite Warrior"),
    (5000, "Death Incarnate"),
    (10_000, "Legendary Slayer"),
];
const KD: [f64; 4] = [1.0, 1.5, 2.0, 3.0];
const ROUNDS_FOR_KD: u32 = 20;

pub fn career(of: &Career, map: Option<&str>) -> Embed {
    let sum = &of.sum;
    let on = map.map(|map| format!(" on {}", escape(map))).unwrap_or_default();
    let aliases: Vec<&str> = of
        .aliases
        .iter()
        .map(|alias| alias.name.as_str())
        .filter(|alias| *alias != of.who.name)
        .take(ALIASES)
        .collect();
    let also = if aliases.is_empty() { String::new() } else { format!(" · also {}", aliases.join(", ")) };
    let footer = Footer { text: fit(&format!("GUID {}{also}", of.who.guid), 200), ..Footer::default() };
    let embed = Embed { footer, ..frame(format!("📈 {}{on}", escape(&fit(&of.who.name, 40)))) };
    if sum.rounds == 0 {
        return Embed { description: super::NO_ROUNDS.to_owned(), ..embed };
    }
    let embed = embed
        .field("🎮 Career", overview(sum, of.sessions.len()), true)
        .field("⚔️ Combat", combat(sum), true)
        .field("🎯 Performance", performance(sum), true)
        .field("🏅 Rating", rating(&of.rating, of.rank), true)
        .field("🤝 Team", teamplay(sum), true);
    let embed = list(
        embed,
        "🔫 Weapons",
        of.weapons.iter().filter(|one| one.counts.kills > 0).take(WEAPONS).map(|one| {
            let name = one.weapon.name().map_or_else(|| format!("Weapon {}", one.weapon.bit()), weapon);
            let aim = (one.weapon.is_light() && one.counts.shots > 0).then(|| {
                format!(" · ACC {}", percent(Some(f64::from(one.counts.hits) * 100.0 / f64::from(one.counts.shots))))
            });
            format!(
                "**{name}** {} kills, {} headshots{}",
                one.counts.kills,
                one.counts.headshots,
                aim.unwrap_or_default()
            )
        }),
    );
    let embed = list(
        embed,
        "📅 Last Sessions",
        of.sessions.iter().rev().take(SESSIONS).map(|one| line(day(&one.key), &one.sum)),
    );
    let embed = match map {
        None => list(embed, "🗺️ Maps", of.maps.iter().take(MAPS).map(|one| line(&escape(&one.key), &one.sum))),
        Some(_) => embed,
    };
    list(embed, "🎖️ Achievements", achievements(sum))
}

fn line(what: &str, sum: &Sum) -> String {
    format!("**{what}** {} rounds · K/D {:.2} · {} DPM · {} kills", sum.rounds, sum.kd(), dpm(sum), sum.kills())
}

fn day(key: &str) -> &str {
    key.get(..10).unwrap_or(key)
}

fn overview(sum: &Sum, sessions: usize) -> String {
    format!(
        "{} rounds in {}\nK/D **{:.2}**\nDPM **{}**\nPlayed {}",
        grouped(sum.rounds.into()),
        counted(sessions, "session"),
        sum.kd(),
        dpm(sum),
        span(sum.played.saturating_mul(6)),
    )
}

fn combat(sum: &Sum) -> String {
    format!(
        "{} kills · {} deaths\n{} damage given\n{} damage received\n{} gibs · {} headshots",
        grouped(sum.kills().into()),
        grouped(sum.deaths().into()),
        short(sum.damage_given),
        short(sum.damage_received),
        grouped(sum.gibs.into()),
        grouped(sum.headshots().into()),
    )
}

fn performance(sum: &Sum) -> String {
    format!(
        "ACC **{}** (light weapons)\nall weapons {}\nHeadshot rate {}\nEfficiency {}\nBest spree {}",
        percent(sum.accuracy()),
        percent(sum.accuracy_of_all()),
        percent(sum.headshot_rate()),
        percent(sum.efficiency()),
        sum.killing_spree,
    )
}

fn teamplay(sum: &Sum) -> String {
    format!(
        "{} revives · {} times revived\n{} assists\nTeam damage {}\nDead {} of the time",
        grouped(sum.revives_given.into()),
        grouped(sum.times_revived.into()),
        grouped(sum.assists.into()),
        percent(sum.team_damage_rate()),
        percent(sum.dead_rate()),
    )
}

/// A rating with how sure it is.
pub fn rating(rating: &Rating, rank: Option<(usize, usize)>) -> String {
    let Some((rank, of)) = rank else { return "no map with a result yet".to_owned() };
    let draws = rating.maps - rating.won - rating.lost;
    format!(
        "{}\n#{rank} of {of}\n{} maps: {} won, {} lost, {draws} even",
        rating_short(rating),
        rating.maps,
        rating.won,
        rating.lost
    )
}

/// `**1582** ± 140 (settled)`
pub fn rating_short(rating: &Rating) -> String {
    format!("**{:.0}** ± {:.0} ({})", rating.points(), rating.deviation(), confidence(rating.confidence()))
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Open => "still open",
        Confidence::Forming => "forming",
        Confidence::Settled => "settled",
    }
}

/// What was reached, and what comes next.
fn achievements(sum: &Sum) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((mark, title)) = KILLS.into_iter().rfind(|(mark, _)| sum.kills() >= *mark) {
        lines.push(format!("🎖️ **{title}** ({} kills)", grouped(mark.into())));
    }
    if let Some((mark, title)) = KILLS.into_iter().find(|(mark, _)| sum.kills() < *mark) {
        lines.push(format!("▫️ {title}: {} of {} kills", grouped(sum.kills().into()), grouped(mark.into())));
    }
    if let Some(mark) = KD.into_iter().rfind(|mark| sum.rounds >= ROUNDS_FOR_KD && sum.kd() >= *mark) {
        lines.push(format!("🎖️ K/D of {mark:.1} over {} rounds", sum.rounds));
    }
    lines
}

/// The sessions of a career as a chart has them.
pub fn points(of: &Career, most: usize) -> Vec<Point> {
    let left = of.sessions.len().saturating_sub(most);
    let point = |one: &Summed| Point {
        label: one.key.get(2..10).unwrap_or(&one.key).to_owned(),
        dpm: one.sum.dpm(),
        kd: one.sum.kd(),
    };
    of.sessions[left..].iter().map(point).collect()
}

/// Two careers side by side.
pub fn compared(one: &Career, other: &Career) -> Embed {
    let title = format!("⚖️ {} and {}", name(&one.who.name), name(&other.who.name));
    let embed = frame(title);
    if one.sum.rounds == 0 || other.sum.rounds == 0 {
        return Embed { description: super::NO_ROUNDS.to_owned(), ..embed };
    }
    let line = |axis: Axis| {
        let (own, their) = &axis.texts;
        let mark = match axis.values.0.total_cmp(&axis.values.1) {
            std::cmp::Ordering::Greater => "🟦",
            std::cmp::Ordering::Less => "🟧",
            std::cmp::Ordering::Equal => "▫️",
        };
        format!("{mark} {}: **{own}** · **{their}**", axis.label)
    };
    let about = |of: &Career, mark: &str| {
        format!("{mark} **{}**: {} rounds, rating {}", name(&of.who.name), of.sum.rounds, rating_short(&of.rating))
    };
    let description = format!("{}\n{}", about(one, "🟦"), about(other, "🟧"));
    list(Embed { description, ..embed }, "Compared", axes(one, other).into_iter().map(line))
}

pub fn axes(one: &Career, other: &Career) -> Vec<Axis> {
    let (a, b) = (&one.sum, &other.sum);
    let axis = |label, of: fn(&Sum) -> Option<f64>, text: fn(f64) -> String| {
        let values = (of(a).unwrap_or_default(), of(b).unwrap_or_default());
        let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), text);
        Axis { label, values, texts: (shown(of(a)), shown(of(b))) }
    };
    let a_round = |number: u32, sum: &Sum| (sum.rounds > 0).then(|| f64::from(number) / f64::from(sum.rounds));
    let per_round = |label, of: fn(&Sum) -> u32| {
        let (own, their) = (a_round(of(a), a), a_round(of(b), b));
        let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
        Axis { label, values: (own.unwrap_or_default(), their.unwrap_or_default()), texts: (shown(own), shown(their)) }
    };
    let two = |value: f64| format!("{value:.2}");
    let whole = |value: f64| format!("{value:.0}");
    let rate = |value: f64| percent(Some(value));
    vec![
        axis("K/D", |sum| Some(sum.kd()), two),
        axis("DPM", Sum::dpm, whole),
        axis("Accuracy", Sum::accuracy, rate),
        axis("Headshot rate", Sum::headshot_rate, rate),
        per_round("Revives a round", |sum| sum.revives_given),
        axis("Efficiency", Sum::efficiency, rate),
        per_round("Gibs a round", |sum| sum.gibs),
    ]
}

/// When a round was played to its end, in words.
pub fn length(seconds: Option<i32>) -> String {
    clock(seconds.and_then(|seconds| u32::try_from(seconds).ok()))
}
