//! Discord's message shapes as far as we send them, kept within Discord's limits.
//!
//! Limits: <https://discord.com/developers/docs/resources/message#embed-object-embed-limits>.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

pub const TITLE: usize = 256;
pub const DESCRIPTION: usize = 4096;
pub const FIELD_NAME: usize = 256;
pub const FIELD_VALUE: usize = 1024;
/// Characters over all embeds of one message.
pub const TOTAL: usize = 6000;
pub const EMBEDS: usize = 10;
/// Characters of a message's own text.
pub const CONTENT: usize = 2000;
const BUTTONS_IN_ROW: usize = 5;
/// <https://discord.com/developers/docs/components/reference#button-button-styles>
const LINK_STYLE: u8 = 5;
/// Discord refuses longer addresses.
const LONGEST_URL: usize = 2000;
/// Options of one select.
pub const OPTIONS: usize = 25;
/// Characters of an option's label.
const LABEL: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Embed {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What the title links to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    pub color: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    pub footer: Footer,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<DateTime<Utc>>,
    /// Beside the text, and below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<Picture>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Picture>,
}

/// By its address; see [`web_address`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub value: String,
    pub inline: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Footer {
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
}

/// A button's colour, by Discord's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ButtonStyle {
    Secondary = 2,
    Success = 3,
    Danger = 4,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Button {
    pub custom_id: String,
    pub label: String,
    pub emoji: Option<&'static str>,
    pub style: ButtonStyle,
}

/// A button that leads somewhere and tells nobody.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub url: String,
    pub label: String,
    pub emoji: Option<&'static str>,
}

/// A select from which one option is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    pub custom_id: String,
    pub placeholder: String,
    /// At most [`OPTIONS`].
    pub options: Vec<Choice>,
}

/// One option of a select.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// At most 100 characters.
    pub value: String,
    pub label: String,
    pub emoji: Option<&'static str>,
    /// What stands now.
    pub is_default: bool,
}

/// A message before it is given a nonce and a mark.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageBody {
    pub content: Option<String>,
    pub embeds: Vec<Embed>,
    /// At most four, each a row of its own above the buttons.
    pub selects: Vec<Select>,
    /// Five to a row, below the selects; five rows in all.
    pub buttons: Vec<Button>,
    /// Behind the buttons.
    pub links: Vec<Link>,
    /// Ids that may be pinged; nothing else ever is.
    pub mentions: Vec<String>,
}

impl Embed {
    /// Adds a field unless its value is empty; an over-long value is cut with an ellipsis.
    pub fn field(mut self, name: &str, value: impl Into<String>, inline: bool) -> Self {
        let value = value.into();
        if !value.trim().is_empty() {
            self.fields.push(Field { name: fit(name, FIELD_NAME), value: fit(&value, FIELD_VALUE), inline });
        }
        self
    }

