//! How a LAN party looks: its notifications as the program itself has them, and the living card of a party. Pure.

use crate::event::Event;
use crate::routing::embed::{DESCRIPTION, Embed, FIELD_VALUE, Footer, MessageBody, TITLE, escape, fit, relative};
use crate::routing::subject::SubjectState;
use crate::source::party::{Duration, Fields, MEMBER};

const GREEN: u32 = 0x4C_AF50;
const DEFAULT: u32 = 0x66_7EEA;

/// The embed of an event of kind `party.*`.
pub fn render(event: &Event) -> Embed {
    let fields: Fields = serde_json::from_value(event.data.clone()).unwrap_or_default();
    let text = |field: &Option<String>| field.as_deref().map(escape).unwrap_or_default();
    let (title, description, color) = match event.kind.as_str() {
        "party.created" => created(&fields),
        "party.peer_joined" => (
            format!("👋 {} joined", text(&fields.peer)),
            format!("Welcome to **{}**!", text(&fields.party_name)),
            0x21_96F3,
        ),
        "party.peer_left" => {
            (format!("👋 {} left", text(&fields.peer)), format!("Left **{}**", text(&fields.party_name)), 0xFF_9800)
        }
        "party.game_started" => {
            let players: Vec<String> = fields.players.iter().map(|player| escape(player)).collect();
            (
                format!("🎮 Game Started: {}", text(&fields.game)),
                format!("**Players**: {}", players.join(", ")),
                0x9C_27B0,
            )
        }
        "party.game_ended" => {
            let duration = fields.duration.as_ref().map(Duration::words).unwrap_or_default();
            let latency = fields.avg_latency.map_or("N/A".to_owned(), |ms| format!("{ms:.0}ms"));
            (
                format!("🏁 Game Ended: {}", text(&fields.game)),
                format!("**Duration**: {}\n**Avg Latency**: {latency}", escape(&duration)),
                0x60_7D8B,
            )
        }
        "party.test" => {
            ("🧪 Test Notification".to_owned(), "LANrage Discord integration is working!".to_owned(), GREEN)
        }
        _ => (text(&fields.title), text(&fields.description), fields.color.unwrap_or(DEFAULT)),
    };
    Embed {
        title: fit(&title, TITLE),
        description: fit(&description, DESCRIPTION),
        color,
        footer: footer(),
        timestamp: Some(event.occurred_at),
        ..Embed::default()
    }
}

pub fn footer() -> Footer {
    Footer { text: "LANrage".to_owned(), icon_url: None }
}

fn created(fields: &Fields) -> (String, String, u32) {
    let text = |field: &Option<String>| field.as_deref().map(escape).unwrap_or_default();
    let id = fields.party_id.as_deref().unwrap_or_default().replace('`', "'");
    let mut description = format!("**Host**: {}\n**Party ID**: `{id}`", text(&fields.host));
    // It was taken apart and made anew when it was set.
    if let Some(invite) = &fields.invite {
        description.push_str(&format!("\n\n[Join Voice Chat]({invite})"));
    }
    (format!("🎮 Party Created: {}", text(&fields.party_name)), description, GREEN)
}

/// The card of a party: what its creation says, and who is there now, what is played, since when.
pub fn card(state: &SubjectState) -> MessageBody {
    let fields = Fields {
        party_id: state.text("party_id"),
        party_name: state.text("party_name"),
        host: state.text("host"),
        invite: state.text("invite"),
        ..Fields::default()
    };
    let (title, description, color) = created(&fields);
    let members = members(state);
    let since = state.timeline.first().map(|first| relative(first.key.time)).unwrap_or_default();
    let embed = Embed {
        title: fit(&title, TITLE),
        description: fit(&description, DESCRIPTION),
        color,
        footer: footer(),
        timestamp: state.latest().map(|entry| entry.key.time),
        ..Embed::default()
    }
    .field("Members", fit(&format!("{} · {}", members.len(), members.join(", ")), FIELD_VALUE), false)
    .field("Game", state.text("playing").map_or("–".to_owned(), |game| escape(&game)), true)
    .field("Since", since, true);
    MessageBody { embeds: vec![embed], ..MessageBody::default() }
}

/// Who is there, by name.
pub fn members(state: &SubjectState) -> Vec<String> {
    let all = state.fields.iter().filter_map(|(name, field)| Some((name.strip_prefix(MEMBER)?, &field.value)));
    all.filter(|(_, is_there)| **is_there == true).map(|(name, _)| escape(name)).collect()
}

#[cfg(test)]
mod tests;
