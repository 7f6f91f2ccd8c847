//! Who calls: an API key, the server it belongs to, and what it may do there.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde_json::Value;
use uuid::Uuid;

use super::problem::Problem;
use super::text;
use crate::api_key::{Refused, Scope, recognise};
use crate::id::GuildId;
use crate::store::audit::{Author, NewAudit};
use crate::web::Web;
use crate::web::client_ip::client_ip;

/// Whoever holds the key. Every statement that is made for them takes their guild.
#[derive(Clone, Debug)]
pub struct Caller {
    pub guild_id: GuildId,
    pub key_id: Uuid,
    /// By which the audit log names the key.
    pub key_name: String,
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// As whom they change things.
    pub fn author(&self) -> Author {
        Author::Key(self.key_name.clone())
    }

    /// A line of the audit log about what the key's holder does, for the transaction that does it.
    pub fn audit(&self, action: &'static str, detail: Value) -> NewAudit {
        self.author().line(self.guild_id, None, action, detail)
    }
}

impl FromRequestParts<Arc<Web>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Problem> {
        if let Some(known) = parts.extensions.get::<Caller>() {
            return Ok(known.clone());
        }
        let caller = authenticate(parts, web).await?;
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// A caller who has a scope. It stands before all that is read of the request: `caller: By<may::EventsRead>`.
pub struct By<S> {
    caller: Caller,
    scope: PhantomData<S>,
}

impl<S> Deref for By<S> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// A scope as a type.
pub trait Needed: Send + Sync + 'static {
    const SCOPE: Scope;
}

impl<S: Needed> FromRequestParts<Arc<Web>> for By<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, web).await?;
        if !caller.scopes.contains(&S::SCOPE) {
            return Err(Problem::forbidden(text::missing_scope(S::SCOPE)));
        }
        Ok(Self { caller, scope: PhantomData })
    }
}

/// The scopes, each as a type.
pub mod may {
    use super::{Needed, Scope};

    macro_rules! scopes {
        ($($name:ident)+) => {$(
            pub struct $name;

            impl Needed for $name {
                const SCOPE: Scope = Scope::$name;
            }
        )+};
    }

    scopes! {
        EventsRead EventsWrite DeliveriesRead DeliveriesWrite DestinationsRead DestinationsWrite SourcesRead
        SourcesWrite RoutesRead RoutesWrite TemplatesRead TemplatesWrite WebhooksRead WebhooksWrite AuditRead
    }
}

/// The key comes first: a stranger behind the same address cannot use up what its holder may ask. Wrong keys
/// are limited for each client.
async fn authenticate(parts: &Parts, web: &Web) -> Result<Caller, Problem> {
    let now = web.ports.clock.now();
    let Some(shown) = shown_key(&parts.headers) else { return Err(Problem::unauthorized(text::NO_KEY)) };
    let refused = match recognise(&web.ports.store, shown, now).await {
        Ok(key) => {
            web.api.requests.take(&key.id, now).map_err(Problem::too_many)?;
            let scopes = key.scopes.iter().filter_map(|word| word.parse().ok()).collect();
            return Ok(Caller { guild_id: key.guild_id, key_id: key.id, key_name: key.name, scopes });
        }
        Err(Refused::Store(error)) => return Err(error.into()),
        Err(refused) => refused,
    };
    if let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() {
        let client = client_ip(peer.ip(), &parts.headers, &web.ports.config.web.trusted_proxies);
        web.api.wrong_keys.take(&client, now).map_err(Problem::too_many)?;
    }
    Err(Problem::unauthorized(match refused {
        Refused::Revoked => text::REVOKED_KEY,
        Refused::Expired => text::EXPIRED_KEY,
        _ => text::WRONG_KEY,
    }))
}

fn shown_key(headers: &HeaderMap) -> Option<&str> {
    let value = |name: &str| headers.get(name)?.to_str().ok();
    let bearer = value(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    bearer.or_else(|| value("x-api-key").map(str::trim))
}
