//! What Discord refuses in a body, by rules of our own: also what its OpenAPI description does not say.
//!
//! Each rule stands beside the page it comes from. Nothing here changes the world.

mod command;
mod component;

use chrono::DateTime;
use serde_json::Value;

pub use command::{check_command, check_commands};
pub use component::{check_components, check_modal};

use super::refusal::{EMPTY_MESSAGE, Problems, Refusal};

pub const EPHEMERAL: u64 = 1 << 6;
/// <https://discord.com/developers/docs/components/reference#what-is-a-component>: a message with it consists of components only.
pub const COMPONENTS_V2: u64 = 1 << 15;

/// Which request carries the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Create message, as the bot.
    Create,
    /// Execute webhook. False: components that can be pressed are not allowed (not owned by an application).
    Webhook { interactive: bool },
    /// First response or followup.
    Response,
    /// Any PATCH: nothing is required. The flags are those of the message as it stands.
    Edit { flags: u64 },
}

/// <https://discord.com/developers/docs/resources/message#create-message-jsonform-params>
pub fn check_message(body: &Value, files: usize, carrier: Carrier) -> Result<(), Refusal> {
    let mut problems = Problems::new();
    let p = &mut problems;
    if !body.is_object() {
        p.add("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType");
        return problems.into_result();
    }
    let mut flags = body["flags"].as_u64().unwrap_or(0);
    if let Carrier::Edit { flags: current } = carrier {
        flags |= current;
    }
    let v2 = flags & COMPONENTS_V2 != 0;
    p.text(body, "content", 0, 2000);
    check_attachments(body, p);
    check_embeds(body, p);
    if v2 {
        // "The content and embeds fields will no longer work": components reference, "Using components v2".
        for key in ["content", "embeds", "poll", "sticker_ids"] {
            let empty = match &body[key] {
                Value::Null => true,
                Value::String(text) => text.is_empty(),
                Value::Array(list) => list.is_empty(),
                _ => false,
            };
            if !empty {
                let text = format!("The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2");
                p.at(key, |p| p.add("MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", text));
            }
        }
    }
    check_components(&body["components"], v2, p);
    if let Carrier::Webhook { interactive: false } = carrier
        && component::has_interactive(&body["components"])
    {
        // <https://discord.com/developers/docs/resources/webhook#execute-webhook>: application-owned webhooks only.
        p.at("components", |p| {
            p.add(
                "WEBHOOK_COMPONENTS_NOT_ALLOWED",
                "Interactive components can only be sent by application-owned webhooks",
            );
        });
    }
    check_allowed_mentions(&body["allowed_mentions"], p);
    check_nonce(body, p);
    if let Carrier::Webhook { .. } = carrier {
        check_webhook_name(body, "username", p);
    }
    if files > 10 {
        p.at("files", |p| p.length(files, 0, 10));
    }
    problems.into_result()?;
    let edit = matches!(carrier, Carrier::Edit { .. });
    if !edit && files == 0 && is_empty(body) {
        return Err(EMPTY_MESSAGE.into());
    }
    Ok(())
}

/// One of content, embeds, sticker_ids, components, files, poll (or a forward) is required.
pub fn is_empty(body: &Value) -> bool {
    let no_text = body["content"].as_str().is_none_or(|t| t.trim().is_empty());
    let none = |key: &str| body[key].as_array().is_none_or(Vec::is_empty);
    let forward = body["message_reference"]["type"] == 1;
    no_text && none("embeds") && none("components") && none("sticker_ids") && body["poll"].is_null() && !forward
}

/// <https://discord.com/developers/docs/resources/message#embed-object-embed-limits>
/// "description for the file (max 1024 characters)": <https://discord.com/developers/docs/resources/message#attachment-object>
fn check_attachments(body: &Value, p: &mut Problems) {
    p.at("attachments", |p| {
        for (n, one) in body["attachments"].as_array().into_iter().flatten().enumerate() {
            p.at(n, |p| p.text(one, "description", 0, 1024));
        }
    });
}

