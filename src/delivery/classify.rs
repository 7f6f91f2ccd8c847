//! What an answer of Discord means for what was sent. Pure; the table is tested cell by cell.
//!
//! Codes: <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>.

use chrono::TimeDelta;

use crate::id::MessageId;

/// How far a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// There is a status line.
    Answered,
    /// The name did not resolve or the connection was refused: no byte of the request went out.
    NotSent,
    /// Bytes went out and no whole answer came back.
    Broken,
}

/// An answer, reduced to what decides.
#[derive(Clone, Debug)]
pub struct Reply {
    pub transport: Transport,
    /// 0 unless answered.
    pub status: u16,
    /// Discord's own error code, from a JSON body.
    pub code: Option<i64>,
    /// The body was JSON.
    pub is_json: bool,
    /// The message of a successful create or edit.
    pub message_id: Option<MessageId>,
    /// Discord's words, for people.
    pub explanation: String,
    /// From the body or `Retry-After`.
    pub retry_after: Option<TimeDelta>,
    /// A 429 that concerns every route.
    pub global: bool,
}

/// What a request was for; the same answer means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// With the bot's token and a nonce.
    Create,
    /// Opens a post of a forum: no nonce.
    Post,
    /// A create in a post of a forum, which may be gone or closed by now.
    Reply,
    /// Through a webhook's URL: no token of ours, no nonce.
    Webhook,
    Edit,
    /// Of a message in a post, which may be gone with it.
    EditInPost,
    /// Tags a post, opens it again or archives it.
    ChangePost,
}

