//! A session, looked at from one side.

use super::{FOOTER, frame};
use crate::matches::report::{Feat, MapReport, PlayerLine, Remark, SessionReport};
use crate::matches::sum::Sum;
use crate::matches::team::Team;
use crate::routing::embed::{Embed, Footer};
use crate::routing::etlegacy::look::{
    counted, dpm, feat, grouped, heading, kdg, mark, medal, multikills, name, percent, short, some_names, span, tenths,
};
use crate::routing::etlegacy::{self, list};
use crate::stats::chart::Bar;
use crate::stats::evening::Evening;
use crate::store::stats::award::StatsAward;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Summary,
    Top,
    Teams,
    Combat,
    Weapons,
    Objectives,
    Support,
    Sprees,
    Awards,
    Maps,
    Time,
    Graphs,
}

impl View {
    pub const ALL: [View; 12] = [
        View::Summary,
        View::Top,
        View::Teams,
        View::Combat,
        View::Weapons,
        View::Objectives,
        View::Support,
        View::Sprees,
        View::Awards,
        View::Maps,
        View::Time,
        View::Graphs,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            View::Summary => "summary",
            View::Top => "top",
            View::Teams => "teams",
            View::Combat => "combat",
            View::Weapons => "weapons",
            View::Objectives => "objectives",
            View::Support => "support",
            View::Sprees => "sprees",
            View::Awards => "awards",
            View::Maps => "maps",
            View::Time => "time",
            View::Graphs => "graphs",
        }
    }

    pub fn parse(word: &str) -> Option<View> {
        View::ALL.into_iter().find(|view| view.as_str() == word)
    }

    pub fn label(self) -> &'static str {
        match self {
            View::Summary => "Summary",
            View::Top => "Top",
            View::Teams => "Teams",
            View::Combat => "Combat",
            View::Weapons => "Weapons",
            View::Objectives => "Objectives",
            View::Support => "Support",
            View::Sprees => "Sprees",
            View::Awards => "Awards",
            View::Maps => "Maps",
            View::Time => "Time",
            View::Graphs => "Graphs",
        }
    }
}

/// `awards`: of the session's second rounds, which are about whole maps.
pub fn view(view: View, evening: &Evening, awards: &[StatsAward]) -> Embed {
    let report = &evening.report;
    let footer = Footer { text: format!("{FOOTER} · session {}", report.stem), ..Footer::default() };
    let embed = Embed { footer, ..frame(format!("📊 {}: {}", view.label(), report.day())) };
    if view != View::Summary && report.players.is_empty() {
        return Embed { description: super::NO_ROUNDS.to_owned(), ..embed };
    }
    match view {
        View::Summary => etlegacy::summary(report),
        View::Top => list(embed, "🏆 Players", report.players.iter().enumerate().map(player)),
        View::Teams => teams(embed, report),
        View::Combat => list(embed, "⚔️ Combat", most(report, Sum::kills).iter().enumerate().map(combat)),
        View::Weapons => list(embed, "🔫 Weapons", report.weapons.iter().map(etlegacy::mastery)),
        View::Objectives => objectives(embed, report),
        View::Support => list(embed, "💉 Support", most(report, |sum| sum.revives_given).iter().map(support)),
        View::Sprees => list(embed, "🔥 Sprees", most(report, |sum| sum.killing_spree).iter().map(sprees)),
        View::Awards => self::awards(embed, report, awards),
        View::Maps => maps(embed, evening),
        View::Time => time(embed, report),
        View::Graphs => list(embed, "📈 Damage, and damage per minute", bars(report).iter().map(bar)),
    }
}

/// The players, who has most of it first; of equals the more valuable.
fn most(report: &SessionReport, of: fn(&Sum) -> u32) -> Vec<&PlayerLine> {
    let mut players: Vec<&PlayerLine> = report.players.iter().collect();
    players.sort_by_key(|line| std::cmp::Reverse(of(&line.sum)));
    players
}

