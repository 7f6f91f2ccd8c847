//! What XTSystems says, made fit to be shown: its own words out of JSON or HTML, short, and without the key.

use serde_json::Value;

const MAX_CHARS: usize = 300;

/// The words of an answer's body: FastAPI's `detail`, or `message`, or `error`; else the text itself.
pub(in crate::upstream) fn said(body: &[u8]) -> String {
    // No explanation is longer; a body may be.
    let text = String::from_utf8_lossy(&body[..body.len().min(64 * 1024)]);
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => words(&value).unwrap_or_default(),
        Err(_) if text.trim_start().starts_with('<') => without_tags(&text),
        Err(_) => text.into_owned(),
    }
}

fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let all: Vec<String> = items.iter().filter_map(words).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(map) => {
            const NAMES: [&str; 6] = ["detail", "message", "error_description", "error", "msg", "reason"];
            let words = NAMES.iter().find_map(|name| words(map.get(*name)?)).filter(|words| !words.is_empty())?;
            // A validation error of FastAPI names the field in `loc`: ["body", "asset_id"].
            let field = map.get("loc").and_then(Value::as_array).and_then(|loc| loc.last()?.as_str());
            Some(field.map_or(words.clone(), |field| format!("{field}: {words}")))
        }
        _ => None,
    }
}

fn without_tags(html: &str) -> String {
    let mut out = String::new();
    for piece in html.split('<') {
        out.push_str(piece.split_once('>').map_or("", |(_, text)| text));
        out.push(' ');
    }
    out
}

/// One line of at most 300 characters, without control or direction characters, the key replaced.
pub(in crate::upstream) fn clean(text: &str, key: &str) -> String {
    let text = redact(text, key);
    let visible: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .collect();
    let line = redact(&visible.split_whitespace().collect::<Vec<_>>().join(" "), key);
    if line.chars().count() <= MAX_CHARS {
        return line;
    }
    line.chars().take(MAX_CHARS - 1).chain(['…']).collect()
}

/// Marks of direction and width, which can make a text read as another one.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn redact(text: &str, key: &str) -> String {
    if key.is_empty() { text.to_owned() } else { text.replace(key, "***") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn its_own_words() {
        let said = |body: &str| clean(&said(body.as_bytes()), "");
        assert_eq!(said(r#"{"detail":"Machine already approved"}"#), "Machine already approved");
        assert_eq!(said(r#"{"error":{"message":"no"},"status":"x"}"#), "no");
        let invalid = r#"{"detail":[{"loc":["body","asset_id"],"msg":"field required","type":"missing"}]}"#;
        assert_eq!(said(invalid), "asset_id: field required");
        assert_eq!(said("<html><head><title>502 Bad Gateway</title></head>\n<h1>nginx</h1>"), "502 Bad Gateway nginx");
        assert_eq!(said("plain\ttext\r\n"), "plain text");
        assert_eq!(said("{}"), "");
        assert_eq!(said("a\u{202E}b\u{7}c"), "abc");
    }

    proptest! {
        #[test]
        fn short_and_without_the_key(
            key in "[A-Za-z0-9_-]{4,40}", before in "\\PC{0,320}", between in "[\\x00-\\x20]{0,3}", after in any::<String>(),
        ) {
            let (head, tail) = key.split_at(key.len() / 2);
            let text = format!("{before}{key}{after}{head}{between}{tail}{key}{key}");
            let cleaned = clean(&text, &key);
            prop_assert!(!cleaned.contains(&key));
            prop_assert!(cleaned.chars().count() <= 300);
            prop_assert!(!cleaned.chars().any(char::is_control));
        }
    }
}
