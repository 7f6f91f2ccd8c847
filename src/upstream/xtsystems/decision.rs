//! What an answer to "approve" or "deny" means. Pure.

use serde_json::Value;

use crate::routing::card::Verb;

use super::text::said;

/// The fate of one call. Texts are clean (see `UpstreamError`) and may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// XTSystems confirmed.
    Done { text: String },
    /// Somebody had decided before. `None`: the answer does not say what.
    DecidedElsewhere { verb: Option<Verb>, status: u16, text: String },
    /// Not done, and repeating it unchanged will not help.
    Refused { status: u16, text: String },
    /// May have been done or not: time-out, 5xx, an answer that broke off.
    Unknown { text: String },
    /// Certainly not done, and to be asked again later: the request never left, or was not taken.
    NotSent { text: String },
}

impl Decision {
    pub fn text(&self) -> &str {
        match self {
            Self::Done { text }
            | Self::DecidedElsewhere { text, .. }
            | Self::Refused { text, .. }
            | Self::Unknown { text }
            | Self::NotSent { text } => text,
        }
    }
}

const KEY_HINT: &str = "check XTSYSTEMS_API_KEY, and whether it is to be sent as a bearer token or raw";
const PERMISSION_HINT: &str = "the API key's user may not decide about machines";
const REDIRECT_HINT: &str = "XTSystems redirects: set XTSYSTEMS_API_URL to the address it answers at";

/// Judges an answer that was read to its end.
pub(super) fn judge(status: u16, body: &[u8], clean: impl Fn(&str) -> String) -> Decision {
    let words = said(body);
    let text = clean(&words);
    let hinted = |hint: &str| if text.is_empty() { hint.to_owned() } else { format!("{text} ({hint})") };
    let named = || named(&words).map(|named| Named { verb: named.verb.or_else(|| verb_of_state(body)), ..named });
    match status {
        200..=299 if !says_failure(body) => Decision::Done { text },
        // A 2xx that says `success: false` did not confirm anything.
        200..=299 => match named() {
            Some(named) => Decision::DecidedElsewhere { verb: named.verb, status, text },
            None => Decision::Refused { status, text },
        },
        300..=399 => Decision::Refused { status, text: REDIRECT_HINT.into() },
        401 => Decision::Refused { status, text: hinted(KEY_HINT) },
        // "Access denied" is about the caller: only "already …" is about the machine.
        403 => match named().filter(|named| named.already) {
            Some(named) => Decision::DecidedElsewhere { verb: named.verb, status, text },
            None => Decision::Refused { status, text: hinted(PERMISSION_HINT) },
        },
        // "Slow down" is said before anything is done.
        425 | 429 => Decision::NotSent { text: clean(&answered(status, &text)) },
        408 | 500.. => Decision::Unknown { text: clean(&answered(status, &text)) },
        409 => {
            let verb = named().map_or_else(|| only_verb(&words).or_else(|| verb_of_state(body)), |named| named.verb);
            Decision::DecidedElsewhere { verb, status, text }
        }
        _ => match named() {
            Some(named) => Decision::DecidedElsewhere { verb: named.verb, status, text },
            None => Decision::Refused { status, text },
        },
    }
}

fn answered(status: u16, text: &str) -> String {
    let text = if text.is_empty() { String::new() } else { format!(": {text}") };
    format!("XTSystems answered {status}{text}")
}

/// What the list of a company's machines says about one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has decided since it registered.
    Pending,
    Decided(Decision),
}

/// `None` when the list does not say.
pub(super) fn of_machine(machines: &[Value], asset_id: &str, clean: impl Fn(&str) -> String) -> Option<Standing> {
    let is_meant =
        |machine: &&Value| ["asset_id", "id"].iter().any(|name| machine.get(name).is_some_and(|id| is(id, asset_id)));
    let status = machines.iter().find(is_meant)?.get("status")?.as_str()?;
    if status.to_lowercase().starts_with("pending") {
        return Some(Standing::Pending);
    }
    let verb = participle(&status.to_lowercase())??;
    let text = clean(&format!("XTSystems has it as {status}"));
    Some(Standing::Decided(Decision::DecidedElsewhere { verb: Some(verb), status: 200, text }))
}

/// An id may be a text or a number.
fn is(value: &Value, id: &str) -> bool {
    value.as_str() == Some(id) || value.as_number().is_some_and(|number| number.to_string() == id)
}

fn says_failure(body: &[u8]) -> bool {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    value.is_some_and(|value| value.get("success") == Some(&Value::Bool(false)))
}

