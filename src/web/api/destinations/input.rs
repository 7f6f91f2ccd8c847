//! What callers say of a destination, and what is wrong with it.

use serde::Deserialize;
use utoipa::ToSchema;

use super::super::input::{given, some, words};
use super::super::problem::{FieldError, Problem};
use super::super::text;
use crate::delivery::manage::{NewPlace, Unfit, bad_name, unfit};
use crate::store::destination::manage::DestinationChange;
use crate::upstream::guard::WebhookAddress;

words! {
    /// What a panel sorts its webhooks by.
    WebhookType {
        GameServer = "GAME_SERVER",
        Vps = "VPS",
        System = "SYSTEM",
        Billing = "BILLING",
        Security = "SECURITY",
        Support = "SUPPORT",
        Custom = "CUSTOM",
    }
}

words! {
    /// Whom it is for.
    WebhookScope {
        Admin = "ADMIN",
        User = "USER",
        Public = "PUBLIC",
    }
}

/// A destination to be added: a channel of the server, or a Discord webhook.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDestination {
    /// Unique in the server.
    #[schema(min_length = 1, max_length = 80)]
    pub name: String,
    /// The id of a channel, thread or forum. Either this or `webhook_url`.
    #[schema(pattern = "^[0-9]{15,19}$")]
    pub channel_id: Option<String>,
    /// As Discord shows it under Server Settings › Integrations › Webhooks. Stored encrypted, shown masked.
    pub webhook_url: Option<String>,
    #[serde(rename = "type")]
    pub webhook_type: Option<WebhookType>,
    /// `ADMIN` when a type is given and no scope.
    #[serde(rename = "scope")]
    pub webhook_scope: Option<WebhookScope>,
    #[schema(max_length = 500)]
    pub description: Option<String>,
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    /// Of a forum: posts are archived when their card is resolved.
    #[serde(default)]
    pub archives_resolved: bool,
    /// How long notices are gathered, in milliseconds; left out: as the operator has it.
    #[schema(minimum = 0, maximum = 60_000)]
    pub batch_window_ms: Option<i32>,
    /// Of a webhook: as whom it posts; left out: as Discord has it.
    #[schema(max_length = 80)]
    pub sender_name: Option<String>,
    /// Of a webhook: the https address of the picture that it posts with.
    #[schema(max_length = 2048)]
    pub sender_avatar_url: Option<String>,
}

fn yes() -> bool {
    true
}

/// The place is there already.
pub fn taken(place: &NewPlace) -> FieldError {
    match place {
        NewPlace::Channel(_) => FieldError::new("channel_id", text::CHANNEL_TAKEN),
        NewPlace::Webhook(_) => FieldError::new("webhook_url", text::WEBHOOK_TAKEN),
    }
}

impl NewDestination {
    pub fn check(&self) -> Result<NewPlace, Problem> {
        let mut errors = Vec::new();
        check_name(Some(&self.name), &mut errors);
        errors.extend(unfit(&self.settings(), self.webhook_url.is_some()).into_iter().map(FieldError::from));
        let place = match (&self.channel_id, &self.webhook_url) {
            (Some(id), None) => channel(id),
            (None, Some(url)) => WebhookAddress::parse(url)
                .map(NewPlace::Webhook)
                .map_err(|why| FieldError::new("webhook_url", text::BAD_WEBHOOK).hint(why.to_string())),
            (None, None) => Err(FieldError::new("webhook_url", text::MISSING).hint(text::ONE_PLACE)),
            (Some(_), Some(_)) => Err(FieldError::new("channel_id", text::TWO_PLACES).hint(text::ONE_PLACE)),
        };
        match place {
            Ok(place) if errors.is_empty() => Ok(place),
            place => {
                errors.extend(place.err());
                Err(Problem::invalid(errors))
            }
        }
    }

    pub fn settings(&self) -> DestinationChange {
        // A panel's staff are meant unless others are named.
        let scope = self.webhook_scope.or(self.webhook_type.map(|_| WebhookScope::Admin));
        DestinationChange {
            name: Some(self.name.trim().to_owned()),
            description: Some(self.description.clone().unwrap_or_default()),
            webhook_type: Some(self.webhook_type.map_or("", WebhookType::as_str).to_owned()),
            webhook_scope: Some(scope.map_or("", WebhookScope::as_str).to_owned()),
            archives_resolved: Some(self.archives_resolved),
            enabled: Some(self.enabled),
            batch_window_ms: Some(self.batch_window_ms),
            sender_name: Some(self.sender_name.as_deref().unwrap_or_default().trim().to_owned()),
            sender_avatar_url: Some(self.sender_avatar_url.as_deref().unwrap_or_default().trim().to_owned()),
        }
    }
}

fn channel(id: &str) -> Result<NewPlace, FieldError> {
    let shaped = (15..=19).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
    let id = id.parse().ok().filter(|_| shaped);
    id.map(NewPlace::Channel).ok_or_else(|| FieldError::new("channel_id", text::BAD_CHANNEL))
}

/// What is to be different. What is left out stays, null clears.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DestinationPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 80)]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Option<Option<String>>,
    #[serde(default, rename = "type", deserialize_with = "given")]
    #[schema(value_type = Option<WebhookType>)]
    webhook_type: Option<Option<WebhookType>>,
    #[serde(default, rename = "scope", deserialize_with = "given")]
    #[schema(value_type = Option<WebhookScope>)]
    webhook_scope: Option<Option<WebhookScope>>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = bool, required = false)]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = bool, required = false)]
    archives_resolved: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i32>, minimum = 0, maximum = 60_000)]
    batch_window_ms: Option<Option<i32>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 80)]
    sender_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2048)]
    sender_avatar_url: Option<Option<String>>,
}

impl DestinationPatch {
    pub fn check(&self) -> Result<(), Problem> {
        let mut errors = Vec::new();
        check_name(self.name.as_ref().and_then(Option::as_deref), &mut errors);
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }

    pub fn settings(&self) -> DestinationChange {
        let text =
            |value: &Option<Option<String>>| value.clone().map(|value| value.unwrap_or_default().trim().to_owned());
        DestinationChange {
            name: text(&self.name),
            description: text(&self.description),
            webhook_type: self.webhook_type.map(|kind| kind.map_or("", WebhookType::as_str).to_owned()),
            webhook_scope: self.webhook_scope.map(|scope| scope.map_or("", WebhookScope::as_str).to_owned()),
            archives_resolved: self.archives_resolved,
            enabled: self.enabled,
            batch_window_ms: self.batch_window_ms,
            sender_name: text(&self.sender_name),
            sender_avatar_url: text(&self.sender_avatar_url),
        }
    }
}

impl From<Unfit> for FieldError {
    fn from(unfit: Unfit) -> Self {
        FieldError::new(unfit.field, unfit.why)
    }
}

/// A name that is given is one; null takes it away.
fn check_name(name: Option<&str>, errors: &mut Vec<FieldError>) {
    if name.is_some_and(|name| name.trim().is_empty()) {
        errors.push(FieldError::new("name", bad_name()));
    }
}
