//! What is earned otherwise than by watching: following, subscribing, giving subscriptions, kicks, rewards. Entered in the
//! transaction that plans the event, by a cause that names the thing itself: however often it is told of, it pays once.

use std::collections::HashSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bits::hour_of;
use super::draw::tickets::gifted;
use super::rules::{Rules, Timeline};
use crate::event::Event;
use crate::id::{GuildId, sha256_hex};
use crate::ports::Ports;
use crate::store::Tx;
use crate::store::ledger::{NewLedgerEntry, insert_ledger_entries};
use crate::store::opening::give_openings;
use crate::store::viewer::{SeenViewer, ensure_viewers, list_ignored};
use crate::store::watch::rule::list_rules_in;

/// What an event pays, to whom.
#[derive(Clone, Debug, PartialEq)]
struct Earned {
    kick_user_id: i64,
    username: String,
    amount: i64,
    kind: &'static str,
    cause: String,
    detail: Value,
}

/// Enters what these events pay. Most pay nothing, and cost nothing.
pub async fn on_events(ports: &Ports, tx: &mut Tx, batch: &[Event]) -> Result<()> {
    let of_kick: Vec<&Event> = batch.iter().filter(|event| event.kind.starts_with("kick.")).collect();
    if of_kick.is_empty() {
        return Ok(());
    }
    let rules = Timeline::of(list_rules_in(tx).await?);
    let earned: Vec<(&Event, Earned)> = of_kick
        .into_iter()
        .filter_map(|event| Some((event, earned(event, &rules.at(event.guild_id, hour_of(event.occurred_at)))?)))
        .collect();
    if earned.is_empty() {
        return Ok(());
    }
    let seen: Vec<SeenViewer> = earned
        .iter()
        .map(|(event, earned)| SeenViewer {
            guild_id: event.guild_id,
            kick_user_id: earned.kick_user_id,
            username: earned.username.clone(),
            seen_at: event.occurred_at.min(ports.clock.now()),
            new_id: ports.clock.uuid(),
        })
        .collect();
    let persons = ensure_viewers(tx, &seen).await.context("storing who earned points")?;
    let named: Vec<(GuildId, Uuid, String)> =
        seen.iter().zip(&persons).map(|(viewer, person)| (viewer.guild_id, *person, viewer.username.clone())).collect();
    give_openings(tx, &named, ports.clock.now()).await?;
    let ignored: HashSet<(GuildId, Uuid)> = list_ignored(tx, &persons).await?.into_iter().collect();
    for ((event, earned), person) in earned.iter().zip(&persons).filter(|((_, earned), _)| earned.kind == "gift") {
        let gifts = earned.detail["gifts"].as_i64().unwrap_or(0);
        gifted(ports, tx, event.guild_id, *person, gifts, &earned.cause).await?;
    }
    let mut entries: Vec<NewLedgerEntry> = earned
        .into_iter()
        .zip(persons)
        .filter(|((event, _), person)| !ignored.contains(&(event.guild_id, *person)))
        .map(|((event, earned), person)| {
            NewLedgerEntry::new(event.guild_id, person, earned.amount, earned.kind, earned.cause).with(earned.detail)
        })
        .collect();
    // Batches of two planners take the same locks in the same order.
    entries.sort_by(|a, b| (a.guild_id, a.person_id, &a.cause).cmp(&(b.guild_id, b.person_id, &b.cause)));
    insert_ledger_entries(tx, ports.clock.now(), &entries).await.context("entering earned points")?;
    Ok(())
}

