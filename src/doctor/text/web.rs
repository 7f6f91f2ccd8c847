//! About our public address.

use crate::doctor::report::Finding;

const CHECK: &str = "Public address";
const FORWARD: &str = "forward it to this server's WEBHOOK_PORT, or correct PUBLIC_URL";

pub fn not_configured() -> Finding {
    let fix = "set PUBLIC_URL to the address under which XTSystems reaches this server";
    Finding::warning(CHECK, "not configured", fix)
}

pub fn not_reached(url: &str, why: &str) -> Finding {
    let fix = format!("start the bot; if it runs, {FORWARD}");
    Finding::problem(CHECK, format!("{url} cannot be reached from here: {why}"), fix)
}

pub fn answers(url: &str, status: u16) -> Finding {
    Finding::problem(CHECK, format!("{url}/health answers {status}"), FORWARD)
}

pub fn another_program(url: &str) -> Finding {
    Finding::problem(CHECK, format!("another program answers at {url}"), FORWARD)
}

pub fn another_of_us(url: &str) -> Finding {
    Finding::problem(CHECK, format!("another Signalbox answers at {url}"), FORWARD)
}

pub fn leads_here(url: &str) -> Finding {
    Finding::good(CHECK, format!("{url} leads here (asked from this machine)"))
}

pub fn one_of_us(url: &str) -> Finding {
    let fix = "look again when the bot has started with its database";
    Finding::warning(CHECK, format!("a Signalbox answers at {url}, but not which one"), fix)
}

const KICK: &str = "Webhook";

pub fn kick_address(url: &str) -> Finding {
    Finding::good(KICK, format!("received at {url}: enter that in your app's settings at Kick"))
}

pub fn kick_unreachable() -> Finding {
    Finding::warning(KICK, "Kick has no way here", "set PUBLIC_URL to the address under which Kick reaches this server")
}

pub fn kick_not_started() -> Finding {
    Finding::warning(KICK, "its address is made up at the first start", "start the bot, then look again")
}
