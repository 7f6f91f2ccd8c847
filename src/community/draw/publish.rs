//! What is published about a draw, what that proves and what it does not; and our own recomputation of it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::proof::{Beacon, Published, Ticketed, commitment, draw, entries_hash};
use crate::routing::board::draw::DrawState;
use crate::store::draw::PublishedDraw;
use crate::upstream::beacon::{address, time_of};

/// One step of the recomputation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: String,
    pub holds: bool,
}

fn finding(what: impl Into<String>, holds: bool) -> Finding {
    Finding { what: what.into(), holds }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The public randomness that went into it.
fn beacon(published: &PublishedDraw) -> Option<Beacon> {
    let round = u64::try_from(published.beacon_round?).ok()?;
    Some(Beacon { round, random: published.beacon_random.clone()? })
}

/// Makes the draw again from what is published. Empty before it is drawn.
pub fn recompute(published: &PublishedDraw) -> Vec<Finding> {
    let (Some(seed), Some(hash)) = (&published.seed, &published.entries_hash) else { return Vec::new() };
    let beacon = beacon(published);
    let mut findings = vec![
        finding("the seed is the one that was committed to", commitment(seed) == published.commitment),
        finding("the entries are those of the close", entries_hash(&published.entries) == *hash),
    ];
    let all = Published {
        draw: published.id,
        seed,
        entries: &published.entries,
        entries_hash: hash,
        beacon: beacon.as_ref(),
    };
    let mut before: Vec<Uuid> = Vec::new();
    for (at, winner) in published.winners.iter().enumerate() {
        let again = draw(&all, &before, u32::try_from(at + 1).unwrap_or(u32::MAX));
        let holds = again.is_some_and(|again| {
            again.entry == winner.entry_id
                && i64::try_from(again.ticket) == Ok(winner.ticket)
                && i64::try_from(again.total) == Ok(winner.total)
                && again.proof == winner.proof
        });
        findings.push(finding(format!("draw {}: ticket {} of {}", at + 1, winner.ticket, winner.total), holds));
        before.push(winner.entry_id);
    }
    findings
}

/// What follows from what is published.
pub fn proven(published: &PublishedDraw) -> Vec<&'static str> {
    let mut proven = vec![
        "The seed and the list of entries are those of the close: the hashes of both were said then, in a message that is \
         never edited and that has Discord's own time on it. The seed's hash, the commitment, stood on the card from the \
         opening on.",
    ];
    if beacon(published).is_some() {
        proven.push(
            "When the list was closed nobody could know who would win, whoever runs this bot included: the number of drand \
             that went into it was published afterwards, and which round counts was said at the close.",
        );
    }
    proven.push("The winners follow from these, and from nothing else: the script and this page compute them again.");
    proven
}

/// What does not.
pub fn not_proven(published: &PublishedDraw) -> Vec<&'static str> {
    let mut open = vec![
        "That the list has everybody who joined, and nobody who did not: look for the code that you were given. Whoever runs \
         the bot could have added entries before the close, as anyone can bring friends along.",
        "That each entry is a different human being.",
        "That the closing message is older than the round of drand: compare the times of the two yourself.",
    ];
    match (published.beacon_missed, beacon(published)) {
        (_, Some(_)) => open.push(
            "That drand said so: this page checks that the number belongs to its signature; look the round up at any node of \
             drand to be sure.",
        ),
        (true, None) => open.push(
            "That nobody knew the outcome at the close: drand did not answer, and the draw went on without it. Whoever runs \
             the bot knows the seed, and could have chosen what to add before the close.",
        ),
        (false, None) if published.state == DrawState::Drawn => open.push(
            "That nobody knew the outcome at the close: no public randomness is configured here. Whoever runs the bot knows \
             the seed, and could have chosen what to add before the close.",
        ),
        (false, None) => {}
    }
    open
}

/// All that is published, for programs: `tests/recompute_draw.py` needs nothing else.
pub fn document(published: &PublishedDraw) -> Value {
    let entry = |entry: &Ticketed| json!({ "code": entry.id, "tickets": entry.tickets });
    let beacon = beacon(published).map(|found| {
        let round = published.beacon_round.unwrap_or_default();
        json!({
            "round": found.round,
            "randomness": found.random,
            "signature": published.beacon_signature,
            "time": time(time_of(round)),
            "url": address(published.beacon.as_deref().unwrap_or_default(), round),
        })
    });
    let winners = published.winners.iter().map(|winner| {
        json!({
            "nonce": winner.place,
            "code": winner.entry_id,
            "total": winner.total,
            "ticket": winner.ticket,
            "proof": winner.proof,
            "replaced": winner.passed,
        })
    });
    json!({
        "id": published.id,
        "number": published.number,
        "kind": published.kind.as_str(),
        "state": published.state.as_str(),
        "prize": published.prize,
        "winner_count": published.winner_count,
        "opened_at": time(published.opened_at),
        "closed_at": published.closed_at.map(time),
        "drawn_at": published.drawn_at.map(time),
        "commitment": published.commitment,
        "entries_hash": published.entries_hash,
        "beacon_round": published.beacon_round,
        "beacon": beacon,
        "server_seed": published.seed,
        "entries": published.entries.iter().map(entry).collect::<Vec<_>>(),
        "winners": winners.collect::<Vec<_>>(),
        "proven": proven(published),
        "not_proven": not_proven(published),
    })
}
