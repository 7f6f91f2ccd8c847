//! What people and programs do with destinations: add, change, pause, enable, remove. Each leaves a line in the audit
//! log.

use anyhow::Result;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::Delivery;
use super::limit::Action;
use super::test_message::Tested;
use crate::bus::Topic;
use crate::id::{ChannelId, GuildId};
use crate::store::audit::{Author, insert_audit};
use crate::store::destination::edit::{Settings, find_place, lock_settings};
use crate::store::destination::manage::{
    Changed, DestinationChange, DestinationView, change_destination, remove_destination,
};
use crate::store::destination::{ensure_channel, ensure_webhook};
use crate::store::{Store, Tx};
use crate::upstream::discord::LookupError;
use crate::upstream::guard::WebhookAddress;

const NAME: usize = 80;
const DESCRIPTION: usize = 500;
/// As the table has it.
pub const BATCH_WINDOW_MAX_MS: i32 = 60_000;
const SENDER: usize = 80;
const ADDRESS: usize = 2048;

/// Who wants it, and where.
#[derive(Clone, Debug)]
pub struct Who {
    pub guild_id: GuildId,
    pub author: Author,
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
    /// Discord says no.
    Refused(String),
    /// Discord says nothing, or not now.
    Silent(String),
    Unfit(Unfit),
}

/// What came of a change.
pub enum Change {
    Done,
    /// Another one has this name.
    NameTaken,
    /// It is not the version that is meant.
    Stale,
    Unfit(Unfit),
    Unknown,
}

pub enum Removed {
    /// So many messages waited for it.
    Done(u64),
    /// Routes lead there.
    Routed(Vec<String>),
    Stale,
    Unknown,
}

pub enum Enabled {
    /// It was only paused; so many messages waited.
    Done(i64),
    /// Discord had refused it: a test decides.
    Tested(Tested),
    Unknown,
}

/// A setting that cannot be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    pub field: &'static str,
    pub why: String,
}

impl Delivery {
    /// Adds a destination, or takes over one that a route already made. The same `new_id` is the same wish.
    pub async fn add_destination(
        &self,
        who: &Who,
        place: &NewPlace,
        change: &DestinationChange,
        new_id: Uuid,
    ) -> Result<Added> {
        let ports = &self.ports;
        if let Some(unfit) = unfit(change, matches!(place, NewPlace::Webhook(_))).into_iter().next() {
            return Ok(Added::Unfit(unfit));
        }
        if let NewPlace::Webhook(webhook) = place {
            let request = ports.discord.get_webhook_channel(webhook.id, webhook.token.expose_secret());
            match self.look_up(Action::ReadWebhook, webhook.id, request).await {
                Ok((_, guild)) if guild.is_some_and(|guild| guild != who.guild_id) => return Ok(Added::Elsewhere),
                Ok(_) => {}
                Err(error @ LookupError::Refused { .. }) => {
                    return Ok(Added::Refused(error.to_string()));
                }
                Err(error) => return Ok(Added::Silent(error.to_string())),
            }
        }
        let now = ports.clock.now();
        let mut tx = ports.store.begin().await?;
        let (channel, webhook) = match place {
            NewPlace::Channel(channel) => (Some(channel.0), None),
            NewPlace::Webhook(webhook) => (None, Some(webhook.id)),
        };
        match find_place(&mut tx, who.guild_id, channel, webhook).await? {
            // One that a route made has no name, and gets it now.
            Some((known, Some(name))) if known != new_id => return Ok(Added::Already(name)),
            _ => {}
        }
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
        self.note(&mut tx, who, "destination_added", json!({ "destination": id, "name": change.name })).await?;
        Store::commit(tx).await?;
        let Some(view) = ports.store.find_destination_view(who.guild_id, id).await? else {
            return Ok(Added::Refused("it was removed meanwhile".into()));
        };
        let problem = self.check_now(&view.destination).await?.unwrap_or_else(Some);
        ports.wake.wake(Topic::Deliverer);
        let view = ports.store.find_destination_view(who.guild_id, id).await?.unwrap_or(view);
        Ok(Added::Done(Box::new(view), problem))
    }

    /// `is_meant` judges what it changes, under the lock under which it is changed.
    pub async fn change_destination(
        &self,
        who: &Who,
        id: Uuid,
        change: &DestinationChange,
        is_meant: impl Fn(&Settings) -> bool,
    ) -> Result<Change> {
        let mut tx = self.ports.store.begin().await?;
        let Some(before) = lock_settings(&mut tx, who.guild_id, id).await? else { return Ok(Change::Unknown) };
        if !is_meant(&before) {
            return Ok(Change::Stale);
        }
        if let Some(unfit) = unfit(change, before.kind == "webhook").into_iter().next() {
            return Ok(Change::Unfit(unfit));
        }
        match change_destination(&mut tx, who.guild_id, id, change).await? {
            Changed::Done => {}
            Changed::NameTaken => return Ok(Change::NameTaken),
            Changed::Unknown => return Ok(Change::Unknown),
        }
        let fields = fields(change);
        let (action, detail) = match (fields.as_slice(), change.enabled) {
            (["enabled"], Some(true)) => ("destination_enabled", json!({ "destination": id })),
            (["enabled"], Some(false)) => ("destination_paused", json!({ "destination": id })),
            _ => ("destination_changed", json!({ "destination": id, "fields": fields })),
        };
        self.note(&mut tx, who, action, detail).await?;
        Store::commit(tx).await?;
        // What waited for the end of a pause goes on.
        self.ports.wake.wake(Topic::Deliverer);
        Ok(Change::Done)
    }

