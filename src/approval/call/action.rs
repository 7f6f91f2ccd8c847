//! Posts what was pressed on the card of a described source to where its configuration says, signed as Standard Webhooks
//! asks. The id is the decision's, the same in every attempt, so that the receiver does once what it gets twice.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::id::kick_source;
use crate::kick::redemption;
use crate::ports::Ports;
use crate::routing::card::ApprovalState;
use crate::routing::offer::{Offer, Offers};
use crate::source::generic::action::Action;
use crate::source::generic::config::SourceConfig;
use crate::store::approval::Approval;
use crate::upstream::outbound::{Answer, Message};
use crate::upstream::xtsystems::Decision;

/// Characters of an answer that people are shown.
const SHOWN: usize = 300;

pub(super) async fn post(ports: &Ports, approval: &Approval, offers: &Offers) -> Result<Decision> {
    if approval.source_id == kick_source(approval.guild_id) {
        return redemption::decide(ports, approval, offers).await;
    }
    let Some(offer) = approval.choice.as_deref().and_then(|id| offers.find(id)) else {
        return Ok(not_possible(approval, "this action is not on offer"));
    };
    let source = ports.store.find_generic_source(approval.guild_id, approval.source_id).await;
    let Some(source) = source.context("looking up the source of an action")? else {
        return Ok(not_possible(approval, "the source was removed; nothing was sent"));
    };
    let Ok(config) = serde_json::from_value::<SourceConfig>(source.config) else {
        return Ok(Decision::NotSent { text: "a newer release of Signalbox has described this source".into() });
    };
    let action = config.actions.iter().find(|action| action.id == offer.id);
    let Some((action, url)) = action.and_then(|action| Some((action, action.url()?))) else {
        return Ok(not_possible(approval, "the source has no such action any more; nothing was sent"));
    };
    let now = ports.clock.now();
    let secrets = ports.store.list_action_secrets(approval.guild_id, approval.source_id, now).await?;
    if secrets.is_empty() {
        return Ok(Decision::NotSent { text: "the secret that signs the action does not open".into() });
    }
    let body = body(approval, offers, offer).to_string();
    let id = message_id(approval);
    let message = Message { method: method(action), id: &id, body: &body, headers: &[] };
    Ok(judged(approval, ports.outbound.send(&url, &message, &secrets, now).await))
}

/// One decision is one message, however often it is sent.
fn message_id(approval: &Approval) -> String {
    let id = format!("act_{}_{}", approval.id.simple(), approval.decision);
    if crate::crash::lacks("same-id") { format!("{id}_{}", approval.call_attempts) } else { id }
}

fn method(action: &Action) -> &'static str {
    use crate::source::generic::action::Method;
    match action.method {
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
    }
}

/// The same in every attempt. Who decided is not told.
fn body(approval: &Approval, offers: &Offers, offer: &Offer) -> Value {
    json!({
        "type": "action.pressed",
        "timestamp": approval.decided_at,
        "data": {
            "action": offer.id,
            "source": offers.source,
            "subject": offers.subject,
            "kind": offers.kind,
            "title": approval.title,
            "event": approval.event_id,
            "reason": approval.reason,
            "approvals": approval.votes.max(1),
            "fields": offer.fields,
        }
    })
}

/// Nothing was sent now; an earlier attempt may have arrived.
fn not_possible(approval: &Approval, text: &str) -> Decision {
    match approval.state {
        ApprovalState::Unknown => Decision::Unknown { text: text.into() },
        _ => Decision::Refused { status: 0, text: text.into() },
    }
}

fn judged(approval: &Approval, answer: Answer) -> Decision {
    if answer.forbidden {
        return not_possible(approval, &answer.text);
    }
    let Some(status) = answer.status else {
        let text = answer.text;
        return if answer.certainly_not_sent { Decision::NotSent { text } } else { Decision::Unknown { text } };
    };
    match status {
        200..300 => Decision::Done { text: words(&answer.text).unwrap_or_default() },
        // Too early, too often: it was not looked at.
        425 | 429 => Decision::NotSent { text: said(status, &answer.text) },
        300..400 => Decision::Refused { status, text: format!("it answered {status}, and redirects are not followed") },
        408 | 500.. => Decision::Unknown { text: said(status, &answer.text) },
        _ => Decision::Refused { status, text: said(status, &answer.text) },
    }
}

fn said(status: u16, answer: &str) -> String {
    words(answer).unwrap_or_else(|| format!("it answered {status}"))
}

/// What an answer says to people: the message of a document, or a short text as it is.
fn words(answer: &str) -> Option<String> {
    let text = match serde_json::from_str::<Value>(answer) {
        Ok(Value::Object(map)) => ["message", "detail", "error", "title", "reason"]
            .iter()
            .find_map(|name| map.get(*name)?.as_str().map(str::to_owned)),
        Ok(Value::String(text)) => Some(text),
        Ok(_) => None,
        // A page is for browsers.
        Err(_) => Some(answer.to_owned()).filter(|text| !text.trim_start().starts_with('<')),
    };
    let text: String = text?.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_says() {
        for (answer, expected) in [
            (r#"{"message":"the build  is\nlocked"}"#, Some("the build is locked")),
            (r#"{"error":{"code":1},"detail":"no such run"}"#, Some("no such run")),
            ("not now", Some("not now")),
            ("<html>502</html>", None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(words(answer).as_deref(), expected, "{answer}");
        }
    }
}
