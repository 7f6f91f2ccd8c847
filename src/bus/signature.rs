//! Signatures of messages on the bus: HMAC-SHA256 in lower-case hex. Pure.
//!
//! An entry of the stream is signed over the very bytes of its field `event`. A pub/sub message is a
//! JSON object that carries its signature in `sig`, made over the *canonical form* of the rest:
//! compact, keys sorted by code point. Senders differ in whether they escape what is not ASCII, so
//! both forms are accepted. Numbers keep their spelling: `1e+16` of one sender is not made `1e16`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Why a signed message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the message is not a JSON object")]
    NotAnObject,
    #[error("the message has no signature")]
    Missing,
    #[error("the signature does not match")]
    Mismatch,
}

/// The signature of bytes, 64 hex digits.
pub fn sign(secret: &SecretString, bytes: &[u8]) -> String {
    hex::encode(hmac::sign(&key(secret), bytes))
}

/// Whether `signature` (hex, either case) is that of the bytes. Takes the same time wherever the two
/// differ.
pub fn verify(secret: &SecretString, bytes: &[u8], signature: &str) -> bool {
    hex::decode(signature.trim()).is_ok_and(|tag| hmac::verify(&key(secret), bytes, &tag).is_ok())
}

/// The signature to put into `sig` of a message (a `sig` that is there already does not count).
/// `None` when the message is not an object.
pub fn sign_message(secret: &SecretString, message: &Value) -> Option<String> {
    let forms = CanonicalForms::of(message.to_string().as_bytes()).ok()?;
    Some(sign(secret, forms.escaped.as_bytes()))
}

/// Checks a message and returns it without its `sig`.
pub fn verify_message(secret: &SecretString, message: &[u8]) -> Result<Value, SignatureError> {
    let forms = CanonicalForms::of(message)?;
    let Ok(Value::Object(mut object)) = serde_json::from_slice(message) else {
        return Err(SignatureError::NotAnObject);
    };
    let Some(Value::String(signature)) = object.remove("sig") else {
        return Err(SignatureError::Missing);
    };
    // Both are computed always, so the time does not tell which one matched.
    let raw = verify(secret, forms.raw.as_bytes(), &signature);
    let escaped = verify(secret, forms.escaped.as_bytes(), &signature);
    if raw | escaped { Ok(Value::Object(object)) } else { Err(SignatureError::Mismatch) }
}

/// A message without `sig`, as its signer wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalForms {
    /// Characters beyond ASCII as they are.
    pub raw: String,
    /// Those characters as `\uXXXX`, lower-case hex, pairs beyond the basic plane.
    pub escaped: String,
}

impl CanonicalForms {
    /// Both forms of a message, which must be a JSON object.
    pub fn of(message: &[u8]) -> Result<Self, SignatureError> {
        // The parser below trusts its input; this establishes syntax and limits the depth.
        let checked: Result<Value, _> = serde_json::from_slice(message);
        let text = std::str::from_utf8(message).ok().filter(|_| checked.is_ok()).ok_or(SignatureError::NotAnObject)?;
        let node = Parser { text, at: 0 }.value().ok_or(SignatureError::NotAnObject)?;
        let Node::Object(mut object) = node else { return Err(SignatureError::NotAnObject) };
        object.remove("sig");
        let node = Node::Object(object);
        let (mut raw, mut escaped) = (String::new(), String::new());
        node.write(&mut raw, false);
        node.write(&mut escaped, true);
        Ok(Self { raw, escaped })
    }
}

fn key(secret: &SecretString) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
}

/// JSON with sorted keys, and with numbers as they were spelled.
enum Node {
    Object(BTreeMap<String, Node>),
    Array(Vec<Node>),
    Text(String),
    /// A number, `true`, `false` or `null`.
    Literal(String),
}

impl Node {
    fn write(&self, out: &mut String, ascii: bool) {
        match self {
            Node::Object(map) => {
                for (i, (key, value)) in map.iter().enumerate() {
                    out.push(if i == 0 { '{' } else { ',' });
                    write_text(key, out, ascii);
                    out.push(':');
                    value.write(out, ascii);
                }
                out.push_str(if map.is_empty() { "{}" } else { "}" });
            }
            Node::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    out.push(if i == 0 { '[' } else { ',' });
                    item.write(out, ascii);
                }
                out.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Node::Text(text) => write_text(text, out, ascii),
            Node::Literal(text) => out.push_str(text),
        }
    }
}

