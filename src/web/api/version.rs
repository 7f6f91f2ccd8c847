//! Versions of things that are changed: the ETag of an answer, and what If-Match asks for.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponseParts, ResponseParts};
use serde::Serialize;

use super::problem::Problem;
use super::text;
use crate::id::sha256_hex;

/// Names one version of a thing by what can be changed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    pub fn of(changeable: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(changeable).unwrap_or_default();
        Self(format!("\"{}\"", &sha256_hex(&bytes)[..22]))
    }
}

impl IntoResponseParts for ETag {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            parts.headers_mut().insert(header::ETAG, value);
        }
        Ok(parts)
    }
}

/// The versions that the caller is content with; without the header every one.
pub struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    /// 412 when the thing is another one by now. To be asked under the lock under which it is then changed.
    pub fn check(&self, now: &ETag) -> Result<(), Problem> {
        match &self.0 {
            Some(wanted) if !wanted.iter().any(|tag| tag == "*" || *tag == now.0) => Err(Problem::stale()),
            _ => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let tags: Option<Vec<String>> = value.to_str().ok().and_then(|value| {
            let tags = value.split(',').map(str::trim);
            let is_tag = |tag: &str| tag == "*" || (tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"'));
            tags.map(|tag| is_tag(tag).then(|| tag.to_owned())).collect()
        });
        tags.map(|tags| Self(Some(tags))).ok_or_else(|| Problem::bad_request(text::BAD_IF_MATCH))
    }
}
