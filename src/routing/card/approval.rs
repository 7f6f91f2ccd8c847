//! What a card shows of an approval: its state with who and when, and the buttons that do something now.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::routing::embed::{Button, ButtonStyle, escape, fit, relative};
use crate::routing::offer::{Offer, Offers, Style};

/// A reason is shown whole: its form takes no more than half of this.
const REASON: usize = 1000;

/// What a card shows of an approval. States as in `ARCHITECTURE.md`, table 2.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalView {
    pub id: Uuid,
    pub state: ApprovalState,
    pub verb: Option<Verb>,
    /// What can be done instead of approving and denying, and what of it was chosen.
    pub offers: Option<Offers>,
    pub choice: Option<String>,
    /// Who pressed, as a mention.
    pub by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    /// What the system answered, in its words.
    pub upstream_text: Option<String>,
    pub attempts: i32,
    /// The decision as XTSystems has it, and who took it there.
    pub outcome: Option<Verb>,
    pub outcome_by: Option<String>,
    pub settled_at: Option<DateTime<Utc>>,
    /// What it is about, in the words of its source.
    pub title: String,
    pub requested_by: Option<String>,
    /// How many have to approve, and who has.
    pub needed: i32,
    pub votes: Vec<Voter>,
    /// While the decision can be undone: when it will be sent.
    pub undo_until: Option<DateTime<Utc>>,
    /// Who took the last decision back, and when.
    pub undone: Option<Voter>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// Somebody, as a mention, when they did it, and what of several things it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Voter {
    pub who: String,
    pub at: DateTime<Utc>,
    pub choice: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    Requested,
    Deciding,
    Sent,
    Unknown,
    Confirmed,
    Refused,
    Elsewhere,
    Superseded,
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Approve,
    Deny,
}

impl ApprovalState {
    const NAMES: [(&'static str, ApprovalState); 9] = [
        ("requested", ApprovalState::Requested),
        ("deciding", ApprovalState::Deciding),
        ("sent", ApprovalState::Sent),
        ("unknown", ApprovalState::Unknown),
        ("confirmed", ApprovalState::Confirmed),
        ("refused", ApprovalState::Refused),
        ("elsewhere", ApprovalState::Elsewhere),
        ("superseded", ApprovalState::Superseded),
        ("expired", ApprovalState::Expired),
    ];

    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, state)| *state == self).map_or("", |(name, _)| name)
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(name, _)| *name == word).map(|(_, state)| *state)
    }
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Approve => "approve",
            Verb::Deny => "deny",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "approve" => Some(Verb::Approve),
            "deny" => Some(Verb::Deny),
            _ => None,
        }
    }

    pub fn opposite(self) -> Self {
        match self {
            Verb::Approve => Verb::Deny,
            Verb::Deny => Verb::Approve,
        }
    }

    /// "Approved", "Denied".
    pub fn done(self) -> &'static str {
        match self {
            Verb::Approve => "Approved",
            Verb::Deny => "Denied",
        }
    }

    fn button(self, approval: Uuid, label: &str) -> Button {
        let (emoji, style) = match self {
            Verb::Approve => ("✅", ButtonStyle::Success),
            Verb::Deny => ("⛔", ButtonStyle::Danger),
        };
        button(approval, self.as_str(), label, emoji, style)
    }

    /// "Approve", "Deny".
    pub fn label(self) -> &'static str {
        match self {
            Verb::Approve => "Approve",
            Verb::Deny => "Deny",
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Verb::Approve => "✅",
            Verb::Deny => "⛔",
        }
    }
}

fn button(approval: Uuid, act: &str, label: &str, emoji: &'static str, style: ButtonStyle) -> Button {
    Button { custom_id: format!("v1:approval:{act}:{approval}"), label: label.to_owned(), emoji: Some(emoji), style }
}

