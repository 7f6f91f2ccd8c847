//! Files that people attach to a command and that the bot sends along, and the CDN that hands them over.
//!
//! "attachment: … ID of the attachment object", whose object is in `resolved.attachments`:
//! <https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-resolved-data-structure>

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use axum::{
    extract::{Path, Query, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::hub::{Core, lock};

/// "Ephemeral attachments … are guaranteed to be available as long as the message itself exists", so not for long.
pub const OF_PEOPLE: &str = "/ephemeral-attachments/{application}/{id}/{name}";
/// What came with a message. The page asks here, where the message says `cdn.discordapp.com`.
pub const OF_MESSAGES: &str = "/attachments/{channel}/{id}/{name}";

/// Takes the contents out of what a person attached: they are at an address of the CDN from now on.
pub fn keep(core: &Core, data: &mut Value) {
    let application = core.read(|world| world.application);
    let Some(files) = data.pointer_mut("/resolved/attachments").and_then(Value::as_object_mut) else { return };
    for (id, file) in files {
        let Some(content) = file.as_object_mut().and_then(|file| file.remove("content")) else { continue };
        let Some(content) = content.as_str() else { continue };
        let name = file["filename"].as_str().unwrap_or("file");
        let url = format!("{}/ephemeral-attachments/{application}/{id}/{name}{}", core.origin(), signed(id));
        (file["url"], file["proxy_url"]) = (json!(url), json!(url));
        lock(&core.uploads).insert(id.clone(), content.as_bytes().to_vec());
    }
}

/// Keeps what came with a request; the signature under which the CDN hands it over.
pub fn keep_sent(core: &Core, content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let signature = format!("{:016x}", hasher.finish());
    lock(&core.uploads).insert(signature.clone(), content.to_vec());
    signature
}

/// <https://discord.com/developers/docs/reference#signed-attachment-cdn-urls>
pub fn signed(signature: &str) -> String {
    format!("?ex=65d903de&is=65c68ede&hm={signature}&")
}

#[derive(Deserialize)]
pub struct Signature {
    hm: Option<String>,
}

/// An address without its signature is refused.
pub async fn serve(
    State(core): State<Arc<Core>>,
    Path((_, id, name)): Path<(String, String, String)>,
    Query(Signature { hm }): Query<Signature>,
    request: Request,
) -> Response {
    if request.headers().contains_key(header::AUTHORIZATION) {
        core.violation("the bot's token was sent to the CDN".to_owned());
    }
    let is_of_a_person = request.uri().path().starts_with("/ephemeral-");
    let hm = hm.filter(|hm| !is_of_a_person || *hm == id);
    match hm.and_then(|hm| lock(&core.uploads).get(&hm).cloned()) {
        Some(bytes) => {
            ([(header::CONTENT_TYPE, kind(&name)), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], bytes).into_response()
        }
        None => (StatusCode::NOT_FOUND, "This content is no longer available.").into_response(),
    }
}

/// Nothing that a browser would run.
fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("png") => "image/png",
        Some("csv") => "text/csv; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}
