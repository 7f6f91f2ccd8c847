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
