//! Statements that act on a row of a server name the server: an id that somebody else knows, from a button, an address
//! or an option, leads nowhere in another one. Those that go by the id alone are listed, with where the id comes from.

use crate::tidy::files_below;
use signalbox::store::privacy::TABLES;
use std::collections::BTreeSet;
use std::path::Path;

/// The functions of `src/store` with such statements, by where the id comes from.
const BY_ID_ALONE: &[(&str, &[&str])] = &[
    (
        "found in the same transaction by the server, or locked there with it",
        &["end_now", "get_subject_state", "list_source_names", "requeue_dead", "run_until", "share_silences"],
    ),
    (
        "of what the deliverer has claimed or looked up, never from outside",
        &[
            "find_change_author",
            "finish_edit",
            "list_send_events",
            "put_off_destination_check",
            "repost",
            "requeue",
            "save_destination_place",
            "save_webhook_channel",
        ],
    ),
    (
        "of a claimed call, delivery or hour, with its lease, or of a receipt that is due",
        &["disable_outbound", "find_live_times", "finish_outbound", "mark_posting", "mark_receipt"],
    ),
    (
        "of rows that a member is taken out of, in all servers",
        &["bar_requester", "forget_written", "is_barred", "withdraw_votes"],
    ),
    ("of rows that are old, in all servers", &["purge_audit", "purge_subjects"]),
    ("of all rows, read from the table before", &["reseal_kick_accounts", "reseal_webhooks"]),
    ("of the account that a flow has found in its server", &["claim_kick_accounts"]),
    ("it is published: whoever has its address may see it", &["find_published_draw"]),
    ("of the key that was presented", &["note_api_key_use"]),
    ("it follows from the server", &["get_source_created_at", "has_party_route"]),
];

#[test]
fn statements_by_id_name_the_server() {
    let of_guild: Vec<&str> =
        TABLES.iter().filter(|table| table.of_guild == Some("guild_id = $1")).map(|table| table.name).collect();
    assert!(of_guild.contains(&"approval") && of_guild.contains(&"destination"));
    let mut found = BTreeSet::new();
    for path in files_below("src/store", "rs") {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let mut function = String::new();
        for (at, piece) in text.split("sqlx::query").enumerate() {
            if at > 0 && goes_by_id_alone(piece, &of_guild) {
                found.insert(function.clone());
            }
            if let Some(name) = last_function(piece) {
                function = name;
            }
        }
    }
    let listed: BTreeSet<String> =
        BY_ID_ALONE.iter().flat_map(|(_, names)| names.iter()).map(|name| (*name).to_owned()).collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    assert!(unlisted.is_empty(), "add the server to the statement, or say where the id comes from: {unlisted:?}");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "no such statement any more: {gone:?}");
}

/// Whether the statement at the beginning of this text picks rows of these tables by id and not by server.
fn goes_by_id_alone(piece: &str, tables: &[&str]) -> bool {
    let end = [".execute(", ".fetch", "\n    }\n", "\n}\n"].iter().filter_map(|end| piece.find(end)).min();
    let words: Vec<&str> = piece[..end.unwrap_or(piece.len())].split_whitespace().collect();
    let statement = words.join(" ").replace('"', " ");
    let acts = ["UPDATE ", "DELETE FROM ", "FROM "]
        .iter()
        .filter_map(|verb| Some((statement.find(verb)?, verb.len())))
        .min()
        .map(|(at, length)| statement[at + length..].split([' ', '(', ')']).next().unwrap_or_default());
    let by_id = ["id = $", "id = ANY ($"]
        .iter()
        .any(|by| statement.match_indices(by).any(|(at, _)| at == 0 || statement[..at].ends_with([' ', '.', '('])));
    let names_guild = statement.split_once("WHERE").is_some_and(|(_, condition)| condition.contains("guild_id"));
    acts.is_some_and(|table| tables.contains(&table)) && by_id && !names_guild
}

fn last_function(text: &str) -> Option<String> {
    let (_, after) = text.rsplit_once("fn ")?;
    Some(after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}
