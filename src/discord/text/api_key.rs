//! Texts about keys of the REST interface.

use crate::api_key::PREFIX;
use crate::routing::embed::escape;
use crate::store::api_key::ApiKey;

pub const KEEP_IT: &str = "It is not shown again: keep it where secrets are kept. Send it as `Authorization: Bearer …` or \
                           `X-API-Key`; `/api/v1/openapi.json` says what there is.";
pub const NONE: &str = "There is no key. `/api-key create` makes one.";
pub const UNKNOWN: &str = "There is no such key; /api-key list shows them.";

pub fn line(key: &ApiKey) -> String {
    let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used <t:{}:R>", at.timestamp()));
    let ends = key.expires_at.map_or(String::new(), |at| format!(", ends <t:{}:R>", at.timestamp()));
    format!("• **{}** `{PREFIX}{}…` {used}{ends}\n  {}", escape(&key.name), key.prefix, key.scopes.join(" "))
}

pub fn revoked(name: &str) -> String {
    format!("✅ {} is refused from now on.", escape(name))
}