impl ApprovalView {
    /// Who is told, and says what came of it.
    pub fn system(&self) -> String {
        self.offers.as_ref().map_or_else(|| "XTSystems".to_owned(), |offers| escape(&fit(&offers.source, 40)))
    }

    /// What was decided, as its button says it.
    fn act(&self) -> String {
        match &self.offers {
            Some(offers) => name(offers, self.choice.as_deref().unwrap_or_default()),
            None => self.verb.unwrap_or(Verb::Approve).label().to_owned(),
        }
    }
}

fn name(offers: &Offers, id: &str) -> String {
    escape(offers.find(id).map_or(id, |offer| offer.label.as_str()))
}

/// An approval as a card shows it.
pub(super) struct Shown {
    pub status: String,
    pub buttons: Vec<Button>,
    /// What has been decided, once XTSystems has said so.
    pub settled: Option<Verb>,
}

/// The reason, unless it was one for a denial that an approval has overtaken.
pub(super) fn reason(a: &ApprovalView) -> String {
    let holds = a.outcome != Some(Verb::Approve) || a.verb == Some(Verb::Approve);
    a.reason.as_deref().filter(|_| holds).map(|r| fit(&escape(r), REASON)).unwrap_or_default()
}

/// Never says that something was done before the system said so.
pub(super) fn show(a: &ApprovalView) -> Shown {
    let verb = a.verb.unwrap_or(Verb::Approve);
    let said = a.upstream_text.as_deref().filter(|t| !t.trim().is_empty());
    let said = said.map(|t| format!("\n> {}", fit(&escape(t), 300))).unwrap_or_default();
    let open = |status: String, buttons| Shown { status, buttons, settled: None };
    let settled = |verb: Verb, status: String| Shown {
        status: format!("{} {} {status}", verb.symbol(), verb.done()),
        buttons: Vec::new(),
        settled: Some(verb),
    };
    let at = a.settled_at.map(relative).unwrap_or_default();
    let (system, act) = (a.system(), a.act());
    match a.state {
        ApprovalState::Requested => open(requested(a), open_buttons(a)),
        ApprovalState::Deciding if a.undo_until.is_some() => open(
            format!(
                "⏳ {act} asked for by {}, sent to {system} {}",
                deciders(a),
                a.undo_until.map(relative).unwrap_or_default()
            ),
            vec![button(a.id, "undo", "Undo", "↩️", ButtonStyle::Secondary)],
        ),
        ApprovalState::Deciding | ApprovalState::Sent => {
            open(format!("⏳ {act} asked for by {}, waiting for {system} to confirm", deciders(a)), vec![])
        }
        ApprovalState::Unknown => open(
            format!(
                "❔ {act} asked for by {}. {system} has not said whether it was done; asking again ({} so far)",
                deciders(a),
                a.attempts
            ),
            vec![],
        ),
        ApprovalState::Refused if a.offers.is_some() => {
            open(format!("⚠️ {system} refused: {act} (asked for by {}){said}", deciders(a)), open_buttons(a))
        }
        ApprovalState::Refused => open(
            format!("⚠️ XTSystems refused to {} (asked for by {}){said}", verb.as_str(), deciders(a)),
            vec![
                verb.button(a.id, &format!("Retry {}", verb.label())),
                verb.opposite().button(a.id, verb.opposite().label()),
            ],
        ),
        ApprovalState::Confirmed if a.offers.is_some() => {
            open(format!("✅ {act} by {}, confirmed by {system} {at}{said}", deciders(a)), vec![])
        }
        ApprovalState::Confirmed => {
            let by = deciders(a);
            settled(a.outcome.unwrap_or(verb), format!("by {by}, confirmed by XTSystems {at}"))
        }
        ApprovalState::Elsewhere => {
            let who = a.outcome_by.as_deref().map(|w| format!(" by {}", escape(&fit(w, 80)))).unwrap_or_default();
            match a.outcome {
                Some(outcome) => settled(outcome, format!("in XTSystems{who} {at}")),
                // What was decided nobody said.
                None => open(format!("☑️ Decided in XTSystems{who} {at}"), vec![]),
            }
        }
        ApprovalState::Superseded if a.offers.is_some() => {
            let words = format!("☑️ {act} asked for by {} is off: {system} has said something new", deciders(a));
            open(if a.verb.is_some() { words } else { String::new() }, vec![])
        }
        ApprovalState::Superseded => open("Superseded by a newer registration".into(), vec![]),
        ApprovalState::Expired => open(format!("⌛ Expired {at}: nobody decided in time"), vec![]),
    }
}

