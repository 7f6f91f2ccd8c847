//! A message object made from a request body: mentions, embeds, components and attachments as Discord returns them.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::discord::upload::signed;
use crate::discord::world::{World, is_id, iso};

/// What a new message is made from.
pub struct Draft<'a> {
    pub channel_id: u64,
    pub body: &'a Value,
    pub files: &'a [Value],
    pub author: Value,
    pub kind: u8,
    /// False for webhooks and interactions: without `allowed_mentions` they ping users only.
    pub all_mentions: bool,
    pub may_mention_everyone: bool,
    /// Flags that this kind of request may set.
    pub flags: u64,
}

/// SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS, IS_COMPONENTS_V2: <https://discord.com/developers/docs/resources/message#message-object-message-flags>
const SETTABLE: u64 = 1 << 2 | 1 << 12 | 1 << 15;

impl<'a> Draft<'a> {
    pub fn new(channel_id: u64, body: &'a Value, files: &'a [Value]) -> Self {
        Draft {
            channel_id,
            body,
            files,
            author: Value::Null,
            kind: 0,
            all_mentions: true,
            may_mention_everyone: false,
            flags: SETTABLE,
        }
    }
}

/// The new message's id and object; nothing is stored yet.
pub fn compose(world: &mut World, now: DateTime<Utc>, draft: Draft<'_>) -> (u64, Value) {
    let id = world.snowflake(now);
    let body = draft.body;
    let content = body["content"].as_str().unwrap_or_default().trim().to_owned();
    let flags = body["flags"].as_u64().unwrap_or(0) & draft.flags;
    let attachments = attachments(world, now, draft.channel_id, draft.files, &body["attachments"]);
    let mut message = json!({
        "id": id.to_string(),
        "type": draft.kind,
        "channel_id": draft.channel_id.to_string(),
        "author": draft.author,
        "content": content,
        "timestamp": iso(now),
        "edited_timestamp": null,
        "tts": body["tts"] == true,
        "mention_everyone": false,
        "mentions": [],
        "mention_roles": [],
        "attachments": attachments,
        "embeds": embeds(&body["embeds"]),
        "components": components(&body["components"]),
        "pinned": false,
        "flags": flags,
    });
    mention(world, &mut message, &body["allowed_mentions"], draft.all_mentions, draft.may_mention_everyone);
    (id, message)
}

/// The message after a PATCH: a field that is absent stays, null empties it.
pub fn apply_edit(
    world: &World,
    now: DateTime<Utc>,
    channel_id: u64,
    message: &Value,
    body: &Value,
    files: &[Value],
    all_mentions: bool,
) -> Value {
    let mut edited = message.clone();
    if let Some(content) = body.get("content") {
        edited["content"] = json!(content.as_str().unwrap_or_default().trim());
        mention(world, &mut edited, &body["allowed_mentions"], all_mentions, true);
    }
    if let Some(list) = body.get("embeds") {
        edited["embeds"] = embeds(list);
    }
    if let Some(list) = body.get("components") {
        edited["components"] = components(list);
    }
    if let Some(flags) = body["flags"].as_u64() {
        // Only SUPPRESS_EMBEDS may be set or cleared; IS_COMPONENTS_V2 may be set and never goes away.
        let kept = edited["flags"].as_u64().unwrap_or(0) & !(1 << 2);
        edited["flags"] = json!(kept | flags & (1 << 2 | 1 << 15));
    }
    if body.get("attachments").is_some() || !files.is_empty() {
        let mut kept = Vec::new();
        let old = message["attachments"].as_array().cloned().unwrap_or_default();
        match body["attachments"].as_array() {
            Some(list) => kept.extend(old.into_iter().filter(|a| list.iter().any(|b| b["id"] == a["id"]))),
            None if body.get("attachments").is_none() => kept.extend(old),
            None => {}
        }
        let mut throwaway = crate::discord::world::snowflake_at(now);
        for (n, file) in files.iter().enumerate() {
            throwaway += 1;
            kept.push(described(attachment(file, channel_id, throwaway), n, &body["attachments"]));
        }
        edited["attachments"] = Value::Array(kept);
    }
    edited["edited_timestamp"] = json!(iso(now));
    edited
}

