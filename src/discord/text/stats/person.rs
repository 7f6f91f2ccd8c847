//! Who is who: links, names, people who were looked for.

use super::frame;
use crate::id::UserId;
use crate::routing::embed::{Embed, escape, escape_at, fit, relative};
use crate::routing::etlegacy::list;
use crate::routing::etlegacy::look::name;
use crate::stats::people::{Found, Named};
use crate::store::stats::person::Linking;
use crate::store::stats::player::Alias;

pub const LINK_OTHERS: &str =
    "Only members with Manage Server may do that for others. Without the option it is about you.";
pub const NOT_YOU: &str = "Only the member who is asked can answer.";
/// Players that are listed.
pub const FOUND: usize = 10;
pub const NO_LINK: &str = "There is no link to end.";
pub const DECLINED: &str = "Nothing was linked.";
pub const NAME_OTHERS: &str = "That is somebody else's name. Those who manage the server may change it.";

/// What a member is asked before they are linked.
pub fn asked(member: UserId, who: &Named, rounds: i64) -> String {
    let guid = &who.guid;
    format!(
        "<@{member}>, are you **{}** (`{guid}`, {rounds} rounds)? Then statistics know you by that.",
        name(&who.name)
    )
}

pub fn linked(outcome: &Linking, member: UserId, who: &Named) -> String {
    match outcome {
        Linking::Linked => {
            format!("✅ <@{member}> is **{}** from now on. /stats player shows the career.", name(&who.name))
        }
        Linking::Known => format!("<@{member}> is **{}** already.", name(&who.name)),
        Linking::MemberIs(link) => {
            format!("<@{member}> is linked with the player `{}` already; /stats unlink comes first.", link.guid)
        }
        Linking::PlayerIs(link) => match link.user_id {
            Some(other) => {
                format!("**{}** is <@{other}> already. Those who manage the server can undo it.", name(&who.name))
            }
            None => format!("**{}** is somebody else already.", name(&who.name)),
        },
    }
}

pub fn unlinked(who: &Named) -> String {
    format!("✅ **{}** is linked with nobody any more. A name that the member chose is gone with it.", name(&who.name))
}

pub fn found(text: &str, found: &[Found]) -> Embed {
    let embed = frame(format!("🔎 Players like {}", escape(&fit(text, 60))));
    if found.is_empty() {
        return Embed { description: "Nobody with that in a name has played here.".to_owned(), ..embed };
    }
    let more = found.len().saturating_sub(FOUND);
    let description = if more > 0 { format!("The first {FOUND}; write more of the name.") } else { String::new() };
    list(
        Embed { description, ..embed },
        "Found",
        found.iter().take(FOUND).map(|one| {
            let as_whom = if one.matched == one.name { String::new() } else { format!(" (as {})", name(&one.matched)) };
            format!("**{}**{as_whom} `{}` · {} rounds", name(&one.name), one.guid, one.rounds)
        }),
    )
}

pub fn aliases(who: &Named, member: Option<UserId>, aliases: &[Alias]) -> Embed {
    let embed = frame(format!("🎭 Names of {}", name(&who.name)));
    let link = member.map(|member| format!("Linked with <@{member}>\n")).unwrap_or_default();
    let embed = Embed { description: format!("{link}GUID `{}`", who.guid), ..embed };
    list(
        embed,
        "Played as",
        aliases.iter().map(|alias| {
            format!("**{}** {} rounds, last {}", escape(&fit(&alias.name, 40)), alias.rounds, relative(alias.last_at))
        }),
    )
}

pub fn named(who: &Named, chosen: Option<&str>) -> String {
    match chosen {
        Some(chosen) => {
            format!("✅ **{}** is called **{}** from now on.", name(&who.name), escape_at(chosen.trim(), false))
        }
        None => format!("✅ **{}** is called as in the game again.", name(&who.name)),
    }
}
