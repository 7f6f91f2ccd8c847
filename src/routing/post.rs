//! Posts of a forum: how they are called, which tags they get, when they are done. Pure.
//!
//! A card is a post of its own. Notices about the same thing share one; a notice about nothing that lasts has
//! one for itself.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::card::{ApprovalState, ApprovalView, Verb};
use super::embed::{Embed, fit};
use super::subject::SubjectState;
use super::ticket::{ListItem, is_closed, same_word};
use crate::event::kind::SubjectKind;

/// <https://discord.com/developers/docs/resources/channel#channel-object>
const NAME: usize = 100;
/// <https://discord.com/developers/docs/resources/channel#start-thread-in-forum-or-media-channel>
const TAGS: usize = 5;

/// A post to be opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewPost {
    pub name: String,
    pub tags: Vec<String>,
}

impl NewPost {
    /// Discord's request, with the post's first message.
    pub fn request(&self, message: &Value) -> Value {
        json!({ "name": self.name, "applied_tags": self.tags, "message": message })
    }
}

/// What a post of a card should be: its tags, and whether it is archived.
#[derive(Clone, Debug, PartialEq)]
pub struct PostState {
    pub tags: Vec<String>,
    pub archived: bool,
}

impl PostState {
    /// As it stands with the card.
    pub fn to_text(&self) -> String {
        format!("{}|{}", self.tags.join(","), if self.archived { "archived" } else { "open" })
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (tags, state) = text.split_once('|')?;
        let tags = tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        Some(Self { tags, archived: state == "archived" })
    }
}

/// A tag of a forum.
pub struct Tag<'a> {
    pub id: &'a str,
    pub name: &'a str,
    /// Taken when no other fits, where the forum insists on one.
    pub fallback: bool,
}

/// Of each group of words the first that a tag is named by, in the order of the groups.
pub fn tags(groups: &[Vec<String>], available: &[Tag<'_>]) -> Vec<String> {
    let mut chosen: Vec<String> = Vec::new();
    for words in groups {
        let named = |word: &String| available.iter().find(|tag| same_word(tag.name, word));
        let found = words.iter().find_map(named);
        if let Some(tag) = found.filter(|tag| chosen.iter().all(|id| id != tag.id)) {
            chosen.push(tag.id.to_owned());
        }
    }
    chosen.truncate(TAGS);
    if chosen.is_empty() {
        chosen.extend(available.iter().find(|tag| tag.fallback).map(|tag| tag.id.to_owned()));
    }
    chosen
}

/// What a card is about, as far as its post shows it.
pub struct About<'a> {
    pub kind: SubjectKind,
    pub state: &'a SubjectState,
    pub approval: Option<&'a ApprovalView>,
    pub statuses: &'a [ListItem],
}