    /// Characters that count against [`TOTAL`].
    pub fn len(&self) -> usize {
        let fields: usize = self.fields.iter().map(|f| chars(&f.name) + chars(&f.value)).sum();
        chars(&self.title) + chars(&self.description) + chars(&self.footer.text) + fields
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl MessageBody {
    /// Discord's JSON. `mark` ends every footer, so that a message of unknown fate can be found again.
    pub fn to_json(&self, mark: &str) -> Value {
        let embeds: Vec<Embed> = self
            .embeds
            .iter()
            .cloned()
            .map(|mut embed| {
                embed.footer.text = format!("{} · {mark}", embed.footer.text);
                embed
            })
            .collect();
        let row = |components: Vec<Value>| json!({ "type": 1, "components": components });
        let mut components: Vec<Value> = self.selects.iter().map(|select| row(vec![select.to_json()])).collect();
        let buttons = self.buttons.iter().map(Button::to_json).chain(self.links.iter().map(Link::to_json));
        for buttons in buttons.collect::<Vec<Value>>().chunks(BUTTONS_IN_ROW) {
            components.push(row(buttons.to_vec()));
        }
        let (users, roles) = self.allowed_mentions();
        json!({
            "content": self.content.clone().unwrap_or_default(),
            "embeds": embeds,
            "components": components,
            "allowed_mentions": { "parse": [], "users": users, "roles": roles },
        })
    }

    fn allowed_mentions(&self) -> (Vec<&str>, Vec<&str>) {
        let mut users = Vec::new();
        let mut roles = Vec::new();
        for mention in &self.mentions {
            let inner = mention.trim_start_matches('<').trim_end_matches('>');
            if let Some(role) = inner.strip_prefix("@&") {
                roles.push(role);
            } else if let Some(user) = inner.strip_prefix('@') {
                users.push(user);
            }
        }
        (users, roles)
    }
}

impl Button {
    fn to_json(&self) -> Value {
        let mut json = json!({
            "type": 2,
            "style": self.style as u8,
            "label": self.label,
            "custom_id": self.custom_id,
        });
        if let Some(emoji) = self.emoji {
            json["emoji"] = json!({ "name": emoji });
        }
        json
    }
}

impl Link {
    fn to_json(&self) -> Value {
        let mut json = json!({ "type": 2, "style": LINK_STYLE, "label": self.label, "url": self.url });
        if let Some(emoji) = self.emoji {
            json["emoji"] = json!({ "name": emoji });
        }
        json
    }
}

impl Select {
    fn to_json(&self) -> Value {
        let options = self.options.iter().map(|option| {
            let mut json = json!({
                "label": fit(&option.label, LABEL),
                "value": option.value,
                "default": option.is_default,
            });
            if let Some(emoji) = option.emoji {
                json["emoji"] = json!({ "name": emoji });
            }
            json
        });
        json!({
            "type": 3,
            "custom_id": self.custom_id,
            "placeholder": self.placeholder,
            "options": options.collect::<Vec<_>>(),
        })
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

/// Cuts to at most `limit` characters, with an ellipsis, never inside an escape.
pub fn fit(text: &str, limit: usize) -> String {
    if chars(text) <= limit {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(limit - 1).collect();
    let trailing_escapes = cut.chars().rev().take_while(|&c| c == '\\').count();
    if trailing_escapes % 2 == 1 {
        cut.pop();
    }
    cut.push('…');
    cut
}

/// Foreign text with Discord's markdown made harmless. Only the characters that start markup are
/// escaped, so that ordinary text stays as it was.
pub fn escape(text: &str) -> String {
    escape_at(text, true)
}

/// The same for a text that does not stand at the beginning of a line.
pub fn escape_at(text: &str, begins_line: bool) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut begins_line = begins_line;
    for c in text.chars() {
        // Headings, lists and small print are made by what a line begins with.
        let marks_line = begins_line && matches!(c, '#' | '-');
        if marks_line || matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '[' | ']') {
            out.push('\\');
        }
        begins_line = c == '\n' || (begins_line && c.is_whitespace());
        out.push(c);
    }
    out
}

/// An address that Discord takes; any other is left out.
pub fn web_address(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let fits = matches!(url.scheme(), "http" | "https") && url.has_host() && url.as_str().len() <= LONGEST_URL;
    fits.then(|| url.to_string())
}

/// `<t:…:R>`: "3 minutes ago" on the reader's own clock.
pub fn relative(at: DateTime<Utc>) -> String {
    format!("<t:{}:R>", at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_never_ends_in_half_an_escape() {
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
        assert_eq!(fit(&escape("a*b"), 3), "a…");
        assert_eq!(chars(&fit(&"é".repeat(5000), FIELD_VALUE)), FIELD_VALUE);
    }

    #[test]
    fn only_markup_is_escaped() {
        assert_eq!(escape("web-01 *x* [y](z) #1"), r"web-01 \*x\* \[y\](z) #1");
        assert_eq!(escape("# big\n  -# small"), "\\# big\n  \\-# small");
    }

    #[test]
    fn mentions_ping_only_what_the_route_lists() {
        let body = MessageBody { mentions: vec!["<@&5>".into(), "<@7>".into()], ..Default::default() };
        assert_eq!(body.to_json("m")["allowed_mentions"], json!({"parse": [], "users": ["7"], "roles": ["5"]}));
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(web_address("https://example.org/a b").as_deref(), Some("https://example.org/a%20b"));
        for odd in ["", "javascript:alert(1)", "ftp://x", "example.org", &format!("https://x/{}", "a".repeat(3000))] {
            assert_eq!(web_address(odd), None, "{odd}");
        }
    }

    #[test]
    fn empty_fields_are_left_out() {
        assert!(Embed::default().field("Name", "  ", true).fields.is_empty());
    }
}
