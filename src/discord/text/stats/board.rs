//! Lists: leaders, rounds, records, awards, meetings.

use super::player::{length, rating_short};
use super::{frame, page};
use crate::matches::leaderboard::{Kind, PER_PAGE};
use crate::matches::rating::Rating;
use crate::routing::embed::{Embed, Footer, escape, fit};
use crate::routing::etlegacy::list;
use crate::routing::etlegacy::look::{clock, dpm, feat, grouped, medal, name, percent, side};
use crate::source::etlegacy::Side;
use crate::stats::board::{Board, Leader, Span};
use crate::stats::career::Encounters;
use crate::stats::day;
use crate::stats::people::Named;
use crate::store::stats::award::{AwardCount, Duel};
use crate::store::stats::fastest::Fastest;
use crate::store::stats::record::Best;
use crate::store::stats::round::{Matchup, StatsRound};

fn title(by: Board) -> &'static str {
    match by {
        Board::Rating => "Rating",
        Board::Kind(Kind::Kills) => "Kills",
        Board::Kind(Kind::KillDeath) => "K/D",
        Board::Kind(Kind::DamagePerMinute) => "Damage per Minute",
        Board::Kind(Kind::Accuracy) => "Accuracy (light weapons)",
        Board::Kind(Kind::Headshots) => "Headshot Rate",
        Board::Kind(Kind::Games) => "Rounds Played",
        Board::Kind(Kind::Revives) => "Revives",
        Board::Kind(Kind::Gibs) => "Gibs",
        Board::Kind(Kind::Objectives) => "Objectives",
        Board::Kind(Kind::Efficiency) => "Efficiency",
        Board::Kind(Kind::Teamwork) => "Teamwork (least team damage)",
        Board::Kind(Kind::Multikills) => "Multikills",
        Board::Kind(Kind::Grenades) => "Grenades (hits per kill)",
    }
}

/// What is needed to be on a list.
fn gate(by: Board) -> &'static str {
    match by {
        Board::Rating => "from 3 maps with a result; ranked by what the strength is at least (three deviations below)",
        Board::Kind(Kind::Accuracy) => "from 51 rounds and 1,001 shots",
        Board::Kind(Kind::Headshots) => "from 51 rounds and 501 kills",
        Board::Kind(kind) if kind.is_rate() => "from 51 rounds",
        Board::Kind(_) => "from 11 rounds",
    }
}

fn value(by: Board, leader: &Leader) -> String {
    let Board::Kind(kind) = by else { return rating_short(&leader.rating) };
    match kind {
        Kind::KillDeath => format!("**{:.2}**", leader.value),
        Kind::DamagePerMinute => format!("**{:.0}** DPM", leader.value),
        Kind::Accuracy | Kind::Headshots | Kind::Efficiency | Kind::Teamwork => {
            format!("**{}**", percent(Some(leader.value)))
        }
        Kind::Grenades => {
            let fire = if leader.value >= 3.0 { " 🔥" } else { "" };
            format!("**{:.2}**{fire}", leader.value)
        }
        _ => format!("**{}**", grouped(leader.value as u64)),
    }
}

fn beside(by: Board, leader: &Leader) -> String {
    let sum = &leader.player.sum;
    match by {
        Board::Rating => format!("{} maps, {} won", leader.rating.maps, leader.rating.won),
        Board::Kind(Kind::Games) => format!("K/D {:.2}", sum.kd()),
        Board::Kind(Kind::KillDeath) => format!("{} rounds, {} DPM", sum.rounds, dpm(sum)),
        Board::Kind(_) => format!("{} rounds, K/D {:.2}", sum.rounds, sum.kd()),
    }
}

/// `, 2026-Q1 Spring`: since when, behind the title of a list.
pub fn when(span: Span, today: chrono::NaiveDate) -> String {
    match span {
        Span::All => String::new(),
        Span::Season => format!(", {}", day::season_name(day::season(today))),
        Span::Month => ", 30 days".to_owned(),
    }
}

