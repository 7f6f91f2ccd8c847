//! What nobody can find out about a message, somebody who can see the place can: it is there, or it is to be sent again.

use anyhow::Result;
use serde_json::json;

use crate::bus::Topic;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::Store;
use crate::store::audit::{Author, insert_audit};
use crate::store::send::{ByHand, settle_by_hand};

/// Settles a delivery that is unresolved. False when it is not (any more): a second press does nothing.
pub async fn settle(ports: &Ports, guild_id: GuildId, by: &Author, delivery: i64, how: ByHand) -> Result<bool> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let Some(send_id) = settle_by_hand(&mut tx, guild_id, delivery, how, now).await? else { return Ok(false) };
    let person = by.person(&mut tx, ports.clock.uuid(), now).await?;
    let word = match how {
        ByHand::Sent => "sent",
        ByHand::SendAgain => "send_again",
    };
    let detail = json!({ "delivery": delivery, "send": send_id, "as": word });
    insert_audit(&mut tx, &by.line(guild_id, person, "delivery_settled", detail), now).await?;
    crate::crash::point("by_hand.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("by_hand.after_commit");
    ports.wake.wake(Topic::Deliverer);
    Ok(true)
}
