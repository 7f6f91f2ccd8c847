//! What a request holds, read so that a mistake is told with the name of its field: the body, the query, the id
//! in the address.

use std::str::FromStr;
use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::problem::{FieldError, Problem};
use super::text;
use crate::web::Web;

/// A closed list of words as callers write them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
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
pub(super) use words;

/// Tells null from what is left out.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(reader).map(Some)
}

/// Left out or a value; null is neither.
pub fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

/// A JSON body. Its type refuses unknown fields (`#[serde(deny_unknown_fields)]`).
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Web>> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Arc<Web>) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::not_json());
        }
        let body = read_body(request, web).await?;
        parse(&body).map(JsonBody)
    }
}

/// The body as it came, up to the limit.
pub async fn read_body(request: Request, web: &Web) -> Result<Bytes, Problem> {
    let most = web.ports.config.web.max_body_bytes;
    to_bytes(request.into_body(), most).await.map_err(|_| Problem::too_large(most))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Reads JSON, and says where it is not what it should be.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Err(Problem::bad_request(text::EMPTY_BODY));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() { of_data(&path, &inner.to_string()) } else { not_json_at(&inner) }
    })?;
    reader.end().map_err(|error| not_json_at(&error))?;
    Ok(value)
}

fn not_json_at(error: &serde_json::Error) -> Problem {
    Problem::bad_request(text::bad_json(error.line(), error.column()))
}

/// serde's words about a field, as an error of that field.
fn of_data(path: &str, words: &str) -> Problem {
    let words = words.split(" at line ").next().unwrap_or(words);
    let path = if path == "." { "" } else { path };
    let within = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let quoted = words.split('`').nth(1).unwrap_or_default();
    let error = if words.starts_with("missing field") {
        FieldError::new(within(quoted), text::MISSING)
    } else if words.starts_with("unknown field") {
        // The path of an unknown field has its name already.
        let place = if path.rsplit('.').next() == Some(quoted) { path.to_owned() } else { within(quoted) };
        let error = FieldError::new(place, text::unknown_field(quoted));
        match words.split_once(", expected ") {
            Some((_, names)) => error.hint(text::expected(names.trim_start_matches("one of "))),
            None => error,
        }
    } else if path.is_empty() {
        return Problem::bad_request(text::NOT_AN_OBJECT);
    } else if let (true, Some((_, names))) = (words.starts_with("unknown variant"), words.split_once(", expected ")) {
        FieldError::new(path, text::unknown_field(quoted)).hint(text::expected(names.trim_start_matches("one of ")))
    } else {
        let words =
            if words.contains("invalid digit") { text::NOT_A_NUMBER.to_owned() } else { words.replace('`', "") };
        FieldError::new(path, words)
    };
    Problem::invalid(vec![error])
}

/// The query. Its type refuses unknown names.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(value)| Params(value)).map_err(|error| {
            let words = error.body_text();
            let words = words.split_once("string: ").map_or(words.as_str(), |(_, words)| words);
            match words.split_once(": ") {
                Some((name, said)) if !name.contains(' ') => of_data(name, said),
                _ => of_data("query", words),
            }
        })
    }
}

/// The id in the address. What cannot be one names nothing: 404.
pub struct Id<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(Path(text)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(Problem::not_found());
        };
        text.parse().map(Id).map_err(|_| Problem::not_found())
    }
}
