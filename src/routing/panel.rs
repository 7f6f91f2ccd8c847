//! How the panel's events look: titles, colours and fields as the panel's own dispatcher has them. Pure.

use serde::de::DeserializeOwned;

use crate::event::Event;
use crate::routing::embed::{DESCRIPTION, Embed, Footer, TITLE, TOTAL, escape, fit};
use crate::routing::notice::capitalised;
use crate::source::panel::{
    AlertLevel, Billing, Changes, CustomEmbed, NodeAlert, Notification, Resource, SecurityEvent, ServerCreated,
    ServerState, ServerStatus, ServerSuspended, SettingsUpdate, SupportTicket, Sync, SystemAlert, UserRegistered,
};

const GREEN: u32 = 3_066_993;
const RED: u32 = 15_158_332;
const YELLOW: u32 = 16_776_960;
const BLUE: u32 = 3_447_003;
const ORANGE: u32 = 15_105_570;
/// Fields of a custom embed that Discord takes.
const FIELDS: usize = 25;

/// The footers of the panel's two dispatchers.
const HOSTING: &str = "NodeByte Hosting";
const NOTIFICATIONS: &str = "NodeByte Notifications";
const ICON: &str = "https://nodebyte.host/logo.png";
/// Characters of one embed; the mark comes on top.
const ROOM: usize = TOTAL - 100;

/// The embed of an event of kind `panel.*`.
pub fn render(event: &Event) -> Embed {
    let what = event.kind.strip_prefix("panel.").unwrap_or(&event.kind);
    let mut embed = drawn(what, event).unwrap_or_else(|| notification(&event.kind));
    embed.timestamp = Some(event.occurred_at);
    if embed.footer.text.is_empty() {
        embed.footer = Footer { text: HOSTING.to_owned(), icon_url: Some(ICON.to_owned()) };
    }
    // What a custom embed has too much goes from its end.
    while embed.len() > ROOM && embed.fields.pop().is_some() {}
    embed
}

fn drawn(what: &str, event: &Event) -> Option<Embed> {
    Some(match what {
        "settings.updated" => settings(&read(event)?, event),
        "server.state" => server_state(&read(event)?, event),
        "sync.started" | "sync.completed" | "sync.failed" | "sync.cancelled" => sync(what, &read(event)?, event),
        "system.alert" => system_alert(&read(event)?, event),
        "ticket.created" | "ticket.updated" | "ticket.resolved" => ticket(what, &read(event)?, event),
        "node.alert" => node_alert(&read(event)?, event),
        "billing.invoice" => billing("📄 Invoice Generated", &read(event)?, event),
        "billing.payment" => billing("💳 Payment Processed", &read(event)?, event),
        "billing.subscription" => billing("📅 Subscription Updated", &read(event)?, event),
        "security.event" => security(&read(event)?, event),
        "user.registered" => {
            let UserRegistered { email } = read(event)?;
            noted("👤 New User Registered", "A new user has registered on NodeByte.", 9_133_302).field(
                "Email",
                escape(&email),
                true,
            )
        }
        "server.created" => {
            let ServerCreated { name, owner } = read(event)?;
            noted("🖥️ Server Created", "A new server has been created.", 6_514_417)
                .field("Name", escape(&name), true)
                .field("Owner", escape(&owner), true)
        }
        "server.suspended" => {
            let ServerSuspended { name, reason } = read(event)?;
            noted("⚠️ Server Suspended", "A server has been suspended.", 16_096_779)
                .field("Name", escape(&name), true)
                .field("Reason", escape(&reason), false)
        }
        "custom" => custom(read(event)?),
        _ => {
            let Notification { event: name } = read(event)?;
            notification(&name)
        }
    })
}

fn read<T: DeserializeOwned>(event: &Event) -> Option<T> {
    serde_json::from_value(event.data.clone()).ok()
}

fn titled(title: &str, description: &str, color: u32) -> Embed {
    Embed { title: fit(title, TITLE), description: fit(description, DESCRIPTION), color, ..Embed::default() }
}

/// As the panel's newer dispatcher has them: its own footer, and no field for the time.
fn noted(title: &str, description: &str, color: u32) -> Embed {
    Embed { footer: Footer { text: NOTIFICATIONS.to_owned(), icon_url: None }, ..titled(title, description, color) }
}

/// The time as the panel writes it.
fn timestamp(embed: Embed, event: &Event, inline: bool) -> Embed {
    embed.field("Timestamp", event.occurred_at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(), inline)
}

fn settings(update: &SettingsUpdate, event: &Event) -> Embed {
    let Changes(changes) = &update.changes;
    let labels: Vec<String> = changes.iter().map(|change| escape(&change.label)).collect();
    let lines: Vec<String> = changes
        .iter()
        .filter_map(|change| {
            let (old, new) = (change.old.as_ref()?, change.new.as_ref()?);
            let code =
                |text: &str| format!("`{}`", if text.is_empty() { "–".to_owned() } else { text.replace('`', "'") });
            Some(format!("• **{}**\n{} → {}", escape(&change.label), code(old), code(new)))
        })
        .collect();
    let mut description = "Settings have been modified".to_owned();
    if !lines.is_empty() {
        description = format!("{description}\n\n{}", lines.join("\n"));
    }
    let total = if lines.is_empty() { String::new() } else { changes.len().to_string() };
    let embed = titled("⚙️ System Settings Updated", &description, YELLOW)
        .field("Changed Fields", labels.join(", "), false)
        .field("Total Changes", total, true)
        .field("Updated By", escape(&update.updated_by), true);
    timestamp(embed, event, true)
}

