//! `/stats leaderboard|rounds|matchup|records|awards`.

use std::collections::BTreeMap;

use poise::CreateReply;
use poise::serenity_prelude::{AutocompleteChoice, CreateAutocompleteResponse};

use super::super::super::component::stats::{Listing, Pages, page};
use super::super::super::text::stats as texts;
use super::super::super::text::stats::board as text;
use super::super::super::{Context, Error};
use super::super::points::here;
use super::{CHOICES, asked, maps, offer, players, show};
use crate::error::UserError;
use crate::id::GuildId;
use crate::matches::leaderboard::Kind;
use crate::matches::rating::{Rating, chance};
use crate::ports::Ports;
use crate::stats::board::{Board, Span};
use crate::stats::career::{encounters, rated};
use crate::stats::day;
use crate::stats::people::{self, Named, Whom, find};
use crate::store::stats::sums::Which;

/// People of one line-up.
const TEAM: usize = 8;
const ROUNDS: i64 = 500;
const AWARDS: i64 = 12;
const DUELS: i64 = 8;
const FASTEST: i64 = 12;

/// Since when.
#[derive(Clone, Copy, Debug, poise::ChoiceParameter)]
pub enum Since {
    #[name = "all"]
    All,
    #[name = "this season"]
    Season,
    #[name = "30 days"]
    Month,
}

/// Who is best at something, of those who have played enough.
#[poise::command(slash_command)]
pub async fn leaderboard(
    ctx: Context<'_>,
    #[description = "What it is by; the rating without"]
    #[max_length = 30]
    #[autocomplete = "kinds"]
    kind: Option<String>,
    #[description = "On this map alone; not for ratings"]
    #[max_length = 50]
    #[autocomplete = "maps"]
    map: Option<String>,
    #[description = "Since when; all without; not for ratings"] since: Option<Since>,
) -> Result<(), Error> {
    let (_, caller) = asked(ctx)?;
    let by = match kind.as_deref() {
        Some(kind) => Board::parse(kind).ok_or_else(|| UserError::new(texts::KIND))?,
        None => Board::Rating,
    };
    let span = match since {
        Some(Since::Season) => Span::Season,
        Some(Since::Month) => Span::Month,
        Some(Since::All) | None => Span::All,
    };
    // Ratings are of all results.
    let (span, map) = if by == Board::Rating { (Span::All, None) } else { (span, map) };
    list(ctx, Listing { caller, of: Pages::Leaders { by, span, map }, page: 0 }).await
}

/// The rounds that were played, the newest first.
#[poise::command(slash_command)]
pub async fn rounds(
    ctx: Context<'_>,
    #[description = "Of a month: 10, 2025-10 or october"]
    #[max_length = 20]
    month: Option<String>,
    #[description = "On this map alone"]
    #[max_length = 50]
    #[autocomplete = "maps"]
    map: Option<String>,
    #[description = "With this player alone"]
    #[max_length = 100]
    #[autocomplete = "players"]
    player: Option<String>,
) -> Result<(), Error> {
    let (guild_id, caller) = asked(ctx)?;
    let ports = &ctx.data().ports;
    let today = day::today(ports.clock.now(), ports.config.etlegacy.time_zone);
    let month = month.map(|text| day::month(&text, today).ok_or_else(|| UserError::new(texts::MONTH))).transpose()?;
    let guid = match player {
        Some(text) => Some(find(ports, guild_id, &Whom::Text(text)).await?.guid),
        None => None,
    };
    list(ctx, Listing { caller, of: Pages::Rounds { month, map, guid }, page: 0 }).await
}

async fn list(ctx: Context<'_>, listing: Listing) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer().await?;
    let (embed, rows) = page(&ctx.data().ports, guild_id, &listing).await?;
    ctx.send(CreateReply::default().embed(embed).components(rows)).await?;
    Ok(())
}

/// How people have fared against others: maps, rounds, and what their ratings say.
#[poise::command(slash_command)]
pub async fn matchup(
    ctx: Context<'_>,
    #[description = "The one team: names with commas between them"]
    #[max_length = 200]
    #[autocomplete = "teams"]
    team: String,
    #[description = "The other team; everybody without"]
    #[max_length = 200]
    #[autocomplete = "teams"]
    against: Option<String>,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer().await?;
    let ports = &ctx.data().ports;
    let a = line_up(ports, guild_id, &team).await?;
    let b = match against {
        Some(text) => line_up(ports, guild_id, &text).await?,
        None => Vec::new(),
    };
    if a.iter().any(|one| b.contains(one)) {
        return Err(UserError::new("Nobody can be in both teams: name different players.").into());
    }
    let guids = |team: &[Named]| team.iter().map(|one| one.guid.clone()).collect::<Vec<_>>();
    let (own, other) = (guids(&a), guids(&b));
    let maps = encounters(&ports.store.list_stats_outcomes(guild_id).await?, &own, &other);
    let rounds = ports.store.list_stats_matchups(guild_id, &own, &other, ROUNDS).await?;
    let known = rated(ports, guild_id).await?;
    let of = |team: &[String]| team.iter().map(|guid| known.get(guid).copied().unwrap_or_default()).collect::<Vec<_>>();
    // A team of more is ahead by its number alone.
    let chance = (a.len() == b.len()).then(|| chance(&of(&own), &of(&other)));
    let ratings: Vec<(String, Rating)> =
        a.iter().chain(&b).filter_map(|one| Some((one.name.clone(), *known.get(&one.guid)?))).collect();
    show(ctx, &text::meeting(&text::Meeting { a: &a, b: &b, maps, rounds: &rounds, chance, ratings }), None).await
}

