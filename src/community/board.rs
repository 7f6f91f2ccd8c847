//! What a community is shown and told, in the transaction of what it is about: boards, messages beside them, words in the
//! chats of the server's channels. So it is there once, whatever dies in between.

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use crate::bus::Topic;
use crate::event::{Event, NewEvent, Severity, Via};
use crate::id::{ChannelId, GuildId};
use crate::ports::Ports;
use crate::routing::board::BoardKey;
use crate::routing::embed::{Embed, fit};
use crate::routing::trace::Plan;
use crate::store::Tx;
use crate::store::board::{Showing, insert_saying, list_chats, show_board, touch_board};
use crate::store::destination::ensure_channel;
use crate::store::event::{PlanNote, insert_own_event, mark_planned};
use crate::store::kick_chat::{NewKickChat, insert_kick_chat};
use crate::store::source::SourceKind;

/// The kind under which boards and what is said beside them stand. They are not routed.
const KIND: &str = "signalbox.community";
/// Characters by which a message without a title is known.
const NOTE: usize = 80;

/// A server's voice. Made before the transaction: its source may have to be stored first.
#[derive(Clone)]
pub struct Voice {
    ports: Ports,
    pub guild_id: GuildId,
    source_id: Uuid,
}

impl Voice {
    pub async fn of(ports: &Ports, guild_id: GuildId) -> Result<Self> {
        let (id, now) = (ports.clock.uuid(), ports.clock.now());
        let source_id = ports.store.ensure_source(guild_id, SourceKind::Signalbox, "signalbox", id, now).await?;
        Ok(Self { ports: ports.clone(), guild_id, source_id })
    }

    /// Puts a board into a channel.
    pub async fn show(&self, tx: &mut Tx, key: BoardKey, channel: ChannelId) -> Result<()> {
        let event_id = self.event(tx, &format!("the board {}", key.text())).await?;
        let new_ids = [self.ports.clock.uuid(), self.ports.clock.uuid(), self.ports.clock.uuid()];
        let showing = Showing { guild_id: self.guild_id, key, channel, source_id: self.source_id, event_id, new_ids };
        show_board(tx, &showing, self.ports.clock.now()).await?;
        Ok(())
    }

    /// What a board shows has changed.
    pub async fn touch(&self, tx: &mut Tx, key: BoardKey) -> Result<()> {
        touch_board(tx, self.guild_id, key, self.ports.clock.now()).await?;
        Ok(())
    }

    /// A message of its own in a channel.
    pub async fn say(&self, tx: &mut Tx, channel: ChannelId, embed: &Embed) -> Result<()> {
        let now = self.ports.clock.now();
        let place = ensure_channel(tx, self.guild_id, channel, self.ports.clock.uuid(), now).await?;
        // What is only a text is known by how it begins.
        let note = if embed.title.is_empty() { fit(&embed.description, NOTE) } else { embed.title.clone() };
        let event_id = self.event(tx, &note).await?;
        insert_saying(tx, self.guild_id, place, event_id, json!(embed), now).await?;
        Ok(())
    }

    /// The same words in the chat of each connected channel, once for each cause.
    pub async fn say_in_chat(&self, tx: &mut Tx, cause: &str, words: &str) -> Result<()> {
        let chats = list_chats(tx, self.guild_id).await?;
        let messages: Vec<NewKickChat> = chats
            .into_iter()
            .map(|kick_channel_id| NewKickChat {
                guild_id: self.guild_id,
                kick_channel_id,
                text: words.to_owned(),
                reply_to: None,
                cause: format!("{cause}:{kick_channel_id}"),
            })
            .collect();
        insert_kick_chat(tx, self.ports.clock.now(), &messages).await?;
        Ok(())
    }

    /// To be called after the commit.
    pub fn hurry(&self) {
        self.ports.wake.wake(Topic::Deliverer);
        self.ports.wake.wake(Topic::Play);
        self.ports.wake.wake(Topic::KickChat);
    }

    /// What a message stands under, planned already.
    async fn event(&self, tx: &mut Tx, note: &str) -> Result<Uuid> {
        let (id, now) = (self.ports.clock.uuid(), self.ports.clock.now());
        let event = Event {
            id,
            source_id: self.source_id,
            guild_id: self.guild_id,
            kind: KIND.into(),
            subject: None,
            occurred_at: now,
            received_at: now,
            severity: Severity::Info,
            dedup_key: format!("community:{id}"),
            data: json!({ "text": note }),
        };
        let raw = note.as_bytes().to_vec();
        insert_own_event(tx, &NewEvent { event, raw, data_in_raw: false, via: Via::Internal }).await?;
        let plan = Plan { note: note.to_owned(), ..Plan::default() };
        mark_planned(tx, &[PlanNote { event_id: id, plan: &plan, data: None }], now).await?;
        Ok(id)
    }
}
