//! The path of a REST request: recognise, misbehave if told to, authorise, limit, check, answer, record.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, DefaultBodyLimit, FromRequest, Multipart, Request, State, WebSocketUpgrade},
    http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header},
    response::IntoResponse,
    routing::get,
};
use chrono::Duration;
use serde_json::{Value, json};

use super::{
    Phase, Seen, Then, control,
    door::Line,
    faults::{Fault, What},
    gateway,
    hub::{Core, lock},
    limits::{self, Verdict},
    page,
    refusal::{self, Refusal},
    rest::{self, Call, Route},
    upload,
    world::iso,
};

/// "The maximum request size when sending a message is 25 MiB": <https://discord.com/developers/docs/reference#uploading-files>
const LARGEST: usize = 25 * 1024 * 1024;
/// "The default upload size limit … is 10 MiB" for one file.
const LARGEST_FILE: usize = 10 * 1024 * 1024;

/// The page of a proxy in front of Discord that does not reach it.
const BAD_GATEWAY: &str = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>";

pub fn router(core: &Arc<Core>, extra: Option<Router>) -> Router {
    let mut router = Router::new()
        .merge(control::router())
        .route(upload::OF_PEOPLE, get(upload::serve))
        .route(upload::OF_MESSAGES, get(upload::serve))
        .fallback(fallback)
        .with_state(Arc::clone(core))
        .merge(page::router());
    if let Some(extra) = extra {
        router = router.nest("/_standin", extra);
    }
    router
}

