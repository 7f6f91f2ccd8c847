//! What admins set: the rules from the next hour on, stretches that are forced or paused, whom not to count, and what
//! viewers had elsewhere.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::bits::hour_of;
use super::draw::Host;
use super::points::{Actor, audit};
use super::rules::{MAX_PERCENT, Rules, Timeline};
use crate::clock::Clock;
use crate::error::UserError;
use crate::id::{GuildId, RoleId};
use crate::ports::Ports;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::board::take_turn;
use crate::store::opening::{NewOpening, give_openings_to_known, insert_openings};
use crate::store::source::ensure_person;
use crate::store::viewer::set_ignored;
use crate::store::watch::rule::{StoredRules, list_rules_in, set_period, set_rules};
use crate::store::{Store, Tx};

/// Other processes have heard of a change by then.
const NOTICE: TimeDelta = TimeDelta::minutes(1);
/// Lines of one import.
const LINES: usize = 100_000;
/// Bytes of a file.
pub const LARGEST: usize = 5_000_000;
/// Roles that multiply, of a server.
const ROLES: usize = 25;
const MOST: i64 = 1_000_000_000_000;

/// The rules of now, and those that are set for later with their first hour.
pub async fn rules(ports: &Ports, by: Actor) -> Result<(Rules, Option<(i32, Rules)>)> {
    let timeline = Timeline::of(ports.store.list_rules().await?);
    let hour = hour_of(ports.clock.now());
    let (now, later) = (timeline.at(by.guild_id, hour), timeline.at(by.guild_id, hour + 2));
    let next = if timeline.at(by.guild_id, hour + 1) == later { hour + 1 } else { hour + 2 };
    let changes = (now != later).then_some((next, later));
    Ok((now, changes))
}

/// Changes the rules from the next full hour on. Returns that hour, and the rules then.
pub async fn change_rules(
    ports: &Ports,
    by: Actor,
    change: impl FnOnce(&mut Rules) -> Result<()>,
) -> Result<(i32, Rules)> {
    change_rules_of(ports, Host::of(by.guild_id, by.user_id), change).await
}

/// The same by whoever it is: a dashboard is nobody.
pub async fn change_rules_of(
    ports: &Ports,
    host: Host,
    change: impl FnOnce(&mut Rules) -> Result<()>,
) -> Result<(i32, Rules)> {
    let now = ports.clock.now();
    let from_hour = hour_of(now + NOTICE) + 1;
    let mut tx = ports.store.begin().await?;
    // Two changes of one moment: the second is made to what the first has left.
    take_turn(&mut tx, host.guild_id).await?;
    let mut rules = Timeline::of(list_rules_in(&mut tx).await?).at(host.guild_id, from_hour);
    change(&mut rules)?;
    let admin = host.person(ports, &mut tx).await?;
    let stored = StoredRules { guild_id: host.guild_id, from_hour, rules: serde_json::to_value(&rules)? };
    set_rules(&mut tx, &stored, admin, now).await?;
    host.note(ports, &mut tx, "community_rules_set", stored.rules.clone()).await?;
    Store::commit(tx).await?;
    ports.community_changed();
    Ok((from_hour, rules))
}

/// Lets a role multiply what its linked members earn by watching; 100 percent: no longer.
pub async fn set_multiplier(ports: &Ports, by: Actor, role: RoleId, percent: u32) -> Result<(i32, Rules)> {
    change_rules(ports, by, |rules| {
        if percent > 100 {
            rules.multipliers.insert(role.0, percent.min(MAX_PERCENT));
        } else {
            rules.multipliers.remove(&role.0);
        }
        if rules.multipliers.len() > ROLES {
            return Err(UserError::new(format!("There can be {ROLES} roles that multiply at most.")).into());
        }
        Ok(())
    })
    .await
}

/// `force` or `pause`, on or off. False: it was so already.
pub async fn switch(ports: &Ports, by: Actor, kind: &'static str, on: bool) -> Result<bool> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    let changed = set_period(&mut tx, by.guild_id, kind, on, ports.clock.uuid(), Some(admin), now).await?;
    if changed {
        audit(&mut tx, by, admin, "watch_period_set", json!({ "kind": kind, "on": on }), now).await?;
    }
    Store::commit(tx).await?;
    ports.community_changed();
    Ok(changed)
}

/// Counts a viewer no longer, or again. False: it was so already.
pub async fn ignore(ports: &Ports, by: Actor, username: &str, ignored: bool) -> Result<bool> {
    let viewer = ports.store.find_viewer_by_name(by.guild_id, username).await?;
    let viewer = viewer.ok_or_else(|| UserError::new("Nobody of that name was seen in the chat."))?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    let changed = set_ignored(&mut tx, by.guild_id, viewer.person_id, ignored, Some(admin), now).await?;
    if changed {
        let detail = json!({ "viewer": viewer.person_id, "ignored": ignored });
        audit(&mut tx, by, admin, "viewer_ignored", detail, now).await?;
    }
    Store::commit(tx).await?;
    ports.community_changed();
    Ok(changed)
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub lines: usize,
    /// Names that were not imported before.
    pub new: u64,
    /// Of them those who are known already, and have it now.
    pub given: usize,
}

