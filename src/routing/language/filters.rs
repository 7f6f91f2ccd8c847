//! The filters of the language. Those of the engine that can only shrink or look are taken as they are; what
//! can grow a value is our own, and stops at [`GROWN`].

use chrono::DateTime;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, filters};

use super::GROWN;
use crate::routing::embed::fit;
use crate::routing::template::trusted;

/// Every filter.
pub(in crate::routing) const NAMES: &[&str] = &[
    "lower",
    "upper",
    "title",
    "capitalize",
    "trim",
    "length",
    "count",
    "items",
    "dictsort",
    "reverse",
    "default",
    "d",
    "round",
    "abs",
    "int",
    "float",
    "first",
    "last",
    "min",
    "max",
    "sort",
    "unique",
    "list",
    "string",
    "bool",
    "split",
    "lines",
    "selectattr",
    "rejectattr",
    "join",
    "replace",
    "truncate",
    "times",
    "map",
    "sum",
    "relative",
    "raw",
];

pub(super) fn is_word(word: &&str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
    !word.is_empty() && !["filter", "is", "unknown", "not", "found"].contains(&word)
}

pub(super) fn install(env: &mut Environment<'static>) {
    env.add_filter("lower", filters::lower);
    env.add_filter("upper", filters::upper);
    env.add_filter("title", filters::title);
    env.add_filter("capitalize", filters::capitalize);
    env.add_filter("trim", filters::trim);
    env.add_filter("length", filters::length);
    env.add_filter("count", filters::length);
    env.add_filter("items", filters::items);
    env.add_filter("dictsort", filters::dictsort);
    env.add_filter("reverse", filters::reverse);
    env.add_filter("default", filters::default);
    env.add_filter("d", filters::default);
    env.add_filter("round", filters::round);
    env.add_filter("abs", filters::abs);
    env.add_filter("int", filters::int);
    env.add_filter("float", filters::float);
    env.add_filter("first", filters::first);
    env.add_filter("last", filters::last);
    env.add_filter("min", filters::min);
    env.add_filter("max", filters::max);
    env.add_filter("sort", filters::sort);
    env.add_filter("unique", filters::unique);
    env.add_filter("list", filters::list);
    env.add_filter("string", filters::string);
    env.add_filter("bool", filters::bool);
    env.add_filter("split", filters::split);
    env.add_filter("lines", filters::lines);
    env.add_filter("selectattr", filters::selectattr);
    env.add_filter("rejectattr", filters::rejectattr);
    env.add_filter("join", join);
    env.add_filter("replace", replace);
    env.add_filter("truncate", truncate);
    env.add_filter("times", times);
    env.add_filter("map", map);
    env.add_filter("sum", sum);
    env.add_filter("relative", relative);
    env.add_filter("raw", raw);
}

/// The text of a value, cut where it is long.
pub(in crate::routing) fn text_of(value: &Value) -> String {
    use std::fmt::Write as _;
    let mut out = Short::default();
    // It stops where it is full.
    let _ = match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(()),
        _ => write!(out, "{value}"),
    };
    out.0
}

#[derive(Default)]
struct Short(String);

impl std::fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = GROWN.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        Err(std::fmt::Error)
    }
}

fn join(values: &Value, by: Option<String>) -> Result<String, Error> {
    let by = fit(&by.unwrap_or_default(), 100);
    let mut out = String::new();
    for (n, value) in values.try_iter()?.enumerate() {
        if out.len() > GROWN {
            break;
        }
        if n > 0 {
            out.push_str(&by);
        }
        out.push_str(&text_of(&value));
    }
    Ok(out)
}

fn replace(text: &Value, from: String, to: String) -> String {
    let text = text_of(text);
    if from.is_empty() {
        return text;
    }
    let mut out = String::new();
    for (n, part) in text.split(&from).enumerate() {
        if out.len() > GROWN {
            break;
        }
        if n > 0 {
            out.push_str(&fit(&to, 1000));
        }
        out.push_str(part);
    }
    out
}

fn truncate(text: &Value, length: usize) -> String {
    fit(&text_of(text), length.clamp(1, GROWN))
}

fn times(number: f64, by: f64) -> Value {
    let product = number * by;
    let whole = product.fract() == 0.0 && product.abs() < 9e15;
    if whole { Value::from(product as i64) } else { Value::from(product) }
}

/// `users|map("name")` or `users|map(attribute="name")`.
fn map(values: &Value, attribute: Option<String>, more: minijinja::value::Kwargs) -> Result<Vec<Value>, Error> {
    let named: Option<String> = more.get("attribute")?;
    more.assert_all_used()?;
    let name = attribute.or(named);
    let name = name.ok_or_else(|| Error::new(ErrorKind::MissingArgument, "map needs the name of a field"))?;
    values.try_iter()?.map(|value| value.get_attr(&name)).collect()
}

/// Of numbers; what is none counts nothing.
fn sum(values: &Value) -> Result<f64, Error> {
    Ok(values.try_iter()?.filter_map(|value| f64::try_from(value).ok()).sum())
}

/// A time as Discord shows it on the reader's own clock: "3 minutes ago".
fn relative(time: &Value) -> Result<Value, Error> {
    let text = text_of(time);
    let seconds = match DateTime::parse_from_rfc3339(&text) {
        Ok(at) => at.timestamp(),
        Err(_) => {
            text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 1e12).map(|s| s as i64).ok_or_else(|| {
                Error::new(ErrorKind::InvalidOperation, "relative needs a time, such as 2026-11-22T10:00:00Z")
            })?
        }
    };
    Ok(trusted(&format!("<t:{seconds}:R>")))
}

/// Markdown of the sender stays markdown. What would ping does not: see [`trusted`].
fn raw(text: &Value) -> Value {
    trusted(&text_of(text))
}
