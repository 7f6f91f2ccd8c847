//! `/docs`: the OpenAPI document as a page for people. Drawn here, once; it needs no script and nothing from elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value};

use super::{openapi_json, text};

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
p { white-space: pre-line; }
article { border-top: 1px solid #8886; padding: .5rem 0; }
code, .method { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
.method { font-weight: 700; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; }
nav ul { columns: 12rem; padding-left: 1.2rem; }
";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

pub async fn reader() -> impl IntoResponse {
    static PAGE: LazyLock<String> =
        LazyLock::new(|| serde_json::from_str(openapi_json()).map(|document| page(&document)).unwrap_or_default());
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("max-age=300")),
    ];
    (headers, PAGE.as_str())
}

fn page(document: &Value) -> String {
    let info = &document["info"];
    let title = escape(&format!("{} {}", words(&info["title"]), words(&info["version"])));
    let mut by_tag: BTreeMap<String, String> = BTreeMap::new();
    for (path, item) in entries(&document["paths"]) {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let tag = words(&operation["tags"][0]);
            by_tag.entry(tag).or_default().push_str(&drawn(method, path, operation));
        }
    }
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1>{}<p>{}</p><nav><ul>",
        paragraph(&info["description"]),
        text::DOCUMENT_LINK
    );
    for tag in by_tag.keys() {
        let _ = write!(out, "<li><a href=\"#tag-{}\">{}</a></li>", anchor(tag), escape(tag));
    }
    let _ = write!(out, "<li><a href=\"#schemas\">{}</a></li></ul></nav>", text::SCHEMAS);
    for (tag, operations) in &by_tag {
        let _ = write!(out, "<section><h2 id=\"tag-{}\">{}</h2>{operations}</section>", anchor(tag), escape(tag));
    }
    let _ = write!(out, "<section><h2 id=\"schemas\">{}</h2>", text::SCHEMAS);
    for (name, schema) in entries(&document["components"]["schemas"]) {
        let _ = write!(out, "<article><h3 id=\"{}\">{}</h3>{}", anchor(name), escape(name), fields_of(schema));
        out.push_str("</article>");
    }
    out.push_str("</section></main></body></html>");
    out
}

/// One operation: what it does, what it takes, what it answers.
fn drawn(method: &str, path: &str, operation: &Value) -> String {
    let mut out = format!(
        "<article><h3><span class=\"method\">{}</span> <code>{}</code></h3><p><b>{}</b></p>{}",
        method.to_uppercase(),
        escape(path),
        escape(&words(&operation["summary"])),
        paragraph(&operation["description"])
    );
    if let Some(scope) = operation["security"][0]["bearer"][0].as_str() {
        let _ = write!(out, "<p>{} <code>{}</code></p>", text::SCOPE, escape(scope));
    }
    let mut rows = String::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, place) = (words(&parameter["name"]), words(&parameter["in"]));
        rows.push_str(&row(&format!("{name} ({place})"), &parameter["schema"], &parameter["description"]));
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        rows.push_str(&row("body", body, &Value::Null));
    }
    for (status, answer) in entries(&operation["responses"]) {
        let content = entries(&answer["content"]).next().map_or(&Value::Null, |(_, content)| &content["schema"]);
        rows.push_str(&row(&format!("→ {status}"), content, &answer["description"]));
    }
    let _ = write!(out, "<table>{rows}</table></article>");
    out
}

/// What an object has in it; of anything else its type.
fn fields_of(schema: &Value) -> String {
    let mut out = paragraph(&schema["description"]);
    let all = schema["allOf"].as_array().map_or_else(|| vec![schema], |parts| parts.iter().collect());
    let mut rows = String::new();
    for part in all {
        for (name, field) in entries(&part["properties"]) {
            let needed = part["required"].as_array().is_some_and(|names| names.iter().any(|one| *one == **name));
            let name = if needed { format!("{name} *") } else { name.clone() };
            rows.push_str(&row(&name, field, &field["description"]));
        }
        if part["properties"].is_null() {
            rows.push_str(&row("", part, &Value::Null));
        }
    }
    let _ = write!(out, "<table>{rows}</table>");
    out
}

fn row(name: &str, schema: &Value, about: &Value) -> String {
    format!(
        "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td></tr>",
        escape(name),
        kind(schema),
        escape(&words(about))
    )
}

/// The type of a value; what has a name is linked.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
        return format!("<a href=\"#{}\">{}</a>", anchor(name), escape(name));
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(all) = schema[choice].as_array() {
            return all.iter().map(kind).collect::<Vec<_>>().join(" | ");
        }
    }
    if let Some(all) = schema["enum"].as_array() {
        return escape(&all.iter().map(words).collect::<Vec<_>>().join(" | "));
    }
    if !schema["items"].is_null() {
        return format!("[{}]", kind(&schema["items"]));
    }
    match &schema["type"] {
        Value::Array(all) => escape(&all.iter().map(words).collect::<Vec<_>>().join(" | ")),
        one => escape(&words(one)),
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn paragraph(value: &Value) -> String {
    let words = words(value);
    if words.is_empty() { String::new() } else { format!("<p>{}</p>", escape(&words)) }
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

fn anchor(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
