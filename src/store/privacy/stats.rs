//! The tables of match statistics. They name players by the GUID and the names of their game, not members.

use super::{BY_GUILD, Table, table};

const FOR_GOOD: &str = "until the server is left: everything else about matches is made of them";
const AS_FILES: &str = "as long as the files that it is made of";

pub(super) const TABLES: &[Table] = &[
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
