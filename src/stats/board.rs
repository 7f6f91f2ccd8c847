//! Who is best at something, of those who have played enough.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::career::rated;
use super::day;
use super::people::names;
use crate::id::GuildId;
use crate::matches::leaderboard::{Kind, Player, leaders};
use crate::matches::rating::Rating;
use crate::ports::Ports;
use crate::store::stats::sums::{By, Which};

/// Results that a rank needs.
const MAPS: u32 = 3;

/// What a list is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    Kind(Kind),
    Rating,
}

impl Board {
    pub fn parse(word: &str) -> Option<Board> {
        match word.trim().to_lowercase().as_str() {
            "rating" | "skill" => Some(Board::Rating),
            word => Kind::parse(word).map(Board::Kind),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Board::Kind(kind) => kind.names()[0],
            Board::Rating => "rating",
        }
    }
}

/// Since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    #[default]
    All,
    Season,
    Month,
}

/// Somebody on a list.
#[derive(Clone, Debug)]
pub struct Leader {
    pub guid: String,
    pub name: String,
    pub value: f64,
    pub player: Player,
    pub rating: Rating,
}

/// The whole list, best first.
pub async fn board(
    ports: &Ports,
    guild_id: GuildId,
    by: Board,
    span: Span,
    map: Option<String>,
) -> Result<Vec<Leader>> {
    let mut list = match by {
        Board::Rating => by_rating(ports, guild_id).await?,
        Board::Kind(kind) => {
            let which = Which { since: since(ports, span), map, ..Which::default() };
            let sums = ports.store.sum_stats(guild_id, &which, By::Player).await?;
            let players = sums.into_iter().map(|of| (of.key, Player { sum: of.sum, grenades: of.grenades })).collect();
            let leader =
                |(guid, value, player)| Leader { guid, name: String::new(), value, player, rating: Rating::default() };
            leaders(kind, players).into_iter().map(leader).collect()
        }
    };
    let guids: Vec<String> = list.iter().map(|leader| leader.guid.clone()).collect();
    let names: BTreeMap<String, String> = names(ports, guild_id, &guids).await?;
    for leader in &mut list {
        leader.name = names.get(&leader.guid).unwrap_or(&leader.guid).clone();
    }
    Ok(list)
}

fn since(ports: &Ports, span: Span) -> Option<DateTime<Utc>> {
    let (now, zone) = (ports.clock.now(), ports.config.etlegacy.time_zone);
    match span {
        Span::All => None,
        Span::Season => Some(day::begin(day::season(day::today(now, zone)), zone)),
        Span::Month => Some(now - TimeDelta::days(30)),
    }
}

/// By what the strength is at least: who has few results is not first by chance.
async fn by_rating(ports: &Ports, guild_id: GuildId) -> Result<Vec<Leader>> {
    let rated = rated(ports, guild_id).await?.into_iter().filter(|(_, rating)| rating.maps >= MAPS);
    let leader = |(guid, rating): (String, Rating)| Leader {
        guid,
        name: String::new(),
        value: rating.at_least(),
        player: Player::default(),
        rating,
    };
    let mut list: Vec<Leader> = rated.map(leader).collect();
    list.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.guid.cmp(&b.guid)));
    Ok(list)
}
