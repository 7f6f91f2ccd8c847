//! The pages of `/audit list`. What is listed, and for whom, is in the buttons themselves.

use std::sync::Arc;

use anyhow::Result;
use chrono::DateTime;
use poise::serenity_prelude::{ButtonStyle, CreateActionRow, CreateButton, CreateEmbed};

use super::super::{Bot, text};
use super::{Answer, Input, base36};
use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::routing::embed::{DESCRIPTION, fit};
use crate::store::audit::{AuditFilter, AuditPage};
use crate::upstream::permission::manages;

const LINES: usize = 10;
const COLOUR: u32 = 0x5865F2;

/// A list as somebody asked for it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::discord) struct Listing {
    pub caller: UserId,
    pub filter: AuditFilter,
    pub page: AuditPage,
}

/// `audit:<older|newer>:<listing>`.
pub(super) fn decode(words: &[&str]) -> Option<Listing> {
    let [verb @ ("older" | "newer"), listing] = words else { return None };
    listing_of(verb, listing)
}

pub(super) async fn answer(bot: &Arc<Bot>, listing: Listing, input: &Input) -> Result<Answer> {
    if listing.caller != input.user_id {
        return Err(UserError::new(text::privacy::NOT_YOURS).into());
    }
    // The permission may be gone since the list was opened.
    if !manages(input.permissions) {
        return Err(UserError::new(text::MANAGE_SERVER).into());
    }
    let (embed, buttons) = page(&bot.ports, input.guild_id, &listing).await?;
    Ok(Answer::Page(Box::new(embed), buttons))
}

/// A page with its buttons.
pub(in crate::discord) async fn page(
    ports: &Ports,
    guild_id: GuildId,
    listing: &Listing,
) -> Result<(CreateEmbed, Vec<CreateActionRow>)> {
    let mut lines = ports.store.list_audit(guild_id, &listing.filter, listing.page, LINES as i64 + 1).await?;
    let more = lines.len() > LINES;
    let (newer, older) = match listing.page {
        AuditPage::Newest => (false, more),
        AuditPage::OlderThan(_) => (true, more),
        AuditPage::NewerThan(_) => (more, true),
    };
    match listing.page {
        // The one too many is the farthest from where the page began.
        AuditPage::NewerThan(_) if more => drop(lines.remove(0)),
        _ => lines.truncate(LINES),
    }
    let words = match lines.as_slice() {
        [] => text::privacy::NO_LINES.to_owned(),
        lines => lines.iter().map(text::privacy::audit_line).collect::<Vec<_>>().join("\n"),
    };
    let mut words = fit(&words, DESCRIPTION);
    if let Some(at) = listing.filter.since {
        words = fit(&format!("{}\n{words}", text::privacy::since(at)), DESCRIPTION);
    }
    let embed = CreateEmbed::new().title(text::privacy::AUDIT_TITLE).description(words).colour(COLOUR);
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Ok((embed, Vec::new())) };
    if !newer && !older {
        return Ok((embed, Vec::new()));
    }
    let button = |label: &str, page: AuditPage, usable: bool| {
        CreateButton::new(encode(&Listing { page, ..listing.clone() }))
            .label(label)
            .style(ButtonStyle::Secondary)
            .disabled(!usable)
    };
    let buttons = vec![
        button("Newer", AuditPage::NewerThan(first.id), newer),
        button("Older", AuditPage::OlderThan(last.id), older),
    ];
    Ok((embed, vec![CreateActionRow::Buttons(buttons)]))
}

/// Within the 100 characters of a custom id: numbers in base 36, the action last.
fn encode(listing: &Listing) -> String {
    let (verb, cursor) = match listing.page {
        AuditPage::NewerThan(id) => ("newer", id),
        AuditPage::OlderThan(id) => ("older", id),
        AuditPage::Newest => ("older", i64::MAX),
    };
    let filter = &listing.filter;
    let numbers = [
        listing.caller.0,
        filter.user_id.map_or(0, |user| user.0),
        filter.since.map_or(0, |at| at.timestamp().max(1)),
        cursor,
    ];
    let [caller, member, since, cursor] = numbers.map(base36);
    format!("v1:audit:{verb}:{caller}-{member}-{since}-{cursor}-{}", filter.action.as_deref().unwrap_or_default())
}

fn listing_of(verb: &str, words: &str) -> Option<Listing> {
    let mut parts = words.splitn(5, '-');
    let mut number = || i64::from_str_radix(parts.next()?, 36).ok();
    let (caller, member, since, cursor) = (number()?, number()?, number()?, number()?);
    let action = parts.next()?;
    Some(Listing {
        caller: UserId(caller),
        filter: AuditFilter {
            user_id: (member != 0).then_some(UserId(member)),
            action: (!action.is_empty()).then(|| action.to_owned()),
            since: if since == 0 { None } else { Some(DateTime::from_timestamp(since, 0)?) },
        },
        page: if verb == "newer" { AuditPage::NewerThan(cursor) } else { AuditPage::OlderThan(cursor) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_survives_its_button_and_fits_into_it() {
        let listing = Listing {
            caller: UserId(i64::MAX),
            filter: AuditFilter {
                user_id: Some(UserId(i64::MAX)),
                action: Some("a".repeat(32)),
                since: DateTime::from_timestamp(1_767_348_000, 0),
            },
            page: AuditPage::NewerThan(1_000_000_000_000),
        };
        let id = encode(&listing);
        assert!(id.len() <= 100, "{}", id.len());
        assert_eq!(listing_of("newer", id.rsplit(':').next().unwrap()), Some(listing));
        assert_eq!(listing_of("older", "1-2-3"), None);
        assert_eq!(listing_of("older", "ü-0-0-1-"), None);
    }
}
