//! What the cards of described sources offer: each event says it anew. The same offers leave what people are at alone;
//! others, and none, take the place of what was not sent yet.

use anyhow::Result;
use serde_json::json;

use super::{Opening, audit, open, rules};
use crate::event::{Event, SIGNAL_SUBJECT};
use crate::ports::Ports;
use crate::routing::card::ApprovalState;
use crate::routing::offer::{OFFERS, Offer, Offers};
use crate::routing::subject::plain;
use crate::store::Tx;
use crate::store::approval::{UpstreamCall, lock_subject_approvals, save_approval};
use crate::store::subject::Subject;

pub(super) async fn on_event(ports: &Ports, tx: &mut Tx, event: &Event, subject: &Subject) -> Result<()> {
    let offers = offers(event, subject);
    let existing = lock_subject_approvals(tx, subject.id).await?;
    let key = event.order_key();
    if existing.last().is_some_and(|newest| (newest.occurred_at, newest.received_at) > (key.time, key.received_at)) {
        return Ok(());
    }
    if offers.offers.is_empty() {
        for mut older in existing {
            if rules::supersede(&mut older) {
                save_approval(tx, &older).await?;
                audit(tx, ports, &older, None, "superseded", json!({ "event": event.id })).await?;
            }
        }
        return Ok(());
    }
    let stands = existing.last().is_some_and(|newest| is_under_way(newest.state) && newest.offers() == Some(&offers));
    if stands {
        return Ok(());
    }
    let title = event.data.get("title").and_then(plain).unwrap_or_else(|| offers.subject.clone());
    let call = UpstreamCall::Action(offers);
    let opening = Opening { kind: "action", title, facts: &[], call, requested_by: None, decided: None };
    open(ports, tx, event, subject, opening).await
}

fn is_under_way(state: ApprovalState) -> bool {
    use ApprovalState::{Deciding, Refused, Requested, Sent, Unknown};
    matches!(state, Requested | Deciding | Sent | Unknown | Refused)
}

fn offers(event: &Event, subject: &Subject) -> Offers {
    let listed = event.data.get(OFFERS).cloned().unwrap_or_default();
    let offers: Vec<Offer> = serde_json::from_value(listed).unwrap_or_default();
    Offers {
        source: event.data.get("signal_source").and_then(plain).unwrap_or_default(),
        subject: subject.key.strip_prefix(SIGNAL_SUBJECT).unwrap_or(&subject.key).to_owned(),
        kind: event.kind.clone(),
        offers,
    }
}
