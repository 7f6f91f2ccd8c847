//! Texts about destinations and deliveries.

use chrono::{DateTime, Utc};

use crate::delivery::manage::Unfit;
use crate::delivery::test_message::Tested;
use crate::id::{ChannelId, GuildId, MessageId};
use crate::routing::embed::{escape, fit, relative};
use crate::store::destination::Target;
use crate::store::destination::manage::DestinationView;
use crate::store::explain::ToldMessage;
use crate::store::send::ByHand;
use crate::upstream::guard::Refused;

pub const DESTINATIONS: &str = "📮 Destinations";
pub const NO_DESTINATIONS: &str = "None yet. Add one with `/destination add`, or name channels in routes.";
pub const DELIVERIES: &str = "📬 Deliveries";
pub const NO_DELIVERIES: &str = "Nothing like that.";
pub const UNKNOWN: &str = "There is no such destination in this server; `/destination list` shows them.";
pub const ONE_PLACE: &str = "Give either a channel or the address of a webhook; nothing was added.";
pub const ELSEWHERE: &str = "This webhook belongs to another server; nothing was added.";
pub const BAD_NAME: &str = "A name has 1 to 80 characters; nothing was changed.";
pub const BAD_GATHER: &str = "`gather` is a number of seconds, such as 2 or 0.5, up to 60; nothing was changed.";
pub const BAD_SINCE: &str = "`since` should be such as 7d, 12h or 2026-11-21; nothing was looked up.";
pub const BAD_KIND: &str = "A type is such as `ticket.created`; nothing was looked up.";
pub const REMOVE: &str = "Remove";
pub const SENT: &str = "Sent";
pub const SEND_AGAIN: &str = "Send again";
const LOOK_THERE: &str = "Look there: if it has arrived, press Sent; if it has not, Send again.";
pub const NOTHING_TO_REPLAY: &str = "Nothing is there to be replayed.";
pub const NOT_REPLAYED: &str =
    "Nothing was queued: it was replayed already, it is shown by now, or its destination was removed.";
/// Of what Discord says, in a list.
const NOTE: usize = 160;

/// What people call it: its name, else Discord's.
pub fn label(view: &DestinationView) -> String {
    match (&view.name, &view.discord_name, &view.destination.target) {
        (Some(name), _, _) => name.clone(),
        (None, Some(name), _) => format!("#{name}"),
        (None, None, Target::Channel(id) | Target::Thread(id) | Target::Forum(id)) => id.to_string(),
        (None, None, Target::Webhook { id, .. }) => format!("webhook {id}"),
    }
}

/// As a mention where Discord shows one. The token of a webhook is shown to nobody.
fn place(view: &DestinationView) -> String {
    match &view.destination.target {
        Target::Channel(id) => format!("<#{id}>"),
        Target::Thread(id) => format!("thread <#{id}>"),
        Target::Forum(id) => format!("forum <#{id}>"),
        Target::Webhook { id, channel, .. } => {
            let channel = channel.map(|channel| format!(" in <#{channel}>")).unwrap_or_default();
            format!("webhook `…/webhooks/{id}/••••`{channel}")
        }
    }
}

/// Its name, or where it is.
pub fn name(view: &DestinationView) -> String {
    view.name.as_ref().map_or_else(|| place(view), |name| format!("**{}**", escape(name)))
}

/// One destination in the list: what it is, how it stands, how to mend it.
pub fn destination_line(view: &DestinationView) -> String {
    let mut lines = vec![match &view.name {
        Some(_) => format!("{} {} · {}", mood(view), name(view), place(view)),
        None => format!("{} {}", mood(view), place(view)),
    }];
    if let Some(kind) = &view.webhook_type {
        let scope = view.webhook_scope.as_ref().map(|scope| format!(" for {scope}")).unwrap_or_default();
        lines.push(format!("type {kind}{scope}"));
    }
    if let Some(words) = &view.description {
        lines.push(escape(words));
    }
    let mut ways = Vec::new();
    ways.extend(view.sender_name.as_ref().map(|name| format!("posts as **{}**", escape(name))));
    ways.extend(view.sender_avatar_url.as_ref().map(|_| "posts with a picture of its own".to_owned()));
    ways.extend(view.batch_window_ms.map(|ms| format!("gathers notices for {} s", f64::from(ms) / 1000.0)));
    if !ways.is_empty() {
        lines.push(ways.join(" · "));
    }
    if let Some(because) = &view.destination.disabled_because {
        lines.push(format!("Cannot be used: {}.", because.trim_end_matches('.')));
        lines.push("Mend that, then `/destination test`; it is also looked at each minute.".into());
    }
    if !view.enabled {
        lines.push("Paused: `/destination enable` sends what waits.".into());
    }
    let mut facts = Vec::new();
    if view.waiting > 0 {
        facts.push(format!("{} waiting", view.waiting));
    }
    facts.push(
        view.last_delivery_at.map_or("nothing delivered yet".into(), |at| format!("last delivery {}", relative(at))),
    );
    match view.failures {
        0 => {}
        1 => facts.push("the last request failed".to_owned()),
        n => facts.push(format!("the last {n} requests failed")),
    }
    facts.extend(view.tested_at.map(|at| format!("tested {}", relative(at))));
    if !view.routes.is_empty() {
        facts.push(format!(
            "routes {}",
            view.routes.iter().map(|route| format!("`{route}`")).collect::<Vec<_>>().join(" ")
        ));
    }
    lines.push(facts.join(" · "));
    fit(&lines.join("\n"), 640)
}