    /// Its messages wait from now on. False when there is no such destination.
    pub async fn pause_destination(&self, who: &Who, id: Uuid) -> Result<bool> {
        let pause = DestinationChange { enabled: Some(false), ..DestinationChange::default() };
        Ok(matches!(self.change_destination(who, id, &pause, |_| true).await?, Change::Done))
    }

    /// Ends a pause. What Discord had refused is tested first.
    pub async fn enable_destination(&self, who: &Who, id: Uuid, nonce: Uuid) -> Result<Enabled> {
        let Some(view) = self.ports.store.find_destination_view(who.guild_id, id).await? else {
            return Ok(Enabled::Unknown);
        };
        let enable = DestinationChange { enabled: Some(true), ..DestinationChange::default() };
        if !matches!(self.change_destination(who, id, &enable, |_| true).await?, Change::Done) {
            return Ok(Enabled::Unknown);
        }
        if view.destination.disabled_because.is_none() {
            return Ok(Enabled::Done(view.waiting));
        }
        let tested = self.test_destination(who.guild_id, id, nonce, &who.author).await?;
        Ok(tested.map_or(Enabled::Unknown, Enabled::Tested))
    }

    /// Removes a destination that no route names.
    pub async fn remove_destination(
        &self,
        who: &Who,
        id: Uuid,
        is_meant: impl Fn(&Settings) -> bool,
    ) -> Result<Removed> {
        let Some(view) = self.ports.store.find_destination_view(who.guild_id, id).await? else {
            return Ok(Removed::Unknown);
        };
        if !view.routes.is_empty() {
            return Ok(Removed::Routed(view.routes));
        }
        let mut tx = self.ports.store.begin().await?;
        let Some(before) = lock_settings(&mut tx, who.guild_id, id).await? else { return Ok(Removed::Unknown) };
        if !is_meant(&before) {
            return Ok(Removed::Stale);
        }
        let Some(waited) = remove_destination(&mut tx, who.guild_id, id, self.ports.clock.now()).await? else {
            return Ok(Removed::Unknown);
        };
        let detail = json!({ "destination": id, "name": before.name, "messages": waited });
        self.note(&mut tx, who, "destination_removed", detail).await?;
        Store::commit(tx).await?;
        Ok(Removed::Done(waited))
    }

    async fn note(&self, tx: &mut Tx, who: &Who, action: &'static str, detail: Value) -> Result<()> {
        let clock = &self.ports.clock;
        let person_id = who.author.person(tx, clock.uuid(), clock.now()).await?;
        Ok(insert_audit(tx, &who.author.line(who.guild_id, person_id, action, detail), clock.now()).await?)
    }
}

/// What a change is about, for the audit log.
fn fields(change: &DestinationChange) -> Vec<&'static str> {
    let fields = [
        ("name", change.name.is_some()),
        ("description", change.description.is_some()),
        ("type", change.webhook_type.is_some()),
        ("scope", change.webhook_scope.is_some()),
        ("enabled", change.enabled.is_some()),
        ("archives_resolved", change.archives_resolved.is_some()),
        ("batch_window_ms", change.batch_window_ms.is_some()),
        ("sender_name", change.sender_name.is_some()),
        ("sender_avatar_url", change.sender_avatar_url.is_some()),
    ];
    fields.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
}

/// What cannot be so. An empty text clears, and is never wrong.
pub fn unfit(change: &DestinationChange, is_webhook: bool) -> Vec<Unfit> {
    let mut unfit = Vec::new();
    let mut add = |field: &'static str, why: String| unfit.push(Unfit { field, why });
    let is_long = |text: &str, most: usize| text.chars().count() > most;
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if given(&change.name).is_some_and(|name| is_long(&name, NAME) || name.chars().any(char::is_control)) {
        add("name", bad_name());
    }
    let bad = |c: char| c.is_control() && c != '\n';
    if given(&change.description).is_some_and(|words| is_long(&words, DESCRIPTION) || words.chars().any(bad)) {
        add("description", format!("should have at most {DESCRIPTION} characters, and no control characters"));
    }
    if change.batch_window_ms.flatten().is_some_and(|ms| !(0..=BATCH_WINDOW_MAX_MS).contains(&ms)) {
        add("batch_window_ms", format!("should be 0 to {BATCH_WINDOW_MAX_MS} milliseconds"));
    }
    let (sender, address) = (given(&change.sender_name), given(&change.sender_avatar_url));
    for (field, is_given) in [("sender_name", sender.is_some()), ("sender_avatar_url", address.is_some())] {
        if is_given && !is_webhook {
            add(field, "is for Discord webhooks alone: into a channel the bot posts as itself".to_owned());
        }
    }
    // https://discord.com/developers/docs/resources/webhook#create-webhook
    let barred = |name: &str| ["clyde", "discord"].iter().any(|word| name.to_lowercase().contains(word));
    if sender.is_some_and(|name| is_long(&name, SENDER) || name.chars().any(char::is_control) || barred(&name)) {
        let words = "Discord allows neither \"clyde\" nor \"discord\" in it";
        add("sender_name", format!("should have 1 to {SENDER} characters; {words}"));
    }
    let is_address = |text: &str| Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host());
    if address.is_some_and(|text| is_long(&text, ADDRESS) || !is_address(&text)) {
        add("sender_avatar_url", "should be the https address of an image".to_owned());
    }
    unfit
}

/// What is said of a name that cannot be.
pub fn bad_name() -> String {
    format!("should have 1 to {NAME} characters, and no control characters")
}
