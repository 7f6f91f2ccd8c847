//! What the REST interface says to those who call it.

use crate::api_key::{PREFIX, Scope};

pub const INVALID: &str = "The request is not valid";
pub const UNAUTHORIZED: &str = "A valid API key is needed";
pub const FORBIDDEN: &str = "This key may not do that";
pub const NOT_FOUND: &str = "There is no such thing";
pub const METHOD_NOT_ALLOWED: &str = "That cannot be done here";
pub const CONFLICT: &str = "The present state does not allow that";
pub const CHANGED: &str = "It was changed meanwhile";
pub const TOO_LARGE: &str = "The body is too large";
pub const NOT_JSON: &str = "The body has to be JSON";
pub const KEY_REUSED: &str = "This Idempotency-Key stands for another request";
pub const TOO_MANY: &str = "Too many requests";
pub const FAILED: &str = "Something went wrong here";
pub const UNAVAILABLE: &str = "Not available at the moment";

pub const NO_KEY: &str = "Send the key as Authorization: Bearer sbx_… or as X-API-Key.";
pub const WRONG_KEY: &str = "The key is not known here.";
pub const REVOKED_KEY: &str = "The key was revoked.";
pub const EXPIRED_KEY: &str = "The key has expired.";
pub const NO_SUCH_PATH: &str = "Nothing is at this address; /api/v1/openapi.json lists what there is.";
pub const UNKNOWN_ID: &str = "Nothing of this server has that id.";
pub const SEND_JSON: &str = "Send JSON with Content-Type: application/json.";
pub const SHORT_KEY: &str = "An Idempotency-Key has 1 to 255 visible ASCII characters.";
pub const UNDER_WAY: &str = "The same request is under way; ask again in a moment.";
pub const OTHER_REQUEST: &str = "Another request with this key was carried out in the last 24 hours. Use a new key.";
pub const ANSWER_LOST: &str = "The request was carried out, but its answer cannot be given again.";
pub const QUOTE_THE_REFERENCE: &str = "Quote the reference when you ask about it; the log has it, too.";
pub const TRY_AGAIN: &str = "Try again in a few seconds.";
pub const NOT_STORABLE: &str = "A value cannot be stored: it is too large, or holds a NUL character.";
pub const STALE: &str = "It is no longer the version that If-Match names: read it again, then change it.";
pub const BAD_IF_MATCH: &str = "If-Match takes the ETag of an answer, in quotes, or *.";
pub const BAD_CURSOR: &str = "is no cursor of this list";
pub const CURSOR_HINT: &str = "Take next_cursor from the page before, or leave it out for the first page.";
pub const EMPTY_BODY: &str = "The body is empty.";
pub const NOT_AN_OBJECT: &str = "The body has to be a JSON object.";

/// What the scope is called that is missing.
pub fn missing_scope(scope: Scope) -> String {
    format!("It takes the scope {scope} ({}).", scope.about())
}

pub fn too_large(bytes: usize) -> String {
    format!("A body has at most {bytes} bytes.")
}

pub fn bad_json(line: usize, column: usize) -> String {
    format!("The body is not JSON: line {line}, column {column}.")
}

pub fn unknown_field(name: &str) -> String {
    format!("{name} is not known here")
}

pub fn expected(names: &str) -> String {
    format!("There are: {}", names.replace('`', ""))
}

pub const NOT_A_NUMBER: &str = "should be a whole number";
pub const MISSING: &str = "is required";

// What the panel's own admin pages say, word for word.
pub const BAD_WEBHOOK: &str = "Invalid Discord webhook URL";
pub const WEBHOOK_TAKEN: &str = "This webhook URL already exists";
pub const CHANNEL_TAKEN: &str = "This channel is a destination already";
pub const NAME_TAKEN: &str = "Another destination has this name";
pub const BAD_CHANNEL: &str = "should be the id of a channel: 15 to 19 digits";
pub const TWO_PLACES: &str = "stands beside webhook_url";
pub const ONE_PLACE: &str = "Give either channel_id or webhook_url.";
pub const SETTLED: &str = "What it shows is in Discord by now, or about to be.";
pub const SILENCE_ENDS: &str = "should be in the future, 90 days from now at most";
pub const NOWHERE: &str = "Its destination was removed.";

pub const ONE_ROUTE: &str = "Give a route, or the route_id of one that is there.";
pub const ONE_TEMPLATE: &str = "Give a template, or the template_id of one that is there.";
pub const TEST_PASSED: &str = "Webhook test successful";

pub fn test_failed(why: &str) -> String {
    format!("The test message did not arrive: {why}")
}

pub fn test_unknown(why: &str) -> String {
    format!("Whether the test message arrives cannot be said: {why}")
}

pub const ELSEWHERE: &str = "The webhook belongs to another server.";
pub const WEBHOOK_REFUSED: &str = "Discord does not know this webhook";

pub fn silent(why: &str) -> String {
    format!("Discord does not say whether the webhook is there: {why}")
}

pub fn routed(patterns: &[String]) -> String {
    format!("Routes lead there: {}. Change them first.", patterns.join(", "))
}

/// Why a delivery is not sent again.
pub fn not_dead(state: &str) -> String {
    format!("It was not given up: it is {state}.")
}

pub const API_TITLE: &str = "Signalbox";
pub const DOCUMENT_LINK: &str =
    "For programs: <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a> (OpenAPI 3.1).";
pub const SCHEMAS: &str = "What the names mean";
pub const SCOPE: &str = "Scope of the key:";

pub fn api_description() -> String {
    let scopes: String = Scope::ALL.iter().map(|scope| format!("- `{scope}`: {}\n", scope.about())).collect();
    format!(
        "Signals in, messages in Discord, answers back.\n\n\
         A key belongs to one Discord server and sees nothing of others. `signalbox api-key create` makes one; send it \
         as `Authorization: Bearer {PREFIX}…` or `X-API-Key: {PREFIX}…`. Its scopes:\n\n{scopes}\n\
         Lists are newest first and come in pages: `next_cursor` of one page is `cursor` of the next, and stays good \
         while new things arrive. Errors are `application/problem+json` (RFC 9457); `errors` names the fields. A write \
         with an `Idempotency-Key` is carried out once in 24 hours, however often it is sent. `If-Match` with the `ETag` \
         of an answer keeps two writers from overwriting each other. Ids of Discord are strings."
    )
}

pub const QUEUED: &str = "Webhooks have been queued";
