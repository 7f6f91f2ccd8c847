//! What the bot said to somebody or about them, in chats and in channels: their names and words stand in it as plain text,
//! and are taken out when they are forgotten. Discord and Kick keep what was sent to them.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::store::{Result, Tx};

/// Names and words of these persons that the bot may have repeated, by server. Asked for before their rows go.
const WORDS: &str = "SELECT guild_id, words FROM (
         SELECT guild_id, username AS words FROM viewer WHERE person_id = ANY ($1)
         UNION SELECT guild_id, name FROM draw_entry WHERE person_id = ANY ($1)
         UNION SELECT guild_id, name FROM gtb_guess WHERE person_id = ANY ($1)
         UNION SELECT guild_id, name FROM slot_call WHERE person_id = ANY ($1)
         UNION SELECT guild_id, name FROM clip_marker WHERE person_id = ANY ($1)
         UNION SELECT guild_id, title FROM clip_marker WHERE person_id = ANY ($1)) said WHERE length(words) > 1";

/// Events of the server `$1` under which the bot says things of its own accord.
macro_rules! said {
    () => {
        "(SELECT e.id FROM event e JOIN source s ON s.id = e.source_id
            WHERE s.guild_id = $1 AND s.kind = 'signalbox' AND e.kind = 'signalbox.community')"
    };
}

/// Where it stands: table, column, which rows.
const PLACES: &[(&str, &str, &str)] = &[
    ("kick_chat", "text", "guild_id = $1"),
    ("send", "body", concat!("id IN (SELECT send_id FROM message WHERE guild_id = $1 AND event_id IN ", said!(), ")")),
    ("message", "embed", concat!("guild_id = $1 AND event_id IN ", said!())),
    ("event", "plan_note", concat!("id IN ", said!())),
    ("event", "plan", concat!("id IN ", said!())),
    ("event", "data", concat!("id IN ", said!())),
];

/// Takes out what names these persons, and what they said, wherever the bot repeated it.
pub(super) async fn forget(tx: &mut Tx, persons: &[Uuid]) -> Result<()> {
    let mut servers: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for (guild_id, words) in sqlx::query_as::<_, (i64, String)>(WORDS).bind(persons).fetch_all(&mut **tx).await? {
        servers.entry(guild_id).or_default().push(words);
    }
    for (guild_id, mut words) in servers {
        // A name may be the beginning of another text.
        words.sort_by_key(|words| std::cmp::Reverse(words.len()));
        let likely: Vec<String> = words.iter().map(|words| format!("%{}%", core(words))).collect();
        let raw = concat!(
            "DELETE FROM event_raw WHERE event_id IN ",
            said!(),
            " AND event_id IN
            (SELECT id FROM event WHERE lower(data::text) LIKE ANY ($2))"
        );
        sqlx::query(raw).bind(guild_id).bind(&likely).execute(&mut **tx).await?;
        for (table, column, rows) in PLACES {
            let found = format!(
                "SELECT ctid::text, to_jsonb({column}) FROM {table}
                 WHERE {rows} AND lower({column}::text) LIKE ANY ($2) FOR UPDATE"
            );
            let found: Vec<(String, Value)> =
                sqlx::query_as(AssertSqlSafe(found)).bind(guild_id).bind(&likely).fetch_all(&mut **tx).await?;
            let new = if matches!(*column, "text" | "plan_note") { "$2::jsonb #>> '{}'" } else { "$2" };
            let update = format!("UPDATE {table} SET {column} = {new} WHERE ctid = $1::tid");
            for (row, mut value) in found {
                take_out(&mut value, &words);
                sqlx::query(AssertSqlSafe(&*update)).bind(row).bind(value).execute(&mut **tx).await?;
            }
        }
    }
    Ok(())
}

/// The longest run of letters and digits: it stands as it is, whatever was escaped around it.
fn core(words: &str) -> String {
    let runs = words.split(|c: char| !c.is_alphanumeric());
    let longest = runs.max_by_key(|run| run.len()).unwrap_or_default();
    longest.to_lowercase()
}

/// In the texts of a value, and never in their names.
fn take_out(value: &mut Value, words: &[String]) {
    match value {
        Value::String(text) => words.iter().for_each(|words| *text = without(text, words)),
        Value::Array(items) => items.iter_mut().for_each(|item| take_out(item, words)),
        Value::Object(fields) => fields.values_mut().for_each(|field| take_out(field, words)),
        _ => {}
    }
}

/// A text with `someone` for each place where these words stand by themselves, whatever the case, escaped or not.
fn without(text: &str, words: &str) -> String {
    let (text, words): (Vec<char>, Vec<char>) = (text.chars().collect(), words.chars().collect());
    let is_inside = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric() || *c == '_');
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let begins = at == 0 || !is_inside(text.get(at - 1));
        match end_of(&text, at, &words).filter(|end| begins && !is_inside(text.get(*end))) {
            Some(end) => {
                out.push_str("someone");
                at = end;
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}

/// Where these words end that begin there. Markdown puts a backslash before what is no letter or digit.
fn end_of(text: &[char], from: usize, words: &[char]) -> Option<usize> {
    let same = |one: char, other: char| one == other || one.to_lowercase().eq(other.to_lowercase());
    let mut at = from;
    for (n, word) in words.iter().enumerate() {
        if n > 0 && *word != '\\' && !word.is_alphanumeric() && text.get(at) == Some(&'\\') {
            at += 1;
        }
        text.get(at).filter(|c| same(**c, *word))?;
        at += 1;
    }
    (at > from).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_go_where_they_stand_by_themselves() {
        let cases = [
            ("@ada You have 5 points.", "ada", "@someone You have 5 points."),
            ("Ada, ADA and adam", "ada", "someone, someone and adam"),
            ("🥇 quokka\\_fan\\_77: $5", "Quokka_Fan_77", "🥇 someone: $5"),
            ("my_ada ada_2", "ada", "my_ada ada_2"),
            ("Marked: **what** a hit!", "**what** a hit!", "Marked: someone"),
            ("", "ada", ""),
        ];
        for (text, words, wanted) in cases {
            assert_eq!(without(text, words), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_text_stays() {
        let mut value = json!({ "title": "title true 17", "color": 17, "inline": true, "fields": [{ "name": "17" }] });
        take_out(&mut value, &["title".into(), "true".into(), "17".into()]);
        assert_eq!(
            value,
            json!({ "title": "someone someone someone", "color": 17, "inline": true, "fields": [{ "name": "someone" }] })
        );
    }
}
