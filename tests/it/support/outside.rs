//! Discord and XTSystems on the system's clock, for the program as a process of its own: what an operator has
//! before Signalbox is set up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use standin::clock::Clock as WorldClock;
use standin::discord::{Discord, Options as DiscordOptions};
use standin::xtsystems::{Auth, Options as XtOptions, XtSystems};

use super::database::{TestDatabase, copy_of};
use super::port::free_port;
use super::program::{Directory, End, Program};

pub struct Outside {
    pub discord: Discord,
    pub xt: XtSystems,
    /// Where the bot is to listen.
    pub port: u16,
    pub directory: Directory,
    pub database: TestDatabase,
}

impl Outside {
    /// An empty database, and an XTSystems that does not know us.
    pub async fn start() -> Self {
        Self::knowing(None).await
    }

    /// XTSystems knows us already, with this secret.
    pub async fn registered(secret: &str) -> Self {
        Self::knowing(Some(secret)).await
    }

    async fn knowing(secret: Option<&str>) -> Self {
        let clock = WorldClock::system();
        let port = free_port();
        let xt = XtSystems::start(XtOptions {
            auth: Auth::Bearer,
            secret: secret.unwrap_or_default().to_owned(),
            target: secret.map(|_| format!("http://127.0.0.1:{port}/webhooks/xtsystems")),
            retry_waits: vec![Duration::ZERO; 2],
            ..XtOptions::local(clock.clone())
        })
        .await
        .unwrap();
        let discord = Discord::start(DiscordOptions { clock, ..DiscordOptions::default() }).await.unwrap();
        Self { discord, xt, port, directory: Directory::new(), database: copy_of("empty", async |_| {}).await }
    }

    /// What a complete configuration has, with changes; an empty value leaves a variable out.
    pub fn env(&self, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all: BTreeMap<String, String> = self.discord.env().into_iter().collect();
        let own = [
            ("XTSYSTEMS_API_URL", self.xt.origin()),
            ("XTSYSTEMS_API_KEY", self.xt.api_key().to_owned()),
            ("WEBHOOK_SECRET", String::new()),
            ("WEBHOOK_PORT", self.port.to_string()),
            ("PUBLIC_URL", format!("http://127.0.0.1:{}", self.port)),
            ("DATABASE_URL", self.database.url.clone()),
        ];
        all.extend(own.map(|(name, value)| (name.to_owned(), value)));
        all.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        all.retain(|_, value| !value.is_empty());
        all.into_iter().collect()
    }

    /// Runs the program to its end, in a directory of its own.
    pub async fn signalbox(&self, arguments: &[&str], changes: &[(&str, &str)]) -> End {
        Program::start_in(&self.directory.0, arguments, &self.env(changes)).ends_within(60).await
    }

    /// The bot, ready.
    pub async fn bot(&self, changes: &[(&str, &str)]) -> Program {
        let mut bot = Program::start_in(&self.directory.0, &["run"], &self.env(changes));
        bot.says("ready").await;
        bot
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.0.join(name)
    }

    /// A text of the program without what is different in each run.
    pub fn plain(&self, text: &str) -> String {
        let mut text = text.replace(&self.xt.origin(), "XT").replace(&self.port.to_string(), "PORT");
        for (number, webhook) in self.xt.webhooks().into_iter().enumerate() {
            text = text.replace(&webhook.id, &format!("WEBHOOK-{}", number + 1));
        }
        for (number, delivery) in self.xt.deliveries().into_iter().enumerate() {
            text = text.replace(&delivery.id, &format!("DELIVERY-{}", number + 1));
        }
        without_measures(&text)
    }
}

/// `after 12 ms` → `after N ms`.
pub fn without_measures(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("after ") {
        let (before, tail) = rest.split_at(at + 6);
        out.push_str(before);
        let digits = tail.chars().take_while(char::is_ascii_digit).count();
        out.push_str(if digits > 0 { "N" } else { "" });
        rest = &tail[digits..];
    }
    out + rest
}
