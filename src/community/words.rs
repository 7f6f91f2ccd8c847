//! What a chat message says to the bot: its command word, who may use it, and what an answer is made of. Pure.

use std::fmt::Write as _;

/// Characters of what somebody wrote that an answer repeats.
pub const REPEATED: usize = 200;

/// Who may use a command, by the badges in chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    Everyone,
    Subscriber,
    Vip,
    Moderator,
    Broadcaster,
}

const PERMISSIONS: [Permission; 5] =
    [Permission::Everyone, Permission::Subscriber, Permission::Vip, Permission::Moderator, Permission::Broadcaster];

impl Permission {
    pub fn as_str(self) -> &'static str {
        match self {
            Permission::Everyone => "everyone",
            Permission::Subscriber => "subscriber",
            Permission::Vip => "vip",
            Permission::Moderator => "moderator",
            Permission::Broadcaster => "broadcaster",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        PERMISSIONS.into_iter().find(|permission| permission.as_str() == word)
    }

    /// Whoever may more may this, too.
    pub fn allows(self, badges: &[String]) -> bool {
        let held = badges.iter().map(|badge| match badge.as_str() {
            "broadcaster" => Permission::Broadcaster,
            "moderator" => Permission::Moderator,
            "vip" => Permission::Vip,
            "subscriber" | "founder" | "og" => Permission::Subscriber,
            _ => Permission::Everyone,
        });
        held.max().unwrap_or(Permission::Everyone) >= self
    }
}

/// The text without the tags of emotes (`[emote:37226:KEKW]`), with single spaces.
pub fn without_emotes(content: &str) -> String {
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find("[emote:") {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        match tail.find(']') {
            Some(end) => rest = &tail[end + 1..],
            None => {
                out.push_str(tail);
                rest = "";
            }
        }
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The command word in lower case, without its mark, and what follows. `!callers` is not `!call`.
pub fn command(content: &str) -> Option<(String, String)> {
    let text = without_emotes(content);
    let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let word = word.strip_prefix('!')?;
    (!word.is_empty()).then(|| (word.to_lowercase(), rest.trim().to_owned()))
}

/// Whether this is a word that a command or keyword can have.
pub fn is_word(word: &str) -> bool {
    (1..=30).contains(&word.chars().count()) && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// At most this many characters, without control characters.
pub fn cut(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect::<String>().trim().to_owned()
}

/// Fills `{name}` by what is known; other braces stay as they are. What is filled in is not looked at again.
pub fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let found = tail.find('}').and_then(|end| Some((value(&tail[..end])?, end)));
        match found {
            Some((filled, end)) => {
                out.push_str(&filled);
                rest = &tail[end + 1..];
            }
            None => {
                out.push('{');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    // What begins with a slash would be an order to the chat itself.
    out.trim_start_matches(['/', ' ']).to_owned()
}

/// `sweet-bonanza-1000`: lower case, whatever is no letter or digit becomes one hyphen.
pub fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// `2 h 05 min`
pub fn minutes(minutes: i64) -> String {
    let mut out = String::new();
    if minutes >= 60 {
        let _ = write!(out, "{} h {:02} min", minutes / 60, minutes % 60);
    } else {
        let _ = write!(out, "{minutes} min");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_whole_word() {
        let read = |text: &str| command(text).map(|(word, rest)| format!("{word}|{rest}"));
        assert_eq!(read("!call Sweet  Bonanza").as_deref(), Some("call|Sweet Bonanza"));
        assert_eq!(read("  !GTB\t1,500 ").as_deref(), Some("gtb|1,500"));
        assert_eq!(read("!callers x").as_deref(), Some("callers|x"));
        assert_eq!(read("[emote:1:KEKW] !call [emote:2:a] Gates").as_deref(), Some("call|Gates"));
        assert_eq!([read("hello !call x"), read("!"), read("! call"), read("")], [None, None, None, None]);
    }

    #[test]
    fn emotes_are_left_out_and_broken_tags_stay() {
        assert_eq!(without_emotes("a [emote:1:x]b [emote:2"), "a b [emote:2");
        assert_eq!(without_emotes("[emote:1:x]"), "");
    }

    #[test]
    fn badges_give_what_lower_ones_give() {
        let badges = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(Permission::Everyone.allows(&[]));
        assert!(!Permission::Subscriber.allows(&badges(&["verified"])));
        assert!(Permission::Subscriber.allows(&badges(&["moderator"])));
        assert!(!Permission::Broadcaster.allows(&badges(&["moderator", "vip"])));
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let value = |name: &str| match name {
            "user" => Some("{args}".to_owned()),
            "args" => Some("/ban all".to_owned()),
            _ => None,
        };
        assert_eq!(fill("hi {user} {nobody} {", value), "hi {args} {nobody} {");
        assert_eq!(fill("{args}", value), "ban all");
    }

    #[test]
    fn slugs_are_as_the_sites_write_them() {
        assert_eq!(slug("Sweet Bonanza 1000!"), "sweet-bonanza-1000");
        assert_eq!(slug("  --Gates_of  Olympus™ "), "gates-of-olympus");
        assert_eq!(slug("!!!"), "");
    }
}
