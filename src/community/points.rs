//! Points as people use them: what they have and why, giving, granting, taking back.

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::kick_link::account_of;
use crate::store::ledger::read::LedgerEntry;
use crate::store::ledger::{NewLedgerEntry, Posted, insert_ledger_entries};
use crate::store::source::ensure_person;
use crate::store::viewer::Viewer;
use crate::store::watch::count::pay_watching;
use crate::store::{Store, Tx};

/// What one member may give another at once, and an admin grant.
pub const MOST: i64 = 1_000_000_000;

/// Whose points are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    Member(UserId),
    /// By the name on Kick.
    Viewer(String),
}

/// An account with what there is to say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub person_id: Uuid,
    pub balance: i64,
    /// The viewer on Kick, where it is one.
    pub viewer: Option<Viewer>,
    /// What each kind of entry came to.
    pub sums: Vec<(String, i64, i64)>,
}

/// Somebody who does something about points.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    pub guild_id: GuildId,
    pub user_id: UserId,
    /// Of the interaction: what it does is done once.
    pub interaction_id: i64,
}

/// Why an entry cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    Done {
        amount: i64,
    },
    Already,
    Unknown,
    /// Entries of this kind have another way: a sale is cancelled, a link undone.
    OtherWay(String),
    NotEnough {
        balance: i64,
    },
}

/// An account, with what watching has earned up to now.
pub async fn account(ports: &Ports, guild_id: GuildId, whose: &Whose) -> Result<Account> {
    let mut tx = ports.store.begin().await?;
    let person_id = find_account(ports, &mut tx, guild_id, whose).await?;
    pay_watching(&mut tx, guild_id, &[person_id], ports.clock.now()).await?;
    Store::commit(tx).await?;
    Ok(Account {
        person_id,
        balance: ports.store.balance(guild_id, person_id).await?,
        viewer: ports.store.find_viewer(guild_id, person_id).await?,
        sums: ports.store.sum_ledger(guild_id, person_id).await?,
    })
}

/// Whose points are meant, as a person of the ledger.
pub async fn find_account(ports: &Ports, tx: &mut Tx, guild_id: GuildId, whose: &Whose) -> Result<Uuid> {
    match whose {
        Whose::Member(user_id) => {
            let person = ensure_person(tx, user_id.0, ports.clock.uuid(), ports.clock.now()).await?;
            Ok(account_of(tx, guild_id, person).await?)
        }
        Whose::Viewer(name) => {
            let found = ports.store.find_viewer_by_name(guild_id, name).await?;
            Ok(found.ok_or_else(|| UserError::new(NO_VIEWER))?.person_id)
        }
    }
}

const NO_VIEWER: &str = "Nobody of that name was seen in the chat. Names are those on Kick.";
const TOO_LITTLE: &str = "You have only";

/// One member gives another some of their points.
pub async fn give(ports: &Ports, from: Actor, to: UserId, amount: i64) -> Result<i64> {
    if to == from.user_id {
        return Err(UserError::new("You cannot give points to yourself.").into());
    }
    let mut tx = ports.store.begin().await?;
    let giver = find_account(ports, &mut tx, from.guild_id, &Whose::Member(from.user_id)).await?;
    let taker = find_account(ports, &mut tx, from.guild_id, &Whose::Member(to)).await?;
    let now = ports.clock.now();
    pay_watching(&mut tx, from.guild_id, &[giver], now).await?;
    let entry = |person, amount, end: &str| {
        let cause = format!("give:{}:{end}", from.interaction_id);
        NewLedgerEntry::new(from.guild_id, person, amount, "give", cause)
    };
    let entries = [entry(giver, -amount, "from"), entry(taker, amount, "to")];
    if let Posted::NotEnough { balance, .. } = insert_ledger_entries(&mut tx, now, &entries).await? {
        return Err(UserError::new(format!("{TOO_LITTLE} {balance} points.")).into());
    }
    crate::crash::point("points.give.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("points.give.after_commit");
    ports.store.balance(from.guild_id, giver).await.map_err(Into::into)
}

/// An admin grants points, or takes some. Returns the entry's number and what there is then.
pub async fn grant(ports: &Ports, by: Actor, whose: &Whose, amount: i64, reason: &str) -> Result<(i64, i64)> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let person = find_account(ports, &mut tx, by.guild_id, whose).await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    let cause = format!("grant:{}", by.interaction_id);
    let entry = NewLedgerEntry::new(by.guild_id, person, amount, "grant", cause);
    let entry = entry.with(json!({ "reason": reason })).by(Some(admin));
    let id = match insert_ledger_entries(&mut tx, now, &[entry]).await? {
        Posted::NotEnough { balance, .. } => {
            return Err(UserError::new(format!("There are only {balance} points to take.")).into());
        }
        Posted::Done(ids) => ids.first().copied().unwrap_or_default(),
    };
    // The reason is in the entry, from which it can be taken.
    audit(&mut tx, by, admin, "points_granted", json!({ "entry": id, "amount": amount }), now).await?;
    crate::crash::point("points.grant.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("points.grant.after_commit");
    Ok((id, ports.store.balance(by.guild_id, person).await?))
}

/// An admin takes an entry back by its reversal. Of what a member gave another, both sides.
pub async fn undo(ports: &Ports, by: Actor, id: i64) -> Result<Undone> {
    let Some(entry) = ports.store.find_ledger_entry(by.guild_id, id).await? else { return Ok(Undone::Unknown) };
    if entry.reversed_by.is_some() {
        return Ok(Undone::Already);
    }
    let both = match entry.kind.as_str() {
        "purchase" | "refund" | "link" | "undo" => return Ok(Undone::OtherWay(entry.kind)),
        "give" => other_side(ports, by.guild_id, &entry).await?,
        _ => None,
    };
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    let reversal = |of: &LedgerEntry| NewLedgerEntry {
        reverses: Some(of.id),
        ..NewLedgerEntry::new(by.guild_id, of.person_id, -of.amount, "undo", format!("undo:{}", of.id)).by(Some(admin))
    };
    let reversals: Vec<NewLedgerEntry> = std::iter::once(&entry).chain(&both).map(reversal).collect();
    match insert_ledger_entries(&mut tx, now, &reversals).await? {
        Posted::NotEnough { balance, .. } => return Ok(Undone::NotEnough { balance }),
        Posted::Done(ids) if ids.is_empty() => return Ok(Undone::Already),
        Posted::Done(_) => {}
    }
    audit(&mut tx, by, admin, "points_undone", json!({ "entry": id, "amount": entry.amount }), now).await?;
    Store::commit(tx).await?;
    Ok(Undone::Done { amount: entry.amount })
}

async fn other_side(ports: &Ports, guild_id: GuildId, entry: &LedgerEntry) -> Result<Option<LedgerEntry>> {
    let Some((gift, end)) = entry.cause.rsplit_once(':') else { return Ok(None) };
    let other = format!("{gift}:{}", if end == "from" { "to" } else { "from" });
    let Some(id) = ports.store.find_ledger_id(guild_id, &other).await? else { return Ok(None) };
    Ok(ports.store.find_ledger_entry(guild_id, id).await?)
}

pub(super) async fn audit(
    tx: &mut Tx,
    by: Actor,
    person_id: Uuid,
    action: &'static str,
    detail: serde_json::Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let line = NewAudit { guild_id: by.guild_id, approval_id: None, person_id: Some(person_id), action, detail };
    Ok(insert_audit(tx, &line, now).await?)
}
