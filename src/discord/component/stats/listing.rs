//! Lists that have pages: leaders, and rounds.

use anyhow::Result;
use chrono::{Datelike, NaiveDate};
use poise::serenity_prelude::{ButtonStyle, CreateActionRow, CreateButton, CreateEmbed};

use super::super::super::text::stats::board as text;
use super::super::base36;
use super::made;
use crate::id::{GuildId, UserId};
use crate::matches::leaderboard::PER_PAGE;
use crate::ports::Ports;
use crate::stats::board::{Board, Span, board};
use crate::stats::{day, people};
use crate::store::stats::sums::Which;

/// <https://discord.com/developers/docs/components/reference#custom-id>
const CUSTOM_ID: usize = 100;

/// A list as somebody asked for it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::discord) struct Listing {
    pub caller: UserId,
    pub of: Pages,
    /// From 0.
    pub page: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::discord) enum Pages {
    Leaders { by: Board, span: Span, map: Option<String> },
    Rounds { month: Option<NaiveDate>, map: Option<String>, guid: Option<String> },
}

/// A word for what may be absent.
fn word(text: Option<&str>) -> &str {
    text.unwrap_or("-")
}

fn absent(word: &str) -> Option<String> {
    (word != "-").then(|| word.to_owned())
}

impl Listing {
    pub(super) fn decode(caller: UserId, words: &[&str]) -> Option<Listing> {
        let (of, page) = match *words {
            ["lead", by, span, map, page] => {
                let span = match span {
                    "a" => Span::All,
                    "s" => Span::Season,
                    "m" => Span::Month,
                    _ => return None,
                };
                (Pages::Leaders { by: Board::parse(by)?, span, map: absent(map) }, page)
            }
            ["rounds", month, map, guid, page] => {
                let month = match absent(month) {
                    Some(month) => Some(NaiveDate::parse_from_str(&format!("{month}01"), "%Y%m%d").ok()?),
                    None => None,
                };
                (Pages::Rounds { month, map: absent(map), guid: absent(guid) }, page)
            }
            _ => return None,
        };
        Some(Listing { caller, of, page: page.parse().ok()? })
    }

    pub(super) fn encode(&self, page: usize) -> String {
        let caller = base36(self.caller.0);
        match &self.of {
            Pages::Leaders { by, span, map } => {
                let span = match span {
                    Span::All => "a",
                    Span::Season => "s",
                    Span::Month => "m",
                };
                format!("v1:stats:page:{caller}:lead:{}:{span}:{}:{page}", by.name(), word(map.as_deref()))
            }
            Pages::Rounds { month, map, guid } => {
                let month = month.map(|month| format!("{:04}{:02}", month.year(), month.month()));
                format!(
                    "v1:stats:page:{caller}:rounds:{}:{}:{}:{page}",
                    word(month.as_deref()),
                    word(map.as_deref()),
                    word(guid.as_deref())
                )
            }
        }
    }
}

/// A page with its buttons.
pub(in crate::discord) async fn page(
    ports: &Ports,
    guild_id: GuildId,
    listing: &Listing,
) -> Result<(CreateEmbed, Vec<CreateActionRow>)> {
    match &listing.of {
        Pages::Leaders { by, span, map } => {
            let leaders = board(ports, guild_id, *by, *span, map.clone()).await?;
            let pages = text::pages(leaders.len());
            // The list may have become shorter.
            let at = listing.page.min(pages - 1);
            let today = day::today(ports.clock.now(), ports.config.etlegacy.time_zone);
            let when = text::when(*span, today);
            let embed = text::leaders(*by, &when, map.as_deref(), &leaders, at);
            Ok((made(&embed), buttons(listing, at, at + 1 < pages)))
        }
        Pages::Rounds { month, map, guid } => {
            let zone = ports.config.etlegacy.time_zone;
            let which = Which {
                since: month.map(|month| day::begin(month, zone)),
                before: month.map(|month| day::begin(day::next_month(month), zone)),
                map: map.clone(),
                guid: guid.clone(),
                ..Which::default()
            };
            let at = listing.page;
            let offset = i64::try_from(at * PER_PAGE).unwrap_or(i64::MAX);
            let mut rounds = ports.store.list_stats_rounds(guild_id, &which, offset, PER_PAGE as i64 + 1).await?;
            let more = rounds.len() > PER_PAGE;
            rounds.truncate(PER_PAGE);
            let mut title = String::new();
            if let Some(guid) = guid {
                let name = people::name_of(ports, guild_id, guid).await?;
                title.push_str(&format!(" of {}", crate::routing::etlegacy::look::name(&name)));
            }
            title.extend(map.iter().map(|map| format!(" on {}", crate::routing::embed::escape(map))));
            title.extend(month.iter().map(|month| format!(", {}", month.format("%B %Y"))));
            Ok((made(&text::rounds(&title, &rounds, at)), buttons(listing, at, more)))
        }
    }
}

fn buttons(listing: &Listing, at: usize, more: bool) -> Vec<CreateActionRow> {
    // Names of maps and GUIDs as long as that are nobody's.
    if (at == 0 && !more) || listing.encode(usize::MAX).len() > CUSTOM_ID {
        return Vec::new();
    }
    let button = |label: &str, page: Option<usize>| {
        // Two buttons of one message have different ids, usable or not.
        let id = page.map_or_else(|| listing.encode(usize::MAX), |page| listing.encode(page));
        CreateButton::new(id).label(label).style(ButtonStyle::Secondary).disabled(page.is_none())
    };
    let next = more.then_some(at + 1);
    vec![CreateActionRow::Buttons(vec![button("Previous", at.checked_sub(1)), button("Next", next)])]
}
