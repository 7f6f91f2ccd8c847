//! Templates: the parts of a message as people write them. Whatever is in them and in the event, what comes out
//! is a message that Discord takes, made in bounded time and space, in which nobody is mentioned.

mod color;
mod settle;

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::embed::{DESCRIPTION, Embed, FIELD_NAME, FIELD_VALUE, Field, TITLE, TOTAL, fit};
use super::filter::{is_authors_fault, unknown_word};
use super::language::filters::text_of;
use super::language::{TEMPLATES, explain, guard};
use super::notice::{footer, look};
use super::view::{EventView, nothing};
use settle::{CLOSE, OPEN, settle};

/// Characters of a part of a template.
pub const LONGEST: usize = 4000;
/// Characters of content, with room for the mentions of a route.
const CONTENT: usize = 1800;
const FIELDS: usize = 25;
const URL: usize = 2000;
/// Characters that the footer's mark takes.
const MARK: usize = 11;
/// Bytes that a part may come to before it is cut.
const CAP: usize = 32_768;

/// The parts as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parts {
    pub content: String,
    pub title: String,
    pub description: String,
    pub fields: Vec<FieldParts>,
    /// `#FF0000` or a name; empty: that of the kind.
    pub color: String,
    pub url: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FieldParts {
    pub name: String,
    pub value: String,
    pub inline: bool,
}

/// A compiled template.
pub struct Template {
    pub id: Uuid,
    pub name: String,
    pub version: i64,
    parts: Parts,
    env: Environment<'static>,
    /// Dotted paths that it looks at.
    pub variables: Vec<String>,
}

/// What is wrong with a template, and where, for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// `title`, `field 2 value`.
    pub part: String,
    /// From 1; 0 when no line is to blame.
    pub line: usize,
    pub why: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.part, self.why),
            line => write!(f, "{}, line {line}: {}", self.part, self.why),
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("name", &self.name).field("version", &self.version).finish_non_exhaustive()
    }
}

/// What a template makes of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    pub content: String,
    pub embed: Embed,
}

impl Parts {
    /// Each part that has a text, under the name that people know it by.
    fn named(&self) -> Vec<(String, &str)> {
        let single = [
            ("content", &self.content),
            ("title", &self.title),
            ("description", &self.description),
            ("color", &self.color),
            ("url", &self.url),
        ];
        let mut named: Vec<(String, &str)> =
            single.into_iter().map(|(name, text)| (name.to_owned(), text.as_str())).collect();
        for (n, field) in self.fields.iter().enumerate() {
            named.push((format!("field {} name", n + 1), &field.name));
            named.push((format!("field {} value", n + 1), &field.value));
        }
        named.retain(|(_, text)| !text.trim().is_empty());
        named
    }
}

impl Template {
    pub fn compile(id: Uuid, name: &str, version: i64, parts: Parts) -> Result<Self, TemplateError> {
        let whole = |why: &str| Err(TemplateError { part: "template".into(), line: 0, why: why.into() });
        if parts.fields.len() > FIELDS {
            return whole(&format!("Discord shows {FIELDS} fields at most"));
        }
        if parts.named().iter().all(|(part, _)| part == "color" || part == "url") {
            return whole("it says nothing: give it a title, a description, fields or content");
        }
        let mut env = TEMPLATES.clone();
        let mut variables = BTreeSet::new();
        for (part, text) in parts.named() {
            let error = |line: usize, why: String| TemplateError { part: part.clone(), line, why };
            if text.chars().count() > LONGEST {
                return Err(error(0, format!("it is longer than {LONGEST} characters")));
            }
            if text.contains([OPEN, CLOSE]) {
                return Err(error(0, "it holds characters that Unicode keeps for programs' own use".into()));
            }
            guard::template(text).map_err(|refused| error(refused.line, refused.why))?;
            env.add_template_owned(part.clone(), text.to_owned())
                .map_err(|e| error(e.line().unwrap_or_default(), explain(&e)))?;
            let template = env.get_template(&part).map_err(|e| error(0, explain(&e)))?;
            let named: Vec<String> = template.undeclared_variables(true).into_iter().collect();
            if let Some(unknown) = unknown_word(&named) {
                let word = unknown.split('`').nth(1).unwrap_or_default();
                let line = text.lines().position(|line| line.contains(word)).map_or(0, |n| n + 1);
                return Err(error(line, unknown));
            }
            variables.extend(named);
        }
        let template =
            Self { id, name: name.to_owned(), version, parts, env, variables: variables.into_iter().collect() };
        template.run_on_nothing()?;
        Ok(template)
    }

    /// Filters and tests that do not exist show when they are run.
    fn run_on_nothing(&self) -> Result<(), TemplateError> {
        let nothing = nothing();
        for (part, _) in self.parts.named() {
            if let Err(error) = self.run(&part, &nothing)
                && is_authors_fault(&error)
            {
                return Err(self.explain(&part, &error));
            }
        }
        Ok(())
    }

