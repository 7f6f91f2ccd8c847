//! Files that people attach to a command and that the bot sends along, and the CDN that hands them over.
//!
//! "attachment: … ID of the attachment object", whose object is in `resolved.attachments`:
//! <https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-resolved-data-structure>

use std::collections::VecDeque;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::{
    extract::{self, Query, Request, State},
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

/// Of all files together; the oldest make room. A world of a demo is looked at for longer than a test lasts.
const BYTES: usize = 64 << 20;
const FILES: usize = 500;

/// What was uploaded, by the signature of its address, the oldest first. With a directory it is there after a restart, too:
/// messages are, and they name it.
#[derive(Default)]
pub struct Uploads {
    files: VecDeque<(String, Arc<[u8]>)>,
    bytes: usize,
    directory: Option<PathBuf>,
}

impl Uploads {
    /// Those beside a world that is saved in this file.
    pub fn beside(world: &Path) -> io::Result<Self> {
        let mut name = world.file_name().unwrap_or_default().to_os_string();
        name.push(".uploads");
        let directory = world.with_file_name(name);
        let mut found = Vec::new();
        match fs::read_dir(&directory) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry?;
                    let signature = entry.file_name().to_string_lossy().into_owned();
                    // What was half written when the process died has another name.
                    if is_signature(&signature) {
                        found.push((entry.metadata()?.modified()?, signature, fs::read(entry.path())?));
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        found.sort();
        let mut uploads = Self { directory: Some(directory), ..Self::default() };
        for (_, signature, content) in found {
            uploads.remember(signature, content.into());
        }
        Ok(uploads)
    }

    pub fn get(&self, signature: &str) -> Option<Arc<[u8]>> {
        self.files.iter().find(|(known, _)| known == signature).map(|(_, content)| Arc::clone(content))
    }

    pub fn insert(&mut self, signature: String, content: &[u8]) -> io::Result<()> {
        if self.get(&signature).is_some() {
            return Ok(());
        }
        if let Some(directory) = self.directory.as_deref().filter(|_| is_signature(&signature)) {
            fs::create_dir_all(directory)?;
            let half = directory.join(format!("{signature}.tmp"));
            fs::write(&half, content)?;
            fs::rename(half, directory.join(&signature))?;
        }
        self.remember(signature, content.into());
        Ok(())
    }

    fn remember(&mut self, signature: String, content: Arc<[u8]>) {
        self.bytes += content.len();
        self.files.push_back((signature, content));
        while self.files.len() > FILES || self.bytes > BYTES {
            let Some((gone, content)) = self.files.pop_front() else { return };
            self.bytes -= content.len();
            if let Some(directory) = &self.directory {
                // One that stays makes room when the world is loaded again.
                let _ = fs::remove_file(directory.join(gone));
            }
        }
    }
}

/// Digits, in hexadecimal or of a snowflake: nothing that leads out of a directory.
fn is_signature(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A world that cannot be written is told of by whoever saves it; what is uploaded is served all the same.
fn put(core: &Core, signature: String, content: &[u8]) {
    if let Err(error) = lock(&core.uploads).insert(signature, content) {
        core.violation(format!("an upload could not be kept: {error}"));
    }
}

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
        put(core, id.clone(), content.as_bytes());
    }
}

/// Keeps what came with a request; the signature under which the CDN hands it over.
pub fn keep_sent(core: &Core, content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let signature = format!("{:016x}", hasher.finish());
    put(core, signature.clone(), content);
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
    extract::Path((_, id, name)): extract::Path<(String, String, String)>,
    Query(Signature { hm }): Query<Signature>,
    request: Request,
) -> Response {
    if request.headers().contains_key(header::AUTHORIZATION) {
        core.violation("the bot's token was sent to the CDN".to_owned());
    }
    let is_of_a_person = request.uri().path().starts_with("/ephemeral-");
    let hm = hm.filter(|hm| !is_of_a_person || *hm == id);
    match hm.and_then(|hm| lock(&core.uploads).get(&hm)) {
        Some(bytes) => {
            ([(header::CONTENT_TYPE, kind(&name)), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], bytes.to_vec())
                .into_response()
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
