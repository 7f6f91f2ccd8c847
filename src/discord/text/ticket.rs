//! Texts about tickets, machines, and who is who in XTSystems.

use crate::id::{RoleId, UserId};
use crate::routing::card::ApprovalState;
use crate::routing::embed::{escape, fit};
use crate::routing::ticket::ActionState;
use crate::store::ticket::TicketAction;
use crate::ticket::link::Answered;
use crate::ticket::press::Outcome;
use crate::ticket::text::{NOT_KNOWN, not_known};

pub const ASKED: &str = "⏳ XTSystems is asked. The ticket's card shows what it answers.";
pub const CHOOSE_STATUS: &str = "Which status shall the ticket have?";
pub const CHOOSE_PRIORITY: &str = "Which priority shall the ticket have?";
pub const NOTE_TITLE: &str = "Add a note";
pub const NOTE_LABEL: &str = "The note";
pub const NOTE_PLACEHOLDER: &str = "Goes to XTSystems, signed with your name here";
pub const CLOSE_TITLE: &str = "Close this ticket";
pub const CLOSE_LABEL: &str = "How was it resolved?";
pub const CLOSE_PLACEHOLDER: &str = "Shown on the card and kept in XTSystems";
pub const EMPTY: &str = "There was nothing written; nothing was done. Press the button again.";
pub const NO_TICKET: &str = "This ticket is not known in this server. Nothing was done.";
pub const NOT_LINKED: &str =
    "Signalbox does not know who you are in XTSystems, so nothing was assigned. Say it with /link-user set.";
pub const NO_LONGER_LISTED: &str = "XTSystems does not offer that, or not any more. Nothing was done; choose again.";

pub const NOT_YOUR_LIST: &str =
    "Only who asked for this list may turn its pages. Use /ticket list for one of your own.";
pub const NO_OPEN_TICKETS: &str = "There is no open ticket.";
pub const NO_PENDING_MACHINES: &str = "No machine waits for a decision.";
pub const NO_COMPANY: &str =
    "XTSystems was not asked: set XTSYSTEMS_COMPANY_ID, so that Signalbox knows whose machines to ask for.";
pub const ONLY_YOURSELF: &str = "You need the Manage Server permission to do this for somebody else.";
pub const NO_LINKS: &str = "Nobody is linked yet. Use /link-user set.";

/// Which page of how many, and how many tickets are open of those that XTSystems lists.
pub fn list_footer((page, pages): (usize, usize), (open, all): (usize, usize), is_complete: bool) -> String {
    let rest = if is_complete { "" } else { " · XTSystems does not list the older ones" };
    format!("{page}/{pages} · {open} open of {all}{rest}")
}

/// What became of `/ticket create`.
pub fn created(action: &TicketAction) -> String {
    let number = action.ticket_number.as_deref().or(action.ticket_id.as_deref()).unwrap_or("?");
    let title = escape(&fit(action.title.as_deref().unwrap_or_default(), 200));
    let said = action.upstream_text.as_deref().filter(|t| !t.is_empty()).unwrap_or("it gives no reason");
    match action.state {
        ActionState::Confirmed => format!("✅ Ticket **#{}** was created: {title}", escape(number)),
        ActionState::Refused => format!("⚠️ XTSystems refused to create the ticket: {}", escape(said)),
        ActionState::Requested => format!(
            "⏳ XTSystems cannot be reached; the ticket \"{title}\" is created as soon as it can ({}).",
            escape(said)
        ),
        ActionState::Unknown if action.upstream_text.as_deref() == Some(NOT_KNOWN) => not_known(action),
        ActionState::Sent | ActionState::Unknown => format!(
            "❔ XTSystems has not said whether the ticket \"{title}\" was created. Signalbox finds out and creates it once, \
             not twice; its card will appear."
        ),
    }
}

pub fn no_such_ticket(id: &str) -> String {
    format!(
        "XTSystems has no ticket {}. Choose one of those that are offered, or give its number.",
        escape(&fit(id, 80))
    )
}

