//! The bytes of a webhook body and their signature, exactly as the platform makes them.
//!
//! The platform is written in Python and sends `json.dumps(body, separators=(',', ':'))`: no spaces, every character outside
//! printable ASCII as `\uXXXX`, keys in the order in which its code writes them. A receiver that parses and serialises the body
//! again before it verifies gets other bytes; that is why this file does not use serde's writer.

use aws_lc_rs::hmac;
use serde_json::{Map, Value};

/// The order in which the platform writes the fields of `data`; other fields follow in the order they have.
const FIELD_ORDER: &[&str] = &[
    "id",
    "asset_id",
    "seq_id",
    "title",
    "name",
    "username",
    "email",
    "hostname",
    "ip_address",
    "operating_system",
    "alert_type",
    "severity",
    "source",
    "content",
    "message",
    "timestamp",
    "webhook_id",
    "details",
    "description",
    "asset_type",
    "status",
    "priority",
    "approved_by",
    "created_by",
    "updated_by",
    "company_name",
    "created_at",
    "updated_at",
    "registered_at",
    "resolution",
    "notes",
];

/// The body of one event: `{event_type, data, company_id, timestamp}` in this order, `timestamp` in unix seconds.
pub fn body(event_type: &str, data: &Value, company_id: &str, timestamp: i64) -> String {
    let mut out = String::from("{\"event_type\":");
    write_string(event_type, &mut out);
    out.push_str(",\"data\":");
    write(data, &mut out);
    out.push_str(",\"company_id\":");
    write_string(company_id, &mut out);
    out.push_str(&format!(",\"timestamp\":{timestamp}}}"));
    out
}

/// `sha256=<hex>` over the header's timestamp immediately followed by the raw body, no separator between them.
pub fn sign(secret: &str, timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{timestamp}{body}").as_bytes());
    format!("sha256={}", hex::encode(tag))
}

/// Writes a value as Python's `json.dumps(value, separators=(',', ':'))` does.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => write_number(&n.to_string(), out),
        Value::String(s) => write_string(s, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (i, (key, item)) in in_order(map).into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
    }
}

fn in_order(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = map.iter().collect();
    // The sort is stable, so unknown fields keep their own order behind the known ones.
    fields.sort_by_key(|(key, _)| FIELD_ORDER.iter().position(|known| known == key).unwrap_or(FIELD_ORDER.len()));
    fields
}

/// Python writes the exponent of a float with its sign and at least two digits: `1e+20`, `1e-05`.
fn write_number(text: &str, out: &mut String) {
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return out.push_str(text);
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent.trim_start_matches('+')),
    };
    out.push_str(&format!("{mantissa}e{sign}{digits:0>2}"));
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_has_no_spaces_and_only_ascii() {
        let data = json!({"title": "Tür 🚪 \"a/b\"\n\u{7f}", "id": 7, "load": [0.5, 1e20, 1e-7, true, null]});
        assert_eq!(
            body("ticket.created", &data, "c-1", 1_755_256_800),
            r#"{"event_type":"ticket.created","data":{"id":7,"title":"T\u00fcr \ud83d\udeaa \"a/b\"\n\u007f","load":[0.5,1e+20,1e-07,true,null]},"company_id":"c-1","timestamp":1755256800}"#
        );
    }
}
