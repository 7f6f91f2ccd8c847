//! Commands that admins wrote: who may, how often, what they cost, and what they answer.

use anyhow::Result;
use serde_json::json;

use super::super::draw::Host;
use super::super::words::{self, Permission, REPEATED, cut, fill, is_word};
use super::{Chatter, built_in};
use crate::error::UserError;
use crate::ports::Ports;
use crate::routing::board::gtb::grouped;
use crate::store::board::take_turn;
use crate::store::chat_command::{
    ChatCommand, delete_chat_command, find_taken_word, find_watched, lock_chat_command, note_use, save_chat_command,
};
use crate::store::ledger::{NewLedgerEntry, Posted, insert_ledger_entries, lock_balance};
use crate::store::{Store, Tx};

/// Characters of an answer.
pub const REPLY: usize = 500;
const ALIASES: usize = 10;

/// A command as an admin wants it.
#[derive(Clone, Debug)]
pub struct Edit {
    pub name: String,
    pub reply: String,
    pub aliases: Vec<String>,
    pub permission: Permission,
    pub cooldown_seconds: i32,
    pub cost: i64,
    pub enabled: bool,
}

fn plain(word: &str) -> String {
    word.trim().trim_start_matches('!').to_lowercase()
}

/// Stores or changes a command. Returns its name.
pub async fn save(ports: &Ports, host: Host, edit: &Edit) -> Result<String> {
    let refuse = |words: String| Err(UserError::new(words).into());
    let name = plain(&edit.name);
    let mut aliases: Vec<String> = edit.aliases.iter().map(|alias| plain(alias)).filter(|a| !a.is_empty()).collect();
    aliases.sort();
    aliases.dedup();
    let mut all: Vec<String> = aliases.clone();
    all.push(name.clone());
    if aliases.len() > ALIASES || !all.iter().all(|word| is_word(word)) {
        return refuse("Names are single words of at most 30 letters and digits; at most ten aliases.".to_owned());
    }
    if edit.reply.trim().is_empty() || edit.reply.chars().count() > REPLY {
        return refuse(format!("An answer has from 1 to {REPLY} characters."));
    }
    let mut tx = ports.store.begin().await?;
    take_turn(&mut tx, host.guild_id).await?;
    if let Some(taken) = find_taken_word(&mut tx, host.guild_id, &name, &all).await? {
        return refuse(format!("!{taken} is another command's name or alias."));
    }
    let command = ChatCommand {
        id: ports.clock.uuid(),
        name: name.clone(),
        aliases,
        reply: edit.reply.trim().to_owned(),
        permission: edit.permission,
        cooldown_seconds: edit.cooldown_seconds.clamp(0, 86_400),
        cost: edit.cost.max(0),
        enabled: edit.enabled,
        uses: 0,
        last_used_at: None,
    };
    save_chat_command(&mut tx, host.guild_id, &command, ports.clock.now()).await?;
    host.note(ports, &mut tx, "chat_command_saved", json!({ "name": name })).await?;
    Store::commit(tx).await?;
    Ok(name)
}

pub async fn remove(ports: &Ports, host: Host, name: &str) -> Result<()> {
    let name = plain(name);
    let mut tx = ports.store.begin().await?;
    if !delete_chat_command(&mut tx, host.guild_id, &name).await? {
        return Err(UserError::new("There is no such chat command.").into());
    }
    host.note(ports, &mut tx, "chat_command_removed", json!({ "name": name })).await?;
    Store::commit(tx).await?;
    Ok(())
}

/// What it answers, if anything. A built-in command of the same name stands behind one that is switched off.
pub(super) async fn run(
    ports: &Ports,
    tx: &mut Tx,
    chatter: &Chatter<'_>,
    word: &str,
    rest: &str,
) -> Result<Option<String>> {
    let (guild_id, message) = (chatter.voice.guild_id, chatter.message);
    let Some(command) = lock_chat_command(tx, guild_id, word).await?.filter(|command| command.enabled) else {
        return built_in::run(ports, tx, chatter, word, rest).await;
    };
    // Who may not, and who comes too early, hears nothing.
    if !command.permission.allows(&message.badges) || !command.is_ready(message.at) {
        return Ok(None);
    }
    if command.cost > 0 {
        let cause = format!("command:{}", message.message_id);
        let entry = NewLedgerEntry::new(guild_id, chatter.person, -command.cost, "command", cause);
        let entry = entry.with(json!({ "command": command.name }));
        if let Posted::NotEnough { balance, .. } = insert_ledger_entries(tx, ports.clock.now(), &[entry]).await? {
            return Ok(Some(format!(
                "{} !{} costs {} points; you have {}.",
                chatter.to(),
                command.name,
                grouped(command.cost),
                grouped(balance)
            )));
        }
    }
    let last = command.last_used_at.map_or(message.at, |last| last.max(message.at));
    let count = note_use(tx, guild_id, command.id, last).await?;
    Ok(Some(answer(tx, chatter, &command, rest, count).await?))
}

/// `{user}`, `{target}` (who is named, else the user), `{args}`, `{count}`, `{points}`, `{watchtime}`.
async fn answer(tx: &mut Tx, chatter: &Chatter<'_>, command: &ChatCommand, rest: &str, count: i64) -> Result<String> {
    let guild_id = chatter.voice.guild_id;
    let points = match command.reply.contains("{points}") {
        true => lock_balance(tx, guild_id, chatter.person).await?,
        false => 0,
    };
    let watched = match command.reply.contains("{watchtime}") {
        true => find_watched(tx, guild_id, chatter.person).await?.0,
        false => 0,
    };
    let args = cut(rest, REPEATED);
    let target = args.split(' ').next().unwrap_or_default().trim_start_matches('@');
    let user = chatter.message.username.as_str();
    Ok(fill(&command.reply, |name| {
        Some(match name {
            "user" => user.to_owned(),
            "target" if target.is_empty() => user.to_owned(),
            "target" => target.to_owned(),
            "args" => args.clone(),
            "count" => grouped(count),
            "points" => grouped(points),
            "watchtime" => words::minutes(watched),
            _ => return None,
        })
    }))
}
