//! The tables of what a stream community plays: draws, guesses, slot calls, chat commands, timed messages.

use super::{BY_GUILD, By, IN_USE, Member, OnDelete, Table, table};

/// So that what was drawn can be recomputed.
const FOR_GOOD: &str = "for good, so that anybody can recompute a draw";

pub(super) const TABLES: &[Table] = &[
    table("draw_winner", "which entries were drawn, with the proof", FOR_GOOD, BY_GUILD),
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "raffles and giveaways that you take part in",
            exported: "id, entered_at, draw_id, name, tickets, answer, position",
            on_delete: OnDelete::KeepWithout("name = '', answer = NULL"),
        }],
        ..table(
            "draw_entry",
            "who takes part in raffles and giveaways, under a code that is published",
            FOR_GOOD,
            BY_GUILD,
        )
    },
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "changes of your raffle tickets",
                exported: "id, at, draw_id, source, tickets, reason",
                // The cause of a gift names an account of Kick.
                on_delete: OnDelete::KeepWithout(
                    "reason = '', cause = CASE WHEN source = 'gifted' THEN 'gift:' || id ELSE cause END",
                ),
            },
            Member {
                column: "by_person",
                by: By::Person,
                what: "raffle tickets that you gave or took",
                exported: "id, at, draw_id, tickets, reason",
                on_delete: OnDelete::KeepNameless,
            },
        ],
        ..table("draw_ticket", "why somebody has how many tickets of a raffle", FOR_GOOD, BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "opened_by",
            by: By::Person,
            what: "raffles and giveaways that you opened",
            exported: "id, opened_at, number, kind, prize, state",
            on_delete: OnDelete::KeepNameless,
        }],
        ..table("draw", "raffles and giveaways, and what was published about them", FOR_GOOD, BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "guesses of the balance",
            exported: "session_id, guessed_at, name, cents, rank",
            on_delete: OnDelete::KeepWithout("name = 'someone'"),
        }],
        ..table("gtb_guess", "guesses of the balance", "as long as their session", BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "opened_by",
            by: By::Person,
            what: "sessions of Guess the Balance that you opened",
            exported: "id, opened_at, number, state",
            on_delete: OnDelete::KeepNameless,
        }],
        ..table("gtb_session", "sessions of Guess the Balance", "until their server is purged", BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "slots that you asked for",
            exported: "id, called_at, name, slot, picked_at",
            on_delete: OnDelete::Row,
        }],
        ..table("slot_call", "slots that viewers asked for", "until their server is purged", BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "servers that take no slot requests of yours",
            exported: "guild_id, blocked_at, reason",
            on_delete: OnDelete::Row,
        }],
        ..table("slot_block", "viewers whose slot requests are not taken", IN_USE, BY_GUILD)
    },
    table("slot_ban", "slots that are not taken", IN_USE, BY_GUILD),
    table("slot_provider", "providers of slots, and whether their slots are taken", IN_USE, BY_GUILD),
    table(
        "slot_announcement",
        "slots that were picked and are told in a moment",
        "until they are told, an hour at most",
        BY_GUILD,
    ),
    table("slot_setting", "rules of slot requests", IN_USE, BY_GUILD),
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "moments of streams that you marked",
            exported: "id, made_at, name, title, stream_seconds",
            on_delete: OnDelete::Row,
        }],
        ..table("clip_marker", "moments of streams that viewers marked", "until their server is purged", BY_GUILD)
    },
    table("chat_command", "commands of chats, as admins wrote them", IN_USE, BY_GUILD),
    table("chat_line", "numbers of chat messages that a timed message waits for", "1 day", BY_GUILD),
    table("chat_command_run", "numbers of chat messages that were carried out", "1 day", BY_GUILD),
    table("timed_message", "timed messages, as admins wrote them", IN_USE, BY_GUILD),
    Table {
        members: &[Member {
            column: "viewer",
            by: By::Viewer,
            what: "that you wrote in a chat of late",
            exported: "guild_id, last_at",
            on_delete: OnDelete::Row,
        }],
        ..table("chat_pulse", "which Kick user ids wrote last in a chat, without what they wrote", "1 day", BY_GUILD)
    },
    table(
        "dashboard_request",
        "checksums of what a dashboard asked for; what it was, until it is carried out",
        "1 day",
        BY_GUILD,
    ),
];
