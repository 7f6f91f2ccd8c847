//! How Discord says no: status, JSON error code, message, and for a bad body the tree of what is wrong where.
//!
//! <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>

use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub code: u32,
    pub message: String,
    pub errors: Option<Value>,
}

pub const UNKNOWN_CHANNEL: Known = (404, 10003, "Unknown Channel");
pub const UNKNOWN_GUILD: Known = (404, 10004, "Unknown Guild");
pub const UNKNOWN_MEMBER: Known = (404, 10007, "Unknown Member");
pub const UNKNOWN_MESSAGE: Known = (404, 10008, "Unknown Message");
pub const UNKNOWN_ROLE: Known = (404, 10011, "Unknown Role");
pub const UNKNOWN_USER: Known = (404, 10013, "Unknown User");
pub const UNKNOWN_WEBHOOK: Known = (404, 10015, "Unknown Webhook");
pub const UNKNOWN_INTERACTION: Known = (404, 10062, "Unknown interaction");
pub const UNKNOWN_COMMAND: Known = (404, 10063, "Unknown application command");
pub const TOO_MANY_WEBHOOKS: Known = (400, 30007, "Maximum number of webhooks reached (15)");
pub const TOO_MANY_COMMANDS: Known =
    (400, 30034, "Max number of daily application command creates has been reached (200)");
pub const OLD_MESSAGE_EDITS: Known =
    (429, 30046, "Maximum number of edits to messages older than 1 hour reached. Try again later");
pub const UNAUTHORIZED: Known = (401, 0, "401: Unauthorized");
pub const NOT_FOUND: Known = (404, 0, "404: Not Found");
pub const REQUEST_TOO_LARGE: Known = (413, 40005, "Request entity too large");
pub const ALREADY_ACKNOWLEDGED: Known = (400, 40060, "Interaction has already been acknowledged.");
pub const MISSING_ACCESS: Known = (403, 50001, "Missing Access");
pub const NOT_YOURS: Known = (403, 50005, "Cannot edit a message authored by another user");
pub const EMPTY_MESSAGE: Known = (400, 50006, "Cannot send an empty message");
/// <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>
pub const NO_DIRECT_MESSAGES: Known = (403, 50007, "Cannot send messages to this user");
pub const WRONG_CHANNEL: Known = (400, 50008, "Cannot send messages in a non-text channel");
pub const MISSING_PERMISSIONS: Known = (403, 50013, "Missing Permissions");
pub const INVALID_WEBHOOK_TOKEN: Known = (401, 50027, "Invalid Webhook Token");
pub const THREAD_ARCHIVED: Known = (400, 50083, "Tried to perform an operation on an archived thread");
pub const TAG_REQUIRED: Known = (400, 40067, "A tag is required to create a forum post in this channel");
pub const INVALID_JSON: Known = (400, 50109, "The request body contains invalid JSON.");
pub const THREAD_EXISTS: Known = (400, 160_004, "A thread has already been created for this message");
pub const NO_HISTORY_FOR_REPLY: Known = (403, 160_002, "Cannot reply without permission to read message history");
pub const FORUM_NEEDS_THREAD: Known =
    (400, 220_001, "Webhooks posted to forum channels must have a thread_name or thread_id");

/// Status, JSON code, message.
pub type Known = (u16, u32, &'static str);

impl From<Known> for Refusal {
    fn from((status, code, message): Known) -> Self {
        Refusal { status, code, message: message.to_owned(), errors: None }
    }
}

impl Refusal {
    pub fn body(&self) -> Value {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            body["errors"] = errors.clone();
        }
        body
    }
}

/// Collects everything that is wrong with one body.
#[derive(Debug, Default)]
pub struct Problems {
    tree: Value,
    path: Vec<String>,
}

impl Problems {
    pub fn new() -> Self {
        Self { tree: Value::Object(Map::new()), path: Vec::new() }
    }

    /// Runs `check` with `key` appended to the path of what it reports.
    pub fn at(&mut self, key: impl ToString, check: impl FnOnce(&mut Self)) {
        self.path.push(key.to_string());
        check(self);
        self.path.pop();
    }

    pub fn add(&mut self, code: &str, message: impl Into<String>) {
        let mut node = &mut self.tree;
        for key in &self.path {
            if !node[key.as_str()].is_object() {
                node[key.as_str()] = json!({});
            }
            node = &mut node[key.as_str()];
        }
        if !node["_errors"].is_array() {
            node["_errors"] = json!([]);
        }
        if let Some(list) = node["_errors"].as_array_mut() {
            list.push(json!({"code": code, "message": message.into()}));
        }
    }

    pub fn required(&mut self) {
        self.add("BASE_TYPE_REQUIRED", "This field is required");
    }

    /// Reports a length outside `min..=max`, in Discord's words.
    pub fn length(&mut self, len: usize, min: usize, max: usize) {
        if (min..=max).contains(&len) {
        } else if min == 0 {
            let text = format!("Must be {max} or fewer in length.");
            self.add("BASE_TYPE_MAX_LENGTH", text);
        } else {
            let text = format!("Must be between {min} and {max} in length.");
            self.add("BASE_TYPE_BAD_LENGTH", text);
        }
    }

    /// A string field of `body`: checks its type and its length (trimmed, as Discord trims). Absent and null pass.
    pub fn text(&mut self, body: &Value, key: &str, min: usize, max: usize) {
        match &body[key] {
            Value::Null => {}
            Value::String(text) => {
                let len = text.trim().chars().count();
                self.at(key, |p| p.length(len, min, max));
            }
            _ => self.at(key, |p| {
                p.add("STRING_TYPE_CONVERT", "Could not interpret value as string.");
            }),
        }
    }

    /// As [`Problems::text`], and the field must be there.
    pub fn required_text(&mut self, body: &Value, key: &str, max: usize) {
        match &body[key] {
            Value::Null => self.at(key, Self::required),
            Value::String(text) if text.trim().is_empty() => self.at(key, Self::required),
            _ => self.text(body, key, 1, max),
        }
    }

    pub fn into_result(self) -> Result<(), Refusal> {
        if self.tree.as_object().is_none_or(Map::is_empty) {
            return Ok(());
        }
        Err(Refusal { status: 400, code: 50035, message: "Invalid Form Body".into(), errors: Some(self.tree) })
    }
}

/// A body with exactly one problem.
pub fn invalid(path: &[&str], code: &str, message: &str) -> Refusal {
    let mut problems = Problems::new();
    problems.path = path.iter().map(|s| (*s).to_owned()).collect();
    problems.add(code, message);
    match problems.into_result() {
        Err(refusal) => refusal,
        Ok(()) => unreachable!("a problem was just added"),
    }
}