fn mood(view: &DestinationView) -> &'static str {
    match (&view.destination.disabled_because, view.enabled, view.checked_at) {
        (Some(_), _, _) => "⚠️",
        (None, false, _) => "⏸️",
        (None, true, Some(_)) => "✅",
        (None, true, None) => "▫️",
    }
}

pub fn added(view: &DestinationView, problem: Option<&str>) -> String {
    match problem {
        None => format!("✅ {} is there: {}. Post a test message with `/destination test`.", name(view), place(view)),
        Some(problem) => format!(
            "⚠️ {} is there: {}. It cannot be used yet: {}. Mend that, then `/destination test`.",
            name(view),
            place(view),
            problem.trim_end_matches('.')
        ),
    }
}

pub fn changed(view: &DestinationView) -> String {
    format!("✅ Changed.\n{}", destination_line(view))
}

pub fn not_added(why: &str) -> String {
    format!("Nothing was added. {}", fit(why, 300))
}

pub fn refused(why: &Refused) -> String {
    format!("Nothing was added: {why}.")
}

pub fn name_taken(name: &str) -> String {
    format!("Another destination is called **{}**; nothing was changed.", escape(name))
}

/// A setting that cannot be so.
pub fn unfit(unfit: &Unfit) -> String {
    let what = match unfit.field {
        "batch_window_ms" => "gather",
        "sender_name" => "sender",
        "sender_avatar_url" => "picture",
        other => other,
    };
    format!("Nothing was changed: {what} {}.", unfit.why)
}

pub fn already(name: &str) -> String {
    format!("That is there already, as **{}**; `/destination edit` changes it.", escape(name))
}

pub fn tested(view: &DestinationView, tested: &Tested) -> String {
    match tested {
        Tested::Passed { channel: Some(channel), message } => {
            let link = link(view.destination.guild_id, *channel, *message);
            let again = if view.destination.disabled_because.is_some() { " It is used again." } else { "" };
            format!("✅ {} works: {link}{again}{}", name(view), waits(view))
        }
        Tested::Passed { channel: None, .. } => format!("✅ {} works.{}", name(view), waits(view)),
        Tested::Failed(why) => format!("❌ {} does not work: {}.", name(view), fit(why.trim_end_matches('.'), 600)),
        Tested::Unknown(why) => format!(
            "❔ Nobody knows whether {} works: {}. Try again later.",
            name(view),
            fit(why.trim_end_matches('.'), 600)
        ),
    }
}

fn waits(view: &DestinationView) -> &'static str {
    if view.enabled { "" } else { " It stays paused until `/destination enable`." }
}

pub fn paused(view: &DestinationView) -> String {
    format!("⏸️ {} is paused. Its messages wait until `/destination enable`.", name(view))
}

pub fn enabled(view: &DestinationView, waiting: i64) -> String {
    match waiting {
        0 => format!("✅ {} is used again.", name(view)),
        1 => format!("✅ {} is used again; 1 message that waited is sent now.", name(view)),
        n => format!("✅ {} is used again; {n} messages that waited are sent now.", name(view)),
    }
}

pub fn routed(patterns: &[String]) -> String {
    let patterns: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
    format!("Nothing was removed: the routes {} lead there. Change those first.", fit(&patterns.join(" "), 500))
}

