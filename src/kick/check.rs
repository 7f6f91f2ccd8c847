//! The subscription doctor: what Kick is to send against what it sends, and whether a channel is live against what the
//! events said. A broadcaster is looked after every ten minutes, every two while it is live, and at once when something
//! about it was changed.
//!
//! What is missing is created, what is there twice is removed, and what was created is looked for afterwards: Kick may
//! give an id and never list it (KickDevDocs #419). All of it is done with the application's own token.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use secrecy::SecretString;

use super::account::{again_after, app_token};
use super::{client, text};
use crate::bus::Topic;
use crate::id::{GuildId, kick_source};
use crate::ports::Ports;
use crate::source::kick::KINDS;
use crate::source::kick::event::{self, SeenStream};
use crate::source::notice::tell_admins;
use crate::store::Store;
use crate::store::kick::stream::{NewKickStream, insert_kick_stream, lock_kick_channels};
use crate::store::kick::subscription::{KickSubscription, NewKickSubscription};
use crate::store::kick_check::{ClaimedCheck, KickCheck, ask_kick_check};
use crate::upstream::kick::{ChannelInfo, Created, KickClient, KickError, StreamInfo, Subscription};

/// Broadcasters looked after in one step.
pub const AT_ONCE: i64 = 10;
/// Longer than all requests of a look may take.
const LEASE: TimeDelta = TimeDelta::minutes(3);
const EVERY: TimeDelta = TimeDelta::minutes(10);
const WHILE_LIVE: TimeDelta = TimeDelta::minutes(2);
/// What was created and is not listed is not created again for so long.
const PATIENCE: TimeDelta = TimeDelta::hours(1);
/// The API may be behind the event that a stream has begun.
const BEHIND: TimeDelta = TimeDelta::minutes(3);
/// Live for so long without a chat message is odd.
const SILENCE: TimeDelta = TimeDelta::minutes(10);

/// A server that is connected with the broadcaster, by its channel's id and name.
type Connected = (GuildId, uuid::Uuid, String);

/// Looks after the broadcasters that are due. Returns how many.
pub async fn check_due(ports: &Ports, limit: i64) -> Result<usize> {
    if ports.lifecycle.is_stopping() || !is_on(ports) {
        return Ok(0);
    }
    let now = ports.clock.now();
    let claimed = ports.store.claim_kick_checks(None, ports.clock.uuid(), now, now + LEASE, limit).await?;
    for looked in join_all(claimed.iter().map(|check| look_after(ports, check))).await {
        looked?;
    }
    Ok(claimed.len())
}

/// Whether anything is wanted of Kick at all.
pub fn is_on(ports: &Ports) -> bool {
    ports.kick.is_some() && ports.config.kick.as_ref().is_some_and(|config| config.webhooks)
}

/// Looks after one broadcaster now, whatever is due. False: another process is at it.
pub async fn check_now(ports: &Ports, broadcaster_user_id: i64) -> Result<bool> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    ask_kick_check(&mut tx, broadcaster_user_id, now).await?;
    Store::commit(tx).await?;
    let claimed =
        ports.store.claim_kick_checks(Some(broadcaster_user_id), ports.clock.uuid(), now, now + LEASE, 1).await?;
    for check in &claimed {
        look_after(ports, check).await?;
    }
    Ok(!claimed.is_empty())
}

async fn look_after(ports: &Ports, claimed: &ClaimedCheck) -> Result<()> {
    let _work = ports.lifecycle.pulse().begin("look after a channel of Kick");
    let broadcaster = claimed.before.broadcaster_user_id;
    let connected = ports.store.list_kick_channels_of(broadcaster).await?;
    let found = match look(ports, &connected, &claimed.before).await? {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(ports.store.delete_kick_check(claimed).await?),
        Err(error) => {
            tracing::warn!(%error, broadcaster, "a channel of Kick could not be looked after; trying again");
            let failures = claimed.before.failures + 1;
            KickCheck { failures, error: Some(error.to_string()), ..claimed.before.clone() }
        }
    };
    let wait = match (&found.error, found.live_since) {
        (Some(_), _) => again_after(found.failures),
        (None, Some(_)) => WHILE_LIVE,
        (None, None) => EVERY,
    };
    ports.store.save_kick_check(claimed, &found, ports.clock.now() + wait).await?;
    if found.error.is_none() {
        tell_missing(ports, &connected, &claimed.before, &found).await?;
        tell_silent(ports, &connected, &found).await?;
    }
    Ok(())
}

