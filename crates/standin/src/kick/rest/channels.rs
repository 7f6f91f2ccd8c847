//! People, channels and streams: what the platform says of their state, and its public key.

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::{Value, json};

use super::{
    super::{
        Kick, body, key,
        oauth::of,
        world::{Channel, Stream, User},
    },
    Refusal, bad, data, every, page, pairs,
};

/// As many as one question may name.
const MOST: usize = 50;

/// `GET /public/v1/public-key`
pub async fn public_key() -> Response {
    data(json!({"public_key": key::PUBLIC_PEM}))
}

/// `GET /public/v1/users`: by `id`, or oneself. The application's own token is 401 (seen by client authors).
pub async fn users(
    State(kick): State<Kick>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let own = kick.admitted_user(&headers, &["user:read"])?;
    let query = pairs(query.unwrap_or_default().as_bytes());
    let mut ids: Vec<i64> = numbers(&query, "id")?;
    if ids.is_empty() {
        ids.push(own);
    }
    let world = kick.world();
    let shown = ids.into_iter().filter_map(|id| world.user(id)).map(|user| {
        // Only one's own address is told.
        let email = if user.user_id == own { user.email.as_str() } else { "" };
        json!({
            "email": email, "name": user.username, "profile_picture": user.profile_picture, "user_id": user.user_id,
        })
    });
    Ok(data(shown.collect()))
}

/// `GET /public/v1/channels`: by `slug`, by `broadcaster_user_id`, or one's own.
pub async fn channels(
    State(kick): State<Kick>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let token = kick.admitted(&headers, &["channel:read"])?;
    let query = pairs(query.unwrap_or_default().as_bytes());
    let (slugs, mut ids) = (every(&query, "slug"), numbers(&query, "broadcaster_user_id")?);
    if !slugs.is_empty() && !ids.is_empty() {
        return Err(bad("slug and broadcaster_user_id cannot be used together"));
    }
    if slugs.len() > MOST || ids.len() > MOST || slugs.iter().any(|slug| slug.chars().count() > 25) {
        return Err(bad("Invalid request"));
    }
    if slugs.is_empty() && ids.is_empty() {
        ids.push(token.user_id.ok_or_else(|| bad("Invalid request"))?);
    }
    let world = kick.world();
    let wanted = |c: &&Channel| slugs.contains(&c.slug.as_str()) || ids.contains(&c.broadcaster_user_id);
    Ok(data(world.channels.iter().filter(wanted).map(shown).collect()))
}

fn shown(channel: &Channel) -> Value {
    let live = channel.live.as_ref();
    json!({
        "active_subscribers_count": channel.subscribers.len(),
        "banner_picture": "",
        "broadcaster_user_id": channel.broadcaster_user_id,
        "canceled_subscribers_count": 0,
        "category": channel.category,
        "channel_description": channel.description,
        "slug": channel.slug,
        "stream": {
            "custom_tags": channel.tags,
            "is_live": live.is_some(),
            "is_mature": channel.mature,
            "key": "",
            "language": channel.language,
            // Go's zero time, where there is no stream.
            "start_time": live.map_or("0001-01-01T00:00:00Z".to_owned(), |live| body::seconds(live.started_at)),
            "thumbnail": live.map_or("", |live| &live.thumbnail),
            "url": "",
            "viewer_count": live.map_or(0, |live| live.viewer_count),
        },
        "stream_title": channel.title,
    })
}

/// `GET /public/v2/livestreams`
pub async fn livestreams(
    State(kick): State<Kick>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    kick.admitted(&headers, &["channel:read"])?;
    let query = pairs(query.unwrap_or_default().as_bytes());
    let number = |name: &str, or: usize| of(&query, name).map_or(Ok(or), |text| text.parse().map_err(|_| bad(name)));
    let (limit, skipped) = (number("limit", 25)?.clamp(1, 100), number("cursor", 0)?);
    let (categories, language) = (numbers(&query, "category_id")?, of(&query, "language_code"));
    let all: Vec<Value> = kick
        .live(|channel, _| {
            (categories.is_empty() || categories.contains(&channel.category.id))
                && language.is_none_or(|language| language == channel.language)
        })
        .collect();
    let next = if all.len() > skipped + limit { (skipped + limit).to_string() } else { String::new() };
    Ok(page(all.into_iter().skip(skipped).take(limit).collect(), &next))
}

/// `GET /public/v1/users/livestreams?user_id=…`: which of these people stream.
pub async fn livestreams_of(
    State(kick): State<Kick>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    kick.admitted(&headers, &["channel:read"])?;
    let ids = numbers(&pairs(query.unwrap_or_default().as_bytes()), "user_id")?;
    if ids.is_empty() || ids.len() > 2 * MOST {
        return Err(bad("Invalid request"));
    }
    Ok(data(kick.live(|channel, _| ids.contains(&channel.broadcaster_user_id)).collect()))
}

/// `GET /public/v1/livestreams`, deprecated.
pub async fn livestreams_v1(
    State(kick): State<Kick>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    kick.admitted(&headers, &["channel:read"])?;
    let ids = numbers(&pairs(query.unwrap_or_default().as_bytes()), "broadcaster_user_id")?;
    if ids.len() > MOST {
        return Err(bad("Invalid request"));
    }
    let world = kick.world();
    let wanted = |c: &&Channel| ids.is_empty() || ids.contains(&c.broadcaster_user_id);
    let shown = world.channels.iter().filter(wanted).filter_map(|channel| {
        let (live, user) = (channel.live.as_ref()?, world.user(channel.broadcaster_user_id)?);
        Some(json!({
            "broadcaster_user_id": user.user_id, "category": channel.category, "channel_id": user.user_id,
            "custom_tags": channel.tags, "has_mature_content": channel.mature, "language": channel.language,
            "profile_picture": user.profile_picture, "slug": channel.slug, "started_at": body::seconds(live.started_at),
            "stream_title": channel.title, "thumbnail": live.thumbnail, "viewer_count": live.viewer_count,
        }))
    });
    Ok(data(shown.collect()))
}

impl Kick {
    /// The streams that are on, as version 2 shows them, most viewers first.
    fn live(&self, wanted: impl Fn(&Channel, &Stream) -> bool) -> std::vec::IntoIter<Value> {
        let world = self.world();
        let of = |channel: &Channel| -> Option<(u64, Value)> {
            let live = channel.live.as_ref().filter(|live| wanted(channel, live))?;
            Some((live.viewer_count, shown_live(channel, live, world.user(channel.broadcaster_user_id)?)))
        };
        let mut all: Vec<(u64, Value)> = world.channels.iter().filter_map(of).collect();
        all.sort_by_key(|(viewers, _)| std::cmp::Reverse(*viewers));
        all.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>().into_iter()
    }
}

fn shown_live(channel: &Channel, live: &Stream, user: &User) -> Value {
    json!({
        "id": live.id, "title": channel.title, "language_code": channel.language,
        "has_mature_content": channel.mature, "started_at": body::seconds(live.started_at), "tags": channel.tags,
        "thumbnail": live.thumbnail, "viewer_count": live.viewer_count, "category": channel.category,
        "channel": {"slug": channel.slug},
        "broadcaster_user": {
            "id": user.user_id, "username": user.username, "profile_picture": user.profile_picture,
        },
    })
}

fn numbers(query: &[(String, String)], name: &str) -> Result<Vec<i64>, Refusal> {
    let all = every(query, name).into_iter();
    // Several may be joined by commas.
    all.flat_map(|text| text.split(',')).map(|text| text.parse().map_err(|_| bad("Invalid request"))).collect()
}
