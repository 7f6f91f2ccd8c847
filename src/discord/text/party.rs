//! What `/party` says.

pub const PARTIES: &str = "🎮 Parties";
pub const NO_PARTY: &str = "There is no party yet. Open one with /party create.";
pub const NO_INVITE: &str =
    "No voice invite is set. An operator sets it with POST /api/discord/invite or `signalbox setup party`.";

pub fn party(host: &str, members: &[String], game: Option<&str>, since: &str) -> String {
    let playing = game.map(|game| format!("\n**Game**: {game}")).unwrap_or_default();
    format!("**Host**: {host}\n**Members** ({}): {}{playing}\n**Since**: {since}", members.len(), members.join(", "))
}

pub fn created(name: &str, id: &str) -> String {
    format!("✅ The party **{name}** is open. Its id is `{id}`.")
}