fn requested(a: &ApprovalView) -> String {
    let mut lines = Vec::new();
    if a.offers.is_none() {
        lines.push("🟠 Pending Approval".to_owned());
    }
    if let Some(who) = &a.requested_by {
        lines.push(format!("Requested by {}", person(who)));
    }
    if let Some(offers) = a.offers.as_ref().filter(|_| a.needed > 1) {
        for offer in &offers.offers {
            let votes = votes_for(a, &offer.id);
            if !votes.is_empty() {
                lines.push(format!("{}: {} of {}: {}", escape(&offer.label), votes.len(), a.needed, voters(&votes)));
            }
        }
    } else if a.needed > 1 {
        let voters = if a.votes.is_empty() { String::new() } else { format!(": {}", voters(&a.votes)) };
        lines.push(format!("{} of {} approved{voters}", a.votes.len(), a.needed));
    }
    if let Some(undone) = &a.undone {
        lines.push(format!("↩️ Undone by {} {}", undone.who, relative(undone.at)));
    }
    if let Some(at) = a.expires_at {
        lines.push(format!("Expires {}", relative(at)));
    }
    lines.join("\n")
}

fn votes_for(a: &ApprovalView, choice: &str) -> Vec<Voter> {
    a.votes.iter().filter(|vote| vote.choice == choice).cloned().collect()
}

fn open_buttons(a: &ApprovalView) -> Vec<Button> {
    let mut buttons = match &a.offers {
        Some(offers) => offers.offers.iter().map(|offer| offer_button(a, offer)).collect(),
        None => vec![Verb::Approve.button(a.id, "Approve"), Verb::Deny.button(a.id, "Deny")],
    };
    if !a.votes.is_empty() {
        buttons.push(button(a.id, "retract", "Take Back", "↩️", ButtonStyle::Secondary));
    }
    buttons
}

fn offer_button(a: &ApprovalView, offer: &Offer) -> Button {
    let again = a.state == ApprovalState::Refused && a.choice.as_deref() == Some(&offer.id);
    let style = match offer.style {
        Style::Secondary => ButtonStyle::Secondary,
        Style::Success => ButtonStyle::Success,
        Style::Danger => ButtonStyle::Danger,
    };
    Button {
        custom_id: format!("v1:approval:do:{}:{}", offer.id, a.id),
        label: if again { format!("Retry {}", offer.label) } else { offer.label.clone() },
        emoji: None,
        style,
    }
}

/// Everybody whose approval it took; else who decided.
fn deciders(a: &ApprovalView) -> String {
    if a.verb == Some(Verb::Approve) && a.needed > 1 && !a.votes.is_empty() {
        return voters(&votes_for(a, a.choice.as_deref().unwrap_or_default()));
    }
    let by = a.by.as_deref().unwrap_or("someone");
    format!("{by} {}", a.decided_at.map(relative).unwrap_or_default())
}

fn voters(votes: &[Voter]) -> String {
    let each: Vec<String> = votes.iter().map(|vote| format!("{} {}", vote.who, relative(vote.at))).collect();
    each.join(", ")
}

/// A mention of Discord stays one; any other name is foreign text.
pub(super) fn person(name: &str) -> String {
    let id = name.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>'));
    let is_mention = id.is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()));
    if is_mention { name.to_owned() } else { escape(&fit(name, 80)) }
}
