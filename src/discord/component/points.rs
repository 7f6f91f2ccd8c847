//! The pages of `/points statement`. Whose and where is in the buttons themselves.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{ButtonStyle, CreateActionRow, CreateButton, CreateEmbed};
use uuid::Uuid;

use super::super::text::points as text;
use super::super::{Bot, text as texts};
use super::{Answer, Input, base36};
use crate::community::points::{Whose, account};
use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::routing::embed::{DESCRIPTION, fit};
use crate::upstream::permission::manages;

const LINES: usize = 12;
const GOLD: u32 = 0xF1_C4_0F;

/// A statement as somebody asked for it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::discord) struct Listing {
    pub caller: UserId,
    pub person_id: Uuid,
    pub before: Option<i64>,
}

/// `points:page:<caller>-<person>-<before>`
pub(super) fn decode(words: &[&str]) -> Option<Listing> {
    let ["page", listing] = words else { return None };
    let mut parts = listing.splitn(3, '-');
    let number = |word: Option<&str>| i64::from_str_radix(word?, 36).ok();
    let (caller, person, before) = (number(parts.next())?, parts.next()?, number(parts.next())?);
    Some(Listing {
        caller: UserId(caller),
        person_id: Uuid::try_parse(person).ok()?,
        before: (before > 0).then_some(before),
    })
}

fn encode(listing: &Listing, before: i64) -> String {
    let (caller, person) = (base36(listing.caller.0), listing.person_id.simple());
    format!("v1:points:page:{caller}-{person}-{}", base36(before))
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: Listing, input: &Input) -> Result<Answer> {
    may(&bot.ports, input, &asked).await?;
    let (embed, rows) = page(&bot.ports, input.guild_id, &asked).await?;
    Ok(Answer::Page(Box::new(embed), rows))
}

/// Only who asked: for what is theirs, or while they may manage the server.
async fn may(ports: &Ports, input: &Input, asked: &Listing) -> Result<()> {
    if asked.caller != input.user_id {
        return Err(UserError::new(texts::privacy::NOT_YOURS).into());
    }
    let own = account(ports, input.guild_id, &Whose::Member(asked.caller)).await?;
    if own.person_id != asked.person_id && !manages(input.permissions) {
        return Err(UserError::new(texts::MANAGE_SERVER).into());
    }
    Ok(())
}

/// A page with its buttons.
pub(in crate::discord) async fn page(
    ports: &Ports,
    guild_id: GuildId,
    listing: &Listing,
) -> Result<(CreateEmbed, Vec<CreateActionRow>)> {
    let mut entries = ports.store.list_ledger(guild_id, listing.person_id, listing.before, LINES as i64 + 1).await?;
    let more = entries.len() > LINES;
    entries.truncate(LINES);
    let lines: Vec<String> = entries.iter().map(text::line).collect();
    let words = if lines.is_empty() { text::NO_ENTRIES.to_owned() } else { lines.join("\n") };
    let embed = CreateEmbed::new().title(text::STATEMENT).colour(GOLD).description(fit(&words, DESCRIPTION));
    if !more && listing.before.is_none() {
        return Ok((embed, Vec::new()));
    }
    let last = entries.last().map_or(0, |entry| entry.id);
    let button = |label: &str, before: i64, usable: bool| {
        CreateButton::new(encode(listing, before)).label(label).style(ButtonStyle::Secondary).disabled(!usable)
    };
    let newest = button("Newest", 0, listing.before.is_some());
    Ok((embed, vec![CreateActionRow::Buttons(vec![newest, button("Older", last.max(1), more)])]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_survives_its_button() {
        let listing = Listing { caller: UserId(i64::MAX), person_id: Uuid::max(), before: Some(i64::MAX) };
        let id = encode(&listing, i64::MAX);
        assert!(id.len() <= 100);
        let words: Vec<&str> = id.split(':').skip(2).collect();
        assert_eq!(decode(&words), Some(listing));
        assert_eq!(decode(&["page", "1-x-2"]), None);
    }
}