/// A page of leaders; `at` counts from 0.
pub fn leaders(by: Board, when: &str, map: Option<&str>, leaders: &[Leader], at: usize) -> Embed {
    let on = map.map(|map| format!(" on {}", escape(map))).unwrap_or_default();
    let embed = frame(format!("🏆 {}{on}{when}", title(by)));
    if leaders.is_empty() {
        let where_played = if map.is_some() { " on it" } else { "" };
        let description = format!("Nobody has played enough{where_played} yet to be on this list: {}.", gate(by));
        return Embed { description, ..embed };
    }
    let shown = leaders.iter().enumerate().skip(at * PER_PAGE).take(PER_PAGE);
    let lines = shown.map(|(place, leader)| {
        format!("{} **{}** {} · {}", medal(place), name(&leader.name), value(by, leader), beside(by, leader))
    });
    let footer = Footer { text: format!("{} · {}", page(at, pages(leaders.len())), gate(by)), ..Footer::default() };
    Embed { description: lines.collect::<Vec<_>>().join("\n"), footer, ..embed }
}

/// How many pages so many lines fill; one at least.
pub fn pages(lines: usize) -> usize {
    lines.div_ceil(PER_PAGE).max(1)
}

/// A page of rounds, the newest first.
pub fn rounds(title: &str, rounds: &[StatsRound], at: usize) -> Embed {
    let embed = frame(format!("📜 Rounds{title}"));
    if rounds.is_empty() {
        return Embed { description: "No such rounds were played.".to_owned(), ..embed };
    }
    let footer = Footer { text: format!("{} · page {}", super::FOOTER, at + 1), ..Footer::default() };
    Embed { description: rounds.iter().map(round).collect::<Vec<_>>().join("\n"), footer, ..embed }
}

fn round(round: &StatsRound) -> String {
    let (limit, took) = (length(Some(round.limit_seconds)), length(round.elapsed_seconds));
    let outcome = match round.outcome.as_deref() {
        Some("full_hold") => format!("held {limit}"),
        Some("time_set") => format!("{took} / {limit}"),
        _ => "not known".to_owned(),
    };
    let winner = side(round.winner.and_then(|winner| Side::new(winner.into())));
    let points = round.points_one.zip(round.points_two);
    let points = points.map(|(one, two)| format!(" · map {one}–{two}")).unwrap_or_default();
    let doubt =
        if round.invalid.is_empty() { String::new() } else { format!(" · ⚠️ {}", reasons(&round.invalid)) };
    format!(
        "<t:{}:f> **{}** R{} · {winner} · {outcome} · {} players{points}{doubt}",
        round.ended_at.timestamp(),
        escape(&round.map),
        round.round,
        round.players
    )
}

fn reasons(invalid: &[String]) -> String {
    let word = |why: &String| match why.as_str() {
        "filler_map" => "filler map",
        "bots" => "bots",
        "orphan" => "round 1 missing",
        "replaced" => "played again",
        _ => "does not count",
    };
    invalid.iter().map(word).collect::<Vec<_>>().join(", ")
}

pub fn records(map: Option<&str>, bests: &[Best], fastest: &[Fastest], names: &impl Fn(&str, &str) -> String) -> Embed {
    let on = map.map(|map| format!(" on {}", escape(map))).unwrap_or_default();
    let embed = frame(format!("🏅 Records{on}"));
    if bests.is_empty() && fastest.is_empty() {
        return Embed { description: super::NO_ROUNDS.to_owned(), ..embed };
    }
    let embed = list(
        embed,
        "In one round",
        bests.iter().map(|best| {
            let day = best.stem.get(..10).unwrap_or(&best.stem);
            let value = u64::try_from(best.value).unwrap_or_default();
            let shown = if best.what == "denied_playtime" { clock(Some(value as u32)) } else { grouped(value) };
            let who = name(&names(&best.guid, &best.name));
            format!(
                "{}: **{shown}** by **{who}** · {} R{}, {day}",
                best_title(&best.what),
                escape(&best.map),
                best.round
            )
        }),
    );
    list(
        embed,
        "⏱️ Fastest attacks",
        fastest.iter().map(|one| {
            let day = one.stem.get(..10).unwrap_or(&one.stem);
            let seconds = u32::try_from(one.seconds).ok();
            let who = if one.names.is_empty() {
                String::new()
            } else {
                format!(" · {}", crate::routing::etlegacy::look::names(&one.names))
            };
            format!("**{}** {} R{}, {day}{who}", escape(&one.map), clock(seconds), one.round)
        }),
    )
}

