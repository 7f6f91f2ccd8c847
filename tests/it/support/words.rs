//! What a person reads: messages, components and answers as text, times as seconds since the beginning.

use serde_json::Value;

use super::town::start;

/// A message as a person would read it aloud.
pub fn show(message: &Value) -> String {
    let mut out = String::new();
    let text = |value: &Value| plain_times(value.as_str().unwrap_or(""));
    if !message["content"].as_str().unwrap_or("").is_empty() {
        out.push_str(&format!("{}\n", text(&message["content"])));
    }
    for embed in message["embeds"].as_array().into_iter().flatten() {
        out.push_str(&format!("[{}]\n", text(&embed["title"])));
        if let Some(description) = embed["description"].as_str() {
            out.push_str(&format!("{}\n", plain_times(description)));
        }
        for field in embed["fields"].as_array().into_iter().flatten() {
            out.push_str(&format!("{}: {}\n", text(&field["name"]), text(&field["value"])));
        }
        if let Some(footer) = embed["footer"]["text"].as_str() {
            let words = footer.rsplit_once(" · ").map_or(footer, |(words, _)| words);
            out.push_str(&format!("-- {words}\n"));
        }
    }
    for row in message["components"].as_array().into_iter().flatten() {
        let labels: Vec<String> =
            row["components"].as_array().into_iter().flatten().filter_map(component_label).collect();
        out.push_str(&format!("({})\n", labels.join(") (")));
    }
    out
}

/// A button's label; of a select what it is for and what stands.
fn component_label(component: &Value) -> Option<String> {
    let Some(options) = component["options"].as_array() else { return component["label"].as_str().map(str::to_owned) };
    let standing = options.iter().find(|option| option["default"] == true).and_then(|o| o["label"].as_str());
    Some(format!("{} ▾ {}", component["placeholder"].as_str()?, standing.unwrap_or("–")))
}

/// `<t:1767348005:R>` → `<+5s>`.
pub fn plain_times(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("<t:") {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 3..];
        let end = tail.find('>').unwrap_or(tail.len());
        let seconds: i64 = tail[..end].split(':').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        out.push_str(&format!("<+{}s>", seconds - start().timestamp()));
        rest = tail.get(end + 1..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// What the presser was told in private, or an empty text.
pub fn told(outcome: &Value) -> String {
    let content = outcome["message"]["content"].as_str().or(outcome["response"]["data"]["content"].as_str());
    let mut words = plain_times(content.unwrap_or_default());
    for followup in outcome["followups"].as_array().into_iter().flatten() {
        words.push_str(&plain_times(followup["content"].as_str().unwrap_or_default()));
    }
    words
}