pub fn no_such_machine(name: &str) -> String {
    format!("No machine called {} is known here. Choose one of those that are offered.", escape(&fit(name, 80)))
}

pub fn no_such_user(name: &str) -> String {
    format!(
        "XTSystems has no user {}, or several. Choose one of those that are offered, or give the exact e-mail address.",
        escape(&fit(name, 80))
    )
}

pub fn link_asked(member: UserId, name: &str) -> String {
    format!("🔗 <@{member}> says to be **{name}** in XTSystems. Somebody with Manage Server: is that so?")
}

pub fn not_pending_upstream(hostnames: &[String]) -> String {
    let names = escape(&fit(&hostnames.join(", "), 200));
    format!("Pending here, but not in XTSystems any more: {names}. A press on the card finds out what was decided.")
}

pub fn approval_state(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Requested => "🟠 pending",
        ApprovalState::Deciding | ApprovalState::Sent => "⏳ decided, waiting for XTSystems",
        ApprovalState::Unknown => "❔ decided, XTSystems has not said whether it was done",
        ApprovalState::Refused => "⚠️ XTSystems refused",
        ApprovalState::Confirmed => "✅ decided and confirmed",
        ApprovalState::Elsewhere => "✅ decided in XTSystems",
        ApprovalState::Superseded => "superseded",
        ApprovalState::Expired => "⌛ expired",
    }
}

pub fn not_allowed(roles: &[RoleId]) -> String {
    if roles.is_empty() {
        return "Only members with the Manage Server permission may change tickets.".into();
    }
    let names: Vec<String> = roles.iter().map(|role| format!("<@&{role}>")).collect();
    format!("Only members with {} may change tickets.", names.join(" or "))
}

/// Why nothing was asked for; `None` where there is nothing to say.
pub fn refusal(outcome: &Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Asked(_) | Outcome::Open | Outcome::Choose(_) | Outcome::Repeated => return None,
        Outcome::NotAllowed { roles } => not_allowed(roles),
        Outcome::Unknown => NO_TICKET.into(),
        Outcome::NoUpstream => super::NO_UPSTREAM.into(),
        Outcome::Pending { what, by, is_doubtful } => {
            let who = by.as_deref().unwrap_or("Someone");
            let state = match is_doubtful {
                true => {
                    "XTSystems has not said whether it was done; Signalbox keeps asking. Until that is known nothing \
                         else can be asked for"
                }
                false => "XTSystems has not answered yet; the card will show it",
            };
            format!("{who} asked for this already ({what}). {state}.")
        }
        Outcome::NotLinked => NOT_LINKED.into(),
        Outcome::AlreadyClosed => "This ticket is closed. Reopen it first.".into(),
        Outcome::NotClosed => "This ticket is not closed.".into(),
        Outcome::NoSuchChoice => NO_LONGER_LISTED.into(),
        Outcome::NoList(why) => format!("Nothing was done: {why}."),
    })
}

pub fn taken(by: Option<UserId>, name: &str) -> String {
    let who = by.map_or("somebody who is no longer known".to_owned(), |user| format!("<@{user}>"));
    format!("{name} in XTSystems is already {who}. Remove that link first, with /link-user remove.")
}

/// What the answer to a request says.
pub fn answered(answered: &Answered, by: UserId) -> String {
    let who = |user: &Option<UserId>| user.map_or("someone".to_owned(), |user| format!("<@{user}>"));
    match answered {
        Answered::Linked { user, name } => {
            format!("✅ {} is **{name}** in XTSystems, confirmed by <@{by}>.", who(user))
        }
        Answered::Declined { user, name } => {
            format!("⛔ {} is not linked to **{name}** in XTSystems: declined by <@{by}>.", who(user))
        }
        Answered::Taken(other) => taken(*other, "That user"),
        Answered::NotAllowed => "Only members with the Manage Server permission may confirm who somebody is.".into(),
        Answered::Unknown => "This request is not known in this server. Nothing was done.".into(),
        Answered::Before => "This request has been answered already, or replaced by a later one.".into(),
    }
}
