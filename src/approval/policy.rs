//! The rules in force for a server: what the environment says, else what its admins set, else the default.

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use crate::config::{ApprovalRules, RULES, Rule, rule};
use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::store::approval::{delete_rule, list_rules, set_rule};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::source::ensure_person;
use crate::store::{Store, Tx};

/// Where a rule's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Cannot be changed by command.
    Environment,
    Server,
    Default,
}

/// A rule as people are shown it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub name: &'static str,
    pub variable: &'static str,
    pub value: String,
    pub origin: Origin,
}

/// Every rule with its value and where that comes from.
pub async fn settings(ports: &Ports, tx: &mut Tx, guild_id: GuildId) -> Result<Vec<Setting>> {
    let of_server = list_rules(tx, guild_id).await?;
    let setting = |rule: &Rule| {
        let given = ports.config.approvals.given(rule.name).map(|value| (value, Origin::Environment));
        // A value that a newer release understood and this one does not is none.
        let fits = |value: &str| ApprovalRules::default().set(rule, value).is_ok();
        let of_server = of_server.iter().find(|(name, value)| name == rule.name && fits(value));
        let of_server = of_server.map(|(_, value)| (value.as_str(), Origin::Server));
        let (value, origin) = given.or(of_server).unwrap_or((rule.default, Origin::Default));
        Setting { name: rule.name, variable: rule.variable, value: value.to_owned(), origin }
    };
    Ok(RULES.iter().map(setting).collect())
}

/// The rules as they stand now. What is open keeps those under which it was opened.
pub async fn in_force(ports: &Ports, tx: &mut Tx, guild_id: GuildId) -> Result<ApprovalRules> {
    let mut rules = ApprovalRules::default();
    for setting in settings(ports, tx, guild_id).await? {
        if let Some(rule) = rule(setting.name) {
            // Values in the settings were checked.
            rules.set(rule, &setting.value).map_err(anyhow::Error::msg)?;
        }
    }
    Ok(rules)
}

/// A change of a rule by command; `None` sets it back to the default.
pub type Change = (&'static str, Option<String>);

/// Sets rules of a server, all or none. The error is for the person who asked.
pub async fn change(ports: &Ports, guild_id: GuildId, user_id: UserId, changes: &[Change]) -> Result<()> {
    for (name, value) in changes {
        let Some(rule) = rule(name) else { continue };
        if ports.config.approvals.given(name).is_some() {
            let words =
                format!("`{name}` is set by {} and can only be changed there; nothing was changed.", rule.variable);
            return Err(UserError::new(words).into());
        }
        if let Some(value) = value
            && let Err(should) = ApprovalRules::default().set(rule, value)
        {
            return Err(UserError::new(format!("`{name}` {should}; nothing was changed.")).into());
        }
    }
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let person: Uuid = ensure_person(&mut tx, user_id.0, ports.clock.uuid(), now).await?;
    for (name, value) in changes {
        match value {
            Some(value) => set_rule(&mut tx, guild_id, name, value.trim(), person, now).await?,
            None => delete_rule(&mut tx, guild_id, name).await?,
        }
        let detail = json!({ "rule": name, "value": value });
        let line = NewAudit { guild_id, approval_id: None, person_id: Some(person), action: "rule_changed", detail };
        insert_audit(&mut tx, &line, now).await?;
    }
    Store::commit(tx).await?;
    Ok(())
}
