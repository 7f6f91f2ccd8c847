//! Links between members and their accounts on Kick, after Kick has said who it is.

use anyhow::Result;

use super::roles;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::store::Store;
use crate::store::kick_link::{KickLink, Linking, NewKickLink, link_kick_account, unlink_kick_account};

/// Links a member with the account that Kick named. Their points become the account's, and roles are given at once.
pub async fn link(
    ports: &Ports,
    guild_id: GuildId,
    user_id: UserId,
    kick_user_id: i64,
    username: &str,
) -> Result<Linking> {
    let new = NewKickLink {
        id: ports.clock.uuid(),
        person_id: ports.clock.uuid(),
        viewer_person_id: ports.clock.uuid(),
        guild_id,
        user_id,
        kick_user_id,
        username: username.to_owned(),
    };
    let mut tx = ports.store.begin().await?;
    let linking = link_kick_account(&mut tx, &new, ports.clock.now()).await?;
    Store::commit(tx).await?;
    if matches!(linking, Linking::Linked { .. }) {
        roles::give_now(ports, guild_id).await?;
    }
    Ok(linking)
}

/// Undoes a member's link. The points stay with the Kick account.
pub async fn unlink(ports: &Ports, guild_id: GuildId, user_id: UserId) -> Result<Option<KickLink>> {
    let mut tx = ports.store.begin().await?;
    let link = unlink_kick_account(&mut tx, guild_id, user_id).await?;
    Store::commit(tx).await?;
    Ok(link)
}