/// `None`: nobody is connected with it any more, and nothing of it is left.
async fn look(
    ports: &Ports,
    connected: &[Connected],
    before: &KickCheck,
) -> Result<std::result::Result<Option<KickCheck>, KickError>> {
    let mut refused: Option<SecretString> = None;
    loop {
        let token = match app_token(ports, refused.as_ref()).await? {
            Ok(token) => token,
            Err(error) => return Ok(Err(error)),
        };
        match look_with(ports, &token, connected, before).await? {
            // One new token; if that is not accepted either, something else is wrong.
            Err(KickError::Unauthorized(_)) if refused.is_none() => refused = Some(token),
            found => return Ok(found),
        }
    }
}

async fn look_with(
    ports: &Ports,
    token: &SecretString,
    connected: &[Connected],
    before: &KickCheck,
) -> Result<std::result::Result<Option<KickCheck>, KickError>> {
    let look = Look { ports, client: client(ports)?, token, broadcaster: before.broadcaster_user_id };
    if connected.is_empty() {
        return Ok(look.remove_all().await?.map(|()| None));
    }
    let now = ports.clock.now();
    let mut found = KickCheck { failures: 0, error: None, ..before.clone() };
    // While it is live the questions about that come more often than those about subscriptions.
    let is_due =
        before.failures > 0 || before.asked_at.is_some() || before.checked_at.is_none_or(|at| now - at >= EVERY);
    if is_due {
        match look.reconcile().await? {
            Ok(Reconciled { missing, created, removed }) => {
                found = KickCheck { checked_at: Some(now), missing, created, removed, ..found };
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    let channel = match look.client.channels(token, &[look.broadcaster]).await {
        Ok(channels) => channels.into_iter().find(|channel| channel.broadcaster_user_id == look.broadcaster),
        Err(error) => return Ok(Err(error)),
    };
    // A channel that Kick does not know is not judged.
    if let Some(channel) = channel {
        found.live_checked_at = Some(now);
        found.live_since = channel.stream.as_ref().map(|s| s.started_at.or(before.live_since).unwrap_or(now));
        take_standing(ports, connected, &channel, before).await?;
    }
    Ok(Ok(Some(found)))
}

struct Look<'a> {
    ports: &'a Ports,
    client: &'a KickClient,
    token: &'a SecretString,
    broadcaster: i64,
}

struct Reconciled {
    missing: BTreeMap<String, String>,
    created: i32,
    removed: i32,
}

impl Look<'_> {
    async fn reconcile(&self) -> Result<std::result::Result<Reconciled, KickError>> {
        let store = &self.ports.store;
        let now = self.ports.clock.now();
        let listed = match self.client.subscriptions(self.token, self.broadcaster).await {
            Ok(listed) => listed,
            Err(error) => return Ok(Err(error)),
        };
        let known = store.list_kick_subscriptions(Some(self.broadcaster)).await?;
        let judged = judge(&listed, &known, now);
        if let Err(error) = self.client.unsubscribe(self.token, &judged.surplus).await {
            return Ok(Err(error));
        }
        store.mark_kick_subscriptions_removed(&judged.gone, now).await?;
        store.mark_kick_subscriptions_removed(&judged.surplus, now).await?;
        self.keep(&judged.kept, now).await?;
        let mut missing = judged.waiting;
        let created = match self.create(&judged.absent).await {
            Ok(created) => created,
            Err(error) => return Ok(Err(error)),
        };
        let mut new = Vec::new();
        for one in created {
            match one.outcome {
                Ok(id) => new.push(NewKickSubscription {
                    id,
                    broadcaster_user_id: self.broadcaster,
                    kind: one.kind,
                    version: one.version,
                }),
                Err(why) => drop(missing.insert(one.kind, why)),
            }
        }
        // Stored before they are looked for: their events may come already.
        store.insert_kick_subscriptions(&new, now).await?;
        if !new.is_empty() {
            crate::crash::point("kick.subscribed");
            if let Err(error) = self.verify(&new, &mut missing, now).await? {
                return Ok(Err(error));
            }
        }
        for kind in &judged.absent {
            if !missing.contains_key(*kind) && !new.iter().any(|n| n.kind == *kind) {
                missing.insert((*kind).to_owned(), text::NO_ANSWER.to_owned());
            }
        }
        let (created, removed) = (new.len(), judged.surplus.len());
        if created + removed + judged.gone.len() > 0 {
            self.ports.wake.wake(Topic::Kick);
        }
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        Ok(Ok(Reconciled { missing, created: count(created), removed: count(removed) }))
    }

    async fn keep(&self, kept: &[NewKickSubscription], now: DateTime<Utc>) -> Result<()> {
        let ids: Vec<String> = kept.iter().map(|kept| kept.id.clone()).collect();
        self.ports.store.insert_kick_subscriptions(kept, now).await?;
        Ok(self.ports.store.mark_kick_subscriptions_listed(&ids, now).await?)
    }

    /// All at once; where Kick refuses that, one by one: a limit of one kind is none of the others.
    async fn create(&self, kinds: &[&str]) -> std::result::Result<Vec<Created>, KickError> {
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        match self.client.subscribe(self.token, self.broadcaster, kinds).await {
            Err(KickError::Refused { .. }) if kinds.len() > 1 => {}
            Err(error @ KickError::Refused { .. }) => return Ok(vec![refused(kinds[0], &error)]),
            other => return other,
        }
        let mut all = Vec::new();
        for kind in kinds {
            match self.client.subscribe(self.token, self.broadcaster, &[*kind]).await {
                Ok(created) => all.extend(created),
                Err(error @ KickError::Refused { .. }) => all.push(refused(kind, &error)),
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    async fn verify(
        &self,
        new: &[NewKickSubscription],
        missing: &mut BTreeMap<String, String>,
        now: DateTime<Utc>,
    ) -> Result<std::result::Result<(), KickError>> {
        let listed = match self.client.subscriptions(self.token, self.broadcaster).await {
            Ok(listed) => listed,
            Err(error) => return Ok(Err(error)),
        };
        let (there, absent): (Vec<_>, Vec<_>) = new.iter().partition(|n| listed.iter().any(|l| l.id == n.id));
        let ids: Vec<String> = there.into_iter().map(|n| n.id.clone()).collect();
        self.ports.store.mark_kick_subscriptions_listed(&ids, now).await?;
        missing.extend(absent.into_iter().map(|n| (n.kind.clone(), text::NOT_LISTED.to_owned())));
        Ok(Ok(()))
    }

    /// Takes back what was wanted of a channel that nobody is connected with any more.
    async fn remove_all(&self) -> Result<std::result::Result<(), KickError>> {
        let listed = match self.client.subscriptions(self.token, self.broadcaster).await {
            Ok(listed) => listed,
            Err(error) => return Ok(Err(error)),
        };
        let known = self.ports.store.list_kick_subscriptions(Some(self.broadcaster)).await?;
        let ours = |s: &&Subscription| KINDS.contains(&s.kind.as_str()) || known.iter().any(|k| k.id == s.id);
        let ids: Vec<String> = listed.iter().filter(ours).map(|s| s.id.clone()).collect();
        if let Err(error) = self.client.unsubscribe(self.token, &ids).await {
            return Ok(Err(error));
        }
        let known: Vec<String> = known.into_iter().map(|k| k.id).collect();
        self.ports.store.mark_kick_subscriptions_removed(&known, self.ports.clock.now()).await?;
        self.ports.wake.wake(Topic::Kick);
        Ok(Ok(()))
    }
}

fn refused(kind: &str, error: &KickError) -> Created {
    Created { kind: kind.to_owned(), version: 1, outcome: Err(error.words()) }
}

/// What Kick lists against what is wanted and known.
#[derive(Debug, Default, PartialEq)]
struct Judged {
    kept: Vec<NewKickSubscription>,
    /// Listed more than once: double deliveries.
    surplus: Vec<String>,
    /// Known here, and Kick's no more.
    gone: Vec<String>,
    absent: Vec<&'static str>,
    /// Created not long ago and not listed, each with that as the reason.
    waiting: BTreeMap<String, String>,
}

fn judge(listed: &[Subscription], known: &[KickSubscription], now: DateTime<Utc>) -> Judged {
    let mut judged = Judged::default();
    let is_known = |id: &str| known.iter().any(|known| known.id == id);
    for kind in KINDS {
        let mut of_kind: Vec<&Subscription> = listed.iter().filter(|s| s.kind == kind && s.version == 1).collect();
        // The one that deliveries are known by stays, else the oldest; ids are in the order in which they were made.
        of_kind.sort_by_key(|s| (!is_known(&s.id), s.id.clone()));
        let Some((first, others)) = of_kind.split_first() else {
            let is_new =
                |k: &&KickSubscription| k.kind == kind && k.listed_at.is_none() && now - k.created_at < PATIENCE;
            match known.iter().find(is_new) {
                Some(_) => drop(judged.waiting.insert(kind.to_owned(), text::NOT_LISTED.to_owned())),
                None => judged.absent.push(kind),
            }
            continue;
        };
        judged.kept.push(NewKickSubscription {
            id: first.id.clone(),
            broadcaster_user_id: first.broadcaster_user_id,
            kind: first.kind.clone(),
            version: first.version,
        });
        judged.surplus.extend(others.iter().map(|s| s.id.clone()));
    }
    let is_gone = |k: &&KickSubscription| {
        let is_awaited = judged.waiting.contains_key(&k.kind) && k.listed_at.is_none();
        !is_awaited && !listed.iter().any(|s| s.id == k.id)
    };
    judged.gone = known.iter().filter(is_gone).map(|k| k.id.clone()).collect();
    judged
}

/// How the channel stands by the API, against what the events said: a start and an end that no event told are noted.
async fn take_standing(
    ports: &Ports,
    connected: &[Connected],
    channel: &ChannelInfo,
    before: &KickCheck,
) -> Result<()> {
    for (guild_id, channel_id, _) in connected {
        let known = ports.store.find_live_kick_stream(*guild_id, *channel_id).await?;
        match (&channel.stream, known) {
            (Some(stream), known) => {
                let known = known.map(|known| (known.id, known.started_at));
                confirm(ports, (*guild_id, *channel_id), channel, stream, known).await?;
            }
            (None, Some(known)) => {
                let now = ports.clock.now();
                let seen = known.confirmed_at.unwrap_or(known.started_at).max(known.started_at);
                if now - known.started_at > BEHIND && (known.confirmed_at.is_some() || before.live_checked_at.is_some())
                {
                    // It was live when the API last said so; when after that it ended nobody tells.
                    ports.store.mark_kick_stream_over(*guild_id, known.id, seen).await?;
                    tell(ports, (*guild_id, *channel_id), channel, known.started_at, Some(seen)).await?;
                }
            }
            (None, None) => {}
        }
    }
    Ok(())
}

async fn confirm(
    ports: &Ports,
    (guild_id, kick_channel_id): (GuildId, uuid::Uuid),
    channel: &ChannelInfo,
    stream: &StreamInfo,
    known: Option<(uuid::Uuid, DateTime<Utc>)>,
) -> Result<()> {
    let now = ports.clock.now();
    let viewers = stream.viewers.and_then(|viewers| i32::try_from(viewers).ok());
    let started_at = stream.started_at.and_then(|at| DateTime::from_timestamp(at.timestamp(), 0));
    let is_known = known.is_some_and(|(_, at)| started_at.is_none_or(|started_at| started_at == at));
    if !is_known && let Some(started_at) = started_at {
        let new = NewKickStream {
            id: ports.clock.uuid(),
            kick_channel_id,
            guild_id,
            started_at,
            ended_at: None,
            by_api: true,
            title: channel.title.as_deref(),
            category: channel.category.as_deref(),
        };
        let mut tx = ports.store.begin().await?;
        lock_kick_channels(&mut tx, &[(guild_id, kick_channel_id)]).await?;
        insert_kick_stream(&mut tx, &new).await?;
        Store::commit(tx).await?;
        tell(ports, (guild_id, kick_channel_id), channel, started_at, None).await?;
        // The API had said that it was over, and was wrong.
        ports.store.reopen_kick_stream(guild_id, kick_channel_id, started_at).await?;
    }
    if let Some(known) = ports.store.find_live_kick_stream(guild_id, kick_channel_id).await? {
        ports.store.mark_kick_stream_confirmed(guild_id, known.id, viewers, now).await?;
    }
    Ok(())
}

/// The event that did not come, so that the stream is announced and its card follows. One that came is known already.
async fn tell(
    ports: &Ports,
    (guild_id, kick_channel_id): (GuildId, uuid::Uuid),
    channel: &ChannelInfo,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
) -> Result<()> {
    let to = event::Connected { guild_id, source_id: kick_source(guild_id), kick_channel_id };
    let known = ports.store.find_kick_channel(guild_id, kick_channel_id).await?;
    let seen = SeenStream {
        broadcaster_user_id: channel.broadcaster_user_id,
        slug: &channel.slug,
        name: known.as_ref().map_or(&channel.slug, |known| &known.name),
        title: channel.title.as_deref(),
        category: channel.category.as_deref(),
        thumbnail: channel.stream.as_ref().and_then(|stream| stream.thumbnail.as_deref()),
        started_at,
        ended_at,
    };
    let Some(new) = event::seen(ports.clock.uuid(), &to, &seen, ports.clock.now()) else { return Ok(()) };
    ports.store.insert_events(&[&new]).await?;
    ports.wake.wake(Topic::Planner);
    Ok(())
}

/// What is still missing at the second look is told, once a day.
async fn tell_missing(ports: &Ports, connected: &[Connected], before: &KickCheck, found: &KickCheck) -> Result<()> {
    let still: Vec<(&String, &String)> =
        found.missing.iter().filter(|(kind, _)| before.missing.contains_key(*kind)).collect();
    if still.is_empty() {
        return Ok(());
    }
    let kinds: Vec<&str> = still.iter().map(|(kind, _)| kind.as_str()).collect();
    let day = ports.clock.now().date_naive();
    for (guild_id, id, name) in connected {
        let key = format!("kick.missing:{id}:{day}:{}", kinds.join(","));
        tell_admins(ports, *guild_id, &key, &text::missing(name, &still)).await?;
    }
    Ok(())
}

/// Live, and nobody writes: told once of each stream.
async fn tell_silent(ports: &Ports, connected: &[Connected], found: &KickCheck) -> Result<()> {
    let now = ports.clock.now();
    let Some(since) = found.live_since else { return Ok(()) };
    let last = found.chat_at.map_or(since, |at| at.max(since));
    if now - last < SILENCE {
        return Ok(());
    }
    for (guild_id, id, name) in connected {
        let key = format!("kick.silent:{id}:{}", since.timestamp());
        tell_admins(ports, *guild_id, &key, &text::silent(name)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
