//! JSON from senders that bend the rules: a strict parse first, and when that fails a second one of
//! a repaired text. Valid input is never altered beyond [`super::clean`].
//!
//! Repaired are only the two things that strict parsers refuse and real senders emit: numbers that no
//! f64 holds (`1e999`, and Python's `NaN` and `Infinity`) become strings, and escapes of lone
//! surrogates (`\ud83d` without its partner) become `\ufffd`.

use serde_json::Value;
use thiserror::Error;

use super::clean;

/// Why bytes are not a JSON document. Positions are of the bytes as they came in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LenientError {
    #[error("not UTF-8 at byte {at}")]
    NonUtf8 { at: usize },
    /// Lines and columns (in bytes) count from 1; column 0 is the line's start.
    #[error("malformed JSON at line {line}, column {column}: {what}")]
    Malformed { line: usize, column: usize, what: String },
    #[error("JSON nested deeper than 127 levels")]
    TooDeep,
}

/// Reads one JSON document and makes it acceptable to `jsonb`.
pub fn parse_json(bytes: &[u8]) -> Result<Value, LenientError> {
    let text = std::str::from_utf8(bytes).map_err(|e| LenientError::NonUtf8 { at: e.valid_up_to() })?;
    match serde_json::from_str(text) {
        Ok(value) => Ok(clean(value)),
        Err(first) => match repair(text) {
            None => Err(explain(&first, &[])),
            Some(repaired) => {
                serde_json::from_str(&repaired.text).map(clean).map_err(|e| explain(&e, &repaired.inserted))
            }
        },
    }
}

struct Repaired {
    text: String,
    /// Line and column (from 1) of each byte that the original lacks, in order.
    inserted: Vec<(usize, usize)>,
}

/// `None` when there is nothing to repair.
fn repair(text: &str) -> Option<Repaired> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + 16);
    let mut inserted = Vec::new();
    let (mut line, mut line_start) = (1, 0);
    let mut changed = false;
    // Everything before `copied` is in `out`; it only ever stops at ASCII, so slices are on borders.
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => {
                at += 1;
                line += 1;
                out.push_str(&text[copied..at]);
                copied = at;
                line_start = out.len();
            }
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    let len = escape_len(&bytes[at..]);
                    if is_lone_surrogate(&bytes[at..]) {
                        out.push_str(&text[copied..at]);
                        out.push_str("\\ufffd");
                        copied = at + len;
                        changed = true;
                    }
                    at += len;
                }
                at += 1;
            }
            byte if is_word(byte) => {
                let len = bytes[at..].iter().take_while(|b| is_word(**b)).count();
                let word = &text[at..at + len];
                if is_unrepresentable(word) {
                    out.push_str(&text[copied..at]);
                    inserted.push((line, out.len() - line_start + 1));
                    out.push('"');
                    out.push_str(word);
                    inserted.push((line, out.len() - line_start + 1));
                    out.push('"');
                    copied = at + len;
                    changed = true;
                }
                at += len;
            }
            _ => at += 1,
        }
    }
    if !changed {
        return None;
    }
    out.push_str(&text[copied..]);
    Some(Repaired { text: out, inserted })
}

/// Bytes that stand outside strings without being structure or space.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_')
}

/// True for a number by JSON's grammar that the parser has no value for, and for Python's three words.
fn is_unrepresentable(word: &str) -> bool {
    matches!(word, "NaN" | "Infinity" | "-Infinity")
        || (is_number(word.as_bytes()) && serde_json::from_str::<Value>(word).is_err())
}

/// RFC 8259 §6: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn is_number(word: &[u8]) -> bool {
    fn digits(word: &[u8]) -> Option<&[u8]> {
        let len = word.iter().take_while(|b| b.is_ascii_digit()).count();
        (len > 0).then(|| &word[len..])
    }
    let word = word.strip_prefix(b"-").unwrap_or(word);
    let Some(mut rest) = digits(word) else { return false };
    if word[0] == b'0' && word.len() - rest.len() > 1 {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let Some(after) = digits(fraction) else { return false };
        rest = after;
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let Some(after) = digits(exponent) else { return false };
        rest = after;
    }
    rest.is_empty()
}

/// Length of what starts here inside a string: 1 for a plain byte, 2 for `\n`, 6 for `\u00e9`, 12 for a
/// surrogate pair.
fn escape_len(rest: &[u8]) -> usize {
    match (rest.first(), unit(rest)) {
        (Some(b'\\'), Some(0xD800..=0xDBFF)) if starts_low(&rest[6..]) => 12,
        (Some(b'\\'), Some(_)) => 6,
        // A lone backslash at the end, or before a character of several bytes, is malformed anyway.
        (Some(b'\\'), None) if rest.get(1).is_some_and(u8::is_ascii) => 2,
        _ => 1,
    }
}

fn is_lone_surrogate(rest: &[u8]) -> bool {
    match unit(rest) {
        Some(0xD800..=0xDBFF) => !starts_low(&rest[6..]),
        Some(0xDC00..=0xDFFF) => true,
        _ => false,
    }
}

fn starts_low(next: &[u8]) -> bool {
    matches!(unit(next), Some(0xDC00..=0xDFFF))
}

