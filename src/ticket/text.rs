//! What a presser is told by the call's answer, after the press itself was acknowledged.

use crate::routing::embed::{escape, fit};
use crate::routing::ticket::what;
use crate::store::ticket::TicketAction;

/// XTSystems' refusal, in its words.
pub fn refused(action: &TicketAction) -> String {
    let number = action.ticket_number.as_deref().or(action.ticket_id.as_deref()).unwrap_or("?");
    let said = action.upstream_text.as_deref().filter(|t| !t.is_empty()).unwrap_or("it gives no reason");
    let what = what(action.verb, action.value_name.as_deref());
    format!("⚠️ XTSystems refused ({what}, ticket #{}): {}", escape(&fit(number, 60)), escape(said))
}

/// Kept as what XTSystems said, as long as it is so.
pub const NOT_KNOWN: &str = "XTSystems does not list all its tickets, so it is not known whether this one was created";

/// Of a ticket that may be there, where nobody can look.
pub fn not_known(action: &TicketAction) -> String {
    format!(
        "❔ It is not known whether the ticket \"{}\" was created: XTSystems does not list all its tickets. It is not created \
         again by itself. Look for it in XTSystems before you ask for it again; if it is there, its card appears here with \
         its next change.",
        escape(&fit(action.title.as_deref().unwrap_or_default(), 200))
    )
}