/// Everything that is not the control face: the gateway's WebSocket at any path, and the API.
async fn fallback(
    State(core): State<Arc<Core>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    if core.is_stopped() {
        line.cut();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let upgrade = request.headers().get(header::UPGRADE);
    if upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        // The faults of plain requests, armed for the gateway, meet whoever connects.
        if let Some(fault) = core.take_fault_that("gateway", |what| !what.of_gateway()) {
            return match fault.what {
                What::Status(status, _) => respond(status, &[], Some(failure(status))),
                What::Html(status) => html(status, BAD_GATEWAY),
                What::Limited(_) => banned(),
                What::Hang => {
                    let forever = std::time::Duration::from_secs(3600);
                    tokio::time::sleep(fault.wait().unwrap_or(forever)).await;
                    cut(&line)
                }
                _ => cut(&line),
            };
        }
        return match WebSocketUpgrade::from_request(request, &()).await {
            Ok(upgrade) => upgrade.on_upgrade(move |ws| gateway::serve(core, ws)),
            Err(rejection) => rejection.into_response(),
        };
    }
    if request.uri().path() == "/" {
        return page::index();
    }
    // In a task of its own: a client that goes away does not stop what was begun.
    let served = Arc::clone(&core);
    let worked = tokio::spawn(async move { serve(&served, &line, request).await }).await;
    let mut response = worked.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    // Each answer says what time it is there: <https://www.rfc-editor.org/rfc/rfc9110#name-date>
    let date = core.date().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// A request with its body read.
struct Received {
    method: String,
    uri: Uri,
    headers: HeaderMap,
    body: Value,
    files: Vec<Value>,
    /// What the files hold, in the same order.
    contents: Vec<Bytes>,
    fault: Option<Refusal>,
}

async fn serve(core: &Arc<Core>, line: &Line, request: Request) -> Response<Body> {
    let working = core.work();
    let mut received = receive(request).await;
    let path = received.uri.path().to_owned();
    let inner = ["/api/v10/", "/api/"].iter().find_map(|prefix| path.strip_prefix(prefix));
    let route = inner.and_then(|inner| core.read(|world| Route::recognise(&received.method, inner, world)));
    let (Some(inner), Some(route)) = (inner, route) else {
        core.violation(format!("unknown route: {} {path}", received.method));
        record(core, &received, 404);
        return respond(404, &[], Some(Refusal::from(refusal::NOT_FOUND).body()));
    };
    let name = route.name();
    let seen = |phase| Seen {
        route: name,
        phase,
        method: received.method.clone(),
        path: path.clone(),
        body: received.body.clone(),
    };
    if let Some(hook) = core.hook()
        && hook(seen(Phase::Before)).await == Then::Drop
    {
        record(core, &received, 0);
        return cut(line);
    }
    let fault = core.take_fault(name);
    if let Some(fault) = &fault
        && let Some(answer) = misbehave(core, line, &received, fault).await
    {
        return answer;
    }
    if let (Route::Application, "PATCH", Some(url)) =
        (&route, received.method.as_str(), received.body["interactions_endpoint_url"].as_str())
        && is_authorized(core, &received)
        && let Err(refusal) = core.check_endpoint(url).await
    {
        received.fault = Some(refusal);
    }
    let (status, headers, body) = work(core, &received, &route, inner);
    record(core, &received, status);
    let after = match core.hook() {
        Some(hook) => hook(seen(Phase::AfterEffect)).await,
        None => Then::Continue,
    };
    drop(working);
    match fault.map(|f| f.what) {
        _ if after == Then::Drop => cut(line),
        Some(What::AcceptThenDrop) => cut(line),
        Some(What::Status(status, true)) => respond(status, &[], Some(failure(status))),
        _ => respond(status, &headers, body),
    }
}

/// The faults that come instead of the effect. None: go on.
async fn misbehave(core: &Core, line: &Line, received: &Received, fault: &Fault) -> Option<Response<Body>> {
    let wait = Duration::milliseconds(i64::try_from(fault.ms.unwrap_or(1000)).unwrap_or(1000));
    let answer = match &fault.what {
        What::Drop => {
            record(core, received, 0);
            cut(line)
        }
        What::Hang => {
            match fault.wait() {
                Some(wait) => {
                    tokio::time::sleep(wait).await;
                    return None;
                }
                None => {
                    record(core, received, 0);
                    core.stopped().await;
                }
            }
            cut(line)
        }
        What::Status(status, false) => {
            record(core, received, *status);
            respond(*status, &[], Some(failure(*status)))
        }
        What::Html(status) => {
            record(core, received, *status);
            html(*status, BAD_GATEWAY)
        }
        What::Limited(scope) if scope == "bare" => {
            record(core, received, 429);
            banned()
        }
        What::Limited(scope) => {
            record(core, received, 429);
            let limited = limits::limited(wait, scope, Vec::new());
            respond(429, &limited.headers, Some(limited.body))
        }
        _ => return None,
    };
    Some(answer)
}

fn is_authorized(core: &Core, received: &Received) -> bool {
    let authorization = received.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    authorization.is_some_and(|value| value.starts_with("Bot ") && core.is_token(value))
}

type Outcome = (u16, Vec<(&'static str, String)>, Option<Value>);

/// Authorisation, limits, checks, and the effect.
fn work(core: &Core, received: &Received, route: &Route, inner: &str) -> Outcome {
    let now = core.now();
    let authorized = is_authorized(core, received);
    let mut headers = Vec::new();
    if core.limited() {
        let verdict = lock(&core.limiter).check(route, authorized, now);
        match verdict {
            Verdict::Pass(of_bucket) => headers = of_bucket,
            Verdict::Refuse(limited) => {
                lock(&core.limiter).count_invalid(now);
                core.violation(format!("rate limit met: {} {}", received.method, received.uri.path()));
                return (429, limited.headers, Some(limited.body));
            }
            Verdict::Banned => return (429, vec![("retry-after", "600".into())], None),
        }
    } else {
        headers.extend(limits::ample(route, now));
    }
    let (query, mut files) = (query(&received.uri), received.files.clone());
    for (file, content) in files.iter_mut().zip(&received.contents) {
        file["hm"] = json!(upload::keep_sent(core, content));
    }
    let call = core.call(&received.method, route.clone(), query, received.body.clone(), files, authorized);
    let answer = match (received.fault.clone(), described(core, received, inner)) {
        (Some(refusal), _) | (None, Some(refusal)) => Err(refusal),
        _ => core.answer(&call),
    };
    match answer {
        Ok(reply) => (reply.status, headers, reply.body),
        Err(refusal) => {
            if matches!(refusal.status, 401 | 403 | 429) {
                lock(&core.limiter).count_invalid(now);
            }
            if refusal.status == 429 {
                headers.push(("retry-after", "60".into()));
                headers.push(("x-ratelimit-scope", "user".into()));
            }
            (refusal.status, headers, Some(refusal.body()))
        }
    }
}

impl Core {
    /// A GET leaves the world as it is, so nothing is saved and nobody is told.
    fn answer(&self, call: &Call) -> rest::Answer {
        if call.method == "GET" {
            return self.look(|world| rest::answer(world, call));
        }
        self.change(|world| rest::answer(world, call))
    }
}

#[cfg(not(feature = "openapi"))]
fn described(_: &Core, _: &Received, _: &str) -> Option<Refusal> {
    None
}

/// A mismatch with Discord's own description, where that is at hand.
#[cfg(feature = "openapi")]
fn described(core: &Core, received: &Received, inner: &str) -> Option<Refusal> {
    let openapi = core.openapi.as_ref()?;
    if received.body.is_null() || received.fault.is_some() {
        return None;
    }
    let problems = openapi.problems(&received.method, inner, &received.body);
    if problems.is_empty() {
        return None;
    }
    let text = problems.join("; ");
    core.violation(format!("{} /{inner} against the description: {text}", received.method));
    Some(refusal::invalid(&[], "OPENAPI_MISMATCH", &text))
}

async fn receive(request: Request) -> Received {
    let (parts, body) = request.into_parts();
    let mut received = Received {
        method: parts.method.to_string(),
        uri: parts.uri.clone(),
        headers: parts.headers.clone(),
        body: Value::Null,
        files: Vec::new(),
        contents: Vec::new(),
        fault: None,
    };
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        received.fault = Some(refusal::REQUEST_TOO_LARGE.into());
        return received;
    };
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) {
        let request = Request::from_parts(parts, Body::from(bytes));
        if let Err(refusal) = multipart(request, &mut received).await {
            received.fault = Some(refusal);
        }
        return received;
    }
    if bytes.is_empty() {
        return received;
    }
    match serde_json::from_slice(&bytes) {
        Ok(body) => received.body = body,
        Err(_) => received.fault = Some(refusal::INVALID_JSON.into()),
    }
    received
}

/// `payload_json` and `files[n]`: <https://discord.com/developers/docs/reference#uploading-files>
async fn multipart(request: Request, received: &mut Received) -> Result<(), Refusal> {
    let broken = |_| Refusal::from(refusal::INVALID_JSON);
    // The whole body was read with a limit of its own before.
    let mut request = request;
    DefaultBodyLimit::disable().apply(&mut request);
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| Refusal::from(refusal::INVALID_JSON))?;
    received.body = json!({});
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let kind = part.content_type().map(str::to_owned);
        let bytes: Bytes = part.bytes().await.map_err(broken)?;
        match file {
            None if name == "payload_json" => {
                received.body = serde_json::from_slice(&bytes).map_err(|_| Refusal::from(refusal::INVALID_JSON))?;
            }
            None => {}
            Some(_) if bytes.len() > LARGEST_FILE => return Err(refusal::REQUEST_TOO_LARGE.into()),
            Some(file) => {
                received.files.push(json!({
                    "filename": file.replace(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c), "_"),
                    "size": bytes.len(),
                    "content_type": kind,
                    // For the log of requests alone: whoever looks into the world reads what was sent.
                    "text": String::from_utf8(bytes.to_vec()).ok(),
                }));
                received.contents.push(bytes);
            }
        }
    }
    Ok(())
}

