//! Gives linked members the roles that they have earned by watching: every ten minutes, and at once when they link.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::points::{Actor, audit};
use crate::error::UserError;
use crate::id::{GuildId, RoleId};
use crate::ports::Ports;
use crate::store::Store;
use crate::store::source::ensure_person;
use crate::store::watch_role::{OwedRole, WatchRole, remove_watch_role, save_watch_role};

const EVERY: TimeDelta = TimeDelta::minutes(10);
/// Requests of one step.
const STEP: i64 = 20;
/// Thresholds of a server.
const MOST: usize = 25;
/// <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>
const UNKNOWN_MEMBER: i64 = 10007;
const UNKNOWN_ROLE: i64 = 10011;

/// When this process gives roles next.
#[derive(Default)]
pub struct Schedule {
    next_at: Option<DateTime<Utc>>,
}

impl Schedule {
    /// Gives what is due. Returns how many roles were given.
    pub async fn step(&mut self, ports: &Ports) -> Result<usize> {
        let now = ports.clock.now();
        if self.next_at.is_some_and(|at| at > now) {
            return Ok(0);
        }
        let mut given = 0;
        for owed in ports.store.list_owed_roles(None, STEP).await? {
            match give(ports, &owed).await? {
                Given::Done => given += 1,
                Given::Not => {}
                Given::Wait(span) => {
                    self.next_at = Some(now + span);
                    return Ok(given);
                }
            }
        }
        // More than one step's worth goes on at once.
        self.next_at = (given == 0).then_some(now + EVERY);
        Ok(given)
    }
}

/// Gives what is due in one server, when somebody has just linked or a role was set. What fails is due in ten minutes.
pub async fn give_now(ports: &Ports, guild_id: GuildId) -> Result<()> {
    for owed in ports.store.list_owed_roles(Some(guild_id), STEP).await? {
        if let Given::Wait(_) = give(ports, &owed).await? {
            break;
        }
    }
    Ok(())
}

enum Given {
    Done,
    /// Not this one.
    Not,
    /// Nothing for so long.
    Wait(TimeDelta),
}

async fn give(ports: &Ports, owed: &OwedRole) -> Result<Given> {
    let reply = ports.discord.add_member_role(owed.guild_id, owed.user_id, owed.role_id).await.reply;
    crate::crash::point("role.given");
    let refused = |fault: &'static str| async move {
        tracing::warn!(guild = owed.guild_id.0, role = owed.role_id.0, fault, "a role by watch time cannot be given");
        ports.store.mark_role_refused(owed.guild_id, owed.role_id, fault).await
    };
    match (reply.status, reply.code) {
        (200..300, _) => {
            ports.store.mark_role_granted(owed, ports.clock.now()).await?;
            Ok(Given::Done)
        }
        (404, Some(UNKNOWN_MEMBER)) => Ok(Given::Not),
        (404, Some(UNKNOWN_ROLE)) => {
            refused("The role was deleted.").await?;
            Ok(Given::Not)
        }
        (403, Some(_)) => {
            refused("The bot needs the permission Manage Roles, and a role of its own above this one.").await?;
            Ok(Given::Not)
        }
        (429, Some(_) | None) => Ok(Given::Wait(reply.retry_after.unwrap_or(TimeDelta::seconds(5)))),
        // Away, or not Discord: later.
        _ => Ok(Given::Wait(TimeDelta::minutes(1))),
    }
}

/// Sets what a role takes.
pub async fn save(ports: &Ports, by: Actor, role_id: RoleId, name: &str, minutes: i64, enabled: bool) -> Result<()> {
    let known = ports.store.list_watch_roles(by.guild_id).await?;
    if known.len() >= MOST && known.iter().all(|role| role.role_id != role_id) {
        return Err(UserError::new(format!("There can be {MOST} roles at most.")).into());
    }
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    let role =
        WatchRole { guild_id: by.guild_id, role_id, name: name.to_owned(), minutes, enabled, fault: None, granted: 0 };
    save_watch_role(&mut tx, &role, now).await?;
    let detail = json!({ "role": role_id.to_string(), "minutes": minutes, "enabled": enabled });
    audit(&mut tx, by, admin, "watch_role_set", detail, now).await?;
    Ok(Store::commit(tx).await?)
}

/// False: there was none.
pub async fn remove(ports: &Ports, by: Actor, role_id: RoleId) -> Result<bool> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    let removed = remove_watch_role(&mut tx, by.guild_id, role_id).await?;
    if removed {
        audit(&mut tx, by, admin, "watch_role_removed", json!({ "role": role_id.to_string() }), now).await?;
    }
    Store::commit(tx).await?;
    Ok(removed)
}
