//! A session, looked at from several sides.

use anyhow::Result;
use poise::serenity_prelude::{ButtonStyle, CreateActionRow, CreateAttachment, CreateButton, CreateEmbed};

use super::super::super::text::stats::session as text;
use super::super::super::text::stats::session::View;
use super::super::base36;
use super::made;
use crate::id::{GuildId, UserId};
use crate::matches::team::Team;
use crate::ports::Ports;
use crate::routing::embed::Embed;
use crate::stats::chart::{Chart, bars};
use crate::stats::evening::{Evening, evening, find};
use crate::store::stats::award::StatsAward;
use crate::store::stats::sums::Which;

/// Rounds of a session whose awards are counted.
const ROUNDS: i64 = 60;
/// Characters of an alternative text, by Discord's limit.
const ALT: usize = 1024;

/// A picture that stands in an embed, and its words.
pub(in crate::discord) struct Picture {
    pub name: &'static str,
    pub chart: Chart,
}

impl Picture {
    /// The embed with it, and what has to be sent along.
    pub fn beside(self, embed: &Embed) -> (CreateEmbed, CreateAttachment) {
        let words = crate::routing::embed::fit(&self.chart.words, ALT);
        let file = CreateAttachment::bytes(self.chart.png, self.name).description(words);
        (made(embed).attachment(self.name), file)
    }
}

/// A session from one side. `text`: a key, a day, or a stem of one of its rounds; the last one without.
pub(in crate::discord) async fn look(
    ports: &Ports,
    guild_id: GuildId,
    view: View,
    text: Option<&str>,
) -> Result<(Evening, Embed)> {
    let session = find(ports, guild_id, text).await?;
    let evening = evening(ports, guild_id, session).await?;
    let awards = if view == View::Awards { awards(ports, guild_id, &evening).await? } else { Vec::new() };
    let embed = text::view(view, &evening, &awards);
    Ok((evening, embed))
}

/// Of second rounds, whose awards are about the whole map.
async fn awards(ports: &Ports, guild_id: GuildId, evening: &Evening) -> Result<Vec<StatsAward>> {
    let which = Which { session: Some(evening.session.key.clone()), ..Which::default() };
    let mut awards = Vec::new();
    for round in ports.store.list_stats_rounds(guild_id, &which, 0, ROUNDS).await? {
        if round.round == 2 {
            awards.extend(ports.store.list_stats_awards(guild_id, round.id).await?);
        }
    }
    Ok(awards)
}

/// Damage and damage per minute; the text says the same when it cannot be drawn.
pub(in crate::discord) async fn chart_of(evening: &Evening) -> Option<Picture> {
    let report = &evening.report;
    let title = format!("Session of {}", report.day());
    let teams = (report.called.of(Team::One), report.called.of(Team::Two));
    match bars(&title, teams, text::bars(report)).await {
        Ok(chart) => Some(Picture { name: "session.png", chart }),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "a chart could not be drawn");
            None
        }
    }
}

/// Buttons to the other views.
pub(in crate::discord) fn rows(caller: UserId, shown: View, key: &str) -> Vec<CreateActionRow> {
    let button = |view: View| {
        CreateButton::new(format!("v1:stats:view:{}:{}:{key}", base36(caller.0), view.as_str()))
            .label(view.label())
            .style(ButtonStyle::Secondary)
            .disabled(view == shown)
    };
    let buttons: Vec<CreateButton> = View::ALL.into_iter().map(button).collect();
    buttons.chunks(4).map(|row| CreateActionRow::Buttons(row.to_vec())).collect()
}