fn write_text(text: &str, out: &mut String, ascii: bool) {
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
            // DEL is printable to one form and not to the other.
            c if c < ' ' || (ascii && c > '~') => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Reads JSON that is known to be well-formed; `None` for an escape that is no character.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn value(&mut self) -> Option<Node> {
        match self.peek()? {
            b'{' => {
                let mut map = BTreeMap::new();
                while self.more(b'}')? {
                    let key = self.string()?;
                    self.peek()?;
                    self.at += 1; // the colon
                    map.insert(key, self.value()?);
                }
                Some(Node::Object(map))
            }
            b'[' => {
                let mut items = Vec::new();
                while self.more(b']')? {
                    items.push(self.value()?);
                }
                Some(Node::Array(items))
            }
            b'"' => self.string().map(Node::Text),
            _ => {
                let rest = &self.text[self.at..];
                let end = rest.find(|c: char| ",]}".contains(c) || c.is_ascii_whitespace()).unwrap_or(rest.len());
                self.at += end;
                Some(Node::Literal(rest[..end].to_owned()))
            }
        }
    }

    /// Steps over an opening bracket or a comma; false over the closing bracket.
    fn more(&mut self, close: u8) -> Option<bool> {
        if self.peek()? != close {
            self.at += 1;
        }
        if self.peek()? == close {
            self.at += 1;
            return Some(false);
        }
        Some(true)
    }

    fn string(&mut self) -> Option<String> {
        self.peek()?;
        let rest = &self.text[self.at..];
        let mut escaped = false;
        let inner = rest[1..].bytes().position(|b| {
            let ends = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            ends
        })?;
        self.at += inner + 2;
        serde_json::from_str(&rest[..inner + 2]).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn forms(text: &str) -> CanonicalForms {
        CanonicalForms::of(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_python_sender_is_believed() {
        // hmac.new(b"test-redis-secret", json.dumps({...}, separators=(",", ":"), sort_keys=True).encode(), sha256)
        let secret = SecretString::from("test-redis-secret");
        let message = json!({
            "sig": "c3c42454d9525f8db300d217ba930df1435a12e12dfda571adbc1efeeb2deab3",
            "data": {"enabled": true, "discord_server_id": 914_986_636_629_143_562_u64},
            "action": "toggle",
        });
        let sig = message["sig"].as_str().map(str::to_owned);
        assert_eq!(sign_message(&secret, &message), sig);
        let verified = verify_message(&secret, message.to_string().as_bytes()).unwrap();
        assert_eq!(verified["action"], "toggle");
        assert!(verified.get("sig").is_none());
    }

    #[test]
    fn both_forms_of_text_beyond_ascii_are_accepted() {
        let secret = SecretString::from("s");
        let forms = forms("{\"b\": [1, {}], \"a\": \"é\u{7f}😀\\u0001\\/\"}");
        assert_eq!(forms.raw, "{\"a\":\"é\u{7f}😀\\u0001/\",\"b\":[1,{}]}");
        assert_eq!(forms.escaped, r#"{"a":"\u00e9\u007f\ud83d\ude00\u0001/","b":[1,{}]}"#);
        for form in [&forms.raw, &forms.escaped] {
            let sig = sign(&secret, form.as_bytes());
            let sent = format!("{},\"sig\":\"{sig}\"}}", &form[..form.len() - 1]);
            assert!(verify_message(&secret, sent.as_bytes()).is_ok(), "{sent}");
        }
    }

    #[test]
    fn numbers_keep_their_spelling() {
        assert_eq!(
            forms("{\"n\" : [ 1e+16 , 1.0,-0,\t12345678901234567890 ] }").raw,
            r#"{"n":[1e+16,1.0,-0,12345678901234567890]}"#
        );
    }

    #[test]
    fn refusals_have_reasons() {
        let secret = SecretString::from("s");
        let check = |text: &str| verify_message(&secret, text.as_bytes()).unwrap_err();
        for text in ["", "[1]", "{", "\"x\"", r#"{"a":"\ud800"}"#, &"[".repeat(100_000)] {
            assert_eq!(check(text), SignatureError::NotAnObject);
        }
        assert_eq!(check(r#"{"a":1}"#), SignatureError::Missing);
        assert_eq!(check(r#"{"a":1,"sig":7}"#), SignatureError::Missing);
        assert_eq!(check(r#"{"a":1,"sig":"zz"}"#), SignatureError::Mismatch);
        let sig = sign(&SecretString::from("another"), br#"{"a":1}"#);
        assert_eq!(check(&format!(r#"{{"a":1,"sig":"{sig}"}}"#)), SignatureError::Mismatch);
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let secret = SecretString::from("s");
        let sig = sign(&secret, b"event");
        assert!(verify(&secret, b"event", &sig) && verify(&secret, b"event", &sig.to_uppercase()));
        assert!(
            !verify(&secret, b"evenT", &sig)
                && !verify(&secret, b"event", &sig[..62])
                && !verify(&secret, b"event", "")
        );
    }

    proptest::proptest! {
        #[test]
        fn our_own_messages_verify(text in ".{0,40}", key in "[^s].{0,9}", number: f64) {
            let secret = SecretString::from("s");
            let mut message = json!({ "n": number });
            message[&key] = json!([{ "t": text }]);
            message["sig"] = json!(sign_message(&secret, &message));
            proptest::prop_assert!(verify_message(&secret, message.to_string().as_bytes()).is_ok());
        }
    }
}
