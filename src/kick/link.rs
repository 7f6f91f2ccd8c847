//! Which member is which viewer: said by the member, shown by Kick, unique both ways in a server.

use anyhow::Result;
use serde_json::json;

use super::connect::Outcome;
use crate::bus::Topic;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::store::Store;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::kick_link::{KickLink, Linking, NewKickLink, link_kick_account, unlink_kick_account};
use crate::store::kick_oauth::Returned;
use crate::store::source::ensure_person;
use crate::upstream::kick::KickUser;

/// Links the member who asked with the account that Kick has named.
pub(super) async fn link_viewer(
    ports: &Ports,
    returned: &Returned,
    user_id: UserId,
    user: KickUser,
) -> Result<Outcome> {
    let now = ports.clock.now();
    let guild_id = returned.oauth.guild_id;
    let mut tx = ports.store.begin().await?;
    let new = NewKickLink {
        id: ports.clock.uuid(),
        person_id: ports.clock.uuid(),
        viewer_person_id: ports.clock.uuid(),
        guild_id,
        user_id,
        kick_user_id: user.user_id,
        username: user.name.clone(),
    };
    let linking = link_kick_account(&mut tx, &new, now).await?;
    if let Linking::Linked { moved } = linking {
        audit(ports, &mut tx, guild_id, user_id, "kick_linked", json!({ "points_moved": moved })).await?;
    }
    Store::commit(tx).await?;
    let guild = returned.oauth.guild_name.clone();
    Ok(match linking {
        Linking::Linked { moved } => {
            ports.wake.wake(Topic::Kick);
            Outcome::Linked { viewer: user.name, guild, moved }
        }
        Linking::Known => Outcome::Linked { viewer: user.name, guild, moved: 0 },
        Linking::MemberHas(link) => Outcome::MemberHas { viewer: link.username, guild },
        Linking::ViewerIs(_) => Outcome::ViewerTaken { viewer: user.name, guild },
    })
}

/// Undoes a member's link, by themselves or by somebody who manages the server.
pub async fn unlink(ports: &Ports, guild_id: GuildId, by: UserId, whose: UserId) -> Result<Option<KickLink>> {
    let mut tx = ports.store.begin().await?;
    let link = unlink_kick_account(&mut tx, guild_id, whose).await?;
    if link.is_some() {
        audit(ports, &mut tx, guild_id, by, "kick_unlinked", json!({ "of_others": by != whose })).await?;
    }
    Store::commit(tx).await?;
    Ok(link)
}

async fn audit(
    ports: &Ports,
    tx: &mut crate::store::Tx,
    guild_id: GuildId,
    by: UserId,
    action: &'static str,
    detail: serde_json::Value,
) -> Result<()> {
    let now = ports.clock.now();
    let person_id = Some(ensure_person(tx, by.0, ports.clock.uuid(), now).await?);
    Ok(insert_audit(tx, &NewAudit { guild_id, approval_id: None, person_id, action, detail }, now).await?)
}
