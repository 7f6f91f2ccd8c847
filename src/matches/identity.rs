//! Who is who inside of one match. A GUID is cut to eight digits, and bots all have the same: whoever shares one is told
//! apart by name.

use std::collections::HashMap;

use crate::source::etlegacy::player::Player;

/// Somebody within a match. Across matches people are known by `guid`, except bots and those who share one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlayerKey {
    pub guid: String,
    /// Without colour codes; only where the GUID is shared.
    pub name: Option<String>,
    /// Where the name is shared as well: which of them, in the order of the file.
    pub nth: u16,
}

/// The keys of the players of each file, in the order of the files. What is shared in one file counts in all of them, so that
/// they fit each other.
pub fn keys(files: &[&[Player<'_>]], is_bot: impl Fn(&Player<'_>) -> bool) -> Vec<Vec<PlayerKey>> {
    let is_shared = |guid: &str| {
        let times = |players: &&[Player<'_>]| players.iter().filter(|player| player.guid == guid).count();
        files.iter().any(|players| times(players) > 1)
    };
    files.iter().map(|players| keys_of(players, &is_bot, is_shared)).collect()
}

fn keys_of(
    players: &[Player<'_>],
    is_bot: impl Fn(&Player<'_>) -> bool,
    is_shared: impl Fn(&str) -> bool,
) -> Vec<PlayerKey> {
    let mut seen: HashMap<(String, String), u16> = HashMap::new();
    let key = |player: &Player<'_>| {
        let guid = player.guid.to_string();
        if !is_bot(player) && !is_shared(&guid) {
            return PlayerKey { guid, name: None, nth: 0 };
        }
        let name = player.name();
        let count = seen.entry((guid.clone(), name.clone())).or_default();
        let nth = *count;
        *count += 1;
        PlayerKey { guid, name: Some(name), nth }
    };
    players.iter().map(key).collect()
}
