//! About what became of the signals lately.

use crate::doctor::report::Finding;

const SECRET: &str = "Secret";
const REFUSALS: &str = "Refused requests";
const PULSE: &str = "Pulse";
const OUTBOX: &str = "Outbox";

pub fn no_secret() -> Finding {
    let fix = "use /register-webhook, which makes one, or set WEBHOOK_SECRET";
    Finding::problem(SECRET, "none: every request is refused", fix)
}

pub fn unconfirmed_secret() -> Finding {
    let fix = "use /webhook-secret rotate again: it goes on where it stopped";
    Finding::warning(SECRET, "a rotation was begun and XTSystems has not confirmed it", fix)
}

pub fn secrets(live: usize) -> Finding {
    Finding::good(
        SECRET,
        if live == 1 { "one is live".into() } else { format!("{live} are live, a rotation is under way") },
    )
}

pub fn no_refusals() -> Finding {
    Finding::good(REFUSALS, "none in the last 24 h")
}

/// `variant`: what would have matched, and what to do about it.
pub fn refusals(count: i64, rule: &str, variant: Option<&str>) -> Finding {
    let times = format!("{count}× {rule}");
    match variant.and_then(|variant| variant.split_once(": ")) {
        Some((matched, fix)) => Finding::warning(REFUSALS, format!("{times} {matched}"), fix.trim_end_matches('.')),
        None => {
            let fix = "compare the secret here with the sender's; whoever has no right to send may be ignored";
            Finding::warning(REFUSALS, times, fix)
        }
    }
}

pub fn kick_refusals(count: i64, rule: &str) -> Finding {
    let fix = "whoever has no right to send may be ignored; if these are Kick's own, KICK_PUBLIC_KEY is not its key";
    Finding::warning(REFUSALS, format!("{count}× {rule}"), fix)
}

pub fn no_event() -> Finding {
    Finding::warning(PULSE, "no event has arrived yet", "use /test-webhook, or wait for something to happen there")
}

pub fn quiet(of: &str, since: &str) -> Finding {
    let fix = "use /test-webhook to see whether its events still arrive";
    Finding::warning(PULSE, format!("{of} has been quiet for {since}, longer than usual"), fix)
}

pub fn last_event(ago: &str) -> Finding {
    Finding::good(PULSE, format!("the last event came {ago} ago"))
}

pub fn undelivered(count: i64) -> Finding {
    let fix = "see why with `signalbox replay`, and queue them again with --yes";
    Finding::problem(OUTBOX, format!("{count} not delivered"), fix)
}

pub fn in_doubt(count: i64) -> Finding {
    let text = format!("{count} in doubt: nobody knows yet whether Discord has them");
    Finding::warning(OUTBOX, text, "allow Read Message History, by which a doubt is resolved")
}

pub fn quarantined(count: i64) -> Finding {
    let text = format!("{count} events could not be taken in and are kept in quarantine");
    Finding::warning(OUTBOX, text, "look at the table `quarantine`, which names the reasons")
}

pub fn outbox(waiting: i64) -> Finding {
    Finding::good(OUTBOX, format!("{waiting} waiting, none in doubt, none undelivered"))
}