fn query(uri: &Uri) -> HashMap<String, String> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn record(core: &Core, received: &Received, status: u16) {
    let mut request = json!({
        "at": iso(core.now()),
        "method": received.method,
        "path": received.uri.path(),
        "status": status,
        "body": received.body,
    });
    if let Some(query) = received.uri.query() {
        request["query"] = json!(query);
    }
    if !received.files.is_empty() {
        request["files"] = json!(received.files);
    }
    core.record(request);
}

fn cut(line: &Line) -> Response<Body> {
    line.cut();
    StatusCode::NO_CONTENT.into_response()
}

fn respond(status: u16, headers: &[(&'static str, String)], body: Option<Value>) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match body {
        Some(body) => {
            let json = HeaderValue::from_static("application/json");
            let mut response = Response::new(Body::from(body.to_string()));
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        None if status == StatusCode::TOO_MANY_REQUESTS => return banned(),
        None => Response::new(Body::empty()),
    };
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}

fn failure(status: u16) -> Value {
    let reason = StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    json!({"message": format!("{status}: {}", reason.unwrap_or("Error")), "code": 0})
}

/// What the edge in front of Discord answers to an address it has banned: HTML, no limit headers.
fn banned() -> Response<Body> {
    html(
        429,
        "<html><head><title>Access denied | discord.com used Cloudflare to restrict access</title></head><body>error code: 1015</body></html>",
    )
}

fn html(status: u16, text: &'static str) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    (status, [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], text).into_response()
}
