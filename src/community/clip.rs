//! Marked moments of streams, and the clips that a service makes of them where one is configured. A marker is stored with the
//! command that made it; the service is asked afterwards, as often as it takes, and its card is edited when there is a link.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::board::Voice;
use super::words;
use crate::event::activity::ChatMessage;
use crate::ports::Ports;
use crate::routing::board::BoardKey;
use crate::store::clip::{Clip, NewClipMarker, Outcome, insert_clip_marker, save_clip};
use crate::store::kick_chat::{NewKickChat, insert_kick_chat};
use crate::store::slot_call::lock_slots;
use crate::store::{Store, Tx};
use crate::upstream::clip::{ClipError, ClipWish};
use crate::upstream::schedule::again_after;

/// Characters of a title.
const TITLE: usize = 100;
/// No service keeps a stream for longer.
const GIVEN_UP: TimeDelta = TimeDelta::days(1);

/// Marks the moment of a message, in the transaction that carries the command out; it is posted for whoever cuts clips.
/// Returns its title and how far into the stream it is.
pub async fn mark(
    ports: &Ports,
    tx: &mut Tx,
    voice: &Voice,
    message: &ChatMessage,
    person_id: Uuid,
    title: &str,
) -> Result<(String, Option<i64>)> {
    let title = Some(words::cut(title, TITLE)).filter(|title| !title.is_empty()).unwrap_or_else(|| "Clip".to_owned());
    let marker = NewClipMarker {
        id: ports.clock.uuid(),
        kick_channel_id: message.kick_channel_id,
        person_id,
        name: words::cut(&message.username, 100),
        title: title.clone(),
        made_at: message.at,
        clip_due_at: ports.clips.is_some().then(|| ports.clock.now()),
    };
    let into = insert_clip_marker(tx, voice.guild_id, &marker).await?;
    if let Some(channel) = lock_slots(tx, voice.guild_id).await?.clip_channel_id {
        voice.show(tx, BoardKey::Clip(marker.id), channel).await?;
    }
    Ok((title, into))
}

/// Asks for up to `limit` clips. Returns how many were asked for.
pub async fn clips_due(ports: &Ports, limit: usize) -> Result<usize> {
    if ports.clips.is_none() {
        return Ok(0);
    }
    for done in 0..limit {
        let Some(clip) = ports.store.claim_clip(ports.clock.now()).await? else { return Ok(done) };
        ask(ports, &clip).await?;
    }
    Ok(limit)
}

async fn ask(ports: &Ports, clip: &Clip) -> Result<()> {
    let Some(service) = &ports.clips else { return Ok(()) };
    let wish = ClipWish {
        id: &clip.id.to_string(),
        channel: clip.channel.as_deref(),
        title: &clip.title,
        username: &clip.name,
        duration: clip.duration,
        stream_time: clip.stream_seconds,
        marked_at: &clip.made_at.to_rfc3339(),
    };
    let answered = service.create(&wish).await;
    crate::crash::point("clip.asked");
    let now = ports.clock.now();
    let outcome = match answered {
        Ok(link) => Outcome::Made(link),
        Err(ClipError::Refused(why)) => Outcome::Failed(format!("the service refuses it ({why})")),
        Err(ClipError::Away(why)) => later(clip, &why, now),
    };
    if let Outcome::Failed(why) | Outcome::Later { why, .. } = &outcome {
        tracing::warn!(guild = clip.guild_id.0, why, "a clip could not be asked for");
    }
    save(ports, clip, &outcome).await
}

fn later(clip: &Clip, why: &str, now: DateTime<Utc>) -> Outcome {
    let at = now + again_after(clip.calls);
    if at > clip.made_at + GIVEN_UP {
        return Outcome::Failed(format!("the service did not answer for a day ({why})"));
    }
    Outcome::Later { at, why: why.to_owned() }
}

async fn save(ports: &Ports, clip: &Clip, outcome: &Outcome) -> Result<()> {
    let voice = Voice::of(ports, clip.guild_id).await?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    if !save_clip(&mut tx, clip, outcome).await? {
        return Ok(());
    }
    if !matches!(outcome, Outcome::Later { .. }) {
        voice.touch(&mut tx, BoardKey::Clip(clip.id)).await?;
    }
    // Without a channel for clips the chat is where the link can be seen.
    if let (Outcome::Made(Some(link)), Some(kick_channel_id), None) =
        (outcome, clip.kick_channel_id, lock_slots(&mut tx, clip.guild_id).await?.clip_channel_id)
    {
        let said = NewKickChat {
            guild_id: clip.guild_id,
            kick_channel_id,
            text: format!("🎬 {}: {link}", clip.title),
            reply_to: None,
            cause: format!("clip:{}", clip.id),
        };
        insert_kick_chat(&mut tx, now, &[said]).await?;
    }
    Store::commit(tx).await?;
    voice.hurry();
    Ok(())
}
