//! A game server that plays: its files come by upload, by directory or by a message.

use std::fs;

use standardwebhooks::Webhook;
use standin::discord::Options as DiscordOptions;

use super::evening::File;
use super::program::Directory;
use super::town::{Setup, Town};

/// Nobody else's.
pub const UPLOAD_SECRET: &str = "whsec_dGhlLXNlY3JldC1vZi10aGUtZ2FtZS1zZXJ2ZXI=";
/// The day before every test begins.
pub const DAY: &str = "2026-01-01";

/// What it tells of goes to #matches.
pub fn to_matches(options: DiscordOptions) -> DiscordOptions {
    DiscordOptions { routes: vec![("etlegacy.*", "matches")], ..options }
}

/// Files are uploaded.
pub fn by_upload() -> Setup {
    let env = vec![("ETLEGACY_UPLOAD_SECRET", UPLOAD_SECRET.to_owned())];
    Setup { env, discord: to_matches, ..Setup::default() }
}

/// Files are uploaded, and those of a directory are taken.
pub fn by_directory() -> (Directory, Setup) {
    let directory = Directory::new();
    let mut setup = by_upload();
    setup.env.push(("ETLEGACY_STATS_PATH", directory.0.to_str().unwrap().to_owned()));
    (directory, setup)
}

pub fn write(directory: &Directory, file: &File) {
    fs::write(directory.0.join(&file.name), &file.text).unwrap();
}

impl Town {
    /// The answer to a file, before anything else happens.
    pub async fn only_upload(&self, file: &File) -> (u16, String) {
        self.upload_signed(file, UPLOAD_SECRET, self.clock.now().timestamp()).await
    }

    pub async fn upload_signed(&self, file: &File, secret: &str, at: i64) -> (u16, String) {
        let signature = Webhook::new(secret).unwrap().sign(&file.name, at, file.text.as_bytes()).unwrap();
        let url = format!("http://{}/webhooks/etlegacy", self.app.address);
        let request = self
            .http
            .post(url)
            .header("webhook-id", &file.name)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", signature)
            .body(file.text.clone());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// A file, and what follows from it.
    pub async fn upload(&self, file: &File) -> (u16, String) {
        let answer = self.only_upload(file).await;
        self.settle().await;
        answer
    }
}
