//! `signalbox source`: described sources, added and changed by whoever has the machine; with a file also ones that no
//! preset knows.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use clap::Subcommand;
use serde_json::Value;

use super::print::table;
use crate::app::open_ports;
use crate::clock::Clock;
use crate::config::Config;
use crate::id::GuildId;
use crate::lifecycle::Lifecycle;
use crate::ports::Ports;
use crate::source::generic::config::SourceConfig;
use crate::source::generic::live::Sources;
use crate::source::generic::manage::{self, By, Made};
use crate::source::generic::preset;

#[derive(Subcommand)]
pub enum SourceCommand {
    /// Add a source; prints the address and the secret to enter at the sender
    Add {
        name: String,
        /// A ready-made description, such as github
        #[arg(long, required_unless_present = "config")]
        preset: Option<String>,
        /// A description of one's own, as JSON; `source show` prints one to begin with
        #[arg(long, value_name = "FILE", conflicts_with = "preset")]
        config: Option<PathBuf>,
        /// A message of the sender, as JSON: the description has to be able to read it
        #[arg(long, value_name = "FILE")]
        sample: Option<PathBuf>,
        /// A file with the secret, where the sender makes it
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// List the sources
    List,
    /// Print how a source is described, as JSON; without a name, a preset
    Show {
        #[arg(required_unless_present = "preset")]
        name: Option<String>,
        #[arg(long, conflicts_with = "name")]
        preset: Option<String>,
    },
    /// Describe a source anew
    Configure {
        name: String,
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        #[arg(long, value_name = "FILE")]
        sample: Option<PathBuf>,
    },
    /// Make a new secret; the one before it is accepted for a while
    Rotate {
        name: String,
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        #[arg(long, default_value_t = 24)]
        keep_hours: u16,
        /// The secret that its actions are signed with, instead of the one that the sender signs with
        #[arg(long, conflicts_with_all = ["secret_file", "keep_hours"])]
        actions: bool,
    },
    /// Remove a source: its address is nobody's from then on
    Remove { name: String },
}

pub async fn run(command: SourceCommand, config: Config, url: &str) -> Result<ExitCode> {
    let guild_id = config.discord.guild_id.context("which server? Set DISCORD_GUILD_ID")?;
    let clock = Clock::system();
    let (ports, _bus) = open_ports(config, url, clock, &Lifecycle::new(), None)?;
    ports.store.migrate(false).await?;
    ports.clock.follow(ports.store.clock_reading().await?);
    carry_out(command, &ports, guild_id).await?;
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(command: SourceCommand, ports: &Ports, guild_id: GuildId) -> Result<()> {
    let (sources, by) = (Sources::default(), By::Operator);
    match command {
        SourceCommand::Add { name, preset, config, sample, secret_file } => {
            let secret = secret_file.as_deref().map(text_of).transpose()?;
            let made = match config {
                Some(file) => {
                    let config = description(&file)?;
                    try_on(&config, &name, sample.as_deref())?;
                    manage::add_config(ports, &sources, guild_id, by, &name, &config, secret.as_deref()).await?
                }
                None => {
                    let preset = preset.unwrap_or_default();
                    manage::add(ports, &sources, guild_id, by, &name, &preset, secret.as_deref()).await?
                }
            };
            print_made(&made);
        }
        SourceCommand::List => {
            let found = ports.store.list_generic_sources(Some(guild_id)).await?;
            let rows: Vec<Vec<String>> = found
                .iter()
                .map(|source| {
                    let preset = source.config["preset"].as_str().unwrap_or_default().to_owned();
                    let address = manage::url(ports, source.id).unwrap_or_else(|| "PUBLIC_URL is not set".into());
                    vec![source.name.clone(), preset, address]
                })
                .collect();
            if rows.is_empty() {
                println!("There is no source yet. Add one with: signalbox source add NAME --preset github");
            } else {
                print!("{}", table(&["name", "preset", "address"], &rows));
            }
        }
        SourceCommand::Show { name, preset } => {
            let config = match (name, preset) {
                (Some(name), _) => manage::get(ports, guild_id, &name).await?.config,
                (None, preset) => {
                    let found = preset::find(&preset.unwrap_or_default()).context("there is no preset of this name")?;
                    serde_json::to_value(found.config())?
                }
            };
            println!("{config:#}");
        }
        SourceCommand::Configure { name, config, sample } => {
            let config = description(&config)?;
            try_on(&config, &name, sample.as_deref())?;
            let made = manage::configure(ports, &sources, guild_id, by, &name, &config, None).await?;
            print_action_secret(&made);
            println!("{name} is described anew. Processes that run know it within 10 seconds.");
        }
        SourceCommand::Rotate { name, actions: true, .. } => {
            print_action_secret(&manage::rotate_actions(ports, guild_id, by, &name).await?);
        }
        SourceCommand::Rotate { name, secret_file, keep_hours, .. } => {
            let secret = secret_file.as_deref().map(text_of).transpose()?;
            let keep = TimeDelta::hours(keep_hours.into());
            print_made(&manage::rotate(ports, &sources, guild_id, by, &name, secret.as_deref(), keep).await?);
        }
        SourceCommand::Remove { name } => {
            manage::remove(ports, &sources, guild_id, by, &name).await?;
            println!("{name} is removed.");
        }
    }
    Ok(())
}

fn print_made(made: &Made) {
    println!("Address: {}", made.url.as_deref().unwrap_or("not known: set PUBLIC_URL"));
    if let Some(secret) = &made.secret {
        println!("Secret:  {secret}");
    }
    eprintln!("{}\nThe secret is not shown again.", made.guide);
    print_action_secret(made);
}

fn print_action_secret(made: &Made) {
    if let Some(secret) = &made.action_secret {
        println!("Actions: {secret}");
        eprintln!("What is pressed on cards is signed with it, as Standard Webhooks asks. It is not shown again.");
    }
}

fn text_of(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

fn description(file: &Path) -> Result<SourceConfig> {
    serde_json::from_str(&text_of(file)?)
        .with_context(|| format!("{} is not a description of a source", file.display()))
}

/// Shows what the description makes of a message; an error when it can make nothing of it.
fn try_on(config: &SourceConfig, name: &str, sample: Option<&Path>) -> Result<()> {
    manage::check(config)?;
    let Some(file) = sample else { return Ok(()) };
    let body: Value =
        serde_json::from_str(&text_of(file)?).with_context(|| format!("{} is not JSON", file.display()))?;
    for event in manage::try_on(config, name, &body)? {
        eprintln!("{} · {}", event.kind, event.title.unwrap_or_else(|| "without a title".into()));
    }
    Ok(())
}
