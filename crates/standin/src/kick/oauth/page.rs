//! The page on which people allow the application what it asks for, and what their answer leads to.

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{StatusCode, header::LOCATION},
    response::{Html, IntoResponse, Response},
};
use form_urlencoded::Serializer;

use super::{
    super::{Kick, rest::pairs},
    SCOPES, of,
};

/// What the application asks for.
pub(super) struct Asked {
    pub redirect_uri: String,
    pub state: String,
    pub scopes: Vec<String>,
    pub challenge: String,
}

/// `GET /oauth/authorize`
pub(in super::super) async fn authorize(State(kick): State<Kick>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    match kick.asked(&query) {
        Ok(asked) => Html(form(&kick, &query, &asked)).into_response(),
        Err(problem) => refusal(&problem),
    }
}

/// The answer of the form.
pub(in super::super) async fn decide(State(kick): State<Kick>, body: Bytes) -> Response {
    let form = pairs(&body);
    let field = |name| of(&form, name).unwrap_or_default();
    match kick.answered(field("query"), field("who"), field("answer") == "allow") {
        Ok(to) => (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
        Err(problem) => refusal(&problem),
    }
}

impl Kick {
    /// What a person does who follows such a link in a browser, logged in as `who`, and allows it. The address that the browser is sent
    /// to then; an error where Kick would show one instead of the page.
    pub fn allow(&self, authorize_url: &str, who: &str) -> Result<String, String> {
        self.answered(query_of(authorize_url), who, true)
    }

    /// As `allow`, and the person says no.
    pub fn refuse(&self, authorize_url: &str, who: &str) -> Result<String, String> {
        self.answered(query_of(authorize_url), who, false)
    }

    fn answered(&self, query: &str, who: &str, allowed: bool) -> Result<String, String> {
        let asked = self.asked(query)?;
        let user = self.person(who);
        let mut answer = Serializer::new(String::new());
        match allowed {
            true => answer.append_pair("code", &self.new_code(user.user_id, &asked)),
            false => answer.append_pair("error", "access_denied"),
        };
        answer.append_pair("state", &asked.state);
        let joint = if asked.redirect_uri.contains('?') { '&' } else { '?' };
        Ok(format!("{}{joint}{}", asked.redirect_uri, answer.finish()))
    }

    fn asked(&self, query: &str) -> Result<Asked, String> {
        // Only the first one: a parameter that nobody reads, put before the redirect_uri, saves it.
        let rewritten = match self.inner.rewrites_loopback {
            true => query.replacen("127.0.0.1", "localhost", 1),
            false => query.to_owned(),
        };
        let query = pairs(rewritten.as_bytes());
        let one = |name: &str| of(&query, name).filter(|value| !value.is_empty());
        let needed = |name: &str| one(name).ok_or_else(|| format!("{name} is missing"));
        if needed("client_id")? != self.client_id() {
            return Err("client_id is not known".to_owned());
        }
        if needed("response_type")? != "code" {
            return Err("response_type has to be code".to_owned());
        }
        let redirect_uri = needed("redirect_uri")?.to_owned();
        if !self.world().redirect_uris.contains(&redirect_uri) {
            return Err(format!("redirect_uri {redirect_uri} is not one of the application's settings"));
        }
        if needed("code_challenge_method")? != "S256" {
            return Err("code_challenge_method has to be S256".to_owned());
        }
        let scopes: Vec<String> = needed("scope")?.split(' ').map(str::to_owned).collect();
        if let Some(unknown) = scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
            return Err(format!("scope {unknown} is not known"));
        }
        let (state, challenge) = (needed("state")?.to_owned(), needed("code_challenge")?.to_owned());
        Ok(Asked { redirect_uri, state, scopes, challenge })
    }
}

fn query_of(url: &str) -> &str {
    url.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default())
}

fn refusal(problem: &str) -> Response {
    let page = document("Kick (stand-in)", &format!("<h1>This cannot be allowed</h1><p>{}</p>", escaped(problem)));
    (StatusCode::BAD_REQUEST, Html(page)).into_response()
}

fn form(kick: &Kick, query: &str, asked: &Asked) -> String {
    let people: String = {
        let world = kick.world();
        world.users.iter().map(|user| format!("<option>{}</option>", escaped(&user.username))).collect()
    };
    let scopes: String = asked.scopes.iter().map(|scope| format!("<li><code>{}</code></li>", escaped(scope))).collect();
    document(
        "Allow an application · Kick (stand-in)",
        &format!(
            "<h1>Signalbox wants to access your Kick account</h1><p>It asks for:</p><ul>{scopes}</ul>\
             <p>Then you go back to <code>{}</code>.</p>\
             <form method=\"post\" action=\"/oauth/authorize\"><input type=\"hidden\" name=\"query\" value=\"{}\">\
             <label for=\"who\">You are</label> <input id=\"who\" name=\"who\" list=\"people\" required autofocus \
             autocomplete=\"off\"><datalist id=\"people\">{people}</datalist>\
             <p><button name=\"answer\" value=\"allow\">Allow access</button> \
             <button name=\"answer\" value=\"refuse\" formnovalidate>No</button></p></form>",
            escaped(&asked.redirect_uri),
            escaped(query),
        ),
    )
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>body{{background:#0b0e0f;color:#eee;font:16px/1.5 system-ui,sans-serif;max-width:34rem;\
         margin:8vh auto;padding:0 1rem}}h1{{font-size:1.4rem}}code{{color:#53fc18;overflow-wrap:anywhere}}input,button{{font:inherit;\
         padding:.5rem .8rem;border-radius:6px;border:1px solid #555;background:#191b1f;color:#eee}}button[value=allow]{{\
         background:#53fc18;color:#000;border-color:#53fc18;font-weight:600}}</style></head><body>{body}</body></html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