impl Action {
    fn is_edit(self) -> bool {
        matches!(self, Action::Edit | Action::EditInPost)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Done(Option<MessageId>),
    /// Certainly not there; may be sent freely.
    NotSent(String),
    /// Nobody can say whether it is there.
    Unknown(String),
    /// This destination waits; no attempt counted.
    Wait(TimeDelta, String),
    /// Everything waits; no attempt counted.
    WaitAll(TimeDelta, String),
    /// The bot's token is refused: nothing may be sent until it works again.
    Stop(String),
    /// The destination cannot be used.
    Unusable(i64, String),
    /// The nonce is known, its message deleted: it was delivered.
    DeliveredAndDeleted,
    /// The message to edit is gone, or the post to write into.
    Gone,
    /// Only this edit waits (too many edits of an old message).
    EditWait(TimeDelta, String),
    /// Refused for what it is; again would be refused again.
    Rejected(String),
}

/// Unknown channel / webhook, missing access / permissions, invalid webhook token.
const UNUSABLE: [i64; 5] = [10003, 10015, 50001, 50013, 50027];
const UNKNOWN_MESSAGE: i64 = 10008;
const UNKNOWN_CHANNEL: i64 = 10003;
const MISSING_PERMISSIONS: i64 = 50013;
/// "Tried to perform an operation on an archived thread, such as editing a message or adding a user to the thread".
pub const ARCHIVED_THREAD: i64 = 50083;
const TOO_MANY_THREADS: i64 = 160_006;
const TOO_MANY_OLD_EDITS: i64 = 30046;
/// An answer that did not come from Discord's API: everything stands still for this long.
pub const PARKED: TimeDelta = TimeDelta::minutes(5);
const DEFAULT_WAIT: TimeDelta = TimeDelta::seconds(5);

/// The meaning of `reply` to `action`.
pub fn classify(action: Action, reply: &Reply) -> Verdict {
    let said = || format!("HTTP {}: {}", reply.status, reply.explanation);
    match reply.transport {
        Transport::NotSent => return Verdict::NotSent(reply.explanation.clone()),
        Transport::Broken => return Verdict::Unknown(reply.explanation.clone()),
        Transport::Answered => {}
    }
    match reply.status {
        200..300 if reply.message_id.is_some() => Verdict::Done(reply.message_id),
        200..300 => Verdict::Unknown("an answer that could not be read".into()),
        403 | 429 if !reply.is_json => Verdict::WaitAll(PARKED, said()),
        429 => {
            let wait = reply.retry_after.unwrap_or(DEFAULT_WAIT);
            match reply.code {
                Some(TOO_MANY_OLD_EDITS) if action.is_edit() => Verdict::EditWait(wait, said()),
                _ if reply.global => Verdict::WaitAll(wait, said()),
                _ => Verdict::Wait(wait, said()),
            }
        }
        400..500 => match reply.code {
            Some(UNKNOWN_MESSAGE) if action.is_edit() => Verdict::Gone,
            Some(UNKNOWN_MESSAGE) => Verdict::DeliveredAndDeleted,
            // A post is not its forum.
            Some(UNKNOWN_CHANNEL) if matches!(action, Action::EditInPost | Action::ChangePost) => Verdict::Gone,
            Some(UNKNOWN_CHANNEL | ARCHIVED_THREAD) if action == Action::Reply => Verdict::Gone,
            Some(MISSING_PERMISSIONS) if action == Action::ChangePost => Verdict::Rejected(said()),
            Some(code @ ARCHIVED_THREAD) if action == Action::Create => {
                Verdict::Unusable(code, reply.explanation.clone())
            }
            Some(TOO_MANY_THREADS) if action == Action::Post => Verdict::Wait(PARKED, said()),
            Some(code) if UNUSABLE.contains(&code) => Verdict::Unusable(code, reply.explanation.clone()),
            _ if reply.status == 401 && action != Action::Webhook => Verdict::Stop(said()),
            _ => Verdict::Rejected(said()),
        },
        _ => Verdict::Unknown(said()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, code: Option<i64>, is_json: bool) -> Reply {
        Reply {
            transport: Transport::Answered,
            status,
            code,
            is_json,
            message_id: None,
            explanation: "words".into(),
            retry_after: Some(TimeDelta::seconds(3)),
            global: false,
        }
    }

    #[test]
    fn success_needs_a_message_id() {
        let mut ok = reply(200, None, true);
        assert!(matches!(classify(Action::Create, &ok), Verdict::Unknown(_)));
        ok.message_id = Some(MessageId(5));
        assert_eq!(classify(Action::Create, &ok), Verdict::Done(Some(MessageId(5))));
    }

    #[test]
    fn server_errors_and_broken_connections_leave_doubt_refused_ones_do_not() {
        assert!(matches!(classify(Action::Create, &reply(500, None, true)), Verdict::Unknown(_)));
        assert!(matches!(classify(Action::Create, &reply(502, None, false)), Verdict::Unknown(_)));
        let mut gone = reply(0, None, false);
        gone.transport = Transport::Broken;
        assert!(matches!(classify(Action::Create, &gone), Verdict::Unknown(_)));
        gone.transport = Transport::NotSent;
        assert!(matches!(classify(Action::Create, &gone), Verdict::NotSent(_)));
    }

    #[test]
    fn limits() {
        assert!(
            matches!(classify(Action::Create, &reply(429, None, true)), Verdict::Wait(w, _) if w.num_seconds() == 3)
        );
        let mut global = reply(429, None, true);
        global.global = true;
        assert!(matches!(classify(Action::Edit, &global), Verdict::WaitAll(w, _) if w.num_seconds() == 3));
        assert!(matches!(classify(Action::Create, &reply(429, None, false)), Verdict::WaitAll(w, _) if w == PARKED));
        assert!(matches!(classify(Action::Create, &reply(403, None, false)), Verdict::WaitAll(w, _) if w == PARKED));
        assert!(matches!(classify(Action::Edit, &reply(429, Some(30046), true)), Verdict::EditWait(..)));
    }

    #[test]
    fn the_code_decides_not_the_status() {
        for code in UNUSABLE {
            assert!(
                matches!(classify(Action::Create, &reply(403, Some(code), true)), Verdict::Unusable(c, _) if c == code)
            );
            assert!(
                matches!(classify(Action::Webhook, &reply(404, Some(code), true)), Verdict::Unusable(c, _) if c == code)
            );
        }
        assert!(matches!(classify(Action::Create, &reply(403, Some(20_012), true)), Verdict::Rejected(_)));
        assert!(matches!(classify(Action::Create, &reply(400, Some(50_035), true)), Verdict::Rejected(_)));
        assert_eq!(classify(Action::Create, &reply(404, Some(10_008), true)), Verdict::DeliveredAndDeleted);
        assert_eq!(classify(Action::Edit, &reply(404, Some(10_008), true)), Verdict::Gone);
    }

    #[test]
    fn a_post_is_not_its_forum() {
        let unknown_channel = reply(404, Some(10_003), true);
        assert_eq!(classify(Action::Reply, &unknown_channel), Verdict::Gone);
        assert_eq!(classify(Action::EditInPost, &unknown_channel), Verdict::Gone);
        assert!(matches!(classify(Action::Post, &unknown_channel), Verdict::Unusable(10_003, _)));
        let archived = reply(400, Some(50_083), true);
        assert_eq!(classify(Action::Reply, &archived), Verdict::Gone);
        assert!(matches!(classify(Action::Create, &archived), Verdict::Unusable(50_083, _)));
        assert!(matches!(classify(Action::EditInPost, &archived), Verdict::Rejected(_)));
        assert!(matches!(classify(Action::ChangePost, &reply(403, Some(50_013), true)), Verdict::Rejected(_)));
        assert!(matches!(classify(Action::Post, &reply(400, Some(160_006), true)), Verdict::Wait(..)));
    }

    #[test]
    fn a_refused_token_stops_the_bot_but_not_for_a_webhook() {
        assert!(matches!(classify(Action::Create, &reply(401, Some(0), true)), Verdict::Stop(_)));
        assert!(matches!(classify(Action::Webhook, &reply(401, Some(50_027), true)), Verdict::Unusable(50_027, _)));
        assert!(matches!(classify(Action::Webhook, &reply(401, Some(0), true)), Verdict::Rejected(_)));
    }
}
