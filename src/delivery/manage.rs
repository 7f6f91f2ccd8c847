//! What people do with destinations: add, change, pause, enable, remove. Each leaves a line in the audit log.

use anyhow::Result;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Delivery;
use super::limit::Action;
use super::test_message::Tested;
use crate::bus::Topic;
use crate::id::{ChannelId, GuildId, UserId};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::destination::manage::{
    Changed, DestinationChange, DestinationView, change_destination, remove_destination, set_destination_enabled,
};
use crate::store::destination::{Target, ensure_channel, ensure_webhook};
use crate::store::source::ensure_person;
use crate::store::{Store, Tx};
use crate::upstream::guard::WebhookAddress;

/// Who wants it, and where.
#[derive(Clone, Copy)]
pub struct Who {
    pub guild_id: GuildId,
    pub user_id: UserId,
}

/// Where a new destination leads.
pub enum NewPlace {
    Channel(ChannelId),
    Webhook(WebhookAddress),
}

pub enum Added {
    /// It is there; with what keeps it from being used, if anything.
    Done(Box<DestinationView>, Option<String>),
    NameTaken,
    /// The same place is there under this name.
    Already(String),
    /// The webhook belongs to another server.
    Elsewhere,
    /// Discord says no, or nothing.
    Refused(String),
}

pub enum Removed {
    /// So many messages waited for it.
    Done(u64),
    /// Routes lead there.
    Routed(Vec<String>),
    Unknown,
}

pub enum Enabled {
    /// It was only paused; so many messages waited.
    Done(i64),
    /// Discord had refused it: a test decides.
    Tested(Tested),
    Unknown,
}

impl Delivery {
    /// Adds a destination, or takes over one that a route already made.
    pub async fn add_destination(&self, who: Who, place: &NewPlace, change: &DestinationChange) -> Result<Added> {
        let ports = &self.ports;
        if let NewPlace::Webhook(webhook) = place {
            let request = ports.discord.get_webhook_channel(webhook.id, webhook.token.expose_secret());
            match self.look_up(Action::ReadWebhook, webhook.id, request).await {
                Ok((_, guild)) if guild.is_some_and(|guild| guild != who.guild_id) => return Ok(Added::Elsewhere),
                Ok(_) => {}
                Err(error) => return Ok(Added::Refused(error.to_string())),
            }
        }
        let known = ports.store.list_destination_views(who.guild_id, None).await?;
        let same = known.iter().find(|view| match (&view.destination.target, place) {
            (Target::Webhook { id, .. }, NewPlace::Webhook(webhook)) => *id == webhook.id,
            (Target::Channel(c) | Target::Thread(c) | Target::Forum(c), NewPlace::Channel(channel)) => c == channel,
            _ => false,
        });
        if let Some(name) = same.and_then(|view| view.name.clone()) {
            return Ok(Added::Already(name));
        }
        let (now, new_id) = (ports.clock.now(), ports.clock.uuid());
        let mut tx = ports.store.begin().await?;
        let id = match place {
            NewPlace::Channel(channel) => ensure_channel(&mut tx, who.guild_id, *channel, new_id, now).await?,
            NewPlace::Webhook(webhook) => {
                let token = webhook.token.expose_secret();
                ensure_webhook(&mut tx, who.guild_id, webhook.id, token, new_id, now).await?
            }
        };
        if change_destination(&mut tx, who.guild_id, id, change).await? == Changed::NameTaken {
            return Ok(Added::NameTaken);
        }
        self.note(&mut tx, who, "destination_added", json!({ "name": change.name })).await?;
        Store::commit(tx).await?;
        let Some(view) = ports.store.find_destination_view(who.guild_id, id).await? else {
            return Ok(Added::Refused("it was removed meanwhile".into()));
        };
        let problem = self.check_now(&view.destination).await?.unwrap_or_else(Some);
        let view = ports.store.find_destination_view(who.guild_id, id).await?.unwrap_or(view);
        Ok(Added::Done(Box::new(view), problem))
    }

    pub async fn change_destination(&self, who: Who, id: Uuid, change: &DestinationChange) -> Result<Changed> {
        let mut tx = self.ports.store.begin().await?;
        let changed = change_destination(&mut tx, who.guild_id, id, change).await?;
        if changed == Changed::Done {
            self.note(&mut tx, who, "destination_changed", json!({ "destination": id })).await?;
            Store::commit(tx).await?;
        }
        Ok(changed)
    }

    /// Its messages wait from now on. False when there is no such destination.
    pub async fn pause_destination(&self, who: Who, id: Uuid) -> Result<bool> {
        let mut tx = self.ports.store.begin().await?;
        let done = set_destination_enabled(&mut tx, who.guild_id, id, false).await?;
        if done {
            self.note(&mut tx, who, "destination_paused", json!({ "destination": id })).await?;
            Store::commit(tx).await?;
        }
        Ok(done)
    }

    /// Ends a pause. What Discord had refused is tested first.
    pub async fn enable_destination(&self, who: Who, id: Uuid, nonce: Uuid) -> Result<Enabled> {
        let Some(view) = self.ports.store.find_destination_view(who.guild_id, id).await? else {
            return Ok(Enabled::Unknown);
        };
        let mut tx = self.ports.store.begin().await?;
        if !set_destination_enabled(&mut tx, who.guild_id, id, true).await? {
            return Ok(Enabled::Unknown);
        }
        self.note(&mut tx, who, "destination_enabled", json!({ "destination": id })).await?;
        Store::commit(tx).await?;
        self.ports.wake.wake(Topic::Deliverer);
        if view.destination.disabled_because.is_none() {
            return Ok(Enabled::Done(view.waiting));
        }
        let tested = self.test_destination(who.guild_id, id, nonce, who.user_id).await?;
        Ok(tested.map_or(Enabled::Unknown, Enabled::Tested))
    }

    /// Removes a destination that no route names.
    pub async fn remove_destination(&self, who: Who, id: Uuid) -> Result<Removed> {
        let Some(view) = self.ports.store.find_destination_view(who.guild_id, id).await? else {
            return Ok(Removed::Unknown);
        };
        if !view.routes.is_empty() {
            return Ok(Removed::Routed(view.routes));
        }
        let mut tx = self.ports.store.begin().await?;
        let Some(waited) = remove_destination(&mut tx, who.guild_id, id, self.ports.clock.now()).await? else {
            return Ok(Removed::Unknown);
        };
        self.note(&mut tx, who, "destination_removed", json!({ "name": view.name, "messages": waited })).await?;
        Store::commit(tx).await?;
        Ok(Removed::Done(waited))
    }

    async fn note(&self, tx: &mut Tx, who: Who, action: &'static str, detail: Value) -> Result<()> {
        let clock = &self.ports.clock;
        let person_id = ensure_person(tx, who.user_id.0, clock.uuid(), clock.now()).await?;
        let guild_id = who.guild_id;
        let line = NewAudit { guild_id, approval_id: None, person_id: Some(person_id), action, detail };
        Ok(insert_audit(tx, &line, clock.now()).await?)
    }
}
