//! The tables of Kick: channels, what is subscribed to, accounts, chat.

use super::{BY_GUILD, By, IN_USE, Member, OnDelete, Table, table};

pub(super) const TABLES: &[Table] = &[
    table("kick_chat", "what was said in the chat of Kick channels, or is to be", "EVENT_DAYS", BY_GUILD),
    table("kick_chat_lane", "the pace of the chat of Kick channels", IN_USE, None),
    table("kick_check", "what was found when a Kick channel was last looked after", IN_USE, None),
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "accounts at Kick that you connected so that Signalbox may act for them",
            exported: "name, connected_at, purpose, kick_user_id, scope, state",
            on_delete: OnDelete::Row,
        }],
        ..table("kick_account", "accounts at Kick that Signalbox may act for; their tokens encrypted", IN_USE, BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "connections to Kick that you began",
            exported: "purpose, created_at, discord_name, guild_name, used_at",
            on_delete: OnDelete::Row,
        }],
        ..table("kick_oauth_state", "connections to Kick that somebody has begun", "1 day", BY_GUILD)
    },
    table("kick_stream", "when channels of Kick were live", "until their server is purged", BY_GUILD),
    table(
        "kick_channel",
        "channels of Kick that the server is or was connected with",
        "until their server is purged",
        BY_GUILD,
    ),
    table("kick_subscription", "what Kick delivers of which channel", "as long as the channel is connected", None),
];
