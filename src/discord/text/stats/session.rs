//! A session, looked at from one side.

use super::{FOOTER, frame};
use crate::matches::report::{Feat, PlayerLine, SessionReport};
use crate::matches::team::Team;
use crate::routing::embed::{Embed, Footer};
use crate::routing::etlegacy::look::{dpm, feat, kdg, medal, multikills, name, names, percent, short, team, tenths};
use crate::routing::etlegacy::{self, list};
use crate::stats::chart::Bar;
use crate::store::stats::award::StatsAward;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Summary,
    Players,
    Teams,
    Weapons,
    Awards,
    Support,
    Chart,
}

impl View {
    pub const ALL: [View; 7] =
        [View::Summary, View::Players, View::Teams, View::Weapons, View::Awards, View::Support, View::Chart];

    pub fn as_str(self) -> &'static str {
        match self {
            View::Summary => "summary",
            View::Players => "players",
            View::Teams => "teams",
            View::Weapons => "weapons",
            View::Awards => "awards",
            View::Support => "support",
            View::Chart => "chart",
        }
    }

    pub fn parse(word: &str) -> Option<View> {
        View::ALL.into_iter().find(|view| view.as_str() == word)
    }

    pub fn label(self) -> &'static str {
        match self {
            View::Summary => "Summary",
            View::Players => "Players",
            View::Teams => "Teams",
            View::Weapons => "Weapons",
            View::Awards => "Awards",
            View::Support => "Objectives and support",
            View::Chart => "Chart",
        }
    }
}

/// `awards`: of the session's second rounds, which are about whole maps.
pub fn view(view: View, report: &SessionReport, awards: &[StatsAward]) -> Embed {
    let footer = Footer { text: format!("{FOOTER} · session {}", report.stem), ..Footer::default() };
    let embed = Embed { footer, ..frame(format!("📊 {}: {}", view.label(), report.day())) };
    match view {
        View::Summary => etlegacy::summary(report),
        View::Players => list(embed, "🏆 Players", report.players.iter().enumerate().map(player)),
        View::Teams => teams(embed, report),
        View::Weapons => list(embed, "🔫 Weapons", report.weapons.iter().map(etlegacy::mastery)),
        View::Awards => self::awards(embed, report, awards),
        View::Support => support(embed, report),
        View::Chart => Embed { description: "Damage, and damage per minute, by player.".to_owned(), ..embed },
    }
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
            let changed =
                if line.remarks.contains(&crate::matches::report::Remark::Changed) { " · in both teams" } else { "" };
            format!(
                "**{}** {} rounds · {} · {} DPM{changed}",
                name(&line.name),
                line.sum.rounds,
                kdg(&line.sum),
                dpm(&line.sum)
            )
        };
        let heading = format!(
            "{} · {} points",
            team(of.team),
            if of.team == Team::One { report.score.0 } else { report.score.1 }
        );
        list(embed, &heading, mvp.into_iter().chain([total]).chain(members.map(member)))
    })
}

fn support(embed: Embed, report: &SessionReport) -> Embed {
    let line = |line: &PlayerLine| {
        let sum = &line.sum;
        format!(
            "**{}** 💉{}↑ {}↓ 🧨{} planted {} defused 🔧{} 🤝{} assists ⏳{}s denied · {} useful, {} useless kills",
            name(&line.name),
            sum.revives_given,
            sum.times_revived,
            sum.dynamites_planted,
            sum.dynamites_defused,
            sum.repairs,
            sum.assists,
            sum.denied_seconds,
            sum.useful_kills,
            sum.useless_kills,
        )
    };
    list(embed, "🚩 Objectives and support", report.players.iter().map(line))
}

fn awards(embed: Embed, report: &SessionReport, awards: &[StatsAward]) -> Embed {
    let makers = report.makers.iter().map(|maker| {
        let (what, value) = feat(maker.what, maker.value);
        format!("{what}: **{}** {value}", names(&maker.players))
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
