//! Channels of Kick that a server is connected with, as the commands leave them.

use signalbox::id::{GuildId, kick_source};
use signalbox::store::Store;
use signalbox::store::kick::subscription::NewKickSubscription;
use signalbox::store::kick::{NewKickChannel, insert_kick_channel, mark_kick_channel_disconnected};
use signalbox::store::source::SourceKind;
use standin::kick::{EVENTS, Subscription};
use uuid::Uuid;

use super::town::Town;

impl Town {
    /// The server and this streamer's channel are connected, and everything is subscribed to.
    pub async fn connect_kick(&self, streamer: &str) -> Uuid {
        let id = self.connect_kick_in(self.discord.guild_id(), streamer).await;
        self.know_subscriptions(&self.kick.subscribe_app(streamer, &EVENTS)).await;
        id
    }

    /// As one more server.
    pub async fn connect_kick_in(&self, guild: u64, streamer: &str) -> Uuid {
        let (guild_id, now) = (GuildId::from(guild), self.clock.now());
        let source_id = kick_source(guild_id);
        self.store().ensure_source(guild_id, SourceKind::Kick, "kick", source_id, now).await.unwrap();
        let broadcaster = self.kick.person(streamer);
        let slug = self.kick.channel(streamer).unwrap().slug;
        let new = NewKickChannel {
            id: self.clock.uuid(),
            guild_id,
            source_id,
            broadcaster_user_id: broadcaster.user_id,
            slug: &slug,
            name: &broadcaster.username,
        };
        let mut tx = self.store().begin().await.unwrap();
        let id = insert_kick_channel(&mut tx, &new, now).await.unwrap();
        Store::commit(tx).await.unwrap();
        self.outdate_kick();
        id
    }

    pub async fn know_subscriptions(&self, subscriptions: &[Subscription]) {
        let new: Vec<NewKickSubscription> = subscriptions
            .iter()
            .map(|s| NewKickSubscription {
                id: s.id.clone(),
                broadcaster_user_id: s.broadcaster_user_id,
                kind: s.event.clone(),
                version: 1,
            })
            .collect();
        self.store().insert_kick_subscriptions(&new, self.clock.now()).await.unwrap();
        self.outdate_kick();
    }

    pub async fn disconnect_kick(&self, guild: u64, id: Uuid) {
        let mut tx = self.store().begin().await.unwrap();
        assert!(mark_kick_channel_disconnected(&mut tx, GuildId::from(guild), id, self.clock.now()).await.unwrap());
        Store::commit(tx).await.unwrap();
        self.outdate_kick();
    }

    /// What a change says to every process.
    fn outdate_kick(&self) {
        if let Some(kick) = &self.app.kick {
            kick.outdate();
        }
    }
}
