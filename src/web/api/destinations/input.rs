//! What callers say of a destination, and what is wrong with it.

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::super::problem::{FieldError, Problem};
use super::super::text;
use crate::id::ChannelId;
use crate::store::destination::manage::DestinationChange;
use crate::upstream::guard::WebhookAddress;

const NAME_MAX: usize = 80;
const DESCRIPTION_MAX: usize = 500;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
        pub enum $name {
            $(#[serde(rename = $word)] $variant,)+
        }

        impl $name {
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        }
    };
}

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
}

fn yes() -> bool {
    true
}

/// Where it is.
pub enum Place {
    Channel(ChannelId),
    Webhook(WebhookAddress),
}

impl Place {
    pub fn taken(&self) -> FieldError {
        match self {
            Place::Channel(_) => FieldError::new("channel_id", text::CHANNEL_TAKEN),
            Place::Webhook(_) => FieldError::new("webhook_url", text::WEBHOOK_TAKEN),
        }
    }
}

impl NewDestination {
    pub fn check(&self) -> Result<Place, Problem> {
        let mut errors = Vec::new();
        check_name(&self.name, &mut errors);
        check_description(self.description.as_deref(), &mut errors);
        let place = match (&self.channel_id, &self.webhook_url) {
            (Some(id), None) => channel(id),
            (None, Some(url)) => WebhookAddress::parse(url)
                .map(Place::Webhook)
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
        }
    }
}

fn channel(id: &str) -> Result<Place, FieldError> {
    let shaped = (15..=19).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
    let id = id.parse().ok().filter(|_| shaped);
    id.map(Place::Channel).ok_or_else(|| FieldError::new("channel_id", text::BAD_CHANNEL))
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
    pub enabled: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = bool, required = false)]
    archives_resolved: Option<bool>,
}

/// Tells null from what is left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(reader).map(Some)
}

/// Left out or a value; null is neither.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

impl DestinationPatch {
    pub fn check(&self) -> Result<(), Problem> {
        let mut errors = Vec::new();
        if let Some(Some(name)) = &self.name {
            check_name(name, &mut errors);
        }
        check_description(self.description.as_ref().and_then(Option::as_deref), &mut errors);
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
        }
    }

    /// What it changes, for the audit log.
    pub fn fields(&self) -> Vec<&'static str> {
        let fields = [
            ("name", self.name.is_some()),
            ("description", self.description.is_some()),
            ("type", self.webhook_type.is_some()),
            ("scope", self.webhook_scope.is_some()),
            ("enabled", self.enabled.is_some()),
            ("archives_resolved", self.archives_resolved.is_some()),
        ];
        fields.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }
}

fn check_name(name: &str, errors: &mut Vec<FieldError>) {
    let length = name.trim().chars().count();
    if !(1..=NAME_MAX).contains(&length) || name.chars().any(char::is_control) {
        errors.push(FieldError::new("name", text::between(NAME_MAX)));
    }
}

fn check_description(description: Option<&str>, errors: &mut Vec<FieldError>) {
    let bad = |c: char| c.is_control() && c != '\n';
    if description.is_some_and(|words| words.chars().count() > DESCRIPTION_MAX || words.chars().any(bad)) {
        errors.push(FieldError::new("description", text::at_most(DESCRIPTION_MAX)));
    }
}