fn best_title(what: &str) -> &'static str {
    use crate::matches::report::Feat;
    match what {
        "kills" => feat(Feat::Kills, 0.0).0,
        "damage_given" => feat(Feat::Damage, 0.0).0,
        "headshot_kills" => "🧠 Most headshot kills",
        "killing_spree" => feat(Feat::KillingSpree, 0.0).0,
        "revives_given" => feat(Feat::Revives, 0.0).0,
        "gibs" => feat(Feat::Gibs, 0.0).0,
        "useful_kills" => feat(Feat::UsefulKills, 0.0).0,
        "denied_playtime" => feat(Feat::Denied, 0.0).0,
        "kill_assists" => feat(Feat::Assists, 0.0).0,
        "xp" => "⭐ Most XP",
        "dynamites_planted" => "🧨 Most dynamites planted",
        "deaths" => "💀 Most deaths",
        _ => "▫️ Most",
    }
}

/// Awards of somebody with whom they meet most, or of everybody.
pub fn awards(
    (of, award): (Option<&Named>, Option<&str>),
    counts: &[AwardCount],
    duels: &[Duel],
    names: &impl Fn(&str, &str) -> String,
) -> Embed {
    let embed = match of {
        Some(who) => frame(format!("🏆 Awards of {}", name(&who.name))),
        None => frame("🏆 Awards".to_owned()),
    };
    if counts.is_empty() && (duels.is_empty() || award.is_some()) {
        let description = match award {
            Some(award) => format!("**{}** was not given yet.", escape(&fit(award, 40))),
            None => "No awards were given yet.".to_owned(),
        };
        return Embed { description, ..embed };
    }
    let embed = list(
        embed,
        "Most often",
        counts.iter().map(|count| {
            let award = escape(&fit(&count.award, 40));
            match of {
                Some(_) => format!("**{}×** {award}", count.times),
                None => format!("**{}×** {award}: **{}**", count.times, name(&names(&count.guid, &count.player))),
            }
        }),
    );
    list(
        embed,
        "⚔️ Met most often",
        duels.iter().map(|duel| {
            let mark = match duel.kills.cmp(&duel.deaths) {
                std::cmp::Ordering::Greater => "🟩",
                std::cmp::Ordering::Less => "🟥",
                std::cmp::Ordering::Equal => "▫️",
            };
            format!("{mark} {}–{} **{}**", duel.kills, duel.deaths, name(&names(&duel.opponent_guid, &duel.opponent)))
        }),
    )
}

/// Two line-ups, or one and whoever it met.
pub struct Meeting<'a> {
    pub a: &'a [Named],
    pub b: &'a [Named],
    pub maps: Encounters,
    pub rounds: &'a [Matchup],
    /// In percent, for the first.
    pub chance: Option<f64>,
    pub ratings: Vec<(String, Rating)>,
}

pub fn meeting(of: &Meeting<'_>) -> Embed {
    let all = |people: &[Named]| people.iter().map(|one| name(&one.name)).collect::<Vec<_>>().join(", ");
    let against = if of.b.is_empty() { "everybody".to_owned() } else { all(of.b) };
    let embed = frame(fit(&format!("⚔️ {} against {against}", all(of.a)), 250));
    let Encounters { won, lost, even } = of.maps;
    let round_won = of.rounds.iter().filter(|round| round.winner == Some(round.side)).count();
    let mut lines = vec![
        format!("**Maps:** {won} won, {lost} lost, {even} even"),
        format!("**Rounds:** {} played, {round_won} won", of.rounds.len()),
    ];
    lines.extend(of.chance.map(|chance| {
        format!(
            "**By their ratings:** {chance:.0}% to {:.0}%. An estimate of who is stronger, no forecast.",
            100.0 - chance
        )
    }));
    let embed = Embed { description: lines.join("\n"), ..embed };
    let embed = list(
        embed,
        "🏅 Ratings",
        of.ratings.iter().map(|(who, rating)| format!("**{}** {}", name(who), rating_short(rating))),
    );
    list(
        embed,
        "📜 Last rounds",
        of.rounds.iter().take(8).map(|round| {
            let end = match round.winner {
                Some(winner) if winner == round.side => "won",
                Some(_) => "lost",
                None => "undecided",
            };
            format!(
                "<t:{}:d> **{}** R{} · {end} as {}",
                round.ended_at.timestamp(),
                escape(&round.map),
                round.round,
                side(Side::new(round.side.into()))
            )
        }),
    )
}
