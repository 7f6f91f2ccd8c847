//! The filters of mappings: each does little, and makes no more than it is given.

use minijinja::value::ValueKind;
use minijinja::{Environment, Value};

/// Elements of a list that [`bullets`] and [`join`] take.
const MOST: usize = 10;
/// Characters of each.
const LINE: usize = 150;

pub(super) fn add(env: &mut Environment<'static>) {
    env.add_filter("default", default);
    env.add_filter("upper", |text: String| text.to_uppercase());
    env.add_filter("lower", |text: String| text.to_lowercase());
    env.add_filter("title", |text: String| crate::routing::notice::capitalised(&text));
    env.add_filter("trim", |text: String| text.trim().to_owned());
    env.add_filter("first_line", |text: String| first_line(&text));
    env.add_filter("strip", strip);
    env.add_filter("length", |value: Value| value.len().unwrap_or(0));
    env.add_filter("first", |value: Value| value.get_item_by_index(0).unwrap_or_default());
    env.add_filter("join", join);
    env.add_filter("bullets", bullets);
    env.add_filter("pairs", pairs);
}

fn default(value: Value, other: Value) -> Value {
    let is_empty = value.is_undefined() || value.is_none() || value.as_str().is_some_and(str::is_empty);
    if is_empty { other } else { value }
}

/// Without this at its beginning.
fn strip(text: String, prefix: String) -> String {
    text.strip_prefix(&prefix).map(str::to_owned).unwrap_or(text)
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().chars().take(LINE).collect()
}

/// The first elements, with a comma or a short text of one's own between them.
fn join(list: Value, between: Option<String>) -> String {
    let between: String = between.unwrap_or_else(|| ", ".into()).chars().take(8).collect();
    elements(&list, None).join(&between)
}

/// A line for each of the first elements, or for one attribute of each.
fn bullets(list: Value, attribute: Option<String>) -> String {
    let lines: Vec<String> = elements(&list, attribute.as_deref()).iter().map(|line| format!("• {line}")).collect();
    let more = list.len().unwrap_or(0).saturating_sub(MOST);
    let rest = if more > 0 { format!("\n… and {more} more") } else { String::new() };
    lines.join("\n") + &rest
}

/// `name: value` for each entry of an object but those named.
fn pairs(map: Value, but: Option<Vec<String>>) -> String {
    let but = but.unwrap_or_default();
    if map.kind() != ValueKind::Map {
        return String::new();
    }
    let Ok(names) = map.try_iter() else { return String::new() };
    let wanted = names.filter(|name| !but.iter().any(|other| Some(other.as_str()) == name.as_str())).take(MOST);
    let line = |name: Value| Some(format!("{name}: {}", first_line(&map.get_item(&name).ok()?.to_string())));
    wanted.filter_map(line).collect::<Vec<_>>().join("\n")
}

fn elements(list: &Value, attribute: Option<&str>) -> Vec<String> {
    if !matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Vec::new();
    }
    let Ok(items) = list.try_iter() else { return Vec::new() };
    let text = |item: Value| match attribute {
        Some(name) => {
            item.get_attr(name).map(|value| if value.is_undefined() { String::new() } else { value.to_string() })
        }
        None => Ok(item.to_string()),
    };
    let lines = items.take(MOST).filter_map(|item| text(item).ok()).map(|text| first_line(&text));
    lines.filter(|line| !line.is_empty()).collect()
}
