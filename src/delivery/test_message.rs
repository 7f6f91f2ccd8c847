//! A message that only shows that a destination works, asked for by a person. It goes past the lane: also where that
//! is closed.

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::classify::{Action, Verdict, classify};
use super::create::as_sender;
use super::limit::{Action as RouteAction, Gate, RouteKey};
use super::{Delivery, check, forum};
use crate::bus::Topic;
use crate::id::{ChannelId, GuildId, MessageId, base62};
use crate::routing::embed::{Embed, Footer, MessageBody, escape};
use crate::routing::post::NewPost;
use crate::store::audit::Author;
use crate::store::destination::manage::DestinationView;
use crate::store::destination::{Destination, Target};

const GREEN: u32 = 0x57F287;
/// As the panel tests its webhooks.
const PANEL: u32 = 5_814_783;

/// What came of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Tested {
    /// It is there; the channel where that is known.
    Passed { channel: Option<ChannelId>, message: MessageId },
    /// Why it is not, and what to do.
    Failed(String),
    /// Nobody knows, or not now.
    Unknown(String),
}

impl Delivery {
    /// Posts a test message. One that arrives lets a destination be used that Discord had refused; one that is
    /// refused disables it. `nonce` is the same for the same wish.
    pub async fn test_destination(
        &self,
        guild_id: GuildId,
        id: Uuid,
        nonce: Uuid,
        by: &Author,
    ) -> Result<Option<Tested>> {
        if let Some(why) = self.held_back() {
            return Ok(Some(Tested::Unknown(why)));
        }
        let Some(view) = self.ports.store.find_destination_view(guild_id, id).await? else { return Ok(None) };
        match self.check_now(&view.destination).await? {
            Ok(None) => {}
            Ok(Some(problem)) => return Ok(Some(Tested::Failed(problem))),
            Err(error) => return Ok(Some(Tested::Unknown(error))),
        }
        // The check may have found out more about it.
        let Some(view) = self.ports.store.find_destination_view(guild_id, id).await? else { return Ok(None) };
        Ok(Some(self.post_test(&view, nonce, by).await?))
    }

    /// Asks Discord about a destination at once. The outer error is the database's; the inner one is Discord's
    /// silence, in words.
    pub async fn check_now(&self, destination: &Destination) -> Result<Result<Option<String>, String>> {
        match self.examine(destination, &OnceCell::new()).await {
            Ok(problem) => {
                self.record(destination, problem.as_deref()).await?;
                Ok(Ok(problem))
            }
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    async fn post_test(&self, view: &DestinationView, nonce: Uuid, by: &Author) -> Result<Tested> {
        let destination = &view.destination;
        let route = match &destination.target {
            Target::Webhook { id, channel, .. } => RouteKey::webhook(*id, channel.map(|c| c.0)),
            Target::Forum(forum) => RouteKey::new(RouteAction::CreateThread, forum.0),
            Target::Channel(place) | Target::Thread(place) => RouteKey::new(RouteAction::CreateMessage, place.0),
        };
        if let Gate::WaitUntil(at) = self.limiter().check(&route, self.ports.clock.now()) {
            return Ok(Tested::Unknown(format!("Discord's limits ask to wait until <t:{}:T>", at.timestamp())));
        }
        let embed = match (&view.webhook_type, &destination.target) {
            (Some(kind), Target::Webhook { .. }) => embed_of_panel(view, kind, self.ports.clock.now()),
            _ => embed(view, by),
        };
        let body = MessageBody { embeds: vec![embed], ..MessageBody::default() }.to_json("test");
        let discord = &self.ports.discord;
        let (action, answer) = match &destination.target {
            Target::Webhook { id, token, .. } => {
                let mut body = body;
                as_sender(&mut body, view.sender_name.as_deref(), view.sender_avatar_url.as_deref());
                (Action::Webhook, discord.execute_webhook(*id, token, &body).await)
            }
            Target::Forum(forum) => {
                let post = NewPost { name: "Test".into(), tags: forum::fitting(destination, &[]) };
                (Action::Post, discord.create_post(*forum, &post.request(&body)).await)
            }
            Target::Channel(place) | Target::Thread(place) => {
                let mut body = body;
                (body["nonce"], body["enforce_nonce"]) = (json!(base62(nonce)), json!(true));
                (Action::Create, discord.create_message(*place, &body).await)
            }
        };
        self.limiter().observe(&route, &answer.limits, self.ports.clock.now());
        let verdict = classify(action, &answer.reply);
        self.watch_answer("test", &verdict, &answer);
        Ok(match verdict {
            Verdict::Done(Some(message)) => {
                self.ports
                    .store
                    .record_destination_test(destination.guild_id, destination.id, self.ports.clock.now())
                    .await?;
                self.ports.wake.wake(Topic::Deliverer);
                let channel = match &destination.target {
                    Target::Webhook { channel, .. } => *channel,
                    _ => forum::place(destination, message),
                };
                Tested::Passed { channel, message }
            }
            Verdict::Unusable(code, why) => {
                check::disable(self, destination, code, &why).await?;
                let view = self.ports.store.find_destination_view(destination.guild_id, destination.id).await?;
                Tested::Failed(view.and_then(|view| view.destination.disabled_because).unwrap_or(why))
            }
            Verdict::WaitAll(wait, why) => {
                self.pause_all(self.ports.clock.now() + wait, &why);
                Tested::Unknown(why)
            }
            Verdict::Stop(why) => {
                self.stop_all(&why);
                Tested::Unknown(why)
            }
            Verdict::Rejected(why) | Verdict::NotSent(why) => Tested::Failed(why),
            Verdict::Unknown(why) | Verdict::Wait(_, why) | Verdict::EditWait(_, why) => Tested::Unknown(why),
            Verdict::Done(None) | Verdict::DeliveredAndDeleted | Verdict::Gone => {
                Tested::Unknown("Discord's answer says nothing about the message".into())
            }
        })
    }
}

/// What a panel's webhook is tested with; who asked for it is in the audit log.
fn embed_of_panel(view: &DestinationView, kind: &str, at: DateTime<Utc>) -> Embed {
    let name = view.name.as_deref().map_or(String::new(), |name| format!(" ({})", escape(name)));
    let embed = Embed {
        title: "Test Webhook".into(),
        description: format!("Testing {kind} webhook{name}"),
        color: PANEL,
        footer: Footer { text: "Signalbox".into(), ..Footer::default() },
        timestamp: Some(at),
        ..Embed::default()
    };
    embed.field("Type", kind, true).field("Status", "✅ Webhook is working", true)
}

fn embed(view: &DestinationView, by: &Author) -> Embed {
    let by = match by {
        Author::Member(user) => format!("<@{user}>"),
        Author::Key(name) => format!("the API key {}", escape(name)),
    };
    let name = view.name.as_deref().map(|name| format!(" **{}**", escape(name)));
    Embed {
        title: "🔧 Test".into(),
        description: format!(
            "Signals can be delivered here{}. Asked for by {by}.",
            name.map_or(String::new(), |n| format!(", to{n}"))
        ),
        color: GREEN,
        footer: Footer { text: "Signalbox".into(), ..Footer::default() },
        ..Embed::default()
    }
}
