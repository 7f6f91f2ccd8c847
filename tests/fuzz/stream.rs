//! What Redis hands out, and what it carries.

use redis::Value as Reply;
use secrecy::SecretString;
use serde_json::Value;
use signalbox::bus::redis_stream::reply;
use signalbox::bus::signature::{sign, sign_message, verify, verify_message};
use signalbox::bus::{Entry, WireEvent, refusal};

use crate::harness::{fuzz, split, text};

const SECRET: &str = "a-secret-of-the-fuzzer";

/// A reply described by letters: lists in brackets, the rest text.
fn reply_of(bytes: &mut std::slice::Iter<'_, u8>, depth: usize) -> Vec<Reply> {
    let mut all = Vec::new();
    let mut word = Vec::new();
    let end = |word: &mut Vec<u8>, all: &mut Vec<Reply>| {
        if !word.is_empty() {
            all.push(Reply::BulkString(std::mem::take(word)));
        }
    };
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' if depth < 8 => {
                end(&mut word, &mut all);
                all.push(Reply::Array(reply_of(bytes, depth + 1)));
            }
            b'{' if depth < 8 => {
                end(&mut word, &mut all);
                let mut flat = reply_of(bytes, depth + 1).into_iter();
                all.push(Reply::Map(std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect()));
            }
            b']' | b'}' => break,
            b'~' => {
                end(&mut word, &mut all);
                all.push(Reply::Nil);
            }
            b'#' => {
                end(&mut word, &mut all);
                all.push(Reply::Int(i64::from_be_bytes([0xff, 0, 0, 0, 0, 0, 0, word.len() as u8])));
            }
            b' ' => end(&mut word, &mut all),
            other => word.push(*other),
        }
    }
    end(&mut word, &mut all);
    all
}

#[test]
fn stream_reply() {
    fuzz("stream_reply", &["[", "]", "{", "}", "~", "#", " ", "event", "sig", "1-0"], |bytes| {
        for shape in reply_of(&mut bytes.iter(), 0) {
            let _ = reply::deliveries(&shape);
            let claimed = reply::auto_claim(shape.clone()).batch;
            for batch in [reply::read_group(shape), claimed] {
                assert_eq!(batch.last_id.is_some(), !batch.entries.is_empty() || !batch.gone.is_empty());
            }
        }
    });
}

#[test]
fn stream_entry() {
    let secret = SecretString::from(SECRET);
    fuzz(
        "stream_entry",
        &["\"id\":", "\"source\":", "\"type\":", "\"time\":", "\"data\":", "\"2026-01-02T10:00:00Z\"", "\n\n"],
        |bytes| {
            let (lines, event) = split(bytes);
            let said = lines.first().map(|line| text(line));
            let entry = |signature: Option<String>, event: &[u8], deliveries| Entry {
                id: "1-0".into(),
                event: event.to_vec(),
                signature,
                deliveries,
            };
            let is_refused = |entry: &Entry| refusal(entry, Some(&secret)).is_some();
            assert!(refusal(&entry(None, event, 1), None).is_none() || event.is_empty());
            assert!(is_refused(&entry(None, event, 1)));
            let ours = sign(&secret, event);
            assert_eq!(is_refused(&entry(Some(ours.clone()), event, 1)), event.is_empty());
            assert!(is_refused(&entry(Some(ours.clone()), event, 9)));
            assert!(is_refused(&entry(Some(ours.clone()), &[event, b" "].concat(), 1)));
            if let Some(said) = said {
                assert_eq!(verify(&secret, event, &said), said.trim().eq_ignore_ascii_case(&ours));
                let _ = is_refused(&entry(Some(said), event, 1));
            }
            if let Ok(wire) = serde_json::from_slice::<WireEvent>(event) {
                let again: WireEvent = serde_json::from_str(&serde_json::to_string(&wire).unwrap()).unwrap();
                assert_eq!(again, wire);
            }
        },
    );
}

/// A signed message is what was signed; what was changed of it is not believed.
#[test]
fn bus_message() {
    let secret = SecretString::from(SECRET);
    fuzz("bus_message", &["\"sig\":", "\"a\":", "1e+16", "1.0", "\\u00e9", "é", "😀", "-0"], |bytes| {
        let _ = verify_message(&secret, bytes);
        let Ok(Value::Object(mut object)) = serde_json::from_slice(bytes) else { return };
        object.remove("sig");
        let Some(signature) = sign_message(&secret, &Value::Object(object.clone())) else { return };
        let mut signed = object.clone();
        signed.insert("sig".into(), signature.into());
        let message = Value::Object(signed.clone()).to_string();
        assert_eq!(verify_message(&secret, message.as_bytes()).ok(), Some(Value::Object(object)));
        signed.insert("one more".into(), true.into());
        assert!(verify_message(&secret, Value::Object(signed).to_string().as_bytes()).is_err());
    });
}
