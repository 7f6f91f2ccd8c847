//! OAuth 2.1 at `id.kick.com`: where a person is sent, and tokens for what they come back with.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::{Host, Url};

use super::{KickClient, KickError, Result, text, under, unreadable};

/// What an account may be asked to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    UserRead,
    ChannelRead,
    ChatWrite,
    EventsSubscribe,
    RewardsRead,
    RewardsWrite,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::UserRead => "user:read",
            Scope::ChannelRead => "channel:read",
            Scope::ChatWrite => "chat:write",
            Scope::EventsSubscribe => "events:subscribe",
            Scope::RewardsRead => "channel:rewards:read",
            Scope::RewardsWrite => "channel:rewards:write",
        }
    }

    /// Whether a granted list, separated by spaces, has it.
    pub fn is_in(self, granted: &str) -> bool {
        granted.split_whitespace().any(|scope| scope == self.as_str())
    }
}

/// Of a person. Each exchange gives a new pair.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: SecretString,
    pub refresh: SecretString,
    pub expires_in: Duration,
    /// Separated by spaces.
    pub scope: String,
}

/// Of the application itself.
#[derive(Clone, Debug)]
pub struct AppToken {
    pub token: SecretString,
    pub expires_in: Duration,
}

impl KickClient {
    /// Where a person decides whether we may. `verifier` stays with us.
    pub fn authorize_url(&self, state: &str, verifier: &SecretString, redirect_uri: &Url, scopes: &[Scope]) -> Url {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose_secret().as_bytes()));
        let mut url = under(&self.application.oauth, &["oauth", "authorize"]);
        let mut query = url.query_pairs_mut();
        query.append_pair("response_type", "code").append_pair("client_id", &self.application.client_id);
        // Kick's page turns the first 127.0.0.1 of an address into localhost.
        if redirect_uri.host() == Some(Host::Ipv4(std::net::Ipv4Addr::LOCALHOST)) {
            query.append_pair("redirect", "127.0.0.1");
        }
        query
            .append_pair("redirect_uri", redirect_uri.as_str())
            .append_pair("scope", &scopes.join(" "))
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", state);
        drop(query);
        url
    }

    /// Tokens for the code that a person came back with.
    pub async fn exchange_code(&self, code: &str, verifier: &SecretString, redirect_uri: &Url) -> Result<Tokens> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri.as_str()),
            ("code_verifier", verifier.expose_secret()),
        ];
        tokens(&self.form(&["oauth", "token"], &fields).await?)
    }

    /// A new pair for an old one, which is not to be used any more.
    pub async fn refresh(&self, refresh: &SecretString) -> Result<Tokens> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose_secret())];
        tokens(&self.form(&["oauth", "token"], &fields).await?)
    }

    pub async fn app_token(&self) -> Result<AppToken> {
        let answer = self.form(&["oauth", "token"], &[("grant_type", "client_credentials")]).await?;
        let token = text(&answer, "access_token").ok_or_else(|| unreadable("a token", "it has no access_token"))?;
        Ok(AppToken { token: token.into(), expires_in: expires_in(&answer) })
    }

    /// Gives a person's authorisation back. The parameter's name is Kick's own.
    pub async fn revoke(&self, refresh: &SecretString) -> Result<()> {
        let mut url = under(&self.application.oauth, &["oauth", "revoke"]);
        url.query_pairs_mut()
            .append_pair("token", refresh.expose_secret())
            .append_pair("token_hint_type", "refresh_token");
        let answer = self.send(self.http.post(url), Some(refresh)).await?;
        self.success(answer, Some(refresh)).map(|_| ())
    }
}

fn tokens(answer: &Value) -> Result<Tokens> {
    let token = |name: &str| -> std::result::Result<SecretString, KickError> {
        let found = text(answer, name).map(SecretString::from);
        found.ok_or_else(|| unreadable("a token", &format!("it has no {name}")))
    };
    Ok(Tokens {
        access: token("access_token")?,
        refresh: token("refresh_token")?,
        expires_in: expires_in(answer),
        scope: text(answer, "scope").unwrap_or_default(),
    })
}

/// A number, or, as the documentation shows it, a text. Without one the token is taken to live as long as a person's
/// does; a refusal tells earlier.
fn expires_in(answer: &Value) -> Duration {
    const USUAL: Duration = Duration::from_secs(7200);
    let seconds = match answer.get("expires_in") {
        Some(Value::Number(number)) => number.as_u64().or_else(|| number.as_f64().map(|n| n as u64)),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    seconds.map_or(USUAL, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::telemetry::metrics::Metrics;
    use crate::upstream::kick::Application;

    fn client() -> KickClient {
        let application = Application {
            api: Url::parse("https://api.kick.com").unwrap(),
            oauth: Url::parse("https://id.kick.com").unwrap(),
            client_id: "app".into(),
            client_secret: "hush".into(),
        };
        KickClient::new(application, Metrics::default()).unwrap()
    }

    #[test]
    fn the_address_of_kick_s_page() {
        // The verifier and the challenge are the example of RFC 7636, appendix B.
        let verifier = SecretString::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let url = |redirect: &str| {
            let redirect = Url::parse(redirect).unwrap();
            client().authorize_url("S", &verifier, &redirect, &[Scope::UserRead, Scope::ChatWrite]).to_string()
        };
        insta::assert_snapshot!(url("https://bot.example.org/kick/callback"), @"https://id.kick.com/oauth/authorize?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fbot.example.org%2Fkick%2Fcallback&scope=user%3Aread+chat%3Awrite&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&state=S");
        assert!(url("http://127.0.0.1:3000/x").contains("&redirect=127.0.0.1&redirect_uri=http%3A%2F%2F127.0.0.1"));
    }

    #[test]
    fn tokens_as_they_come() {
        let answer = json!({ "access_token": "a", "refresh_token": "r", "expires_in": "7200", "scope": "user:read" });
        let read = tokens(&answer).unwrap();
        assert_eq!((read.expires_in.as_secs(), read.scope.as_str()), (7200, "user:read"));
        assert_eq!(expires_in(&json!({ "expires_in": 5_184_000 })).as_secs(), 5_184_000);
        assert_eq!(expires_in(&json!({})).as_secs(), 7200);
        let without = tokens(&json!({ "access_token": "hush" })).unwrap_err();
        assert_eq!(without.to_string(), "a token of Kick can't be read: it has no refresh_token");
        assert!(!format!("{read:?}").contains("\"a\"") && !format!("{:?}", client()).contains("hush"));
    }

    #[test]
    fn a_scope_is_a_whole_word() {
        assert!(Scope::ChatWrite.is_in("user:read chat:write") && !Scope::ChatWrite.is_in("xchat:write chat:writes"));
    }
}
