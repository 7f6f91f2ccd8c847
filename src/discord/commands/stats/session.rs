//! `/stats session`: an evening from several sides.

use poise::CreateReply;
use poise::serenity_prelude::{AutocompleteChoice, CreateAutocompleteResponse};

use super::super::super::component::stats::{chart_of, look, made, rows};
use super::super::super::text::stats::session::View;
use super::super::super::{Context, Error};
use super::super::points::here;
use super::{CHOICES, asked, offer};
use crate::store::stats::session::StatsSession;

/// What of it.
#[derive(Clone, Copy, Debug, poise::ChoiceParameter)]
pub enum What {
    #[name = "summary"]
    Summary,
    #[name = "top"]
    Top,
    #[name = "teams"]
    Teams,
    #[name = "combat"]
    Combat,
    #[name = "weapons"]
    Weapons,
    #[name = "objectives"]
    Objectives,
    #[name = "support"]
    Support,
    #[name = "sprees"]
    Sprees,
    #[name = "awards"]
    Awards,
    #[name = "maps"]
    Maps,
    #[name = "time"]
    Time,
    #[name = "graphs"]
    Graphs,
}

impl From<What> for View {
    fn from(what: What) -> View {
        match what {
            What::Summary => View::Summary,
            What::Top => View::Top,
            What::Teams => View::Teams,
            What::Combat => View::Combat,
            What::Weapons => View::Weapons,
            What::Objectives => View::Objectives,
            What::Support => View::Support,
            What::Sprees => View::Sprees,
            What::Awards => View::Awards,
            What::Maps => View::Maps,
            What::Time => View::Time,
            What::Graphs => View::Graphs,
        }
    }
}

/// An evening: score, maps, teams, players; the last one, or that of a day.
#[poise::command(slash_command)]
pub async fn session(
    ctx: Context<'_>,
    #[description = "The day: 2025-10-14, today, yesterday; the last session without"]
    #[max_length = 30]
    #[autocomplete = "sessions"]
    date: Option<String>,
    #[description = "What of it; a summary without"] view: Option<What>,
) -> Result<(), Error> {
    let (guild_id, caller) = asked(ctx)?;
    ctx.defer().await?;
    let view = view.map_or(View::Summary, View::from);
    let (evening, embed) = look(&ctx.data().ports, guild_id, view, date.as_deref()).await?;
    let reply = CreateReply::default().components(rows(caller, view, &evening.session.key));
    let picture = if view == View::Graphs { chart_of(&evening).await } else { None };
    let reply = match picture {
        // A picture stays with its message, whatever is shown next: no other view takes its place.
        Some(picture) => {
            let (embed, file) = picture.beside(&embed);
            CreateReply::default().embed(embed).attachment(file)
        }
        None => reply.embed(made(&embed)),
    };
    ctx.send(reply).await?;
    Ok(())
}

async fn sessions(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = here(ctx) else { return offer([]) };
    let store = &ctx.data().ports.store;
    let found = store.list_stats_sessions(guild_id, None, None, 0, 10 * CHOICES).await.unwrap_or_default();
    let fitting = found.into_iter().filter(|session| session.key.starts_with(partial.trim()));
    let choice = |session: StatsSession| {
        let day = session.key.get(..10).unwrap_or(&session.key);
        let (one, two) = (session.score_one, session.score_two);
        let words = format!("{day} · {} maps · {one}–{two} · {} players", session.maps, session.players);
        AutocompleteChoice::new(words, session.key)
    };
    offer(fitting.take(CHOICES as usize).map(choice))
}
