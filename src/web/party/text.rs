//! What the party program is told: in the words of its own interface, where it has them.

pub const TRY_AGAIN: &str = "Temporarily unavailable, please retry";
pub const NOT_STORED: &str = "Temporarily unable to store, please retry";
pub const NO_KEY: &str = "A key is needed: Authorization: Bearer <key>";
pub const TOO_MANY: &str = "Too many requests";
pub const BAD_WEBHOOK: &str = "Invalid webhook URL format";
pub const BAD_INVITE: &str = "Invalid invite URL format";
pub const WEBHOOK_SET: &str = "Discord webhook configured";
pub const INVITE_SET: &str = "Discord invite configured";
pub const NO_WEBHOOK: &str = "Discord webhook not configured";
pub const TESTED: &str = "Test notification sent";
pub const QUEUED: &str = "Notification queued";
pub const NOT_ANSWERED: &str = "Discord has not answered yet; the notification is kept and will be sent";

pub const WEBHOOK_HOWTO: &str = "1. In Discord, open the settings of the channel that should hear of your parties.\n\
    2. Choose Integrations, then Webhooks, then New Webhook.\n\
    3. Copy Webhook URL.\n\
    4. POST it to /api/discord/webhook as {\"webhook_url\": \"…\"}.\n\
    5. POST to /api/discord/test: the answer has a link to the message.";
pub const INVITE_HOWTO: &str = "1. In Discord, right-click the voice channel of your parties.\n\
    2. Choose Invite People, then Edit invite link, and set it to never expire.\n\
    3. Copy the link.\n\
    4. POST it to /api/discord/invite as {\"invite_url\": \"…\"}: \"party created\" shows it from then on.";

pub fn missing_scope(scope: &str) -> String {
    format!("This needs a key with the scope {scope}")
}

pub fn too_large(most: usize) -> String {
    format!("Body larger than {most} bytes")
}

pub fn not_json(error: &serde_json::Error) -> String {
    format!("The body is not JSON: {error}")
}

pub fn not_taken(why: &str) -> String {
    format!("Discord did not take the message: {why}")
}
