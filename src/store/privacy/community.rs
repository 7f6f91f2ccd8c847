//! The tables of the stream community: viewers, watch time, points, the shop, roles.

use super::{BY_GUILD, By, IN_USE, Member, OnDelete, Table, table};

/// Causes of these kinds name an account or a viewer of Kick.
const LEDGER_WORDS: &str = "detail = CASE jsonb_typeof(detail) WHEN 'object' THEN detail - 'reason' ELSE detail END,
     cause = CASE WHEN kind IN ('follow', 'sub', 'gift', 'kicks', 'opening') THEN kind || ':' || id ELSE cause END";

pub(super) const TABLES: &[Table] = &[
    Table {
        members: &[Member {
            column: "member_id",
            by: By::Person,
            what: "purchases that you were about to make",
            exported: "id, created_at, price, answer, note",
            on_delete: OnDelete::Row,
        }],
        ..table("shop_draft", "purchases that are about to be confirmed", "a day", BY_GUILD)
    },
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "purchases with your points",
                exported: "id, bought_at, item_name, price, answer, note, state",
                on_delete: OnDelete::KeepWithout("answer = NULL, note = NULL"),
            },
            Member {
                column: "member_id",
                by: By::Person,
                what: "purchases that you made",
                exported: "id, bought_at, item_name, price, answer, note, state",
                on_delete: OnDelete::KeepWithout("answer = NULL, note = NULL"),
            },
            Member {
                column: "decided_by_id",
                by: By::Person,
                what: "purchases of others that you completed or cancelled",
                exported: "id, decided_at, item_name, state",
                on_delete: OnDelete::KeepNameless,
            },
        ],
        ..table("shop_sale", "what was bought in the shop, and what became of it", "for good", BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "counts of what you bought",
            exported: "shop_item_id, last_at, bought",
            on_delete: OnDelete::Row,
        }],
        ..table("shop_tally", "how many of an item somebody has bought", IN_USE, BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "created_by_id",
            by: By::Person,
            what: "items of the shop that you made",
            exported: "id, created_at, name",
            on_delete: OnDelete::KeepNameless,
        }],
        ..table("shop_item", "what the shop offers", IN_USE, BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "member_id",
            by: By::Person,
            what: "roles that you were given for watching",
            exported: "role_id, granted_at",
            on_delete: OnDelete::Row,
        }],
        ..table("watch_role_grant", "who was given which role for watching", IN_USE, BY_GUILD)
    },
    table("watch_role", "which roles are given for watching", IN_USE, BY_GUILD),
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "balances of points",
            exported: "guild_id, balance",
            on_delete: OnDelete::KeepNameless,
        }],
        ..table("point_account", "what the entries of the ledger add up to", "for good", BY_GUILD)
    },
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "entries of your points",
                exported: "id, at, amount, kind, cause, detail",
                on_delete: OnDelete::KeepWithout(LEDGER_WORDS),
            },
            Member {
                column: "by_id",
                by: By::Person,
                what: "entries of points that you made",
                exported: "id, at, amount, kind, detail",
                on_delete: OnDelete::KeepWithout(
                    "detail = CASE jsonb_typeof(detail) WHEN 'object' THEN detail - 'reason' ELSE detail END",
                ),
            },
        ],
        ..table(
            "ledger",
            "points: every entry, with its cause; it cannot be changed, but for words and names of who is forgotten",
            "for good",
            BY_GUILD,
        )
    },
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "minutes and points that you had elsewhere",
                exported: "name_key, imported_at, minutes, points",
                on_delete: OnDelete::Row,
            },
            Member {
                column: "set_by_id",
                by: By::Person,
                what: "such minutes and points that you imported",
                exported: "name_key, imported_at",
                on_delete: OnDelete::KeepNameless,
            },
        ],
        ..table(
            "viewer_opening",
            "minutes and points that viewers had elsewhere, by their name there",
            IN_USE,
            BY_GUILD,
        )
    },
    Table {
        members: &[Member {
            column: "viewer_id",
            by: By::Person,
            what: "days on which you watched",
            exported: "guild_id, day, minutes",
            on_delete: OnDelete::Row,
        }],
        ..table("watch_day", "how long viewers watched on each day", "for good", BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "viewer_id",
            by: By::Person,
            what: "hours in which you wrote in a chat",
            exported: "kick_channel_id, hour, said, present, minutes, percent",
            on_delete: OnDelete::Row,
        }],
        ..table(
            "watch_hour",
            "in which minutes viewers were present, and by how much a role of the linked member multiplies what they earn",
            "90 days, or EVENT_DAYS where that is longer",
            BY_GUILD,
        )
    },
    Table {
        members: &[Member {
            column: "viewer_id",
            by: By::Person,
            what: "minutes of multiplied hours that were paid",
            exported: "kick_channel_id, hour, minutes",
            on_delete: OnDelete::Row,
        }],
        ..table(
            "watch_paid",
            "how many minutes of hours that a role multiplies are in the ledger",
            "90 days, or EVENT_DAYS where that is longer",
            BY_GUILD,
        )
    },
    table("watch_channel", "which minutes of a channel count", "90 days, or EVENT_DAYS where that is longer", BY_GUILD),
    Table {
        members: &[Member {
            column: "set_by_id",
            by: By::Person,
            what: "such times that you set",
            exported: "id, started_at, kind, ended_at",
            on_delete: OnDelete::KeepNameless,
        }],
        ..table("watch_period", "times that count, or do not, whatever the stream does", IN_USE, BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "set_by_id",
            by: By::Person,
            what: "such rules that you set",
            exported: "from_hour, set_at, rules",
            on_delete: OnDelete::KeepNameless,
        }],
        ..table("community_rule", "how watching and points are counted, and since when", "for good", BY_GUILD)
    },
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "that you are not counted",
                exported: "guild_id, since",
                on_delete: OnDelete::Row,
            },
            Member {
                column: "set_by_id",
                by: By::Person,
                what: "viewers of whom you said that they are not counted",
                exported: "guild_id, since",
                on_delete: OnDelete::KeepNameless,
            },
        ],
        ..table("viewer_ignored", "viewers who are not counted", IN_USE, BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "name and watch time on Kick",
            exported: "guild_id, first_seen_at, username, seen_at, minutes, points",
            on_delete: OnDelete::Row,
        }],
        ..table(
            "viewer",
            "viewers on Kick: their name, when they were last seen, how long they have watched",
            "until they are forgotten",
            BY_GUILD,
        )
    },
    Table {
        members: &[
            Member {
                column: "member_id",
                by: By::Person,
                what: "link with a Kick account",
                exported: "id, linked_at",
                on_delete: OnDelete::Row,
            },
            Member {
                column: "viewer_id",
                by: By::Person,
                what: "link of that Kick account with you",
                exported: "id, linked_at",
                on_delete: OnDelete::Row,
            },
        ],
        ..table("kick_link", "which member is which viewer on Kick", "until it is undone", BY_GUILD)
    },
];