/// A decision that a text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Named {
    /// `None` when it names both, or none in particular.
    verb: Option<Verb>,
    already: bool,
}

/// What a word says was decided; the inner `None` is a decision of no particular verb.
fn participle(word: &str) -> Option<Option<Verb>> {
    Some(match word {
        "approved" => Some(Verb::Approve),
        "denied" | "rejected" | "declined" => Some(Verb::Deny),
        "decided" | "processed" | "handled" | "resolved" => None,
        _ => return None,
    })
}

/// "already approved", "has been denied by …", "status: approved"; but not "access denied", "cannot be
/// approved" or "not approved".
fn named(text: &str) -> Option<Named> {
    let words = words(text);
    let (mut verbs, mut is_already, mut is_named) = (Vec::new(), false, false);
    // Explanations are short; a page that is not one can't be made to cost.
    for (at, word) in words.iter().enumerate().take(400) {
        let Some(verb) = participle(word) else { continue };
        let rest = words.get(at + 1..).filter(|rest| !rest.is_empty()).map(|rest| rest.join(" "));
        let Some(already) = is_stated(verb, &words[..at], rest.as_deref()) else { continue };
        // A word that names no verb only counts after "already".
        if verb.is_none() && !already {
            continue;
        }
        verbs.extend(verb);
        is_already |= already;
        is_named = true;
    }
    if is_named {
        let verb = verbs.first().copied().filter(|first| verbs.iter().all(|verb| verb == first));
        return Some(Named { verb, already: is_already });
    }
    let line = words.join(" ");
    let is_settled = line.contains("not pending") || line.contains("no longer pending");
    is_settled.then_some(Named { verb: None, already: false })
}

/// Whether the words around a participle state it as a fact about the machine; `Some(true)` after "already".
/// Much else than a machine gets denied, so those words need a noun; little else gets approved.
fn is_stated(verb: Option<Verb>, before: &[String], after: Option<&str>) -> Option<bool> {
    let mut is_fact = before.is_empty() && after.is_none();
    for word in before.iter().rev().take(4) {
        match word.as_str() {
            "already" | "previously" => return Some(true),
            "not" | "never" | "cannot" | "t" | "can" | "could" | "must" | "should" | "may" | "to" | "needs"
            | "only" | "unless" | "until" | "if" | "before" => return None,
            "access" | "permission" | "permissions" | "authorization" | "authentication" | "request" | "login"
            | "operation" | "action" => return None,
            "machine" | "device" | "registration" | "asset" | "status" | "state" | "currently" => is_fact = true,
            "was" | "is" | "been" | "has" if verb == Some(Verb::Approve) => is_fact = true,
            _ => {}
        }
    }
    // "denied by policy" has no decider.
    let by_someone =
        after.is_some_and(|words| words.starts_with("by ") && !OF_THE_NETWORK.iter().any(|w| words.contains(w)));
    (is_fact || by_someone).then_some(false)
}

const OF_THE_NETWORK: [&str; 6] = ["policy", "firewall", "rule", "server", "proxy", "security"];

/// The verb, when a text has participles of one verb only and no negation.
fn only_verb(text: &str) -> Option<Verb> {
    let words = words(text);
    if words.iter().any(|word| matches!(word.as_str(), "not" | "cannot" | "never")) {
        return None;
    }
    let mut verbs = words.iter().filter_map(|word| participle(word)?);
    let first = verbs.next()?;
    verbs.all(|verb| verb == first).then_some(first)
}

/// `{"detail": "Machine is not pending", "status": "approved"}`. By itself such a field says too little:
/// it may be about the request.
fn verb_of_state(body: &[u8]) -> Option<Verb> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let said = ["status", "state", "decision"].iter().find_map(|name| value.get(name)?.as_str())?;
    participle(&said.to_lowercase())?
}