impl About<'_> {
    /// `#12 Printer offline`
    pub fn name(&self) -> String {
        let text = |names: &[&str]| names.iter().find_map(|name| self.state.text(name)).unwrap_or_default();
        let words = match self.kind {
            SubjectKind::Ticket => format!("#{} {}", text(&["seq_id", "id"]), text(&["title"])),
            _ => text(&["hostname", "name", "title", "id", "asset_id"]),
        };
        named(&words, self.kind.as_str())
    }

    /// The words by which tags are found, the state first; of a group one tag is enough.
    pub fn words(&self) -> Vec<Vec<String>> {
        let mut words = Vec::new();
        if let Some(approval) = self.approval {
            words.push(vec![
                match (approval.state, approval.outcome.or(approval.verb)) {
                    (ApprovalState::Expired, _) => "expired",
                    (ApprovalState::Superseded, _) => "superseded",
                    (ApprovalState::Confirmed | ApprovalState::Elsewhere, Some(Verb::Approve)) => "approved",
                    (ApprovalState::Confirmed | ApprovalState::Elsewhere, Some(Verb::Deny)) => "denied",
                    _ => "pending",
                }
                .to_owned(),
            ]);
        }
        let mut state: Vec<String> = self.state.text("status").into_iter().collect();
        if self.kind == SubjectKind::Ticket {
            state.push(if self.is_resolved() { "closed" } else { "open" }.to_owned());
        }
        words.push(state);
        words.extend(self.state.text("priority").map(|priority| vec![priority]));
        words.push(vec![self.kind.as_str().to_owned()]);
        words
    }

    /// Nothing is left to be done about it.
    pub fn is_resolved(&self) -> bool {
        use ApprovalState::{Confirmed, Elsewhere, Expired, Superseded};
        // What was decided elsewhere is decided, whatever was asked here.
        if self.kind == SubjectKind::Signal && super::kick::is_redemption(self.state) {
            return super::kick::is_settled(self.state);
        }
        let decided = self.approval.is_none_or(|a| matches!(a.state, Confirmed | Elsewhere | Superseded | Expired));
        decided
            && match self.kind {
                SubjectKind::Ticket => is_closed(self.state, self.statuses),
                SubjectKind::Machine => self.approval.is_some() || self.state.has("machine.approved"),
                SubjectKind::Stream => super::kick::is_over(self.state),
                SubjectKind::Match => super::etlegacy::is_over(self.state),
                _ => false,
            }
    }
}

/// What a notice calls the thing it is about, as its fields are named.
const CALLED: [&str; 4] = ["Title", "Name", "Hostname", "Username"];

/// The name of a notice's post: what happened, and the first of what is said about it.
pub fn notice_name(embed: &Embed) -> String {
    let line = embed.description.lines().find(|line| !line.trim().is_empty());
    let called =
        || embed.fields.iter().find(|field| CALLED.contains(&field.name.as_str())).map(|field| field.value.as_str());
    let words = match line.or_else(called) {
        Some(said) => format!("{}: {}", embed.title, plain(said)),
        None => embed.title.clone(),
    };
    named(&words, "Signal")
}

/// In a name nothing is markup.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut escaped = false;
    for letter in text.chars() {
        if letter == '\\' && !escaped {
            escaped = true;
            continue;
        }
        escaped = false;
        out.push(letter);
    }
    out
}

fn named(words: &str, fallback: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() { fallback.to_owned() } else { fit(&words, NAME) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORUM: [Tag<'static>; 3] = [
        Tag { id: "1", name: "Open", fallback: true },
        Tag { id: "2", name: "In Progress", fallback: false },
        Tag { id: "3", name: "Critical", fallback: false },
    ];

    fn words(all: &[&str]) -> Vec<String> {
        all.iter().map(|word| (*word).to_owned()).collect()
    }

    fn groups(all: &[&[&str]]) -> Vec<Vec<String>> {
        all.iter().map(|group| words(group)).collect()
    }

    #[test]
    fn tags_are_found_by_the_words_of_the_state() {
        assert_eq!(tags(&groups(&[&["in_progress", "open"], &["critical"], &["critical"]]), &FORUM), ["2", "3"]);
        assert_eq!(tags(&groups(&[&["on_hold", "open"]]), &FORUM), ["1"]);
        assert_eq!(tags(&groups(&[&["new"]]), &FORUM), ["1"], "the forum insists on one");
        assert_eq!(tags(&groups(&[&["new"]]), &FORUM[1..]), [""; 0]);
    }

    #[test]
    fn a_notice_is_named_by_what_it_says() {
        let notice =
            |description: &str| Embed { title: "Alert".into(), description: description.into(), ..Embed::default() };
        assert_eq!(notice_name(&notice("")), "Alert");
        assert_eq!(notice_name(&notice("\n disk\\_1  full\nmore")), "Alert: disk_1 full");
        assert_eq!(notice_name(&notice(&"x".repeat(300))).chars().count(), NAME);
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        for state in
            [PostState { tags: vec![], archived: false }, PostState { tags: words(&["1", "2"]), archived: true }]
        {
            assert_eq!(PostState::parse(&state.to_text()), Some(state));
        }
    }
}
