//! Errors as `application/problem+json` (RFC 9457). Whatever goes wrong on our side is logged with a reference,
//! and the reference is all that the caller sees of it.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{BASE, text};
use crate::clock::random_bytes;
use crate::error::UserError;
use crate::id::reference;
use crate::routes::check::Wrong;
use crate::store::StoreError;

pub const MEDIA_TYPE: &str = "application/problem+json";
/// Seconds after which it is worth trying again.
const RETRY_UNAVAILABLE: i64 = 5;

/// What is wrong, and where.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Which kind of problem: `urn:signalbox:problem:` and a word that stays the same.
    #[serde(rename = "type")]
    #[schema(example = "urn:signalbox:problem:invalid")]
    kind: String,
    title: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The address that was asked.
    instance: String,
    /// What to quote when something went wrong here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "8F3K-2QXD")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after: Option<i64>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Its name; of one within another, both with a dot.
    #[schema(example = "webhook_url")]
    pub field: String,
    pub message: String,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hint: Option<String>,
}

impl FieldError {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), hint: None }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str) -> Self {
        Self {
            kind: format!("urn:signalbox:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: None,
            instance: String::new(),
            reference: None,
            errors: Vec::new(),
            retry_after: None,
        }
    }

    fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// 400: something about the request itself.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", text::INVALID).detail(detail)
    }

    /// 400: these fields. The detail is the first of them, in words.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let first = errors.first().map(|e| format!("{}: {}", e.field, e.message)).unwrap_or_default();
        Self { errors, ..Self::bad_request(first) }
    }

    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", text::UNAUTHORIZED).detail(detail)
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", text::FORBIDDEN).detail(detail)
    }

    /// 404: nothing of the caller's server has that id.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", text::NOT_FOUND).detail(text::UNKNOWN_ID)
    }

    pub fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", text::NOT_FOUND).detail(text::NO_SUCH_PATH)
    }

    /// 409: the state of the thing does not allow it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", text::CONFLICT).detail(detail)
    }

    /// 412: somebody else has changed it.
    pub fn stale() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "changed", text::CHANGED).detail(text::STALE)
    }

    pub fn too_large(most: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", text::TOO_LARGE).detail(text::too_large(most))
    }

    pub fn not_json() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", text::NOT_JSON).detail(text::SEND_JSON)
    }

    pub fn key_reused() -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", text::KEY_REUSED)
            .detail(text::OTHER_REQUEST)
    }

    pub fn too_many(wait: chrono::TimeDelta) -> Self {
        let seconds = (wait.num_milliseconds() + 999) / 1000;
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", text::TOO_MANY).retry_after(seconds)
    }

    /// 503: something that we need is away.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text::UNAVAILABLE)
            .detail(text::TRY_AGAIN)
            .retry_after(RETRY_UNAVAILABLE)
    }

    /// 503: another system does not answer, and what was asked for needs it.
    pub fn unanswered(detail: String) -> Self {
        Self::unavailable().detail(detail)
    }

    /// 500: logged with its chain, and shown as a reference.
    pub fn internal(error: &anyhow::Error) -> Self {
        let reference = reference(random_bytes::<5>());
        tracing::error!(reference, error = crate::error::chain(error), "a request could not be served");
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text::FAILED);
        Self { reference: Some(reference), ..problem.detail(text::QUOTE_THE_REFERENCE) }
    }

    pub fn retry_after(self, seconds: i64) -> Self {
        Self { retry_after: Some(seconds.max(1)), ..self }
    }

    /// What the framework refused by itself, in our words.
    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::no_such_path(),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(status, "method-not-allowed", text::METHOD_NOT_ALLOWED),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::not_json(),
            _ if status.is_server_error() => Self::new(status, "internal", text::FAILED),
            _ => Self::new(status, "invalid", text::INVALID),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(error) => {
                tracing::warn!(%error, "a request could not be served: the database is away");
                Self::unavailable()
            }
            StoreError::Data(_) => Self::bad_request(text::NOT_STORABLE),
            error => Self::internal(&error.into()),
        }
    }
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        Self::invalid(vec![FieldError::new(wrong.field, wrong.words)])
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        let error = match error.downcast::<StoreError>() {
            Ok(error) => return error.into(),
            Err(error) => error,
        };
        match error.downcast::<UserError>() {
            Ok(error) => Self::bad_request(error.to_string()),
            Err(error) => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The outermost layer: every error is a problem, names the address that was asked, and nothing is cached.
pub async fn finish(request: Request, next: Next) -> Response {
    let instance = format!("{BASE}{}", request.uri().path());
    let mut response = next.run(request).await;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let problem = response.extensions_mut().remove::<Problem>();
        let problem = problem.unwrap_or_else(|| Problem::of_status(status));
        let mut told = Problem { instance, ..problem }.into_response();
        for name in [header::ALLOW, header::ETAG] {
            if let Some(value) = response.headers().get(&name) {
                told.headers_mut().insert(name, value.clone());
            }
        }
        response = told;
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
