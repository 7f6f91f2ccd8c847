//! The card of a file of awards.

use super::list;
use super::look::{GOLD, name};
use crate::matches::report::{AwardsReport, Duel, Given, Group, OwnersUnknown};
use crate::routing::embed::{Embed, Footer, TITLE, escape, escape_at, fit};
use crate::source::etlegacy::awards::known::Category;

/// Awards of a category.
const AWARDS: usize = 6;
/// Characters of an award's name.
const AWARD: usize = 30;
/// Pairs that met most often.
const DUELS: usize = 8;

pub(super) fn embed(report: &AwardsReport) -> Embed {
    let what = if report.round == 1 { "Round 1 Awards" } else { "Map Awards (Cumulative)" };
    let embed = Embed {
        title: fit(&format!("🏆 {what} - {}", escape(&report.map)), TITLE),
        color: GOLD,
        footer: Footer { text: format!("ET:Legacy · {}", report.name), ..Footer::default() },
        ..Embed::default()
    };
    let embed =
        report.groups.iter().fold(embed, |embed, group| embed.field(heading(group.category), awards(group), true));
    let heading = if report.round == 1 { "⚔️ Who Killed Whom" } else { "⚔️ Who Killed Whom (both rounds)" };
    match report.owners_unknown {
        Some(why) => embed.field(heading, unknown(why), false),
        None => list(embed, heading, report.duels.iter().take(DUELS).map(duel)),
    }
}

fn heading(category: Category) -> &'static str {
    match category {
        Category::Combat => "⚔️ Combat",
        Category::Deaths => "💀 Deaths",
        Category::Skills => "🎯 Skills",
        Category::Weapons => "🔫 Weapons",
        Category::Teamwork => "🤝 Teamwork",
        Category::Objectives => "🚩 Objectives",
        Category::Timing => "⏱️ Timing",
        Category::Other => "📎 Other",
    }
}

fn awards(group: &Group) -> String {
    let left = group.awards.len().saturating_sub(AWARDS);
    let more = (left > 0).then(|| format!("… and {left} more"));
    group.awards.iter().take(AWARDS).map(award).chain(more).collect::<Vec<_>>().join("\n")
}

fn award(given: &Given) -> String {
    let value = escape_at(&fit(&given.value, 30), false);
    format!("{}: **{}** {value}", escape(&fit(&given.award, AWARD)), name(&given.player))
}

fn duel(duel: &Duel) -> String {
    format!("**{}** {}–{} **{}**", name(&duel.one), duel.kills_of_one, duel.kills_of_other, name(&duel.other))
}

fn unknown(why: OwnersUnknown) -> &'static str {
    match why {
        OwnersUnknown::Names => "The file names somebody who cannot be told apart or was not in the round.",
        OwnersUnknown::NothingFits => "The file does not say whose rows they are, and no assignment fits.",
        OwnersUnknown::SeveralFit => "The file does not say whose rows they are, and more than one assignment fits.",
        OwnersUnknown::TooMany => "The file does not say whose rows they are, and there are too many to find out.",
    }
}