fn player((place, line): (usize, &PlayerLine)) -> String {
    let sum = &line.sum;
    format!(
        "{} **{}** `{}` **{}** DPM {}⬆/{}⬇ ACC {} (all {}) {} HS ⏱{} 💀{}{}",
        medal(place),
        name(&line.name),
        kdg(sum),
        dpm(sum),
        short(sum.damage_given),
        short(sum.damage_received),
        percent(sum.accuracy()),
        percent(sum.accuracy_of_all()),
        sum.headshots(),
        tenths(sum.played),
        percent(sum.dead_rate()),
        multikills(sum),
    )
}

fn teams(embed: Embed, report: &SessionReport) -> Embed {
    report.teams.iter().fold(embed, |embed, of| {
        let members = report.players.iter().filter(|line| line.team == Some(of.team));
        let mvp = of.mvp.as_deref().map(|mvp| format!("⭐ MVP **{}**", name(mvp)));
        let sum = &of.sum;
        let total = format!(
            "{} kills · {} deaths · K/D {:.2} · {} damage · {} revives · {} gibs",
            sum.kills(),
            sum.deaths(),
            sum.kd(),
            short(sum.damage_given),
            sum.revives_given,
            sum.gibs
        );
        let member = |line: &PlayerLine| {
            let changed = if line.remarks.contains(&Remark::Changed) { " · in both teams" } else { "" };
            format!(
                "**{}** {} rounds · {} · {} DPM{changed}",
                name(&line.name),
                line.sum.rounds,
                kdg(&line.sum),
                dpm(&line.sum)
            )
        };
        let points = if of.team == Team::One { report.score.0 } else { report.score.1 };
        let heading = format!("{} · {}", heading(&report.called, of.team), counted(points as usize, "point"));
        list(embed, &heading, mvp.into_iter().chain([total]).chain(members.map(member)))
    })
}

fn combat((place, line): (usize, &&PlayerLine)) -> String {
    let sum = &line.sum;
    let friendly = match (sum.team_damage_given, sum.teamkills) {
        (0, 0) => String::new(),
        (damage, 0) => format!(" · team damage {}", short(damage)),
        (damage, kills) => format!(" · team damage {}, {}", short(damage), counted(kills as usize, "teamkill")),
    };
    let own =
        if sum.selfkills > 0 { format!(" · {}", counted(sum.selfkills as usize, "selfkill")) } else { String::new() };
    format!(
        "{} **{}** `{}` {} efficiency · {}⬆/{}⬇ · {} DPM · {} headshots ({} of hits){friendly}{own}",
        medal(place),
        name(&line.name),
        kdg(sum),
        percent(sum.efficiency()),
        short(sum.damage_given),
        short(sum.damage_received),
        dpm(sum),
        sum.headshots(),
        percent(sum.headshot_rate()),
    )
}

/// What is above zero, in words.
fn some(parts: &[(u32, &str)]) -> Vec<String> {
    parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
}

fn objectives(embed: Embed, report: &SessionReport) -> Embed {
    let lines = most(report, |sum| sum.objectives().saturating_add(sum.repairs)).into_iter().filter_map(|line| {
        let sum = &line.sum;
        let parts = [
            (sum.objectives_stolen, "stolen"),
            (sum.objectives_returned, "returned"),
            (sum.dynamites_planted, "planted"),
            (sum.dynamites_defused, "defused"),
            (sum.repairs, "built or repaired"),
        ];
        let words = some(&parts);
        (!words.is_empty()).then(|| format!("**{}** {}", name(&line.name), words.join(" · ")))
    });
    let embed = list(embed, "🚩 Objectives", lines);
    match embed.fields.is_empty() {
        true => Embed { description: "The files tell of no objective, dynamite or construction.".to_owned(), ..embed },
        false => embed,
    }
}

fn support(line: &&PlayerLine) -> String {
    let sum = &line.sum;
    let parts = [
        (sum.assists, "assists"),
        (sum.kill_steals, "kills stolen"),
        (sum.useful_kills, "useful kills"),
        (sum.useless_kills, "useless kills"),
    ];
    let first = format!("**{}** {} revives, revived {}×", name(&line.name), sum.revives_given, sum.times_revived);
    let denied = (sum.denied_seconds > 0).then(|| format!("⏳ {} denied", span(sum.denied_seconds)));
    std::iter::once(first).chain(denied).chain(some(&parts)).collect::<Vec<_>>().join(" · ")
}

