//! The authorization server: OAuth 2.1 with PKCE, as <https://docs.kick.com/getting-started/generating-tokens-oauth2-flow> has it.
//!
//! Codes and tokens are told to nobody but their receiver: the record of calls masks them.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Json,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{
    Kick,
    rest::{data, pairs, unauthorized},
    world::{Code, Token},
};

mod page;
pub(super) use page::{authorize, decide};

pub(super) const SCOPES: [&str; 11] = [
    "user:read",
    "channel:read",
    "channel:write",
    "channel:rewards:read",
    "channel:rewards:write",
    "chat:write",
    "streamkey:read",
    "events:subscribe",
    "moderation:ban",
    "moderation:chat_message:manage",
    "kicks:read",
];

const USER_TOKEN: TimeDelta = TimeDelta::hours(2);
const APP_TOKEN: TimeDelta = TimeDelta::days(60);
/// Refresh tokens die about 30 days after their issue (KickDevDocs #397).
const REFRESH_TOKEN: TimeDelta = TimeDelta::days(30);
const CODE: TimeDelta = TimeDelta::minutes(10);

const INVALID_GRANT: &str = "The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token \
                             is invalid, expired, revoked, does not match the redirection URI used in the authorization request, \
                             or was issued to another client";

impl Kick {
    /// Ends what this person has allowed: access tokens are refused, the refresh token is `invalid_grant` (KickDevDocs #359).
    pub fn revoke_grants(&self, who: &str) {
        let id = self.person(who).user_id;
        self.change(|world| {
            for token in world.tokens.iter_mut().filter(|t| t.user_id == Some(id)) {
                token.revoked = true;
            }
        });
    }

    /// As above for every token of the application itself.
    pub fn revoke_app_tokens(&self) {
        self.change(|world| {
            for token in world.tokens.iter_mut().filter(|t| t.user_id.is_none()) {
                token.revoked = true;
            }
        });
    }

    fn new_code(&self, user_id: i64, asked: &page::Asked) -> String {
        let code = secret();
        let expires_at = self.clock().now() + CODE;
        self.change(|world| {
            world.codes.push(Code {
                code: code.clone(),
                user_id,
                scopes: asked.scopes.clone(),
                redirect_uri: asked.redirect_uri.clone(),
                challenge: asked.challenge.clone(),
                expires_at,
            });
        });
        code
    }

    fn issue(&self, user_id: Option<i64>, scopes: Vec<String>) -> Value {
        let now = self.clock().now();
        let life = if user_id.is_some() { USER_TOKEN } else { APP_TOKEN };
        let token = Token {
            access: secret(),
            refresh: user_id.map(|_| secret()),
            user_id,
            scopes,
            expires_at: now + life,
            refresh_expires_at: now + REFRESH_TOKEN,
            revoked: false,
            refreshed: false,
        };
        let mut answer = json!({"access_token": token.access, "token_type": "Bearer"});
        answer["expires_in"] = match self.inner.expires_in_as_text {
            true => json!(life.num_seconds().to_string()),
            false => json!(life.num_seconds()),
        };
        if let Some(refresh) = &token.refresh {
            answer["refresh_token"] = json!(refresh);
            answer["scope"] = json!(token.scopes.join(" "));
        }
        self.change(|world| {
            world.tokens.retain(|t| t.refresh_expires_at > now || t.expires_at > now);
            world.tokens.push(token);
        });
        answer
    }

    fn by_code(&self, form: &[(String, String)]) -> Result<Value, Denial> {
        let now = self.clock().now();
        let wanted = of(form, "code").unwrap_or_default();
        // Whatever comes of it: a code is good once.
        let code = self.change(|world| {
            let at = world.codes.iter().position(|code| code.code == wanted)?;
            Some(world.codes.remove(at))
        });
        let code = code.filter(|code| code.expires_at > now).ok_or_else(invalid_grant)?;
        let verifier = of(form, "code_verifier").unwrap_or_default();
        let fits = challenge(verifier) == code.challenge && of(form, "redirect_uri") == Some(&code.redirect_uri);
        if !fits {
            return Err(invalid_grant());
        }
        Ok(self.issue(Some(code.user_id), code.scopes))
    }

