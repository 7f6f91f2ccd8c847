//! `signalbox community import`: what viewers had elsewhere, from a file on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use crate::clock::Clock;
use crate::community::settings::import_by_operator;
use crate::id::GuildId;
use crate::store::Store;

#[derive(Subcommand)]
pub enum CommunityCommand {
    /// Bring along what viewers had elsewhere; names that were imported before stay as they are
    Import {
        /// CSV with a line for each: viewer,minutes,points
        file: PathBuf,
        /// The server it is for (default: DISCORD_GUILD_ID)
        #[arg(long, value_name = "ID")]
        server: Option<i64>,
    },
}

pub async fn run(command: &CommunityCommand, store: &Store, configured: Option<GuildId>) -> Result<ExitCode> {
    let CommunityCommand::Import { file, server } = command;
    let guild_id = server.map(GuildId).or(configured).context("which server? Set DISCORD_GUILD_ID or --server")?;
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let clock = Clock::system();
    clock.follow(store.clock_reading().await?);
    let imported = import_by_operator(store, &clock, guild_id, &bytes).await?;
    println!(
        "{} lines, {} names are new. {} of them are known and have it now; the others get it when they are first seen.",
        imported.lines, imported.new, imported.given
    );
    Ok(ExitCode::SUCCESS)
}
