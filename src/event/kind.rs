//! The one table of event kinds: severity, rank in the order key, subject and look of its card.

use serde::{Deserialize, Serialize};

/// How much a signal matters. Routes may ask for a minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Debug => "debug",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Critical => "critical",
        }
    }

    /// Reads the words that systems use for severities; `None` for a word nobody uses.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "debug" | "trace" => Severity::Debug,
            "info" | "information" | "informational" | "low" | "notice" | "ok" | "p4" | "p5" | "sev4" => Severity::Info,
            "warning" | "warn" | "medium" | "minor" | "average" | "p3" | "sev3" => Severity::Warning,
            "error" | "high" | "err" | "major" | "p2" | "sev2" => Severity::Error,
            "critical" | "fatal" | "emergency" | "urgent" | "disaster" | "page" | "p1" | "sev1" => Severity::Critical,
            _ => return None,
        })
    }
}

/// The thing a living card is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    Ticket,
    Machine,
    Asset,
    Party,
    /// One stream of a Kick channel.
    Stream,
    /// Whatever a described source says it is.
    Signal,
    /// A message of a stream community that shows how something stands.
    Board,
    /// A round, a map, awards or a session of a game server.
    Match,
}

impl SubjectKind {
    pub fn as_str(self) -> &'static str {
        match self {
            SubjectKind::Ticket => "ticket",
            SubjectKind::Machine => "machine",
            SubjectKind::Asset => "asset",
            SubjectKind::Party => "party",
            SubjectKind::Stream => "stream",
            SubjectKind::Signal => "signal",
            SubjectKind::Board => "board",
            SubjectKind::Match => "match",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "ticket" => SubjectKind::Ticket,
            "machine" => SubjectKind::Machine,
            "asset" => SubjectKind::Asset,
            "party" => SubjectKind::Party,
            "stream" => SubjectKind::Stream,
            "signal" => SubjectKind::Signal,
            "board" => SubjectKind::Board,
            "match" => SubjectKind::Match,
            _ => return None,
        })
    }
}

/// One known kind of event.
pub struct KindSpec {
    pub name: &'static str,
    pub severity: Severity,
    /// Place among events of the same second: created < updated < closed.
    pub rank: u8,
    /// Set when the kind belongs on a living card.
    pub subject: Option<SubjectKind>,
    /// False for kinds that are recorded but say nothing in a channel.
    pub shown: bool,
}

const fn spec(name: &'static str, severity: Severity, rank: u8, subject: Option<SubjectKind>, shown: bool) -> KindSpec {
    KindSpec { name, severity, rank, subject, shown }
}