pub fn removal(view: &DestinationView) -> String {
    let waiting = match view.waiting {
        0 => String::new(),
        1 => " 1 message that waits for it is given up.".to_owned(),
        n => format!(" {n} messages that wait for it are given up."),
    };
    format!("Remove {} ({})? What was posted stays.{waiting}", name(view), place(view))
}

pub fn removed(waited: u64) -> String {
    match waited {
        0 => "Removed.".to_owned(),
        1 => "Removed. 1 message that waited was given up.".to_owned(),
        n => format!("Removed. {n} messages that waited were given up."),
    }
}

/// `https://discord.com/channels/…`
pub fn link(guild: GuildId, channel: ChannelId, message: MessageId) -> String {
    format!("https://discord.com/channels/{guild}/{channel}/{message}")
}

/// One message of the outbox: its number, state, type, destination, reason and link.
pub fn delivery_line(guild: GuildId, message: &ToldMessage, view: Option<&DestinationView>) -> String {
    let to = view.map_or("a removed destination".to_owned(), name);
    let what = if message.kind.is_empty() { "a purged event".to_owned() } else { format!("`{}`", message.kind) };
    let (mood, state) = state(message, view);
    let at = relative(message.finished_at.unwrap_or(message.created_at));
    let mut line = format!("{mood} `#{}` {what} → {to} · {state} {at}", message.id);
    if let (Some(channel), Some(id)) = (message.channel, message.message_id) {
        line.push_str(&format!(" · [message]({})", link(guild, channel, id)));
    }
    let told = message.state != "delivered";
    if let Some(note) = message.note.as_deref().filter(|note| told && !note.is_empty()) {
        line.push_str(&format!("\n  ↳ {}", escape(&fit(note, NOTE))));
    }
    if is_unresolved(message) {
        line.push_str("\n  ↳ ");
        line.push_str(LOOK_THERE);
    }
    line
}

/// Nobody can find out whether it arrived, but whoever can see the place.
pub fn is_unresolved(message: &ToldMessage) -> bool {
    message.state == "sending" && message.send_state.as_deref() == Some("unresolved")
}

/// After somebody said what became of it.
pub fn settled_by_hand(number: i64, how: ByHand, done: bool) -> String {
    match (done, how) {
        (true, ByHand::Sent) => format!("✅ `#{number}` counts as delivered, and what came with it."),
        (true, ByHand::SendAgain) => format!("✅ `#{number}` is sent again, and what came with it."),
        (false, _) => {
            format!("`#{number}` is settled already; nothing was done. `/deliveries list` has how it stands.")
        }
    }
}

/// How a message stands, in a symbol and words.
pub fn state(message: &ToldMessage, view: Option<&DestinationView>) -> (&'static str, &'static str) {
    match (message.state.as_str(), message.send_state.as_deref()) {
        ("delivered", _) => ("✅", "delivered"),
        ("dead", _) => ("❌", "not delivered"),
        (_, Some("in_doubt")) => ("❔", "in doubt, being looked for since"),
        (_, Some("unresolved")) => ("❔", "in doubt, nobody can tell, since"),
        (_, Some(_)) if message.set_aside => ("🕗", "set aside, tried again, since"),
        _ => match view {
            Some(view) if view.destination.disabled_because.is_some() => ("⚠️", "waits for its destination since"),
            Some(view) if !view.enabled => ("⏸️", "waits for a paused destination since"),
            _ => ("🕗", "waits since"),
        },
    }
}

/// Before the button is pressed.
pub fn prospect(count: usize, waiting: usize, settled: usize, since: Option<DateTime<Utc>>) -> String {
    let since = since.map(|at| format!(" since <t:{}:f>", at.timestamp())).unwrap_or_default();
    let mut words = match count {
        1 => format!("1 message was not delivered{since} and can be replayed."),
        n => format!("{n} messages were not delivered{since} and can be replayed."),
    };
    if waiting > 0 {
        words.push_str(&format!(" {waiting} of them would wait: their destination is paused or cannot be used."));
    }
    if settled > 0 {
        words.push_str(&format!(" {settled} more are settled: shown by now, or their destination was removed."));
    }
    words
}

pub fn replay_label(count: usize) -> String {
    format!("Replay {count}")
}

pub fn replayed(queued: u64) -> String {
    match queued {
        0 => NOT_REPLAYED.to_owned(),
        1 => "✅ 1 message was queued again.".to_owned(),
        n => format!("✅ {n} messages were queued again."),
    }
}
