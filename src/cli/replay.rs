//! `replay`: shows what was not delivered, and queues it again when told to.

use std::process::ExitCode;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use clap::Args;

use crate::delivery::replay;
use crate::store::Store;
use crate::store::message::DeadFilter;

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
        Some(text) => Some(
            text.parse::<DateTime<Utc>>()
                .with_context(|| format!("--since should be a time such as 2026-11-21T10:00:00Z, not {text}"))?,
        ),
        None => None,
    };
    let filter = DeadFilter { since, message_id: args.message, ..DeadFilter::default() };
    let prospect = replay::look(store, &filter).await?;
    let dead = &prospect.messages;
    println!("{} not delivered.", dead.len());
    if prospect.settled > 0 {
        println!("{} more are settled: shown by now, or their destination was removed.", prospect.settled);
    }
    if args.yes {
        let now = store.clock_reading().await?;
        let filter = DeadFilter { until: Some(now), ..filter };
        let queued = replay::replay(store, &filter, None, uuid::Uuid::nil(), now).await?;
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