/// Who is pinged by the content: <https://discord.com/developers/docs/resources/message#allowed-mentions-object>
fn mention(world: &World, message: &mut Value, allowed: &Value, all: bool, may_everyone: bool) {
    let content = message["content"].as_str().unwrap_or_default().to_owned();
    let parses = |what: &str| match allowed.get("parse").and_then(Value::as_array) {
        Some(parse) => parse.iter().any(|p| p == what),
        None => allowed.is_null() && (all || what == "users"),
    };
    let lists = |key: &str, id: u64| {
        let listed = allowed[key].as_array().into_iter().flatten();
        listed.into_iter().any(|one| one.as_str() == Some(&id.to_string()))
    };
    let mut users = Vec::new();
    let mut roles = Vec::new();
    for part in content.split('<').skip(1) {
        let Some((inner, _)) = part.split_once('>') else {
            continue;
        };
        if let Some(id) = inner.strip_prefix("@&").and_then(|id| id.parse::<u64>().ok()) {
            let role = world.guilds.values().flat_map(|g| &g.roles).find(|r| r.id == id);
            let pings = role.is_some_and(|r| r.mentionable || may_everyone);
            if pings && (parses("roles") || lists("roles", id)) && !roles.contains(&json!(id.to_string())) {
                roles.push(json!(id.to_string()));
            }
        } else if let Some(id) = inner.strip_prefix('@') {
            let id = id.trim_start_matches('!').parse::<u64>().ok();
            if let Some(id) = id.filter(|id| world.users.contains_key(id))
                && (parses("users") || lists("users", id))
                && !users.iter().any(|u: &Value| is_id(&u["id"], id))
            {
                users.push(world.user_json(id));
            }
        }
    }
    let everyone = content.contains("@everyone") || content.contains("@here");
    message["mention_everyone"] = json!(everyone && may_everyone && parses("everyone"));
    message["mentions"] = Value::Array(users);
    message["mention_roles"] = Value::Array(roles);
}

/// Embeds as Discord returns them: typed, trimmed, times in its own form.
fn embeds(list: &Value) -> Value {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().map(embed).collect()
}

fn embed(sent: &Value) -> Value {
    let trimmed = |v: &Value| v.as_str().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
    let mut made = Map::new();
    made.insert("type".into(), json!("rich"));
    for key in ["title", "description", "url"] {
        if let Some(text) = trimmed(&sent[key]) {
            made.insert(key.into(), json!(text));
        }
    }
    if let Some(at) = sent["timestamp"].as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok()) {
        made.insert("timestamp".into(), json!(iso(at.to_utc())));
    }
    if sent["color"].is_u64() {
        made.insert("color".into(), sent["color"].clone());
    }
    for (key, text) in [("footer", "text"), ("author", "name")] {
        if let Some(value) = trimmed(&sent[key][text]) {
            let mut part = json!({text: value});
            for address in ["url", "icon_url"] {
                if sent[key][address].is_string() {
                    part[address] = sent[key][address].clone();
                }
            }
            made.insert(key.into(), part);
        }
    }
    for key in ["image", "thumbnail"] {
        if let Some(url) = sent[key]["url"].as_str() {
            made.insert(key.into(), json!({"url": url, "proxy_url": url, "width": 0, "height": 0, "flags": 0}));
        }
    }
    if let Some(fields) = sent["fields"].as_array().filter(|f| !f.is_empty()) {
        let fields = fields.iter().map(
            |f| json!({"name": trimmed(&f["name"]), "value": trimmed(&f["value"]), "inline": f["inline"] == true}),
        );
        made.insert("fields".into(), fields.collect());
    }
    Value::Object(made)
}

/// Components as sent, each with an id: "If no id is provided, Discord will generate one".
fn components(list: &Value) -> Value {
    let mut list = Value::Array(list.as_array().cloned().unwrap_or_default());
    let mut next = 1;
    number(&mut list, &mut next);
    list
}

fn number(value: &mut Value, next: &mut u64) {
    for one in value.as_array_mut().into_iter().flatten() {
        if one["id"].as_u64().is_none_or(|id| id == 0) {
            one["id"] = json!(*next);
        }
        *next += 1;
        for key in ["components", "options"] {
            if key == "components" && one.get(key).is_some() {
                number(&mut one[key], next);
            }
        }
        if one["type"] == 2
            && let Some(map) = one.as_object_mut()
        {
            map.retain(|_, v| !v.is_null());
        }
    }
}

fn attachments(world: &mut World, now: DateTime<Utc>, channel: u64, files: &[Value], described: &Value) -> Value {
    let mut made = Vec::new();
    for (n, file) in files.iter().enumerate() {
        let id = world.snowflake(now);
        made.push(self::described(attachment(file, channel, id), n, described));
    }
    Value::Array(made)
}

/// The attachment of `files[n]` with what is said of it: "the id of the snowflake is the n of files[n]", also when a message is
/// edited. <https://discord.com/developers/docs/reference#uploading-files>
fn described(mut one: Value, n: usize, all: &Value) -> Value {
    let n = n.to_string();
    let found = all.as_array().and_then(|all| all.iter().find(|d| d["id"].to_string().trim_matches('"') == n));
    for key in ["description", "title"] {
        if let Some(words) = found.map(|found| &found[key]).filter(|words| words.is_string()) {
            one[key] = words.clone();
        }
    }
    one
}

fn attachment(file: &Value, channel: u64, id: u64) -> Value {
    let name = file["filename"].as_str().unwrap_or("file");
    let signed = file["hm"].as_str().map(signed).unwrap_or_default();
    let url = format!("https://cdn.discordapp.com/attachments/{channel}/{id}/{name}{signed}");
    let mut one = file.clone();
    if let Some(one) = one.as_object_mut() {
        one.retain(|key, _| !matches!(key.as_str(), "text" | "hm"));
    }
    one["id"] = json!(id.to_string());
    one["url"] = json!(url);
    one["proxy_url"] = json!(url);
    one
}
