//! What an operator does about stored data: verify and export the audit log, forget a member, encrypt anew.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::json;

use crate::clock::Clock;
use crate::id::GuildId;
use crate::store::Store;
use crate::store::privacy::Whom;
use crate::store::secret::Reseal;

/// Entries read at once.
const BATCH: i64 = 2000;

#[derive(Subcommand)]
pub enum AuditCommand {
    /// Check that no entry was changed, removed or inserted by hand; names the first that was (exit code 1)
    Verify {
        /// Only this server
        #[arg(long)]
        guild: Option<i64>,
    },
    /// Print the log of a server, one JSON object on a line, the head of its chain first
    Export {
        #[arg(long)]
        guild: i64,
    },
}

#[derive(Subcommand)]
pub enum PrivacyCommand {
    /// Delete what is stored about somebody who asked for it
    DeleteFor {
        /// The Discord user id; linked Kick accounts go with it
        #[arg(required_unless_present = "kick_user")]
        user_id: Option<i64>,
        /// The Kick user id of somebody without a Discord account
        #[arg(long, value_name = "ID", conflicts_with = "user_id")]
        kick_user: Option<i64>,
        /// Do it; without it, it is only counted
        #[arg(long)]
        yes: bool,
    },
    /// Print `PRIVACY.md`
    Policy,
}

#[derive(Subcommand)]
pub enum SecretsCommand {
    /// Encrypt every stored secret with ENCRYPTION_KEY; what ENCRYPTION_KEYS_OLD encrypted is opened with those
    Rotate,
}

pub async fn audit(command: &AuditCommand, store: &Store) -> Result<ExitCode> {
    match command {
        AuditCommand::Verify { guild } => verify(store, guild.map(GuildId)).await,
        AuditCommand::Export { guild } => export(store, GuildId(*guild)).await,
    }
}

async fn verify(store: &Store, guild: Option<GuildId>) -> Result<ExitCode> {
    let guilds = match guild {
        Some(guild) => vec![guild],
        None => store.list_audit_guilds().await?,
    };
    let mut code = ExitCode::SUCCESS;
    for guild in guilds {
        let walk = store.verify_audit(guild).await?;
        let head =
            walk.head.as_ref().map_or("empty".to_owned(), |h| format!("head {} {}", h.seq, hex::encode(&h.hash)));
        match &walk.fault {
            None => println!("{guild}: {} entries checked, {} not sealed yet, {head}", walk.checked, walk.unsealed),
            Some(fault) => {
                println!("{guild}: NOT AS WRITTEN: {fault}; {} entries before it are, {head}", walk.checked);
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

async fn export(store: &Store, guild: GuildId) -> Result<ExitCode> {
    let Some(head) = store.find_audit_head(guild).await? else { bail!("server {guild} has no audit log") };
    let mut out = std::io::stdout().lock();
    let about = json!({
        "format": "signalbox.audit.v1",
        "guild": guild.to_string(),
        "head_seq": head.seq,
        "head_hash": hex::encode(&head.hash),
        "entries": head.seq - head.anchor_seq,
        "complete": true,
    });
    writeln!(out, "{about}").context("standard output")?;
    let mut after = head.anchor_seq;
    while after < head.seq {
        let batch = store.list_sealed_audit(guild, after, BATCH).await?;
        let Some(last) = batch.last() else { bail!("the log ends at entry {after}: run signalbox audit verify") };
        after = last.seq;
        for entry in batch.iter().filter(|entry| entry.seq <= head.seq) {
            writeln!(out, "{}", entry.line).context("standard output")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn delete_for(whom: Whom, yes: bool, store: &Store) -> Result<ExitCode> {
    for found in store.count_of(whom).await? {
        println!("{:>8}  {}  (on deletion: {})", found.count, found.member.what, found.member.on_delete.words());
    }
    if !yes {
        println!("Delete with --yes.");
        return Ok(ExitCode::SUCCESS);
    }
    let anything = match whom {
        Whom::Member(user_id) => store.forget_member(user_id, Clock::system().now()).await?,
        Whom::Viewer(kick_user_id) => store.forget_viewer(kick_user_id).await?,
    };
    println!("{}", if anything { "Deleted; the running bot shows its cards anew." } else { "There was nothing." });
    Ok(ExitCode::SUCCESS)
}

pub async fn rotate(store: &Store) -> Result<ExitCode> {
    let (seen, done) = store.reseal(Reseal::Outdated).await?;
    println!("{seen} secrets, {done} encrypted anew. Every other one had the newest key already.");
    Ok(ExitCode::SUCCESS)
}
