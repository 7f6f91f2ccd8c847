//! The tables of match statistics. They name players by the GUID and the names of their game; `stats_link` alone says which
//! member somebody is.

use super::{BY_GUILD, By, IN_USE, Member, OnDelete, Table, table};

const FOR_GOOD: &str = "until the server is left: everything else about matches is made of them";
const AS_FILES: &str = "as long as the files that it is made of";

pub(super) const TABLES: &[Table] = &[
    Table {
        members: &[
            Member {
                column: "member_id",
                by: By::Person,
                what: "links of yours with a player of the game",
                exported: "guid, linked_at",
                on_delete: OnDelete::Row,
            },
            Member {
                column: "linked_by_id",
                by: By::Person,
                what: "links with players that you asked for",
                exported: "guid, linked_at",
                on_delete: OnDelete::KeepNameless,
            },
        ],
        ..table("stats_link", "which member is which player of the game", IN_USE, BY_GUILD)
    },
    Table {
        members: &[
            Member {
                column: "owner_id",
                by: By::Person,
                what: "names in match statistics that you chose for yourself",
                exported: "guid, name, set_at",
                on_delete: OnDelete::Row,
            },
            Member {
                column: "set_by_id",
                by: By::Person,
                what: "names in match statistics that you set",
                exported: "guid, name, set_at",
                on_delete: OnDelete::KeepNameless,
            },
        ],
        ..table("stats_name", "what players are called in match statistics", IN_USE, BY_GUILD)
    },
    table("stats_line", "what each player did in a round, under their GUID and name in the game", AS_FILES, BY_GUILD),
    table("stats_round", "rounds that were played: map, times, who won", AS_FILES, BY_GUILD),
    table("stats_alias", "the names under which somebody with a GUID has played", AS_FILES, BY_GUILD),
    table("stats_session", "sessions of rounds, and their scores", AS_FILES, BY_GUILD),
    table("stats_award", "awards of rounds, with the names of players", AS_FILES, BY_GUILD),
    table("stats_duel", "who killed whom how often in a round", AS_FILES, BY_GUILD),
    table("stats_card", "what was posted last about rounds, maps, awards and sessions", AS_FILES, BY_GUILD),
    table("stats_file", "the files of a game server as they came, with GUIDs and names of players", FOR_GOOD, BY_GUILD),
    table("stats_cursor", "how far a place was read in which files appear", FOR_GOOD, BY_GUILD),
];