/// Lower-case words; ids, addresses and other pieces with digits are left out.
fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let pieces = lower.split_whitespace().filter(|piece| !piece.contains(|c: char| c.is_ascii_digit()));
    let words = pieces.flat_map(|piece| piece.split(|c: char| !c.is_alphabetic()));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Decision {
        judge(status, body.as_bytes(), str::to_owned)
    }

    fn elsewhere(verb: Option<Verb>, status: u16, text: &str) -> Decision {
        Decision::DecidedElsewhere { verb, status, text: text.to_owned() }
    }

    #[test]
    fn texts_that_name_a_decision() {
        let (approve, deny) = (Some(Verb::Approve), Some(Verb::Deny));
        for (verb, text) in [
            (approve, "Machine already approved"),
            (deny, "Already denied."),
            (approve, "Asset a-1 has already been approved by admin@example.com"),
            (deny, "This machine was rejected"),
            (approve, "status: approved"),
            (deny, "denied by admin@example.com"),
            (deny, "denied"),
            (deny, "Machine denied"),
            (deny, "asset has been denied"),
            (deny, "Machine 0b9e3c52-9d7b-4f2c-8a51-4b3c2d1e0f9a denied"),
            (approve, "It has been approved by admin"),
            (approve, "not found or already approved"),
            (approve, "Cannot deny: machine is already approved"),
            (approve, "Cannot deny a machine that is approved"),
            (None, "already approved or denied"),
            (None, "Machine is not pending"),
            (None, "The request is no longer pending"),
            (None, "Machine has already been processed"),
        ] {
            assert_eq!(judged(400, text), elsewhere(verb, 400, text));
            assert_eq!(judged(409, text), elsewhere(verb, 409, text));
        }
        let both = r#"{"detail":"Machine is not pending","status":"approved"}"#;
        assert_eq!(judged(400, both), elsewhere(approve, 400, "Machine is not pending"));
        assert_eq!(judged(409, r#"{"status":"denied"}"#), elsewhere(deny, 409, ""));
        assert_eq!(judged(409, "approved"), elsewhere(approve, 409, "approved"));
        assert_eq!(judged(409, "conflict"), elsewhere(None, 409, "conflict"));
    }

    #[test]
    fn texts_that_do_not() {
        for text in [
            "",
            "Access denied",
            "Permission to this company was denied",
            "request denied",
            "Machine cannot be approved",
            "Machine is not approved yet",
            "The machine hasn't been approved",
            "asset must be approved first",
            "Only pending machines can be denied",
            "Asset not found",
            "company could not be resolved",
            "the request could not be processed",
            "The request was processed with errors",
            "Your payload was rejected",
            "The key has been denied",
            "blocked: denied by the firewall",
            r#"{"status":"denied","code":7}"#,
        ] {
            assert!(matches!(judged(400, text), Decision::Refused { status: 400, .. }), "{text}");
        }
    }

    #[test]
    fn the_list_of_machines_tells_what_was_decided() {
        let machines = serde_json::json!([{"asset_id": "a", "status": "approved"}, {"id": 7, "status": "Denied"},
            {"asset_id": "p", "status": "pending"}, {"asset_id": "x"}]);
        let of = |id: &str| of_machine(machines.as_array().unwrap(), id, str::to_owned);
        let decided = |verb, text| Some(Standing::Decided(elsewhere(Some(verb), 200, text)));
        assert_eq!(of("a"), decided(Verb::Approve, "XTSystems has it as approved"));
        assert_eq!(of("7"), decided(Verb::Deny, "XTSystems has it as Denied"));
        assert_eq!([of("p"), of("x"), of("nobody")], [Some(Standing::Pending), None, None]);
    }

    #[test]
    fn statuses() {
        assert_eq!(judged(200, r#"{"message":"ok"}"#), Decision::Done { text: "ok".into() });
        assert_eq!(judged(204, ""), Decision::Done { text: String::new() });
        assert_eq!(judged(200, r#"{"success":true}"#), Decision::Done { text: String::new() });
        let failed = r#"{"success":false,"message":"no such asset"}"#;
        assert_eq!(judged(200, failed), Decision::Refused { status: 200, text: "no such asset".into() });
        assert!(matches!(judged(307, ""), Decision::Refused { status: 307, .. }));
        assert_eq!(
            judged(401, r#"{"detail":"Invalid token"}"#).text(),
            "Invalid token (check XTSYSTEMS_API_KEY, and whether it is to be sent as a bearer token or raw)"
        );
        assert_eq!(judged(403, "denied").text(), "denied (the API key's user may not decide about machines)");
        assert!(matches!(judged(403, "machine denied access"), Decision::Refused { .. }));
        assert_eq!(judged(403, "already denied"), elsewhere(Some(Verb::Deny), 403, "already denied"));
        assert_eq!(judged(429, "slow down"), Decision::NotSent { text: "XTSystems answered 429: slow down".into() });
        assert!(matches!(judged(425, ""), Decision::NotSent { .. }));
        for status in [408, 500, 502, 503, 504, 599] {
            assert!(matches!(judged(status, "Machine already approved"), Decision::Unknown { .. }));
        }
        assert_eq!(judged(502, "<h1>Bad Gateway</h1>").text(), "XTSystems answered 502:  Bad Gateway  ");
    }
}
