//! Lists of who has watched most or has most points, and how they are drawn.

use anyhow::{Context as _, Result};

use super::bits::{day_of, start_of_day};
use super::card;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::ledger::read::Standing;

/// What a list is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    Watch,
    Points,
}

/// Since when; days are those of UTC, today included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    Day,
    Week,
    Month,
    All,
}

impl Span {
    fn days(self) -> Option<i32> {
        match self {
            Span::Day => Some(1),
            Span::Week => Some(7),
            Span::Month => Some(30),
            Span::All => None,
        }
    }
}

pub async fn standings(ports: &Ports, guild_id: GuildId, by: Board, span: Span, limit: i64) -> Result<Vec<Standing>> {
    let today = day_of(ports.clock.now());
    let since = span.days().map(|days| today - days + 1);
    Ok(match by {
        Board::Watch => ports.store.watch_board(guild_id, since, limit).await?,
        Board::Points => {
            let since = since.map(start_of_day);
            ports.store.point_board(guild_id, since, limit).await?
        }
    })
}

pub fn title(by: Board, span: Span) -> &'static str {
    match (by, span) {
        (Board::Watch, Span::Day) => "Watch time today",
        (Board::Watch, Span::Week) => "Watch time, 7 days",
        (Board::Watch, Span::Month) => "Watch time, 30 days",
        (Board::Watch, Span::All) => "Watch time",
        (Board::Points, Span::Day) => "Points earned today",
        (Board::Points, Span::Week) => "Points earned in 7 days",
        (Board::Points, Span::Month) => "Points earned in 30 days",
        (Board::Points, Span::All) => "Points",
    }
}

/// The list as a PNG, drawn beside the other work: it takes some tens of milliseconds.
pub async fn card(title: String, lines: Vec<(String, String)>) -> Result<Vec<u8>> {
    tokio::task::spawn_blocking(move || card::draw(&title, &lines)).await.context("drawing a card")?
}
