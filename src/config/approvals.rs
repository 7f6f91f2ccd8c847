//! The rules of approvals: what the environment sets for every server, and the reading of a rule's value
//! wherever it was given. A rule that is set here cannot be changed by command.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reader::Reader;
use super::value::{boolean, duration, integer, items, snowflake};
use super::variable::{Section, Variable};
use crate::id::RoleId;

/// Whether a decision has to say why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasonRule {
    None,
    #[default]
    Deny,
    Both,
}

/// The rules as they stand for a server. The default asks for one approver and a reason for denials.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalRules {
    /// How many people have to approve, where no pattern says otherwise.
    pub needed: i32,
    /// Patterns with their own number; the largest that fits counts.
    pub needed_for: Vec<(String, i32)>,
    pub requester_may_approve: bool,
    pub reason: ReasonRule,
    /// What fits one of these has to be typed by whoever decides.
    pub confirm: Vec<String>,
    /// How long a decision waits before it is sent, and can be undone.
    pub undo: Duration,
    pub expire_after: Option<Duration>,
    pub remind_after: Option<Duration>,
    pub escalate_after: Option<Duration>,
    pub escalate_role: Option<RoleId>,
}

impl Default for ApprovalRules {
    fn default() -> Self {
        Self {
            needed: 1,
            needed_for: Vec::new(),
            requester_may_approve: true,
            reason: ReasonRule::Deny,
            confirm: Vec::new(),
            undo: Duration::ZERO,
            expire_after: None,
            remind_after: None,
            escalate_after: None,
            escalate_role: None,
        }
    }
}

/// A rule by its name: the option of the command, and the variable of the environment.
pub struct Rule {
    pub name: &'static str,
    pub variable: &'static str,
    pub default: &'static str,
    apply: fn(&mut ApprovalRules, &str) -> Result<(), String>,
}

/// Every rule, in the order in which people are shown them.
pub const RULES: &[Rule] = &[
    Rule { name: "needed", variable: "APPROVALS_NEEDED", default: "1", apply: set_needed },
    Rule {
        name: "requester_may_approve",
        variable: "APPROVALS_REQUESTER_MAY_APPROVE",
        default: "true",
        apply: |rules, text| boolean(text).map(|yes| rules.requester_may_approve = yes),
    },
    Rule { name: "reason", variable: "APPROVALS_REASON", default: "deny", apply: set_reason },
    Rule { name: "confirm_hostnames", variable: "APPROVALS_CONFIRM_HOSTNAMES", default: "off", apply: set_confirm },
    Rule {
        name: "undo_seconds",
        variable: "APPROVALS_UNDO_SECONDS",
        default: "0",
        apply: |rules, text| integer(0..=3600)(text).map(|seconds| rules.undo = Duration::from_secs(seconds)),
    },
    Rule {
        name: "expire_after",
        variable: "APPROVALS_EXPIRE_AFTER",
        default: "off",
        apply: |rules, text| wait(text).map(|wait| rules.expire_after = wait),
    },
    Rule {
        name: "remind_after",
        variable: "APPROVALS_REMIND_AFTER",
        default: "off",
        apply: |rules, text| wait(text).map(|wait| rules.remind_after = wait),
    },
    Rule {
        name: "escalate_after",
        variable: "APPROVALS_ESCALATE_AFTER",
        default: "off",
        apply: |rules, text| wait(text).map(|wait| rules.escalate_after = wait),
    },
    Rule { name: "escalate_role", variable: "APPROVALS_ESCALATE_ROLE", default: "off", apply: set_role },
];

pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

impl ApprovalRules {
    /// Sets one rule. The error says what its value should look like.
    pub fn set(&mut self, rule: &Rule, text: &str) -> Result<(), String> {
        (rule.apply)(self, text.trim())
    }

    /// How many have to approve what has this name.
    pub fn needed_for(&self, name: &str) -> i32 {
        let fitting = self.needed_for.iter().filter(|(pattern, _)| fits(pattern, name)).map(|(_, needed)| *needed);
        fitting.max().unwrap_or(self.needed)
    }

    /// Whether this name has to be typed by whoever decides.
    pub fn needs_typing(&self, name: &str) -> bool {
        self.confirm.iter().any(|pattern| fits(pattern, name))
    }
}