/// What an event pays by these rules.
fn earned(event: &Event, rules: &Rules) -> Option<Earned> {
    let data = &event.data;
    let broadcaster = data["broadcaster"]["user_id"].as_i64().unwrap_or(0);
    // The time of the thing itself; without one the event is all there is to know it by.
    let when = match data["created_at"].as_str() {
        Some(at) => at.to_owned(),
        None => event.id.to_string(),
    };
    let by = |who: &str| {
        let user = &data[who];
        let id = user["user_id"].as_i64().filter(|id| *id > 0)?;
        Some((id, user["username"].as_str().unwrap_or("somebody").to_owned()))
    };
    let (who, kind, amount, cause, detail) = match event.kind.as_str() {
        "kick.channel.followed" => {
            let who = by("follower")?;
            let cause = format!("follow:{broadcaster}:{}", who.0);
            (who, "follow", i64::from(rules.follow), cause, Value::Null)
        }
        "kick.subscription.new" | "kick.subscription.renewal" => {
            let who = by("subscriber")?;
            let cause = format!("sub:{broadcaster}:{}:{when}", who.0);
            (who, "sub", i64::from(rules.sub), cause, json!({ "months": data["duration"] }))
        }
        "kick.subscription.gifts" => {
            let (who, gifts) = (by("gifter")?, data["giftees"].as_array().map_or(0, Vec::len));
            // Somebody may give twice in one second, each time to others.
            let mut to: Vec<i64> =
                data["giftees"].as_array().into_iter().flatten().filter_map(|to| to["user_id"].as_i64()).collect();
            to.sort_unstable();
            let cause = format!("gift:{broadcaster}:{}:{when}:{gifts}:{}", who.0, print(&json!(to)));
            (who, "gift", i64::from(rules.gift).saturating_mul(gifts as i64), cause, json!({ "gifts": gifts }))
        }
        "kick.kicks.gifted" => {
            let (who, kicks) = (by("sender")?, data["gift"]["amount"].as_i64().unwrap_or(0).clamp(0, 1_000_000_000));
            let gift = json!([data["gift"]["name"], data["gift"]["message"]]);
            let cause = format!("kicks:{broadcaster}:{}:{when}:{kicks}:{}", who.0, print(&gift));
            (who, "kicks", i64::from(rules.kicks) * kicks / 100, cause, json!({ "kicks": kicks }))
        }
        "kick.reward.redemption" if data["status"].as_str().is_some_and(|s| s.eq_ignore_ascii_case("accepted")) => {
            let (who, id) = (by("redeemer")?, data["id"].as_str()?);
            let cost = data["reward"]["cost"].as_i64().unwrap_or(0).clamp(0, 1_000_000_000);
            let cause = format!("redemption:{id}");
            (who, "redemption", i64::from(rules.redemption) * cost / 100, cause, json!({ "cost": cost }))
        }
        _ => return None,
    };
    let (kick_user_id, username) = who;
    // A gift counts for raffles even where it earns no points.
    (amount > 0 || kind == "gift").then_some(Earned { kick_user_id, username, amount, kind, cause, detail })
}

/// Enough of a hash to tell two things of one second apart.
fn print(value: &Value) -> String {
    sha256_hex(value.to_string().as_bytes())[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::event::Severity;

    fn told(kind: &str, data: Value) -> String {
        let at = DateTime::from_timestamp(1_767_348_000, 0).unwrap();
        let event = Event {
            id: Uuid::nil(),
            source_id: Uuid::nil(),
            guild_id: GuildId(1),
            kind: kind.into(),
            subject: None,
            occurred_at: at,
            received_at: at,
            severity: Severity::Info,
            dedup_key: String::new(),
            data,
        };
        let rules = Rules { redemption: 5, ..Rules::default() };
        earned(&event, &rules)
            .map_or("nothing".into(), |e| format!("{} {} {} {}", e.username, e.amount, e.kind, e.cause))
    }

    #[test]
    fn each_kind_pays_its_own() {
        let ada = json!({ "user_id": 7, "username": "ada" });
        let of = |who: &str, more: Value| {
            let mut data = json!({ "broadcaster": { "user_id": 9 }, (who): ada });
            data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            data
        };
        let at = json!({ "created_at": "2026-01-01T00:00:00Z" });
        let with = |mut more: Value| {
            more["created_at"] = at["created_at"].clone();
            more
        };
        let told = [
            told("kick.channel.followed", of("follower", json!({}))),
            told("kick.subscription.new", of("subscriber", at.clone())),
            told("kick.subscription.gifts", of("gifter", with(json!({ "giftees": [1, 2, 3] })))),
            told("kick.subscription.gifts", json!({ "gifter": { "user_id": null }, "giftees": [1] })),
            told("kick.kicks.gifted", of("sender", with(json!({ "gift": { "amount": 250 } })))),
            told(
                "kick.reward.redemption",
                of("redeemer", json!({ "id": "r", "status": "Accepted", "reward": { "cost": 1000 } })),
            ),
            told(
                "kick.reward.redemption",
                of("redeemer", json!({ "id": "r", "status": "pending", "reward": { "cost": 1000 } })),
            ),
            told("kick.livestream.started", json!({})),
        ];
        insta::assert_snapshot!(told.join("\n"), @"
        ada 10 follow follow:9:7
        ada 100 sub sub:9:7:2026-01-01T00:00:00Z
        ada 300 gift gift:9:7:2026-01-01T00:00:00Z:3:4f53cda18c2baa0c
        nothing
        ada 25 kicks kicks:9:7:2026-01-01T00:00:00Z:250:95cb9b4f84ceff13
        ada 50 redemption redemption:r
        nothing
        nothing
        ");
    }
}
