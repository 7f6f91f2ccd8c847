//! What whoever pressed an action is told by its receiver's answer, after the press itself was acknowledged.

use crate::routing::embed::{escape, fit};
use crate::store::approval::Approval;

/// The receiver's refusal, in its words.
pub fn refused(approval: &Approval) -> String {
    let source = approval.offers().map_or("", |offers| offers.source.as_str());
    let action = approval.chosen().map_or("", |offer| offer.label.as_str());
    let said = approval.upstream_text.as_deref().filter(|text| !text.is_empty()).unwrap_or("it gives no reason");
    let title = fit(&escape(&approval.title), 200);
    format!("⚠️ {} refused ({}, {title}): {}", escape(source), escape(action), fit(&escape(said), 1000))
}