fn server_state(state: &ServerState, event: &Event) -> Embed {
    let (title, word, color) = match state.state {
        ServerStatus::Online => ("🟢 Server Online", "online", GREEN),
        ServerStatus::Offline => ("🔴 Server Offline", "offline", RED),
        ServerStatus::Crashed => ("💥 Server Crashed", "crashed", ORANGE),
    };
    let name = escape(&state.server);
    let embed = titled(title, &format!("{name} is now {word}"), color)
        .field("Server", &*name, true)
        .field("Status", capitalised(word), true)
        .field("Node", escape(&state.node), true);
    timestamp(embed, event, false)
}

/// With a summary it is the panel's own report, without one the short note of its newer part.
fn sync(what: &str, sync: &Sync, event: &Event) -> Embed {
    let (title, color, noted_color, sentence, status) = match what {
        "sync.started" => ("🔄 Sync Started", BLUE, 3_900_150, "A synchronization operation has started.", "Started"),
        "sync.completed" => {
            ("✅ Sync Completed", GREEN, 2_278_750, "Synchronization completed successfully.", "Completed")
        }
        "sync.cancelled" => {
            ("🔄 Sync Cancelled", YELLOW, YELLOW, "A synchronization operation has been cancelled.", "Cancelled")
        }
        _ => ("❌ Sync Failed", RED, 15_680_580, "A synchronization operation has failed.", "Failed"),
    };
    if sync.summary.is_empty() {
        return noted(title, sentence, noted_color)
            .field("Type", escape(&sync.what), true)
            .field("Duration", escape(&sync.duration), true)
            .field("Error", escape(&sync.error), false);
    }
    let embed = titled(title, &escape(&sync.summary), color)
        .field("Status", status, true)
        .field("Duration", escape(&sync.duration), true)
        .field("Error", escape(&sync.error), false);
    timestamp(embed, event, false)
}

fn system_alert(alert: &SystemAlert, event: &Event) -> Embed {
    let (symbol, color, word) = match alert.severity {
        AlertLevel::Info => ("ℹ️", BLUE, "Info"),
        AlertLevel::Warning => ("⚠️", ORANGE, "Warning"),
        AlertLevel::Error => ("🚨", RED, "Error"),
    };
    let embed = titled(&format!("{symbol} {}", escape(&alert.title)), &escape(&alert.message), color)
        .field("Severity", word, true);
    timestamp(embed, event, true)
}

/// A ticket with an id is the panel's own, one without is told by its newer part.
fn ticket(what: &str, ticket: &SupportTicket, event: &Event) -> Embed {
    let (title, color, action) = match what {
        "ticket.created" => ("🎫 Support Ticket Created", BLUE, "Created"),
        "ticket.updated" => ("🔄 Support Ticket Updated", YELLOW, "Updated"),
        _ => ("✅ Support Ticket Resolved", GREEN, "Resolved"),
    };
    if ticket.id.is_empty() && what == "ticket.created" {
        return noted("🎫 New Support Ticket", "A new support ticket has been created.", 959_977)
            .field("Subject", escape(&ticket.subject), false)
            .field("User", escape(&ticket.user), true)
            .field("Priority", escape(&ticket.priority), true);
    }
    let embed = titled(title, &escape(&ticket.subject), color)
        .field("Ticket ID", escape(&ticket.id), true)
        .field("Action", action, true)
        .field("Details", escape(&ticket.details), false);
    timestamp(embed, event, false)
}

fn node_alert(alert: &NodeAlert, event: &Event) -> Embed {
    let (name, word, color) = match alert.resource {
        Resource::Cpu => ("CPU", "cpu", RED),
        Resource::Memory => ("Memory", "memory", ORANGE),
        Resource::Disk => ("Disk Space", "disk", YELLOW),
        Resource::Network => ("Network", "network", BLUE),
    };
    let node = escape(&alert.node);
    let embed = titled(&format!("⚠️ {name} Usage Alert"), &format!("{node} has high {word} usage"), color)
        .field("Node", &*node, true)
        .field("Current Usage", format!("{}%", alert.usage), true)
        .field("Threshold", format!("{}%", alert.threshold), true);
    timestamp(embed, event, false)
}

fn billing(title: &str, billing: &Billing, event: &Event) -> Embed {
    let (_, what) = title.split_once(' ').unwrap_or(("", title));
    let embed = titled(title, &escape(&billing.description), GREEN).field("Type", what, true).field(
        "Amount",
        escape(&billing.amount),
        true,
    );
    timestamp(embed, event, false)
}

fn security(security: &SecurityEvent, event: &Event) -> Embed {
    let embed = titled(&format!("🛡️ {}", escape(&security.title)), &escape(&security.description), RED)
        .field("User", escape(&security.user), true)
        .field("IP Address", escape(&security.ip), true);
    timestamp(embed, event, false)
}

fn notification(name: &str) -> Embed {
    noted("📢 Notification", &format!("Event: {}", escape(name)), 7_041_664)
}

fn custom(custom: CustomEmbed) -> Embed {
    let color = custom.color.filter(|color| *color <= 0xFF_FFFF).unwrap_or(0x0095_A5A6);
    let embed = titled(&custom.title, &custom.description, color);
    custom
        .fields
        .into_iter()
        .take(FIELDS)
        .fold(embed, |embed, field| embed.field(&field.name, field.value, field.inline))
}

#[cfg(test)]
mod tests;
