//! About XTSystems.

use crate::doctor::report::Finding;

const API: &str = "API";
const KEY: &str = "API key";
const WEBHOOK: &str = "Webhook";
const REGISTER: &str = "use /register-webhook";

pub fn not_configured() -> Finding {
    let fix = "set XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY";
    Finding::warning(API, "not configured: decisions cannot be sent", fix)
}

pub fn answers(origin: impl std::fmt::Display) -> Finding {
    Finding::good(API, format!("{origin} answers"))
}

pub fn api_wrong(words: String) -> Finding {
    wrong(API, words)
}

pub fn key_wrong(words: String) -> Finding {
    wrong(KEY, words)
}

/// The client's texts say what is wrong, then what to do.
fn wrong(check: &str, words: String) -> Finding {
    match words.rsplit_once(". ") {
        Some((what, fix)) => Finding::problem(check, what, lower(fix)),
        None => Finding::problem(check, words, "check XTSYSTEMS_API_URL and the server there"),
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

pub fn key_accepted() -> Finding {
    Finding::good(KEY, "accepted")
}

pub fn not_registered() -> Finding {
    Finding::problem(WEBHOOK, "ours is not registered there, so nothing is sent to us", REGISTER)
}

pub fn switched_off() -> Finding {
    Finding::problem(WEBHOOK, "registered but switched off", REGISTER)
}

pub fn no_address() -> Finding {
    Finding::warning(WEBHOOK, "registered; its address cannot be compared", "set PUBLIC_URL")
}

pub fn other_address(theirs: &str, ours: &str) -> Finding {
    Finding::problem(WEBHOOK, format!("registered with {theirs}, our address is {ours}"), REGISTER)
}

pub fn not_for(kinds: &[&str]) -> Finding {
    let fix = "use /register-webhook without events, unless that is what you want";
    Finding::warning(WEBHOOK, format!("registered, but not for {}", kinds.join(", ")), fix)
}

pub fn registered(events: usize) -> Finding {
    Finding::good(WEBHOOK, format!("registered and active for all {events} events"))
}
