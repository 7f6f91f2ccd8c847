//! Every text of the gateway edge.

pub mod api_key;
pub mod community;
pub mod delivery;
pub mod explain;
pub mod kick;
pub mod party;
pub mod play;
pub mod points;
pub mod privacy;
pub mod route;
pub mod shop;
pub mod silence;
pub mod source;
pub mod stats;
pub mod ticket;
pub mod trigger;

use crate::approval::press::Of;
use crate::approval::rules::Refusal;
use crate::id::{RoleId, UserId};
use crate::routing::card::Verb;
use crate::routing::embed::{escape, fit};

pub const UNKNOWN_BUTTON: &str =
    "This button is from a version of Signalbox that no longer handles it. Nothing was done.";
pub const ONLY_IN_SERVERS: &str = "This works only in a server.";
pub const UNKNOWN_APPROVAL: &str = "This request is not known in this server. Nothing was done.";
pub const NO_UPSTREAM: &str = "Signalbox does not know where to send the decision; nothing was done. The operator has to set \
     XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY.";
pub const PRESS_AGAIN: &str = "That took too long to open the form. Please press the button again.";
pub const TITLE_LABEL: &str = "Type its name to confirm";
pub const ACTION_LABEL: &str = "Type the action to confirm";
pub const ACTION_REASON: &str = "Why?";
pub const REASON_PLACEHOLDER: &str = "Shown on the card and kept in the audit log";
pub const BAD_ARGUMENT: &str = "One of the values cannot be read. Check them and try again.";
pub const OUTDATED_COMMAND: &str =
    "Discord still has an older form of this command. Reload Discord (Ctrl+R) and try again in a minute.";
pub const NOT_SET_UP: &str = "XTSystems is not set up in this server.";
pub const NOT_THIS_SERVER: &str = "This works only in the server that the operator has configured (DISCORD_GUILD_ID).";
pub const MANAGE_SERVER: &str = "You need the Manage Server permission for this.";
pub const SET_UP: &str = "✅ XTSystems is connected";
pub const NOT_CONNECTED: &str = "❌ XTSystems is not connected";
pub const TESTED: &str = "✅ The webhook works";
pub const TEST_FAILED: &str = "❌ The webhook does not work";
pub const ADMINISTRATOR: &str = "You need the Administrator permission for this.";
pub const NO_SUCH_RULE: &str =
    "There is no rule of this name; nothing was changed. Without options the command shows them all.";

pub fn failed(reference: &str) -> String {
    format!(
        "Something went wrong on our side; nothing is lost. If it happens again, tell the operator: Ref `{reference}`"
    )
}

pub fn database_away(reference: &str) -> String {
    format!(
        "Signalbox cannot reach its database at the moment; nothing was done. Try again in a minute. Ref `{reference}`"
    )
}

pub fn not_allowed(roles: &[RoleId]) -> String {
    if roles.is_empty() {
        return "Only members with the Manage Server permission may decide this.".into();
    }
    let names: Vec<String> = roles.iter().map(|role| format!("<@&{role}>")).collect();
    format!("Only members with {} may decide this.", names.join(" or "))
}

pub fn refusal(why: &Refusal, by: Option<UserId>) -> String {
    let who = by.map_or("someone else".to_owned(), |user| format!("<@{user}>"));
    match why {
        Refusal::AlreadyDecided { verb } => format!(
            "{who} already decided to {}. Waiting for XTSystems to confirm; the card will show it.",
            verb.as_str()
        ),
        Refusal::StillFindingOut { verb } => format!(
            "{who} decided to {}, and XTSystems has not said whether it was done. Until that is known nothing else can be \
             decided; Signalbox keeps asking.",
            verb.as_str()
        ),
        Refusal::Settled { outcome, elsewhere: false } => {
            format!("{who} has already {} it.", outcome.map_or("decided", past))
        }
        Refusal::Settled { outcome, elsewhere: true } => {
            format!("It was already {} in XTSystems.", outcome.map_or("decided", past))
        }
        Refusal::Superseded { kind } => format!(
            "There is a newer request about this {}, so this one can no longer be decided. Use the newer one's buttons.",
            escape(&fit(kind, 40))
        ),
        Refusal::Changed => {
            "What the card says has changed since it was shown. Look at it again before deciding.".into()
        }
        Refusal::Expired => "Nobody decided in time, and this has expired; nothing was done.".into(),
        Refusal::Requester => "You asked for this yourself, so others have to approve it. Nothing was done.".into(),
        Refusal::AlreadyVoted { votes, needed } => format!(
            "You have approved already; {votes} of {needed} have. Somebody else has to approve, too. \
             With Take Back your approval no longer counts."
        ),
        Refusal::NoVote => "There is no approval of yours to take back.".into(),
        Refusal::NothingToUndo => "There is nothing to undo.".into(),
        Refusal::TooLate { verb } => {
            format!("Too late: the decision to {} is on its way to XTSystems and cannot be undone here.", verb.as_str())
        }
        Refusal::ReasonMissing => "This decision needs a reason; nothing was done. Press again and give one.".into(),
        Refusal::WrongTitle { title } => {
            format!("What you typed is not its name, {}. Nothing was done.", fit(&escape(title), 200))
        }
    }
}

/// The same about an action of a described source.
pub fn refusal_of_action(why: &Refusal, by: Option<UserId>, of: &Of) -> String {
    let who = by.map_or("someone else".to_owned(), |user| format!("<@{user}>"));
    let (system, act) = (escape(&fit(&of.source, 40)), escape(&fit(&of.action, 50)));
    match why {
        Refusal::AlreadyDecided { .. } => {
            format!("{who} already pressed {act}. Waiting for {system} to confirm; the card will show it.")
        }
        Refusal::StillFindingOut { .. } => format!(
            "{who} pressed {act}, and {system} has not said whether it was done. Until that is known nothing else can be \
             done here; Signalbox keeps asking."
        ),
        Refusal::Settled { .. } => format!("{who} already pressed {act}, and {system} has done it."),
        Refusal::Superseded { .. } => format!(
            "{system} has said something newer about this, so this button does nothing any more. Use those that the card \
             has now."
        ),
        Refusal::TooLate { .. } => format!("Too late: {act} is on its way to {system} and cannot be undone here."),
        Refusal::AlreadyVoted { .. } => {
            "You have pressed this already. Somebody else has to press it, too. With Take Back yours no longer counts."
                .into()
        }
        Refusal::WrongTitle { title } => {
            format!("What you typed is not {}. Nothing was done.", fit(&escape(title), 200))
        }
        other => refusal(other, by),
    }
}

/// `kind` is what is decided about, such as `machine`.
pub fn form_title(verb: Verb, kind: &str) -> String {
    format!("{} this {}", verb.label(), fit(kind, 20))
}

pub fn reason_label(verb: Verb) -> String {
    format!("Why is it {}?", past(verb))
}

fn past(verb: Verb) -> &'static str {
    match verb {
        Verb::Approve => "approved",
        Verb::Deny => "denied",
    }
}

/// Descriptions of the commands, for `/help` and `commands.md`, are in their definitions.
pub const HELP_INTRO: &str =
    "Signalbox shows signals of your systems as cards and carries your answers back. These commands are open to you:";
