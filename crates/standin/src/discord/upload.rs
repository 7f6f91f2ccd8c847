//! Files that people attach to a command, and the CDN that hands them over.
//!
//! "attachment: … ID of the attachment object", whose object is in `resolved.attachments`:
//! <https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-resolved-data-structure>

use std::sync::{Arc, PoisonError};

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::hub::Core;

/// "Ephemeral attachments … are guaranteed to be available as long as the message itself exists", so not for long.
pub const PATH: &str = "/ephemeral-attachments/{application}/{id}/{name}";

/// Takes the contents out of what a person attached: they are at an address of the CDN from now on.
pub fn keep(core: &Core, data: &mut Value) {
    let application = core.read(|world| world.application);
    let Some(files) = data.pointer_mut("/resolved/attachments").and_then(Value::as_object_mut) else { return };
    for (id, file) in files {
        let Some(content) = file.as_object_mut().and_then(|file| file.remove("content")) else { continue };
        let Some(content) = content.as_str() else { continue };
        let name = file["filename"].as_str().unwrap_or("file");
        // <https://discord.com/developers/docs/reference#signed-attachment-cdn-urls>
        let url = format!(
            "{}/ephemeral-attachments/{application}/{id}/{name}?ex=65d903de&is=65c68ede&hm={id}&",
            core.origin()
        );
        (file["url"], file["proxy_url"]) = (json!(url), json!(url));
        core.uploads.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), content.as_bytes().to_vec());
    }
}

#[derive(Deserialize)]
pub struct Signature {
    hm: Option<String>,
}

/// An address without its signature is refused.
pub async fn serve(
    State(core): State<Arc<Core>>,
    Path((_, id, _)): Path<(String, String, String)>,
    Query(signature): Query<Signature>,
    headers: HeaderMap,
) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        core.violation("the bot's token was sent to the CDN".to_owned());
    }
    let found = core.uploads.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
    match found.filter(|_| signature.hm.as_deref() == Some(id.as_str())) {
        Some(bytes) => ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], bytes).into_response(),
        None => (StatusCode::NOT_FOUND, "This content is no longer available.").into_response(),
    }
}