/// Every kind the built-in sources send.
pub const KINDS: &[KindSpec] = &[
    spec("ticket.created", Severity::Info, 0, Some(SubjectKind::Ticket), true),
    spec("ticket.updated", Severity::Info, 1, Some(SubjectKind::Ticket), true),
    spec("ticket.closed", Severity::Info, 2, Some(SubjectKind::Ticket), true),
    spec("asset.created", Severity::Info, 0, Some(SubjectKind::Asset), true),
    spec("asset.updated", Severity::Info, 1, Some(SubjectKind::Asset), true),
    spec("user.created", Severity::Info, 0, None, true),
    spec("company.created", Severity::Info, 0, None, true),
    spec("machine.registered", Severity::Warning, 0, Some(SubjectKind::Machine), true),
    spec("machine.approved", Severity::Info, 2, Some(SubjectKind::Machine), true),
    spec("alert.triggered", Severity::Error, 0, None, true),
    spec("webhook.test", Severity::Debug, 0, None, false),
    spec("signalbox.notice", Severity::Warning, 0, None, true),
    spec("panel.settings.updated", Severity::Info, 1, None, true),
    spec("panel.server.state", Severity::Warning, 1, None, true),
    spec("panel.server.created", Severity::Info, 0, None, true),
    spec("panel.server.suspended", Severity::Warning, 2, None, true),
    spec("panel.sync.started", Severity::Info, 0, None, true),
    spec("panel.sync.completed", Severity::Info, 2, None, true),
    spec("panel.sync.failed", Severity::Error, 2, None, true),
    spec("panel.sync.cancelled", Severity::Warning, 2, None, true),
    spec("panel.system.alert", Severity::Warning, 1, None, true),
    spec("panel.ticket.created", Severity::Info, 0, None, true),
    spec("panel.ticket.updated", Severity::Info, 1, None, true),
    spec("panel.ticket.resolved", Severity::Info, 2, None, true),
    spec("panel.node.alert", Severity::Warning, 1, None, true),
    spec("panel.billing.invoice", Severity::Info, 0, None, true),
    spec("panel.billing.payment", Severity::Info, 1, None, true),
    spec("panel.billing.subscription", Severity::Info, 1, None, true),
    spec("panel.security.event", Severity::Error, 1, None, true),
    spec("panel.user.registered", Severity::Info, 0, None, true),
    spec("panel.custom", Severity::Info, 1, None, true),
    spec("panel.notification", Severity::Info, 1, None, true),
    spec("party.created", Severity::Info, 0, Some(SubjectKind::Party), true),
    spec("party.peer_joined", Severity::Info, 1, Some(SubjectKind::Party), true),
    spec("party.peer_left", Severity::Info, 1, Some(SubjectKind::Party), true),
    spec("party.game_started", Severity::Info, 1, Some(SubjectKind::Party), true),
    spec("party.game_ended", Severity::Info, 2, Some(SubjectKind::Party), true),
    spec("party.test", Severity::Info, 1, None, true),
    spec("party.message", Severity::Info, 1, None, true),
    spec("kick.livestream.started", Severity::Info, 0, Some(SubjectKind::Stream), true),
    spec("kick.livestream.updated", Severity::Info, 1, Some(SubjectKind::Stream), true),
    spec("kick.livestream.ended", Severity::Info, 2, Some(SubjectKind::Stream), true),
    spec("kick.channel.followed", Severity::Info, 0, None, true),
    spec("kick.subscription.new", Severity::Info, 0, None, true),
    spec("kick.subscription.renewal", Severity::Info, 0, None, true),
    spec("kick.subscription.gifts", Severity::Info, 0, None, true),
    spec("kick.kicks.gifted", Severity::Info, 0, None, true),
    spec("kick.reward.redemption", Severity::Info, 1, Some(SubjectKind::Signal), true),
    spec("kick.moderation.banned", Severity::Warning, 0, None, true),
    spec("etlegacy.round", Severity::Info, 1, Some(SubjectKind::Match), true),
    spec("etlegacy.map", Severity::Info, 1, Some(SubjectKind::Match), true),
    spec("etlegacy.awards", Severity::Info, 1, Some(SubjectKind::Match), true),
    spec("etlegacy.session", Severity::Info, 1, Some(SubjectKind::Match), true),
];

/// Sources that XTSystems has nothing to do with, by the first word of their kinds.
const OTHERS: [&str; 5] = ["signalbox", "panel", "party", "kick", "etlegacy"];

/// The kinds that XTSystems sends, in the order of its documentation.
pub fn xtsystems_kinds() -> impl Iterator<Item = &'static str> {
    let of_others = |name: &str| name.split_once('.').is_some_and(|(source, _)| OTHERS.contains(&source));
    KINDS.iter().map(|k| k.name).filter(move |name| !of_others(name))
}

pub fn find(name: &str) -> Option<&'static KindSpec> {
    KINDS.iter().find(|k| k.name == name)
}

/// Whether an event of this kind is shown as its subject's living card. What goes on at a party is told in messages of
/// its own; its card, which the creation posts, follows.
pub fn opens_card(name: &str) -> bool {
    match find(name).and_then(|kind| kind.subject) {
        Some(SubjectKind::Party) => name == "party.created",
        subject => subject.is_some(),
    }
}

/// The names of all kinds.
pub fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// Rank of a kind in the order key. Unknown kinds count as updates.
pub fn rank(name: &str) -> u8 {
    find(name).map_or(1, |k| k.rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_other_systems_are_known() {
        for (severity, words) in [
            (Severity::Critical, "critical Page P1 sev1 disaster"),
            (Severity::Error, "error HIGH major p2"),
            (Severity::Warning, "warn minor average p3"),
            (Severity::Info, "info informational p5 ok"),
            (Severity::Debug, "debug trace"),
        ] {
            assert!(words.split(' ').all(|word| Severity::parse(word) == Some(severity)), "{words}");
        }
        assert_eq!(Severity::parse("purple"), None);
    }
}