fn sprees(line: &&PlayerLine) -> String {
    let sum = &line.sum;
    let kills =
        if sum.killing_spree > 0 { format!("{} kills in a row", sum.killing_spree) } else { "no spree".to_owned() };
    let deaths =
        if sum.death_spree > 0 { format!(" · ☠️ {} deaths in a row", sum.death_spree) } else { String::new() };
    let several = multikills(sum);
    let several = if several.is_empty() { String::new() } else { format!(" ·{several}") };
    format!("**{}** {kills}{deaths}{several}", name(&line.name))
}

/// Each map with both rounds together.
fn maps(embed: Embed, evening: &Evening) -> Embed {
    let lines = evening.report.maps.iter().zip(1..).zip(&evening.maps).map(|(line, told)| {
        let words = etlegacy::map_line(line);
        match told {
            Some(told) => format!("{words}\n{}", best_of(told)),
            None => words,
        }
    });
    list(embed, &format!("🗺️ Maps · {}", etlegacy::look::score(&evening.report.called, evening.report.score)), lines)
}

fn best_of(told: &MapReport) -> String {
    let total = told.total();
    let best = told
        .players
        .iter()
        .find(|line| !line.is_bot)
        .map(|line| format!(" · ⭐ **{}** {} kills, {} DPM", name(&line.name), line.sum.kills(), dpm(&line.sum)));
    format!("⠀ {} kills · {} damage{}", total.kills(), short(total.damage_given), best.unwrap_or_default())
}

fn time(embed: Embed, report: &SessionReport) -> Embed {
    let lines = most(report, |sum| sum.played).into_iter().map(|line| {
        let sum = &line.sum;
        let capped = if line.remarks.contains(&Remark::Clamped) { " · *capped*" } else { "" };
        format!(
            "**{}** {} of {} · 💀 {} dead ({}) · ⏳ {} denied · {} DPM{capped}",
            name(&line.name),
            tenths(sum.played),
            tenths(sum.timed_seconds / 6),
            tenths(sum.dead),
            percent(sum.dead_rate()),
            span(sum.denied_seconds),
            dpm(sum),
        )
    });
    let description = "Time on a team, of the time that their rounds took. DPM is by that of the rounds.".to_owned();
    list(Embed { description, ..embed }, "⏱️ Time", lines)
}

fn awards(embed: Embed, report: &SessionReport, awards: &[StatsAward]) -> Embed {
    let makers = report.makers.iter().map(|maker| {
        let (what, value) = feat(maker.what, maker.value);
        format!("{what}: **{}** {value}", some_names(&maker.players))
    });
    let embed = list(embed, "🎖️ Of the session", makers);
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for award in awards {
        match counts.iter_mut().find(|(player, _)| *player == award.player) {
            Some((_, count)) => *count += 1,
            None => counts.push((&award.player, 1)),
        }
    }
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    list(
        embed,
        "🏆 Awards of its maps",
        counts.into_iter().map(|(player, count)| format!("**{}×** {}", count, name(player))),
    )
}

/// What a bar of the chart says.
fn bar(bar: &Bar) -> String {
    let mark = mark(bar.is_first.map(|is_first| if is_first { Team::One } else { Team::Two }));
    let dpm = bar.dpm.map_or_else(|| "–".to_owned(), |dpm| format!("{dpm:.0}"));
    format!("{mark} **{}** {} damage · {dpm} DPM", name(&bar.name), grouped(bar.damage.into()))
}

/// The players of a session as a chart has them, most damage first.
pub fn bars(report: &SessionReport) -> Vec<Bar> {
    let bar = |line: &PlayerLine| Bar {
        name: line.name.clone(),
        is_first: line.team.map(|team| team == Team::One),
        damage: Feat::Damage.value(&line.sum).unwrap_or_default() as u32,
        dpm: line.sum.dpm(),
    };
    let mut bars: Vec<Bar> = report.players.iter().map(bar).collect();
    bars.sort_by(|a, b| b.damage.cmp(&a.damage).then_with(|| a.name.cmp(&b.name)));
    bars
}