/// Takes in a file as [`import`] takes a text.
pub async fn import_file(ports: &Ports, by: Actor, bytes: &[u8]) -> Result<Imported> {
    import(ports, by, text(bytes).map_err(UserError::new)?).await
}

/// A spreadsheet saves other encodings, too; names in them would be wrong.
pub fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("Line {line}: this is not UTF-8 text. Save the table as CSV in UTF-8. Nothing was imported.")
    })
}

/// Takes in what viewers had elsewhere: all lines, or none.
pub async fn import(ports: &Ports, by: Actor, csv: &str) -> Result<Imported> {
    let openings = parse(csv).map_err(UserError::new)?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let admin = ensure_person(&mut tx, by.user_id.0, ports.clock.uuid(), now).await?;
    let imported = enter(&mut tx, by.guild_id, &openings, Some(admin), now).await?;
    Store::commit(tx).await?;
    Ok(imported)
}

/// The same by whoever has the machine.
pub async fn import_by_operator(store: &Store, clock: &Clock, guild_id: GuildId, bytes: &[u8]) -> Result<Imported> {
    let openings = text(bytes).and_then(parse).map_err(UserError::new)?;
    let mut tx = store.begin().await?;
    let imported = enter(&mut tx, guild_id, &openings, None, clock.now()).await?;
    Store::commit(tx).await?;
    Ok(imported)
}

async fn enter(
    tx: &mut Tx,
    guild_id: GuildId,
    openings: &[NewOpening],
    admin: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Imported> {
    let lines = openings.len();
    let new = insert_openings(tx, guild_id, openings, admin, now).await?;
    let given = give_openings_to_known(tx, guild_id, now).await?;
    let detail = json!({ "lines": lines, "new": new });
    let line = NewAudit { guild_id, approval_id: None, person_id: admin, action: "viewers_imported", detail };
    insert_audit(tx, &line, now).await?;
    Ok(Imported { lines, new, given })
}

/// `viewer,minutes,points` a line, with or without a head; comma, semicolon or tab. The error names the line.
pub fn parse(csv: &str) -> Result<Vec<NewOpening>, String> {
    let mut found: Vec<NewOpening> = Vec::new();
    let mut names = std::collections::HashSet::new();
    for (at, line) in csv.lines().enumerate() {
        let line = line.trim().trim_start_matches('\u{feff}');
        let fields: Vec<&str> =
            line.split([',', ';', '\t']).map(|field| field.trim().trim_matches('"').trim()).collect();
        if line.is_empty() || at == 0 && matches!(fields[0].to_lowercase().as_str(), "viewer" | "username" | "name") {
            continue;
        }
        let wrong = |what: &str| format!("Line {}: {what}. Nothing was imported.", at + 1);
        let number = |place: usize, what: &str| match fields.get(place).copied().unwrap_or("") {
            "" => Ok(0),
            words => match words.parse::<i64>() {
                Ok(number) if (0..=MOST).contains(&number) => Ok(number),
                _ => Err(wrong(&format!("{what} should be a whole number of at least 0"))),
            },
        };
        let name_key = fields[0].trim_start_matches('@').to_lowercase();
        if name_key.is_empty() || name_key.chars().count() > 100 || name_key.chars().any(char::is_control) {
            return Err(wrong("the viewer's name is missing"));
        }
        if fields.len() > 3 {
            return Err(wrong("there should be a viewer, minutes and points"));
        }
        if !names.insert(name_key.clone()) {
            return Err(wrong(&format!("{name_key} is in it twice")));
        }
        found.push(NewOpening { name_key, minutes: number(1, "minutes")?, points: number(2, "points")? });
        if found.len() > LINES {
            return Err(format!("An import has {LINES} lines at most."));
        }
    }
    if found.is_empty() { Err("There is no line in it: viewer,minutes,points.".into()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_another_program_is_read() {
        let read = parse("\u{feff}viewer,minutes,points\nAda,120,30\r\n\"@bob\";5;\n\ncy\t\t7").unwrap();
        let told: Vec<_> = read.iter().map(|o| (o.name_key.as_str(), o.minutes, o.points)).collect();
        assert_eq!(told, [("ada", 120, 30), ("bob", 5, 0), ("cy", 0, 7)]);
        for (odd, words) in [
            ("", "no line"),
            ("ada,-1", "Line 1: minutes should be"),
            ("ada,1,2,3", "Line 1"),
            ("ada,1\nADA,2", "Line 2: ada is in it twice"),
            (",1,2", "name is missing"),
            ("ada,1,1e9", "points should be"),
        ] {
            assert!(parse(odd).unwrap_err().contains(words), "{odd}: {:?}", parse(odd));
        }
    }
}
