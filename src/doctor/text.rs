//! Every text of the doctor: what it found, and what to do about it. One file for each thing it looks at; the
//! looks decide which of them is said.

pub(super) mod bus;
pub(super) mod database;
pub(super) mod discord;
pub(super) mod game_server;
pub(super) mod kick;
pub(super) mod signals;
pub(super) mod upstream;
pub(super) mod web;

use super::report::Finding;

/// Why a look found nothing out.
pub(super) const UNREADABLE: &str = "the database could not be read; is its schema up to date?";

pub(super) fn database_away(check: &str) -> Finding {
    Finding::warning(check, "not looked at: the database is away", "see the line about PostgreSQL")
}

pub(super) fn blind(check: &str, why: String) -> Finding {
    Finding::warning(check, why, "mend what else is wrong, then look again")
}

pub(super) fn no_answer(check: &str, seconds: u64) -> Finding {
    Finding::problem(check, format!("no answer within {seconds} s"), "check the network between this machine and it")
}