    /// Also for events that it does not fit: then the error says why.
    pub fn render(&self, view: &EventView<'_>) -> Result<Rendered, TemplateError> {
        let event = view.event;
        let (built_in, color) = look(&event.kind);
        let words = view.value();
        let part = |name: &str, limit: usize| -> Result<String, TemplateError> {
            if self.env.get_template(name).is_err() {
                return Ok(String::new());
            }
            let text = self.run(name, &words).map_err(|error| self.explain(name, &error))?;
            Ok(fit(settle(&text).trim(), limit))
        };
        let content = part("content", CONTENT)?;
        let named_color = part("color", 40)?;
        let color = match named_color.as_str() {
            "" => color,
            word => color::parse(word).ok_or_else(|| TemplateError {
                part: "color".into(),
                line: 0,
                why: format!("{word} is no colour; write #FF0000 or a name such as {}", color::NAMES),
            })?,
        };
        let mut embed = Embed {
            title: part("title", TITLE)?,
            description: part("description", DESCRIPTION)?,
            url: self.url(&words)?,
            color,
            footer: footer(&event.kind),
            timestamp: Some(event.occurred_at),
            ..Embed::default()
        };
        for (n, field) in self.parts.fields.iter().enumerate() {
            let name = part(&format!("field {} name", n + 1), FIELD_NAME)?;
            let value = part(&format!("field {} value", n + 1), FIELD_VALUE)?;
            // A field without a value says nothing; one without a name is refused by Discord.
            if !value.is_empty() {
                let name = if name.is_empty() { "\u{200B}".to_owned() } else { name };
                embed.fields.push(Field { name, value, inline: field.inline });
            }
        }
        if content.is_empty() && embed.title.is_empty() && embed.description.is_empty() && embed.fields.is_empty() {
            let why = format!("nothing comes out of it for this {} ({built_in})", event.kind);
            return Err(TemplateError { part: "template".into(), line: 0, why });
        }
        shorten(&mut embed);
        Ok(Rendered { content, embed })
    }

    /// A link as it is; what is none is left out.
    fn url(&self, words: &Value) -> Result<String, TemplateError> {
        if self.env.get_template("url").is_err() {
            return Ok(String::new());
        }
        let text = self.run("url", words).map_err(|error| self.explain("url", &error))?;
        let text: String = text.chars().filter(|c| !matches!(*c, OPEN | CLOSE)).collect();
        let link = url::Url::parse(text.trim()).ok().filter(|link| matches!(link.scheme(), "http" | "https"));
        let link = link.filter(|link| link.has_host()).map(String::from).unwrap_or_default();
        Ok(if link.len() > URL { String::new() } else { link })
    }

    fn run(&self, part: &str, words: &Value) -> Result<String, Error> {
        let mut out = Capped::default();
        match self.env.get_template(part)?.render_captured_to(words.clone(), &mut out) {
            Err(error) if !(out.full && error.kind() == ErrorKind::WriteFailure) => Err(error),
            _ => Ok(String::from_utf8_lossy(&out.bytes).into_owned()),
        }
    }

    fn explain(&self, part: &str, error: &Error) -> TemplateError {
        TemplateError { part: part.to_owned(), line: error.line().unwrap_or_default(), why: explain(error) }
    }
}

/// What was rendered so far, up to the cap; then it ends.
#[derive(Default)]
struct Capped {
    bytes: Vec<u8>,
    full: bool,
}

impl io::Write for Capped {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > CAP {
            self.full = true;
            return Err(io::Error::other("it is long enough"));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a value between marks, so that [`settle`] can make it harmless where it stands.
pub(super) fn format_value(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    let failed = |_| Error::new(ErrorKind::WriteFailure, "it is long enough");
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(()),
        ValueKind::Number | ValueKind::Bool => out.write_str(&value.to_string()).map_err(failed),
        _ if value.is_safe() => out.write_str(&text_of(value)).map_err(failed),
        _ => {
            let text: String = text_of(value).chars().filter(|c| !matches!(*c, OPEN | CLOSE)).collect();
            out.write_fmt(format_args!("{OPEN}{text}{CLOSE}")).map_err(failed)
        }
    }
}

/// A text that keeps its markdown, and pings nobody: no mention survives in it.
pub(super) fn trusted(text: &str) -> Value {
    let plain = text.chars().filter(|c| !matches!(*c, OPEN | CLOSE));
    let mut out = String::with_capacity(text.len());
    for c in plain {
        out.push(c);
        if c == '@' {
            out.push('\u{200B}');
        }
    }
    Value::from_safe_string(out)
}

/// Within Discord's limit over all parts: the description gives way first, then the last fields.
fn shorten(embed: &mut Embed) {
    let most = TOTAL - MARK;
    let over = |embed: &Embed| embed.len().saturating_sub(most);
    let long = embed.description.chars().count();
    let too_long = over(embed);
    if too_long > 0 && long > 0 {
        let keep = long.saturating_sub(too_long);
        embed.description = if keep == 0 { String::new() } else { fit(&embed.description, keep) };
    }
    while over(embed) > 0 && embed.fields.pop().is_some() {}
}

#[cfg(test)]
mod tests;