/// The UTF-16 unit of a `\uXXXX` that starts here.
fn unit(rest: &[u8]) -> Option<u16> {
    let hex = rest.strip_prefix(b"\\u")?.get(..4)?;
    hex.iter().try_fold(0u16, |acc, b| Some(acc << 4 | (*b as char).to_digit(16)? as u16))
}

/// serde_json says "recursion limit exceeded" and "… at line L column C" only in words.
fn explain(error: &serde_json::Error, inserted: &[(usize, usize)]) -> LenientError {
    let words = error.to_string();
    if words.starts_with("recursion limit exceeded") {
        return LenientError::TooDeep;
    }
    let (line, column) = (error.line(), error.column());
    let before = inserted.iter().filter(|(l, c)| *l == line && *c <= column).count();
    let what = words.rsplit_once(" at line ").map_or(words.as_str(), |(what, _)| what).to_owned();
    LenientError::Malformed { line, column: column - before, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(text: &str) -> Result<Value, LenientError> {
        parse_json(text.as_bytes())
    }

    #[test]
    fn numbers_that_no_f64_holds_become_text() {
        let text = r#"{"a":1e999,"b":[-1E+400, 2],"c":"1e999","d":NaN,"e":-Infinity}"#;
        let expected = json!({"a":"1e999","b":["-1E+400",2],"c":"1e999","d":"NaN","e":"-Infinity"});
        assert_eq!(parse(text), Ok(expected));
        let long = "9".repeat(400);
        assert_eq!(parse(&long), Ok(json!(long)));
    }

    #[test]
    fn lone_surrogates_become_the_replacement_character() {
        assert_eq!(parse(r#""a\ud800b""#), Ok(json!("a\u{FFFD}b")));
        assert_eq!(parse(r#""\udc00\ud83d\ude00""#), Ok(json!("\u{FFFD}😀")));
        assert_eq!(parse(r#""\ud800\ud83d\ude00""#), Ok(json!("\u{FFFD}😀")));
        assert_eq!(parse(r#"{"\ud800":"\\ud800"}"#), Ok(json!({"\u{FFFD}":"\\ud800"})));
    }

    #[test]
    fn zero_characters_are_cleaned() {
        assert_eq!(parse(r#"{"a":"x\u0000y"}"#), Ok(json!({"a":"x\u{FFFD}y"})));
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(parse_json(b"{\"a\":\"\xff\"}"), Err(LenientError::NonUtf8 { at: 6 }));
        assert_eq!(parse(&("[".repeat(128) + &"]".repeat(128))), Err(LenientError::TooDeep));
        assert!(parse(&("[".repeat(127) + &"]".repeat(127))).is_ok());
        let Err(LenientError::Malformed { line, column, .. }) = parse("{\n  \"a\": 01}") else { panic!("malformed") };
        assert_eq!((line, column), (2, 9));
        assert!(matches!(parse(""), Err(LenientError::Malformed { line: 1, column: 0, .. })));
        assert_eq!(parse("{\"a\" 1}").unwrap_err().to_string(), "malformed JSON at line 1, column 6: expected `:`");
    }

    #[test]
    fn a_repair_does_not_shift_the_place_of_the_fault() {
        let place = |text: &str| match parse(text) {
            Err(LenientError::Malformed { line, column, .. }) => (line, column),
            other => panic!("malformed, not {other:?}"),
        };
        assert_eq!(place("[1e999,\n1e999, ?]"), place("[1e100,\n1e100, ?]"));
        assert_eq!(place(r#"["\ud800", 1e999 ?]"#), place(r#"["\u0041", 1e100 ?]"#));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
            "\\PC*".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The same document with every character outside ASCII escaped, as Python writes it.
    fn escaped(text: &str) -> String {
        let mut out = String::new();
        for c in text.chars() {
            if c.is_ascii() {
                out.push(c);
            } else {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|u| out.push_str(&format!("\\u{u:04x}")));
            }
        }
        out
    }

    proptest! {
        #[test]
        fn valid_input_needs_no_repair(value in any_json()) {
            for text in [value.to_string(), escaped(&value.to_string()), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert!(repair(&text).is_none());
                let strict: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(parse(&text), Ok(clean(strict)));
            }
        }

        #[test]
        fn one_bad_spot_leaves_the_rest_alone(before in any_json(), after in any_json(), unit in 0xd800u16..0xe000) {
            let text = format!("[{before}, \"x\\u{unit:04X}y\", -1e1000 ,{}]", escaped(&after.to_string()));
            // Through text once, so that both sides hold the same reading of a float.
            let reread = |v: &Value| clean(serde_json::from_str(&v.to_string()).unwrap());
            prop_assert_eq!(parse(&text), Ok(json!([reread(&before), "x\u{FFFD}y", "-1e1000", reread(&after)])));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_json(&bytes);
        }

        #[test]
        fn nothing_made_of_json_pieces_panics(text in r#"([\[\]{},:"\\0-9eE+.\-aNI\n é]|\\u[dD][89cC]0[0-9]|"|NaN|Infinity){0,40}"#) {
            if let Err(LenientError::Malformed { line, .. }) = parse(&text) {
                prop_assert!(line <= text.matches('\n').count() + 1);
            }
        }
    }
}
