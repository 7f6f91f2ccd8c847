//! The source XTSystems: its webhook, its API, and who may approve.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reader::Reader;
use super::value::{boolean, http_url, snowflakes, web_path};
use super::variable::{Section, Variable};
use crate::id::RoleId;

/// The source that the environment configures. It belongs to `DISCORD_GUILD_ID`.
#[derive(Clone, Debug)]
pub struct XtSystemsConfig {
    /// Without it nothing can be sent back.
    pub api_url: Option<Url>,
    pub api_key: Option<SecretString>,
    pub auth: ApiAuth,
    /// The secrets under which a webhook may be signed, the current one first. Empty: every request
    /// is refused, and the status says so. There is no default.
    pub secrets: Vec<SecretString>,
    /// Where the webhook is received; begins with `/`.
    pub path: String,
    /// What stands between timestamp and body in the signed text. The genuine sender puts nothing.
    pub separator: String,
    /// Members with one of these may decide; empty: those who may manage the server.
    pub approver_roles: Vec<RoleId>,
    /// Members with one of these may change tickets; empty: those who may manage the server.
    pub ticket_roles: Vec<RoleId>,
    /// Sent with approve and deny when set.
    pub allow_machine: Option<bool>,
    pub company_id: Option<String>,
}

/// What the `Authorization` header holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiAuth {
    /// `Bearer <key>`
    Bearer,
    /// The key alone.
    Raw,
}

/// The secret that the original bot fell back to: published, so worth nothing.
const PUBLISHED_DEFAULT: &str = "default-secret";

pub(super) static SECTION: Section = Section {
    title: "XTSystems",
    about: "Tickets, assets, machines and alerts. Switched on by setting any of these; needs DISCORD_GUILD_ID.",
    variables: &[
        Variable::new("XTSYSTEMS_API_URL", "Where its API is.", "https://api.xt.systems"),
        Variable::new("XTSYSTEMS_API_KEY", "The key for its API.", "").secret(),
        Variable::new("XTSYSTEMS_API_AUTH", "How the key is sent: bearer or raw.", "raw").default("bearer"),
        Variable::new("XTSYSTEMS_COMPANY_ID", "The company whose machines are decided on.", "1"),
        Variable::new(
            "XTSYSTEMS_APPROVER_ROLES",
            "Roles whose members may approve and deny. When unset: those who may manage the server.",
            "914986636629143562,914986636629143563",
        ),
        Variable::new(
            "XTSYSTEMS_TICKET_ROLES",
            "Roles whose members may create and change tickets. When unset: those who may manage the server.",
            "914986636629143562,914986636629143563",
        ),
        Variable::new(
            "XTSYSTEMS_ALLOW_MACHINE",
            "The parameter allow_machine of approve and deny. When unset it is left out.",
            "true",
        ),
        Variable::new("WEBHOOK_SECRET", "The secret with which its webhooks are signed.", "").secret(),
        Variable::new("WEBHOOK_SECRET_PREVIOUS", "The secret before, still accepted while you change it.", "").secret(),
        Variable::new("WEBHOOK_PATH", "Where its webhooks are received.", "/webhooks/xtsystems")
            .default("/webhooks/xtsystems"),
        Variable::new(
            "WEBHOOK_SIGNATURE_SEPARATOR",
            "What stands between timestamp and body in the signed text. The genuine sender puts nothing.",
            ".",
        )
        .default(""),
    ],
};

/// `Some(None)`: the section is absent. `None`: it is wrong.
pub(super) fn read(r: &mut Reader) -> Option<Option<XtSystemsConfig>> {
    let set = SECTION.variables.iter().map(|variable| variable.name).find(|name| r.is_set(name));
    let Some(first_set) = set else { return Some(None) };
    if !r.is_set("DISCORD_GUILD_ID") {
        let origin = r.origin(first_set);
        r.refuse(
            "DISCORD_GUILD_ID",
            format!(
                "is required because {first_set} is set ({origin}): what XTSystems sends belongs to one server. \
                 Right-click the server's name in Discord, \"Copy Server ID\"",
            ),
        );
    }
    let api_url = r.optional("XTSYSTEMS_API_URL", http_url);
    let api_key = r.secret("XTSYSTEMS_API_KEY", |_| Ok(()));
    let auth = r.value("XTSYSTEMS_API_AUTH", auth);
    let company_id = r.optional("XTSYSTEMS_COMPANY_ID", |text| Ok(text.to_owned()));
    let approver_roles = r.optional("XTSYSTEMS_APPROVER_ROLES", snowflakes("a role")).unwrap_or_default();
    let ticket_roles = r.optional("XTSYSTEMS_TICKET_ROLES", snowflakes("a role")).unwrap_or_default();
    let allow_machine = r.optional("XTSYSTEMS_ALLOW_MACHINE", boolean);
    let current = r.secret("WEBHOOK_SECRET", check_secret);
    let previous = r.secret("WEBHOOK_SECRET_PREVIOUS", check_secret);
    let path = r.value("WEBHOOK_PATH", web_path("/webhooks/xtsystems"));
    let separator = r.value("WEBHOOK_SIGNATURE_SEPARATOR", |text| Ok(text.to_owned()));

    if !r.is_set("WEBHOOK_SECRET") {
        r.warn(
            "WEBHOOK_SECRET is not set: webhooks of XTSystems are refused until signalbox setup xtsystems, or \
             /register-webhook, has generated one",
        );
    } else if current.as_ref().is_some_and(|secret| secret.expose_secret().len() < 16) {
        r.warn("WEBHOOK_SECRET is shorter than 16 characters and could be guessed");
    }
    if r.is_set("XTSYSTEMS_API_URL") != r.is_set("XTSYSTEMS_API_KEY") {
        r.warn("XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY go together: without both, nothing is sent to XTSystems");
    }
    let secrets = current.into_iter().chain(previous).collect();
    Some(Some(XtSystemsConfig {
        api_url,
        api_key,
        auth: auth?,
        secrets,
        path: path?,
        separator: separator?,
        approver_roles,
        ticket_roles,
        allow_machine,
        company_id,
    }))
}

fn auth(text: &str) -> Result<ApiAuth, String> {
    match text.to_ascii_lowercase().as_str() {
        "bearer" => Ok(ApiAuth::Bearer),
        "raw" => Ok(ApiAuth::Raw),
        _ => Err("should be bearer or raw".into()),
    }
}

fn check_secret(text: &str) -> Result<(), String> {
    if text == PUBLISHED_DEFAULT {
        return Err("is the published default of the original bot, with which anyone can sign; choose another".into());
    }
    Ok(())
}
