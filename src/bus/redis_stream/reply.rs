//! Reads the answers of the stream commands, of either protocol version. Never fails: what has
//! another shape than Redis documents is left out (<https://redis.io/docs/latest/commands/xreadgroup/>).

use std::string::FromUtf8Error;

use redis::Value;

use crate::bus::Entry;

/// What one command handed out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub entries: Vec<Entry>,
    /// Pending entries that the stream does not hold any more.
    pub gone: Vec<String>,
    /// The last id of both.
    pub last_id: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Claimed {
    pub batch: Batch,
    /// Where the next command goes on; `0-0` at the end.
    pub cursor: Option<String>,
}

/// XREADGROUP over one stream: nothing, or one pair of key and entries.
pub fn read_group(reply: Value) -> Batch {
    match reply {
        Value::Map(streams) => streams.into_iter().next().map_or_else(Batch::default, |(_, entries)| batch(entries)),
        Value::Array(streams) => match streams.into_iter().next() {
            Some(Value::Array(pair)) => pair.into_iter().nth(1).map_or_else(Batch::default, batch),
            _ => Batch::default(),
        },
        _ => Batch::default(),
    }
}

/// XAUTOCLAIM: cursor, entries, and since Redis 7 the ids of those deleted.
pub fn auto_claim(reply: Value) -> Claimed {
    let Value::Array(parts) = reply else { return Claimed { batch: Batch::default(), cursor: None } };
    let mut parts = parts.into_iter();
    let cursor = parts.next().and_then(text);
    // Redis 7 has already taken the deleted ones off the pending list.
    Claimed { batch: parts.next().map_or_else(Batch::default, batch), cursor }
}

/// XPENDING of a single id: `[[id, consumer, idle, deliveries]]`.
pub fn deliveries(reply: &Value) -> Option<u32> {
    let Value::Array(rows) = reply else { return None };
    let Value::Array(row) = rows.first()? else { return None };
    match row.get(3)? {
        Value::Int(count) => u32::try_from(*count).ok(),
        _ => None,
    }
}

fn batch(entries: Value) -> Batch {
    let mut batch = Batch::default();
    let Value::Array(entries) = entries else { return batch };
    for entry in entries {
        let Value::Array(pair) = entry else { continue };
        let mut pair = pair.into_iter();
        let Some(id) = pair.next().and_then(text) else { continue };
        batch.last_id = Some(id.clone());
        match pair.next() {
            Some(Value::Array(flat)) => {
                let mut flat = flat.into_iter();
                let pairs = std::iter::from_fn(|| Some((flat.next()?, flat.next()?)));
                batch.entries.push(entry_of(id, pairs));
            }
            Some(Value::Map(pairs)) => batch.entries.push(entry_of(id, pairs.into_iter())),
            _ => batch.gone.push(id),
        }
    }
    batch
}

fn entry_of(id: String, fields: impl Iterator<Item = (Value, Value)>) -> Entry {
    let mut entry = Entry { id, event: Vec::new(), signature: None, deliveries: 1 };
    for (name, value) in fields {
        match name {
            Value::BulkString(name) if name == b"event" => entry.event = bytes(value).unwrap_or_default(),
            Value::BulkString(name) if name == b"sig" => entry.signature = text(value),
            _ => {}
        }
    }
    entry
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

fn text(value: Value) -> Option<String> {
    // A signature that is no text is no signature, but it was there.
    let lossy = |error: FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
    bytes(value).map(|bytes| String::from_utf8(bytes).unwrap_or_else(lossy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn entries() -> Value {
        let fields = ["x", "y", "event", "{}", "sig", "ab"].map(bulk).to_vec();
        Value::Array(vec![
            Value::Array(vec![bulk("1-0"), Value::Array(fields)]),
            Value::Array(vec![bulk("2-0"), Value::Nil]),
            Value::Nil,
        ])
    }

    #[test]
    fn both_protocols_say_the_same() {
        let two = read_group(Value::Array(vec![Value::Array(vec![bulk("s"), entries()])]));
        let three = read_group(Value::Map(vec![(bulk("s"), entries())]));
        assert_eq!(two, three);
        assert_eq!(two.entries[0].event, b"{}");
        assert_eq!(two.entries[0].signature.as_deref(), Some("ab"));
        assert_eq!((two.gone, two.last_id), (vec!["2-0".to_owned()], Some("2-0".to_owned())));
        assert_eq!(read_group(Value::Nil), Batch::default());
    }

    #[test]
    fn claims_carry_their_cursor() {
        let claimed = auto_claim(Value::Array(vec![bulk("7-0"), entries(), Value::Array(vec![bulk("3-0")])]));
        assert_eq!(claimed.cursor.as_deref(), Some("7-0"));
        assert_eq!(claimed.batch.entries.len(), 1);
    }
}
