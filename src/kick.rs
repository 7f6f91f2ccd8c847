//! Kick, outwards: channels are connected by OAuth, their tokens kept fresh, their subscriptions looked after; what is to
//! be said in chat is said, and what people decide about redemptions is carried there.

pub mod account;
pub mod chat;
pub mod check;
pub mod connect;
pub mod heard;
pub mod link;
mod owner;
pub mod redemption;
mod split;
pub mod status;
mod text;

use anyhow::Result;

use crate::error::UserError;
use crate::ports::Ports;
use crate::upstream::kick::KickClient;

/// The client, where the operator has named an app of Kick.
pub fn client(ports: &Ports) -> Result<&KickClient> {
    Ok(ports.kick.as_ref().ok_or_else(|| UserError::new(text::NOT_CONFIGURED))?)
}

/// Does what is due about Kick, once. Returns how much that was.
pub async fn step(ports: &Ports) -> Result<usize> {
    if ports.kick.is_none() {
        return Ok(0);
    }
    let refreshed = account::refresh_due(ports, account::AT_ONCE).await?;
    let looked = check::check_due(ports, check::AT_ONCE).await?;
    let said = chat::say_due(ports, chat::LANES).await?;
    Ok(refreshed + looked + said)
}
