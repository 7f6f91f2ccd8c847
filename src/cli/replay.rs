//! `replay`: shows what was not delivered, and queues it again when told to.

use std::process::ExitCode;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use clap::Args;

use crate::store::Store;

/// Messages handled by one call.
const AT_MOST: i64 = 10_000;
/// Lines printed without `--yes`.
const SHOWN: usize = 20;

#[derive(Args)]
pub struct ReplayArgs {
    /// Only what failed at or after this time, such as 2026-11-21T10:00:00Z
    #[arg(long)]
    since: Option<String>,
    /// Only this message
    #[arg(long)]
    message: Option<i64>,
    /// Queue them again; without it they are only counted and shown
    #[arg(long)]
    yes: bool,
}

pub async fn replay(args: &ReplayArgs, store: &Store) -> Result<ExitCode> {
    let since = match &args.since {
        Some(text) => text
            .parse::<DateTime<Utc>>()
            .with_context(|| format!("--since should be a time such as 2026-11-21T10:00:00Z, not {text}"))?,
        None => DateTime::UNIX_EPOCH,
    };
    let mut dead = store.list_dead(since, AT_MOST).await?;
    dead.retain(|message| args.message.is_none_or(|id| id == message.id));
    println!("{} not delivered.", dead.len());
    if args.yes {
        let ids: Vec<i64> = dead.iter().map(|message| message.id).collect();
        let queued = store.requeue_dead(&ids).await?;
        println!("{queued} queued again; the running bot sends them.");
        return Ok(ExitCode::SUCCESS);
    }
    for message in dead.iter().take(SHOWN) {
        println!(
            "{:>8}  {}  event {}  {}",
            message.id,
            message.finished_at.to_rfc3339(),
            message.event_id,
            message.note
        );
    }
    if dead.len() > SHOWN {
        println!("… and {} more", dead.len() - SHOWN);
    }
    if !dead.is_empty() {
        println!("Queue them again with --yes.");
    }
    Ok(ExitCode::SUCCESS)
}
