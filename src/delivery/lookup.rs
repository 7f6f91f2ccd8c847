//! Questions to Discord: within the same limits as what is sent, one at a time on each route, so that no
//! answer is refused for the number of questions and a channel that does not answer delays no other.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::id::{ChannelId, GuildId, RoleId, UserId};
use crate::store::destination::{Destination, Target};
use crate::upstream::discord::{Looked, LookupError};
use crate::upstream::permission::{Channel, Member, Role, VIEW_CHANNEL, compute, in_thread};

use super::classify::PARKED;
use super::limit::{Action, Gate, RouteKey};
use super::{Delivery, lock};

/// Whoever holds it may ask on its route.
pub(super) type Turn = Arc<tokio::sync::Mutex<()>>;

/// The bot's place in a guild, the same for all its channels.
pub(super) struct Standing {
    own: UserId,
    member: Member,
    roles: Vec<Role>,
}

impl Delivery {
    pub(super) async fn look_up<T>(
        &self,
        action: Action,
        major: i64,
        request: impl Future<Output = Looked<T>>,
    ) -> Result<T, LookupError> {
        let turn = self.turn(action, major);
        let _turn = turn.lock().await;
        let route = RouteKey::new(action, major);
        let now = self.ports.clock.now();
        if let Gate::WaitUntil(at) = self.limiter().check(&route, now) {
            return Err(LookupError::RateLimited(at - now));
        }
        let looked = request.await;
        self.limiter().observe(&route, &looked.limits, self.ports.clock.now());
        if matches!(looked.found, Err(LookupError::RateLimited(_))) {
            self.watch_limit(&looked.limits);
        }
        if let Err(LookupError::NotDiscord(status)) = &looked.found {
            self.pause_all(self.ports.clock.now() + PARKED, &format!("HTTP {status} without JSON"));
        }
        looked.found
    }

    /// The turns of one route. What nobody waits for is forgotten.
    fn turn(&self, action: Action, major: i64) -> Turn {
        let mut lookups = lock(&self.lookups);
        lookups.retain(|_, turn| Arc::strong_count(turn) > 1);
        lookups.entry((action, major)).or_default().clone()
    }

    /// The bot's user id, looked up once.
    pub(super) async fn own_id(&self) -> Result<UserId, LookupError> {
        if let Some(id) = *lock(&self.own_id) {
            return Ok(id);
        }
        let id = self.look_up(Action::ReadSelf, 0, self.ports.discord.get_own_id()).await?;
        *lock(&self.own_id) = Some(id);
        Ok(id)
    }

    pub(super) async fn standing(&self, guild: GuildId) -> Result<Standing, LookupError> {
        let discord = &self.ports.discord;
        let own = self.own_id().await?;
        Ok(Standing {
            own,
            roles: self.look_up(Action::ReadRoles, guild.0, discord.list_roles(guild)).await?,
            member: self.look_up(Action::ReadMember, guild.0, discord.get_member(guild, own)).await?,
        })
    }

    /// The channel, and what the bot may do in it; `None` when it lies in another guild: nothing of this one may be shown
    /// there. The standing is looked up when there is none.
    pub(super) async fn visit(
        &self,
        guild: GuildId,
        channel: ChannelId,
        standing: &OnceCell<Standing>,
    ) -> Result<Option<(Channel, u64)>, LookupError> {
        let found = self.channel(channel).await?;
        if found.guild_id.as_deref() != Some(guild.to_string().as_str()) {
            return Ok(None);
        }
        let Standing { own, member, roles } = standing.get_or_try_init(|| self.standing(guild)).await?;
        let held = self.held_by(guild, *own, member, roles, &found).await?;
        Ok(Some((found, held)))
    }

    /// Whether a member, with the roles that an interaction brought along, can see a channel of the guild.
    pub async fn may_view(
        &self,
        guild: GuildId,
        user: UserId,
        roles: &[RoleId],
        channel: ChannelId,
    ) -> Result<bool, LookupError> {
        let found = self.channel(channel).await?;
        if found.guild_id.as_deref() != Some(guild.to_string().as_str()) {
            return Ok(false);
        }
        let all = self.look_up(Action::ReadRoles, guild.0, self.ports.discord.list_roles(guild)).await?;
        let member = Member { roles: roles.iter().map(RoleId::to_string).collect() };
        Ok(self.held_by(guild, user, &member, &all, &found).await? & VIEW_CHANNEL != 0)
    }

    async fn channel(&self, channel: ChannelId) -> Result<Channel, LookupError> {
        self.look_up(Action::ReadChannel, channel.0, self.ports.discord.get_channel(channel)).await
    }

    /// A thread has the permissions of the channel that it is in.
    async fn held_by(
        &self,
        guild: GuildId,
        user: UserId,
        member: &Member,
        roles: &[Role],
        channel: &Channel,
    ) -> Result<u64, LookupError> {
        let (guild, user) = (guild.to_string(), user.to_string());
        let parent = channel.parent_id.as_deref().filter(|_| channel.is_thread()).and_then(|id| id.parse().ok());
        let Some(parent) = parent else { return Ok(compute(&guild, &user, member, roles, channel)) };
        Ok(in_thread(compute(&guild, &user, member, roles, &self.channel(ChannelId(parent)).await?)))
    }

    /// Where a webhook posts, and in which guild. The channel is remembered with the destination.
    pub(super) async fn webhook_place(
        &self,
        destination: &Destination,
    ) -> Result<(ChannelId, Option<GuildId>), LookupError> {
        let Target::Webhook { id, token, channel } = &destination.target else {
            return Err(LookupError::Unreadable("not a webhook".into()));
        };
        let place = self.look_up(Action::ReadWebhook, *id, self.ports.discord.get_webhook_channel(*id, token)).await?;
        if *channel != Some(place.0)
            && let Err(error) = self.ports.store.save_webhook_channel(destination.id, place.0).await
        {
            tracing::warn!(destination = %destination.id, %error, "a webhook's channel was not stored");
        }
        Ok(place)
    }
}