    fn by_refresh(&self, form: &[(String, String)]) -> Result<Value, Denial> {
        let now = self.clock().now();
        let wanted = of(form, "refresh_token").unwrap_or_default();
        let flexible = self.inner.flexible_refresh;
        let (user_id, scopes) = self
            .change(|world| {
                let token = world.tokens.iter_mut().find(|t| t.refresh.as_deref() == Some(wanted))?;
                let dead = token.revoked || token.refresh_expires_at <= now || (token.refreshed && !flexible);
                token.refreshed = true;
                (!dead).then(|| (token.user_id, token.scopes.clone()))
            })
            .ok_or_else(invalid_grant)?;
        Ok(self.issue(user_id, scopes))
    }
}

/// `POST /oauth/token`: a form, with the credentials in it.
pub(super) async fn token(State(kick): State<Kick>, headers: HeaderMap, body: Bytes) -> Response {
    let kind = headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return denied(StatusCode::BAD_REQUEST, "invalid_request", "The request is not a form").into_response();
    }
    let form = pairs(&body);
    let known =
        of(&form, "client_id") == Some(kick.client_id()) && of(&form, "client_secret") == Some(kick.client_secret());
    if !known {
        return denied(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed").into_response();
    }
    let outcome = match of(&form, "grant_type") {
        Some("authorization_code") => kick.by_code(&form),
        Some("refresh_token") => kick.by_refresh(&form),
        Some("client_credentials") => Ok(kick.issue(None, Vec::new())),
        _ => Err(denied(StatusCode::BAD_REQUEST, "unsupported_grant_type", "The grant type is not supported")),
    };
    outcome.map_or_else(Denial::into_response, |token| Json(token).into_response())
}

/// `POST /oauth/revoke?token=…&token_hint_type=…` (their own name for it). What is not known is revoked as well.
pub(super) async fn revoke(State(kick): State<Kick>, RawQuery(query): RawQuery) -> Response {
    let query = pairs(query.unwrap_or_default().as_bytes());
    let wanted = of(&query, "token").unwrap_or_default();
    kick.change(|world| {
        let is_it = |t: &&mut Token| t.access == wanted || t.refresh.as_deref() == Some(wanted);
        for token in world.tokens.iter_mut().filter(is_it) {
            token.revoked = true;
        }
    });
    "OK".into_response()
}

/// `POST /oauth/token/introspect`: about the token of the `Authorization` header.
pub(super) async fn introspect(State(kick): State<Kick>, headers: HeaderMap) -> Response {
    let Some(access) = bearer(&headers) else { return unauthorized().into_response() };
    let now = kick.clock().now();
    let world = kick.world();
    let Some(token) = world.token(access, now) else { return data(json!({"active": false})) };
    data(json!({
        "active": true,
        "client_id": kick.client_id(),
        "token_type": if token.user_id.is_some() { "user" } else { "app" },
        "scope": token.scopes.join(" "),
        "exp": token.expires_at.timestamp(),
    }))
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

pub(super) fn invalid_grant() -> Denial {
    denied(StatusCode::BAD_REQUEST, "invalid_grant", INVALID_GRANT)
}

/// RFC 6749, section 5.2.
#[derive(Debug)]
pub(super) struct Denial {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
}

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        let body = json!({"error": self.error, "error_description": self.description});
        (self.status, Json(body)).into_response()
    }
}

fn denied(status: StatusCode, error: &'static str, description: &'static str) -> Denial {
    Denial { status, error, description }
}

pub(super) fn of<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// RFC 7636, section 4.2.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// 48 characters that say nothing.
fn secret() -> String {
    let chance =
        [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()];
    hex::encode_upper(chance.concat()).chars().take(48).collect()
}