async fn line_up(ports: &Ports, guild_id: GuildId, text: &str) -> Result<Vec<Named>, Error> {
    let mut team: Vec<Named> = Vec::new();
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > TEAM {
        return Err(
            UserError::new(format!("A team has at most {TEAM} players here, and you named {}.", names.len())).into()
        );
    }
    for name in names {
        let one = find(ports, guild_id, &Whom::Text(name.to_owned())).await?;
        if !team.contains(&one) {
            team.push(one);
        }
    }
    if team.is_empty() {
        return Err(UserError::new("Name at least one player in each team.").into());
    }
    Ok(team)
}

/// The most that was done in one round, and the fastest attacks.
#[poise::command(slash_command)]
pub async fn records(
    ctx: Context<'_>,
    #[description = "On this map alone"]
    #[max_length = 50]
    #[autocomplete = "maps"]
    map: Option<String>,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer().await?;
    let ports = &ctx.data().ports;
    let which = Which { map: map.clone(), ..Which::default() };
    let bests = ports.store.list_stats_bests(guild_id, &which).await?;
    let fastest = ports.store.list_stats_fastest(guild_id, map.as_deref(), FASTEST).await?;
    let called = called(ports, guild_id, bests.iter().map(|best| best.guid.clone())).await?;
    show(ctx, &text::records(map.as_deref(), &bests, &fastest, &names(&called)), None).await
}

/// Who gets which awards; of one player also whom they meet most.
#[poise::command(slash_command)]
pub async fn awards(
    ctx: Context<'_>,
    #[description = "Whose; everybody's without"]
    #[max_length = 100]
    #[autocomplete = "players"]
    player: Option<String>,
    #[description = "Only this one"]
    #[max_length = 100]
    #[autocomplete = "known_awards"]
    award: Option<String>,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer().await?;
    let ports = &ctx.data().ports;
    let who = match player {
        Some(text) => Some(find(ports, guild_id, &Whom::Text(text)).await?),
        None => None,
    };
    let guid = who.as_ref().map(|who| who.guid.as_str());
    let counts = ports.store.count_stats_awards(guild_id, guid, award.as_deref(), AWARDS).await?;
    let duels = match guid {
        Some(guid) => ports.store.sum_stats_duels(guild_id, guid, DUELS).await?,
        None => Vec::new(),
    };
    let guids =
        counts.iter().map(|count| count.guid.clone()).chain(duels.iter().map(|duel| duel.opponent_guid.clone()));
    let called = called(ports, guild_id, guids).await?;
    show(ctx, &text::awards((who.as_ref(), award.as_deref()), &counts, &duels, &names(&called)), None).await
}

/// What people are called now.
async fn called(
    ports: &Ports,
    guild_id: GuildId,
    guids: impl Iterator<Item = String>,
) -> Result<BTreeMap<String, String>, Error> {
    let guids: Vec<String> = guids.collect();
    people::names(ports, guild_id, &guids).await
}

/// By GUID, else as it was written then.
fn names(called: &BTreeMap<String, String>) -> impl Fn(&str, &str) -> String {
    |guid: &str, then: &str| called.get(guid).map_or(then, String::as_str).to_owned()
}

async fn kinds(_: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let partial = partial.trim().to_lowercase();
    let all = std::iter::once(vec!["rating", "skill"]).chain(Kind::ALL.iter().map(|kind| kind.names().to_vec()));
    let fitting = all.filter(|names| names.iter().any(|name| name.starts_with(&partial)));
    offer(fitting.map(|names| AutocompleteChoice::new(names.join(", "), names[0])))
}

/// The last of several names is completed.
async fn teams(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = here(ctx) else { return offer([]) };
    let (before, last) =
        partial.rsplit_once(',').map_or((String::new(), partial), |(before, last)| (format!("{before}, "), last));
    let found = people::search(&ctx.data().ports, guild_id, last, CHOICES).await.unwrap_or_default();
    let choice = |one: people::Found| {
        // A name with a comma in it would be two.
        let name = if one.name.contains(',') { &one.guid } else { &one.name };
        let text = format!("{before}{name}");
        (text.chars().count() <= 100).then(|| AutocompleteChoice::new(text.clone(), text))
    };
    offer(found.into_iter().filter_map(choice))
}

async fn known_awards(_: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    use crate::source::etlegacy::awards::known::KNOWN;
    let partial = partial.trim().to_lowercase();
    let fitting = KNOWN.iter().map(|(name, _)| *name).filter(|name| name.to_lowercase().contains(&partial));
    offer(fitting.take(CHOICES as usize).map(|name| AutocompleteChoice::new(name, name)))
}
