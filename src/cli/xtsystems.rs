//! `xtsystems webhooks`: what XTSystems knows of us, as tables for people or JSON for programs. Secrets are never
//! shown: XTSystems does not give them out, and ours are not printed.

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::office::Office;
use super::print::{Steps, print_json, table};
use super::terminal::Terminal;
use super::{Private, block_on, database, setup};
use crate::clock::Clock;
use crate::config::Config;
use crate::id::GuildId;
use crate::setup::xtsystems as steps_of;
use crate::source::catch_up::find_ours;
use crate::source::xtsystems::live::LiveSource;
use crate::source::xtsystems::parse;
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use crate::upstream::xtsystems::{Delivery, Webhook, XtSystemsClient};

#[derive(Subcommand)]
pub enum XtSystemsCommand {
    /// The webhooks that are registered at XTSystems
    Webhooks {
        #[command(subcommand)]
        what: WebhooksCommand,
    },
}

#[derive(Subcommand)]
pub enum WebhooksCommand {
    /// List them; ours is marked with *
    List(Output),
    /// Create ours, or complete it, and give it its secret again
    Register {
        /// Kinds of events, separated by commas, or all. Left out: all for a new webhook, else those it has
        #[arg(long)]
        events: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Ask for a test delivery to ours, wait for it, and show the round trip
    Test(Output),
    /// List what was sent to one, newest first, and whether it is here
    Deliveries {
        /// The webhook's id; ours when left out
        id: Option<String>,
        /// Only what is not here
        #[arg(long)]
        missing: bool,
        /// How many to look at
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Delete one, with XTSystems' log of what it sent there
    Delete {
        /// The webhook's id; ours when left out
        id: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Args)]
pub struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(command: XtSystemsCommand, config: Config) -> Result<ExitCode> {
    let XtSystemsCommand::Webhooks { what } = command;
    match what {
        WebhooksCommand::List(output) => list(&config, output.json),
        WebhooksCommand::Register { events, output } => {
            let mut steps = Steps::new(output.json);
            steps.topic("XTSystems");
            setup::connect(config, events.as_deref(), false, &mut steps)?;
            Ok(end(&steps))
        }
        WebhooksCommand::Test(output) => test(config, output.json),
        WebhooksCommand::Deliveries { id, missing, limit, output } => {
            deliveries(&config, id.as_deref(), missing, limit, output.json)
        }
        WebhooksCommand::Delete { id, yes } => delete(&config, id.as_deref(), yes),
    }
}

fn end(steps: &Steps) -> ExitCode {
    steps.finish();
    if steps.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn client(config: &Config) -> Result<XtSystemsClient> {
    crate::app::xtsystems_client(config, &Metrics::default())?
        .ok_or_else(|| anyhow!("XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY are not set; signalbox setup asks for them"))
}

fn source(config: &Config) -> Result<Arc<LiveSource>> {
    crate::app::live_source(config).context("XTSystems is not set up: signalbox setup asks for what is missing")
}

fn list(config: &Config, json: bool) -> Result<ExitCode> {
    let (client, source) = (client(config)?, source(config)?);
    let webhooks = block_on(async { Ok(client.list_webhooks().await?) })?;
    let ours = find_ours(webhooks.clone(), source.url.as_deref()).map(|webhook| webhook.id);
    let is_ours = |webhook: &Webhook| ours.as_deref() == Some(webhook.id.as_str());
    if json {
        let all = webhooks.iter().map(|w| {
            json!({ "id": w.id, "name": w.name, "url": w.url, "events": w.events, "active": w.active,
                "ours": is_ours(w), "created_at": w.created_at, "updated_at": w.updated_at })
        });
        print_json(&all.collect());
        return Ok(ExitCode::SUCCESS);
    }
    if webhooks.is_empty() {
        println!("No webhook is registered there yet. Register ours with: signalbox setup xtsystems");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = webhooks
        .iter()
        .map(|w| {
            let mark = if is_ours(w) { "*" } else { "" };
            let state = if w.active { "active" } else { "off" };
            [mark, &w.name, state, &w.events.len().to_string(), &w.url, &w.id].map(str::to_owned).to_vec()
        })
        .collect();
    print!("{}", table(&["", "NAME", "STATE", "EVENTS", "URL", "ID"], &rows));
    if ours.is_none() {
        println!("\nOurs is not among them. Register it with: signalbox setup xtsystems");
    }
    Ok(ExitCode::SUCCESS)
}

fn test(config: Config, json: bool) -> Result<ExitCode> {
    let mut steps = Steps::new(json);
    steps.topic("XTSystems");
    let client = client(&config)?;
    if block_on(async { Ok(steps_of::reach(Some(&client), &mut |step| steps.told(step)).await) })? {
        let database = database(&config, Private::Shared)?;
        let outcome = block_on(async {
            let Some(office) = Office::open(config, &database.url, true, &mut steps).await? else { return Ok(()) };
            let told = &mut |step| steps.told(step);
            let outcome = steps_of::test(office.ports(), office.source(), false, told).await;
            office.close().await;
            outcome.map(drop)
        });
        database.close();
        outcome?;
    }
    Ok(end(&steps))
}

/// A delivery with whether we have it; `None` when that cannot be told.
struct Known {
    delivery: Delivery,
    here: Option<bool>,
}

fn deliveries(config: &Config, id: Option<&str>, missing: bool, limit: u32, json: bool) -> Result<ExitCode> {
    let (client, source) = (client(config)?, source(config)?);
    let found = block_on(async {
        let webhook = chosen(&client, &source, id).await?;
        Ok(client.list_deliveries(&webhook.id, limit).await?)
    })?;
    let mut all = match known(config, &source, &found) {
        Ok(all) => all,
        Err(error) if missing => return Err(error),
        Err(error) => {
            eprintln!("Whether they are here cannot be told: {error:#}\n");
            found.into_iter().map(|delivery| Known { delivery, here: None }).collect()
        }
    };
    let absent = all.iter().filter(|known| known.here == Some(false)).count();
    let total = all.len();
    if missing {
        all.retain(|known| known.here == Some(false));
    }
    if json {
        print_json(&all.iter().map(as_json).collect());
        return Ok(ExitCode::SUCCESS);
    }
    if all.is_empty() {
        println!("{}", if missing { "Nothing is missing." } else { "Nothing was sent yet." });
        return Ok(ExitCode::SUCCESS);
    }
    let now = Clock::system().now();
    let rows: Vec<Vec<String>> = all.iter().map(|known| row(known, now)).collect();
    print!("{}", table(&["SENT", "EVENT", "STATUS", "TRIES", "HERE", "ID"], &rows));
    if absent > 0 {
        println!(
            "\n{absent} of {total} not here. A running Signalbox fetches what failed in the last 7 days by itself, every \
             10 minutes and at its start."
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn chosen(client: &XtSystemsClient, source: &LiveSource, id: Option<&str>) -> Result<Webhook> {
    let webhooks = client.list_webhooks().await?;
    match id {
        Some(id) => webhooks.into_iter().find(|webhook| webhook.id == id).ok_or_else(|| {
            anyhow!("XTSystems has no webhook {id}; signalbox xtsystems webhooks list shows what it has")
        }),
        None => find_ours(webhooks, source.url.as_deref())
            .ok_or_else(|| anyhow!("our webhook is not registered; signalbox setup xtsystems registers it")),
    }
}

fn known(config: &Config, source: &LiveSource, deliveries: &[Delivery]) -> Result<Vec<Known>> {
    let keys: Vec<Option<String>> = deliveries.iter().map(|d| dedup_key(d, source.guild_id, source.id)).collect();
    let wanted: Vec<String> = keys.iter().flatten().cloned().collect();
    let database = database(config, Private::Shared)?;
    let present = block_on(async {
        let store = Store::open(&database.url, 2)?;
        let present = store.list_known_keys(source.id, &wanted).await;
        store.close().await;
        Ok(present?)
    });
    database.close();
    let present: HashSet<String> = present?.into_iter().collect();
    let here = |key: Option<String>| key.map(|key| present.contains(&key));
    let known = deliveries.iter().cloned().zip(keys);
    Ok(known.map(|(delivery, key)| Known { delivery, here: here(key) }).collect())
}

/// As the delivery itself would have had it; `None` for what is no event.
fn dedup_key(delivery: &Delivery, guild_id: GuildId, source_id: Uuid) -> Option<String> {
    let event = parse::from_delivery(&delivery.payload, source_id, guild_id, Uuid::nil(), DateTime::UNIX_EPOCH);
    event.ok().map(|event| event.dedup_key)
}

fn row(known: &Known, now: DateTime<Utc>) -> Vec<String> {
    let delivery = &known.delivery;
    let status = match delivery.response_status {
        Some(0) | None => "no answer".to_owned(),
        Some(status) => status.to_string(),
    };
    let here = match known.here {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    };
    vec![
        delivery.created_at.map_or_else(|| "?".into(), |at| age(now - at)),
        delivery.event_type.clone().unwrap_or_else(|| "?".into()),
        status,
        delivery.attempts.map_or_else(|| "?".into(), |n| n.to_string()),
        here.to_owned(),
        delivery.id.clone(),
    ]
}

fn age(age: TimeDelta) -> String {
    match age.num_seconds().max(0) {
        seconds @ ..60 => format!("{seconds} s ago"),
        seconds @ 60..3600 => format!("{} min ago", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

fn as_json(known: &Known) -> Value {
    let d = &known.delivery;
    json!({ "id": d.id, "event_type": d.event_type, "response_status": d.response_status, "attempts": d.attempts,
        "created_at": d.created_at, "delivered_at": d.delivered_at, "here": known.here })
}

fn delete(config: &Config, id: Option<&str>, yes: bool) -> Result<ExitCode> {
    let (client, source) = (client(config)?, source(config)?);
    let webhook = block_on(chosen(&client, &source, id))?;
    let named = format!("\"{}\" ({})", webhook.name, webhook.url);
    if !yes {
        let Some(terminal) = Terminal::open() else { bail!("this deletes {named}: say --yes") };
        let question = format!("Delete {named}? Nothing more is sent there, and XTSystems forgets what it sent");
        if !terminal.confirm(&question, false)? {
            println!("Nothing was deleted.");
            return Ok(ExitCode::SUCCESS);
        }
    }
    block_on(async { Ok(client.delete_webhook(&webhook.id).await?) })?;
    println!("Deleted {named}.");
    Ok(ExitCode::SUCCESS)
}