/// What the environment says about approvals, by the names of the rules. Values are checked.
#[derive(Clone, Debug, Default)]
pub struct ApprovalsConfig {
    pub given: Vec<(&'static str, String)>,
}

impl ApprovalsConfig {
    /// The environment's value of a rule, which stands above what a server says.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }
}

pub(super) static SECTION: Section = Section {
    title: "Approvals",
    about: "How decisions are taken in Discord. What is set here holds for every server and cannot be changed there; \
            the rest is set per server with /approvals rules.",
    variables: &[
        Variable::new(
            "APPROVALS_NEEDED",
            "How many people have to approve; for hostnames that match a pattern, their own number.",
            "1,prod-*=2",
        ),
        Variable::new("APPROVALS_REQUESTER_MAY_APPROVE", "Whether who asked may approve, too.", "false"),
        Variable::new("APPROVALS_REASON", "Which decisions need a reason: none, deny or both.", "both"),
        Variable::new(
            "APPROVALS_CONFIRM_HOSTNAMES",
            "Hostnames that have to be typed by whoever decides about them; * stands for anything.",
            "prod-*,db-*",
        ),
        Variable::new("APPROVALS_UNDO_SECONDS", "How long a decision can be undone before it is sent.", "30"),
        Variable::new("APPROVALS_EXPIRE_AFTER", "When what nobody decided expires, or off.", "7d"),
        Variable::new("APPROVALS_REMIND_AFTER", "When the channel is reminded, once, or off.", "1h"),
        Variable::new("APPROVALS_ESCALATE_AFTER", "When the role below is pinged, once, or off.", "4h"),
        Variable::new("APPROVALS_ESCALATE_ROLE", "The role that is pinged, or off.", "914986636629143562"),
    ],
};

pub(super) fn read(r: &mut Reader) -> ApprovalsConfig {
    let mut given = Vec::new();
    for rule in RULES {
        let checked = |text: &str| ApprovalRules::default().set(rule, text).map(|()| text.trim().to_owned());
        if let Some(value) = r.optional(rule.variable, checked) {
            given.push((rule.name, value));
        }
    }
    if r.is_set("APPROVALS_ESCALATE_AFTER") && !r.is_set("APPROVALS_ESCALATE_ROLE") {
        r.warn(
            "APPROVALS_ESCALATE_AFTER has no effect in servers that have no role to ping: set APPROVALS_ESCALATE_ROLE",
        );
    }
    ApprovalsConfig { given }
}

const MOST_PEOPLE: i32 = 9;

/// `1`, or `1, prod-*=2, db-*=3`.
fn set_needed(rules: &mut ApprovalRules, text: &str) -> Result<(), String> {
    let should = || format!("should be a number from 1 to {MOST_PEOPLE}, and patterns with theirs, such as 1,prod-*=2");
    let number = |text: &str| text.trim().parse().ok().filter(|n| (1..=MOST_PEOPLE).contains(n)).ok_or_else(should);
    let (mut needed, mut needed_for) = (None, Vec::new());
    for item in items(text) {
        match item.split_once('=') {
            Some((pattern, n)) if !pattern.trim().is_empty() => needed_for.push((pattern.trim().into(), number(n)?)),
            None if needed.is_none() => needed = Some(number(item)?),
            _ => return Err(should()),
        }
    }
    if needed.is_none() && needed_for.is_empty() {
        return Err(should());
    }
    (rules.needed, rules.needed_for) = (needed.unwrap_or(1), needed_for);
    Ok(())
}

fn set_reason(rules: &mut ApprovalRules, text: &str) -> Result<(), String> {
    rules.reason = match text.to_ascii_lowercase().as_str() {
        "none" => ReasonRule::None,
        "deny" => ReasonRule::Deny,
        "both" => ReasonRule::Both,
        _ => return Err("should be none, deny or both".into()),
    };
    Ok(())
}

fn set_confirm(rules: &mut ApprovalRules, text: &str) -> Result<(), String> {
    rules.confirm = if is_off(text) { Vec::new() } else { items(text).map(str::to_owned).collect() };
    Ok(())
}

fn set_role(rules: &mut ApprovalRules, text: &str) -> Result<(), String> {
    if is_off(text) {
        rules.escalate_role = None;
        return Ok(());
    }
    let id =
        snowflake(text).ok_or("should be the id of a role, 15 to 19 digits, such as 914986636629143562, or off")?;
    rules.escalate_role = Some(RoleId(id));
    Ok(())
}

fn wait(text: &str) -> Result<Option<Duration>, String> {
    if is_off(text) {
        return Ok(None);
    }
    let minute_to_year = Duration::from_secs(60)..=Duration::from_secs(365 * 86_400);
    let wait = duration(text).filter(|wait| minute_to_year.contains(wait));
    wait.map(Some).ok_or_else(|| "should be a time from 1m to 365d, such as 30m, 4h or 7d, or off".into())
}

fn is_off(text: &str) -> bool {
    text.eq_ignore_ascii_case("off") || text.is_empty()
}

/// `*` stands for any run of characters; case does not count, as in host names.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, text: &str) -> Result<ApprovalRules, String> {
        let mut rules = ApprovalRules::default();
        rules.set(rule(name).unwrap(), text).map(|()| rules)
    }

    #[test]
    fn every_default_is_the_default() {
        for rule in RULES {
            assert_eq!(set(rule.name, rule.default), Ok(ApprovalRules::default()), "{}", rule.name);
        }
    }

    #[test]
    fn patterns_have_their_own_number() {
        let rules = set("needed", "1, prod-*=2, *-db=3").unwrap();
        let needed = ["web-07", "prod-web", "PROD-db", "stage-db"].map(|name| rules.needed_for(name));
        assert_eq!(needed, [1, 2, 3, 3]);
        assert_eq!(set("needed", "prod-*=2").unwrap().needed_for("web-07"), 1);
        for wrong in ["", "0", "10", "two", "1,2", "=2", "prod-*=", "prod-*=x"] {
            assert!(set("needed", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, fit) in [
            ("prod-*", "prod-", true),
            ("prod-*", "preprod-1", false),
            ("*", "", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("web", "web", true),
            ("web", "web-1", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }

    #[test]
    fn waits_have_a_unit_or_are_off() {
        assert_eq!(set("remind_after", "1h").unwrap().remind_after, Some(Duration::from_secs(3600)));
        for wrong in ["5", "1s", "1000d", "soon"] {
            assert!(set("expire_after", wrong).is_err(), "{wrong}");
        }
        assert!(set("escalate_role", "@admins").is_err());
        assert!(set("undo_seconds", "-1").is_err());
    }
}