fn check_embeds(body: &Value, p: &mut Problems) {
    let embeds = match &body["embeds"] {
        Value::Null => return,
        Value::Array(embeds) => embeds,
        _ => {
            return p.at("embeds", |p| {
                p.add("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
            });
        }
    };
    p.at("embeds", |p| {
        p.length(embeds.len(), 0, 10);
        for (n, embed) in embeds.iter().enumerate() {
            p.at(n, |p| check_embed(embed, p));
        }
        let sum: usize = embeds.iter().map(embed_size).sum();
        if sum > 6000 {
            let text = "Embed size exceeds maximum size of 6000";
            p.add("MAX_EMBED_SIZE_EXCEEDED", text);
        }
    });
}

fn check_embed(embed: &Value, p: &mut Problems) {
    if !embed.is_object() {
        return p.add("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType");
    }
    p.text(embed, "title", 0, 256);
    p.text(embed, "description", 0, 4096);
    check_url(embed, "url", p);
    if let Some(footer) = embed["footer"].as_object() {
        let footer = Value::Object(footer.clone());
        p.at("footer", |p| {
            p.required_text(&footer, "text", 2048);
            check_url(&footer, "icon_url", p);
        });
    }
    if embed["author"].is_object() {
        p.at("author", |p| {
            p.required_text(&embed["author"], "name", 256);
            check_url(&embed["author"], "url", p);
            check_url(&embed["author"], "icon_url", p);
        });
    }
    for image in ["image", "thumbnail"] {
        if embed[image].is_object() {
            p.at(image, |p| {
                if embed[image]["url"].is_null() {
                    p.at("url", Problems::required);
                }
                check_url(&embed[image], "url", p);
            });
        }
    }
    let fields = embed["fields"].as_array().map_or(&[][..], Vec::as_slice);
    p.at("fields", |p| {
        p.length(fields.len(), 0, 25);
        for (n, field) in fields.iter().enumerate() {
            p.at(n, |p| {
                p.required_text(field, "name", 256);
                p.required_text(field, "value", 1024);
            });
        }
    });
    match &embed["color"] {
        Value::Null => {}
        color => match color.as_u64() {
            Some(color) if color <= 0x00ff_ffff => {}
            Some(_) => p.at("color", |p| {
                p.add("NUMBER_TYPE_MAX", "int value should be less than or equal to 16777215.");
            }),
            None => p.at("color", |p| {
                p.add("NUMBER_TYPE_COERCE", "Value is not int.");
            }),
        },
    }
    match &embed["timestamp"] {
        Value::Null => {}
        Value::String(at) if DateTime::parse_from_rfc3339(at).is_ok() => {}
        _ => p.at("timestamp", |p| {
            let text = "Could not parse value. Should be ISO8601.";
            p.add("DATETIME_TYPE_PARSE", text);
        }),
    }
    let something = ["title", "description", "url", "timestamp", "image", "thumbnail", "footer", "author"];
    if fields.is_empty() && something.iter().all(|key| embed[*key].is_null()) {
        p.at("description", Problems::required);
    }
}

/// Only `http(s)` and `attachment:` addresses: <https://discord.com/developers/docs/resources/message#embed-object>
fn check_url(of: &Value, key: &str, p: &mut Problems) {
    let Some(url) = of[key].as_str() else { return };
    let scheme = url.split_once("://").map(|(scheme, rest)| (scheme, rest.is_empty()));
    let shaped = matches!(scheme, Some(("http" | "https" | "attachment", false)));
    if !shaped || url.contains(char::is_whitespace) {
        p.at(key, |p| match scheme {
            Some((other, _)) if !shaped => {
                let text = format!("Scheme \"{other}\" is not supported. Scheme must be one of ('http', 'https').");
                p.add("URL_TYPE_INVALID_SCHEME", text);
            }
            _ => p.add("URL_TYPE_INVALID_URL", "Not a well formed URL."),
        });
    }
    if url.chars().count() > 2048 {
        p.at(key, |p| p.length(url.chars().count(), 0, 2048));
    }
}

/// Title, description, field names and values, footer text, author name: what counts towards the 6,000.
fn embed_size(embed: &Value) -> usize {
    let len = |v: &Value| v.as_str().map_or(0, |text| text.trim().chars().count());
    let fields = embed["fields"].as_array().map_or(&[][..], Vec::as_slice);
    len(&embed["title"])
        + len(&embed["description"])
        + len(&embed["footer"]["text"])
        + len(&embed["author"]["name"])
        + fields.iter().map(|f| len(&f["name"]) + len(&f["value"])).sum::<usize>()
}

/// <https://discord.com/developers/docs/resources/message#allowed-mentions-object>
fn check_allowed_mentions(allowed: &Value, p: &mut Problems) {
    p.at("allowed_mentions", |p| {
        let parse = allowed["parse"].as_array().map_or(&[][..], Vec::as_slice);
        for (n, what) in parse.iter().enumerate() {
            if !matches!(what.as_str(), Some("users" | "roles" | "everyone")) {
                let text = "Value must be one of ('users', 'roles', 'everyone').";
                p.at("parse", |p| p.at(n, |p| p.add("BASE_TYPE_CHOICES", text)));
            }
        }
        for key in ["users", "roles"] {
            let listed = allowed[key].as_array().map_or(0, Vec::len);
            p.at(key, |p| p.length(listed, 0, 100));
            if listed > 0 && parse.iter().any(|what| what == key) {
                // "Because `parse: ["users"]` and `users: [..]` are both present, we would throw a validation error."
                p.at("parse", |p| {
                    let text = format!("parse:[\"{key}\"] and {key}: [ids...] are mutually exclusive.");
                    p.add("MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", text);
                });
            }
        }
    });
}

/// "Can be used to verify a message was sent (up to 25 characters)", integer or string: create message parameters.
fn check_nonce(body: &Value, p: &mut Problems) {
    match &body["nonce"] {
        Value::Null | Value::Number(_) => {}
        Value::String(nonce) => {
            let len = nonce.chars().count();
            p.at("nonce", |p| p.length(len, 0, 25));
        }
        _ => p.at("nonce", |p| {
            p.add("NONCE_TYPE_CONVERT", "Nonces must be integers or strings.");
        }),
    }
}

/// 1-80 characters, not containing "clyde" or "discord": <https://discord.com/developers/docs/resources/webhook#create-webhook>
pub fn check_webhook_name(body: &Value, key: &str, p: &mut Problems) {
    p.text(body, key, 1, 80);
    let name = body[key].as_str().unwrap_or_default().to_lowercase();
    for word in ["clyde", "discord"] {
        if name.contains(word) {
            let text = format!("Username cannot contain \"{word}\"");
            p.at(key, |p| p.add("USERNAME_INVALID_CONTAINS", text));
        }
    }
}
