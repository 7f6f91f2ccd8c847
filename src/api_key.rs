//! Keys of the REST interface as use cases: made, listed and revoked on the command line, in Discord and nowhere
//! else; recognised by the web. Each belongs to one server and may do what its scopes say.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::clock::{Clock, random_bytes};
use crate::error::UserError;
use crate::id::{GuildId, base62};
use crate::store::api_key::{ApiKey, NewApiKey, insert_api_key, revoke_api_key};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::{Store, StoreError};

/// What every key begins with, so that a scanner for leaked secrets knows it.
pub const PREFIX: &str = "sbx_";
/// Characters after that: the first eight are public, the rest is secret.
const PUBLIC: usize = 8;
const LENGTH: usize = 44;
const NAME_MAX: usize = 80;

macro_rules! scopes {
    ($($(#[doc = $about:literal])+ $name:ident = $word:literal,)+) => {
        /// What a key may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Scope {
            $($(#[doc = $about])+ $name,)+
        }

        impl Scope {
            pub const ALL: &[Scope] = &[$(Scope::$name,)+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Scope::$name => $word,)+
                }
            }

            /// What it allows, for a person.
            pub fn about(self) -> &'static str {
                match self {
                    $(Scope::$name => concat!($($about,)+).trim_ascii(),)+
                }
            }
        }
    };
}

scopes! {
    /// See events and what became of them
    EventsRead = "events:read",
    /// Send events
    EventsWrite = "events:write",
    /// See what goes to Discord, and whether it arrived
    DeliveriesRead = "deliveries:read",
    /// Send again what did not arrive
    DeliveriesWrite = "deliveries:write",
    /// See destinations
    DestinationsRead = "destinations:read",
    /// Create, change, test and delete destinations
    DestinationsWrite = "destinations:write",
    /// See sources
    SourcesRead = "sources:read",
    /// Create, change and delete sources
    SourcesWrite = "sources:write",
    /// See routes, and try them on stored events
    RoutesRead = "routes:read",
    /// Create, change and delete routes
    RoutesWrite = "routes:write",
    /// See templates, and try them
    TemplatesRead = "templates:read",
    /// Create, change and delete templates
    TemplatesWrite = "templates:write",
    /// See outbound webhooks
    WebhooksRead = "webhooks:read",
    /// Create, change, test and delete outbound webhooks
    WebhooksWrite = "webhooks:write",
    /// See the audit log
    AuditRead = "audit:read",
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UserError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Scope::ALL.iter().copied().find(|scope| scope.as_str() == word).ok_or_else(|| {
            let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
            UserError::new(format!("{word} is no scope; there are {}", all.join(", ")))
        })
    }
}

/// A key to be made.
pub struct Wanted {
    pub guild_id: GuildId,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<DateTime<Utc>>,
    /// Who makes it; `None` on the command line.
    pub person_id: Option<Uuid>,
}

/// Makes a key, and returns it for the only time.
pub async fn create(store: &Store, clock: &Clock, wanted: Wanted) -> anyhow::Result<(Uuid, String)> {
    let now = clock.now();
    let name = wanted.name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(UserError::new(format!("A key's name has 1 to {NAME_MAX} characters.")).into());
    }
    if wanted.scopes.is_empty() {
        return Err(UserError::new("A key without a scope could do nothing: name at least one.").into());
    }
    if wanted.expires_at.is_some_and(|at| at <= now) {
        return Err(UserError::new("That time is over already.").into());
    }
    let mut scopes = wanted.scopes;
    scopes.sort();
    scopes.dedup();
    let scopes: Vec<String> = scopes.into_iter().map(|scope| scope.to_string()).collect();
    let random = [(); 2].map(|()| base62(Uuid::from_bytes(random_bytes())));
    let key = format!("{PREFIX}{}", random.concat());
    let new = NewApiKey {
        id: clock.uuid(),
        guild_id: wanted.guild_id,
        name: name.to_owned(),
        prefix: public_part(&key).unwrap_or_default().to_owned(),
        hash: hash(&key),
        scopes,
        person_id: wanted.person_id,
        expires_at: wanted.expires_at,
    };
    let mut tx = store.begin().await?;
    if !insert_api_key(&mut tx, &new, now).await? {
        return Err(UserError::new(format!("There is a key named {name} already: revoke it first.")).into());
    }
    let line = NewAudit {
        guild_id: new.guild_id,
        approval_id: None,
        person_id: new.person_id,
        action: "api_key_created",
        detail: json!({ "id": new.id, "name": new.name, "scopes": new.scopes, "expires_at": new.expires_at }),
    };
    insert_audit(&mut tx, &line, now).await?;
    Store::commit(tx).await?;
    Ok((new.id, key))
}

/// Revokes a live key; from then on it is refused, everywhere. Returns its name, `None` when there is none.
pub async fn revoke(
    store: &Store,
    clock: &Clock,
    guild_id: GuildId,
    id: Uuid,
    person_id: Option<Uuid>,
) -> Result<Option<String>, StoreError> {
    let now = clock.now();
    let mut tx = store.begin().await?;
    let Some(name) = revoke_api_key(&mut tx, guild_id, id, now).await? else { return Ok(None) };
    let detail = json!({ "id": id, "name": name });
    let line = NewAudit { guild_id, approval_id: None, person_id, action: "api_key_revoked", detail };
    insert_audit(&mut tx, &line, now).await?;
    Store::commit(tx).await?;
    Ok(Some(name))
}

/// Whether a key is accepted.
pub fn is_live(key: &ApiKey, now: DateTime<Utc>) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > now)
}

/// Why a key is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Malformed, unknown, or with a wrong secret part: which of them is nobody's business.
    #[error("the key is unknown")]
    Unknown,
    #[error("the key was revoked")]
    Revoked,
    #[error("the key has expired")]
    Expired,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The stored key behind what a caller shows. Its use is noted every few minutes.
pub async fn recognise(store: &Store, shown: &str, now: DateTime<Utc>) -> Result<ApiKey, Refused> {
    let public = public_part(shown).ok_or(Refused::Unknown)?;
    let key = store.find_api_key(public).await?.ok_or(Refused::Unknown)?;
    verify_slices_are_equal(&hash(shown), &key.hash).map_err(|_| Refused::Unknown)?;
    if key.revoked_at.is_some() {
        return Err(Refused::Revoked);
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(Refused::Expired);
    }
    if key.is_use_news(now) {
        store.note_api_key_use(key.id, now).await?;
    }
    Ok(key)
}

/// The part that the database knows; `None` for what cannot be a key.
fn public_part(key: &str) -> Option<&str> {
    let rest = key.strip_prefix(PREFIX)?;
    let fits = rest.len() == LENGTH && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then(|| &rest[..PUBLIC])
}

fn hash(key: &str) -> Vec<u8> {
    digest(&SHA256, key.as_bytes()).as_ref().to_vec()
}
