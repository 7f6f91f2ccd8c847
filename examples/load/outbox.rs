//! Destinations and routes in numbers, and what Discord was asked because of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sqlx::{Connection as _, PgConnection};
use standin::discord::{Discord, Phase, Then};
use uuid::Uuid;

/// No run takes longer.
const LIMIT: Duration = Duration::from_secs(300);

/// Where messages go: the id of the destination.
pub struct Place {
    pub id: Uuid,
    pub guild: i64,
}

/// Each a channel of its own, with a webhook in it if so wanted.
pub async fn places(discord: &Discord, url: &str, number: usize, by_webhook: bool) -> Result<Vec<Place>> {
    let mut connection = PgConnection::connect(url).await?;
    let guild = i64::try_from(discord.guild_id())?;
    let mut places = Vec::with_capacity(number);
    for n in 0..number {
        let channel = discord.add_channel(discord.guild_id(), &format!("load-{n}"), 0);
        let webhook = if by_webhook { Some(discord.create_webhook(channel, "load")?) } else { None };
        let id = Uuid::from_u128(0x10ad_0000_0000_4000_8000_0000_0000_0000 + n as u128);
        sqlx::query(
            "WITH made AS (
                INSERT INTO destination (id, guild_id, kind, channel_id, webhook_id, webhook_token, webhook_channel_id,
                    checked_at, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now())
             ) INSERT INTO lane (destination_id, not_before) VALUES ($1, now())",
        )
        .bind(id)
        .bind(guild)
        .bind(if by_webhook { "webhook" } else { "channel" })
        .bind((!by_webhook).then_some(i64::try_from(channel)?))
        .bind(webhook.as_ref().map(|(id, ..)| *id as i64))
        .bind(webhook.as_ref().map(|(_, token, _)| token.clone()))
        .bind(by_webhook.then_some(i64::try_from(channel)?))
        .execute(&mut connection)
        .await?;
        places.push(Place { id, guild });
    }
    Ok(places)
}

/// What the stand-in was asked to post, counted while it is asked.
#[derive(Clone, Default)]
pub struct Asked(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    posts: usize,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// Posts, refusals for a limit, and the time from the first post to the last.
pub struct Tally {
    pub posts: usize,
    pub refused: usize,
    pub took: Duration,
}

impl Asked {
    pub fn of(discord: &Discord) -> Self {
        let asked = Self::default();
        let counts = asked.0.clone();
        discord.on_request(move |request| {
            let is_post = matches!(request.route, "create_message" | "execute_webhook");
            if is_post && request.phase == Phase::Before {
                let mut counts = counts.lock().unwrap();
                counts.posts += 1;
                counts.last = Some(Instant::now());
                counts.first = counts.first.or(counts.last);
            }
            async { Then::Continue }
        });
        asked
    }

    pub fn tally(&self, discord: &Discord) -> Tally {
        let refused = discord.requests().iter().filter(|request| request["status"] == 429).count();
        let counts = self.0.lock().unwrap();
        let took = counts.last.zip(counts.first).map_or(Duration::ZERO, |(last, first)| last - first);
        Tally { posts: counts.posts, refused, took }
    }
}

/// Waits until this many are delivered.
pub async fn until_delivered(url: &str, number: usize) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let start = Instant::now();
    loop {
        // The whole table is counted when no message waits any more: that would take a good part of a processor.
        let waits: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM message WHERE state = 'queued')")
            .fetch_one(&mut connection)
            .await?;
        if waits {
            ensure!(start.elapsed() < LIMIT, "messages wait still after {LIMIT:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let delivered: i64 = sqlx::query_scalar("SELECT count(*) FROM message WHERE state = 'delivered'")
            .fetch_one(&mut connection)
            .await?;
        if delivered as usize >= number {
            return Ok(());
        }
        ensure!(start.elapsed() < LIMIT, "{delivered} of {number} were delivered in {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Each item stands in the channels exactly once.
pub fn check(discord: &Discord, number: usize) -> Result<()> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let state = discord.state();
    for channel in state["channels"].as_array().into_iter().flatten() {
        let text = channel["messages"].to_string();
        for (at, _) in text.match_indices("item-") {
            let name: String = text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            *seen.entry(name).or_default() += 1;
        }
    }
    ensure!(seen.len() == number, "{} of {number} are visible", seen.len());
    let doubled = seen.iter().find(|(_, times)| **times != 1);
    ensure!(doubled.is_none(), "{doubled:?}: not once");
    Ok(())
}

/// The name of the nth item, by which it is found again.
pub fn item(n: usize) -> String {
    format!("item-{n:07}")
}
