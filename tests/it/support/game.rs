//! A game server with its directory, the channel that is told of it, and the notifier beside it on one manual clock.

use std::fs::{self, File};
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use signalbox::clock::Clock;
use signalbox::config::{self, Given, NotifierConfig};
use signalbox::notifier::check::check;
use signalbox::notifier::directory::Found;
use signalbox::notifier::tell::{Outcome, Teller};
use signalbox::notifier::{Fatal, Notifier, Step};
use signalbox::upstream::guard::WebhookAddress;
use standin::clock::Clock as WorldClock;
use standin::discord::{Discord, Fault, Options};

use super::program::{Directory, Program};
use super::town::start;

/// Where notices are posted.
pub const CHANNEL: &str = "ops";

pub struct Game {
    pub discord: Discord,
    pub clock: Clock,
    world_clock: WorldClock,
    pub stats: Directory,
    pub state: Directory,
    /// Of the webhook.
    pub id: u64,
    pub env: Vec<(String, String)>,
}

impl Game {
    pub async fn start() -> Self {
        let world_clock = WorldClock::manual(start());
        let discord = Discord::start(Options {
            clock: world_clock.clone(),
            openapi: super::corpus::path("discord/openapi.json"),
            ..Options::default()
        });
        let discord = discord.await.unwrap();
        let (id, _, url) = discord.create_webhook(discord.channel_id(CHANNEL), "Stats").unwrap();
        let (stats, state) = (Directory::new(), Directory::new());
        let shown = |directory: &Directory| directory.0.display().to_string();
        let env = [
            ("STATS_PATH", shown(&stats)),
            ("STATE_DIR", shown(&state)),
            ("DISCORD_WEBHOOK_URL", url),
            ("DISCORD_API_URL", discord.origin()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).into();
        Self { discord, clock: Clock::manual(start()), world_clock, stats, state, id, env }
    }

    /// Sends files elsewhere, instead of notices.
    pub fn uploads_to(&mut self, url: &str, secret: &str) {
        self.env.retain(|(name, _)| !name.starts_with("DISCORD_") && !name.starts_with("STATS_UPLOAD_"));
        self.env.push(("STATS_UPLOAD_URL".into(), url.into()));
        self.env.push(("STATS_UPLOAD_SECRET".into(), secret.into()));
    }

    pub fn notifier(&self) -> Notifier {
        self.try_notifier().unwrap_or_else(|fatal| panic!("{fatal}"))
    }

    pub fn try_notifier(&self) -> Result<Notifier, Fatal> {
        Notifier::open(&self.config(), self.clock.clone())
    }

    fn config(&self) -> NotifierConfig {
        let is_webhook = |text: &str| WebhookAddress::parse(text).map(drop).map_err(|error| error.to_string());
        let loaded = config::load_notifier(Given::new(self.env.clone()), is_webhook);
        loaded.unwrap_or_else(|problems| panic!("{problems}")).0
    }

    /// How many things are right, and how many are not.
    pub async fn check(&self) -> String {
        check(&self.config(), &self.clock).await.summary()
    }

    /// What the notifier makes of the answer to a file.
    pub async fn outcome(&self, name: &str, text: &str) -> Outcome {
        let (teller, now) = (Teller::new(&self.config().target).unwrap(), self.clock.now());
        let found = Found { name: name.to_owned(), size: text.len() as u64, changed: now, since: now };
        teller.tell(&found, text.as_bytes(), false, now).await
    }

    /// The program itself, on the system's clock.
    pub fn program(&self, env: &[(&str, &str)]) -> Program {
        let more = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Program::start(&["notify-stats"], &self.env.iter().cloned().chain(more).collect::<Vec<_>>())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.stats.0.join(name)
    }

    /// The server writes a file, now.
    pub fn writes(&self, name: &str, text: &str) {
        self.writes_at(name, text, self.clock.now());
    }

    pub fn writes_at(&self, name: &str, text: &str, at: DateTime<Utc>) {
        fs::write(self.path(name), text).unwrap();
        File::options().write(true).open(self.path(name)).unwrap().set_modified(at.into()).unwrap();
    }

    /// What is due now.
    pub async fn step(&self, notifier: &mut Notifier) -> Result<(), Fatal> {
        while notifier.step().await? == Step::Went {}
        Ok(())
    }

    /// So much time goes by, a second at a time.
    pub async fn passes(&self, notifier: &mut Notifier, seconds: i64) {
        self.try_passes(notifier, seconds).await.unwrap_or_else(|fatal| panic!("{fatal}"));
    }

    pub async fn try_passes(&self, notifier: &mut Notifier, seconds: i64) -> Result<(), Fatal> {
        self.step(notifier).await?;
        for _ in 0..seconds {
            self.clock.advance(TimeDelta::seconds(1));
            self.world_clock.advance(TimeDelta::seconds(1));
            self.step(notifier).await?;
        }
        Ok(())
    }

    pub fn fault(&self, what: &str, times: u32, ms: Option<u64>) {
        let fault = json!({ "where": "execute_webhook", "what": what, "times": times, "ms": ms });
        self.discord.fault(Fault::parse(&fault).unwrap());
    }

    pub fn messages(&self) -> Vec<Value> {
        self.discord.messages(self.discord.channel_id(CHANNEL))
    }

    /// A line for each notice: what it names, and whether it is marked.
    pub fn notices(&self) -> String {
        let line = |message: &Value| {
            let footer = message["embeds"][0]["footer"]["text"].as_str().unwrap_or_default();
            let mark = footer.rsplit_once("Triggering bot...").map_or("", |(_, mark)| mark);
            format!("{}{mark}", message["content"].as_str().unwrap_or_default())
        };
        self.messages().iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// What it keeps in its file.
    pub fn kept(&self) -> Value {
        let text = fs::read_to_string(self.state.0.join("notify-stats.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub async fn finish(self) {
        assert_eq!(self.discord.violations(), Vec::<String>::new(), "the stand-in complains");
        super::mentions::assert_nobody_is_pinged(&self.discord.requests());
        self.discord.shutdown().await;
    }
}

/// `YYYY-MM-DD-HHMMSS-supply-round-1.txt` of some moment.
pub fn round_at(at: DateTime<Utc>) -> String {
    format!("{}-supply-round-1.txt", at.format("%Y-%m-%d-%H%M%S"))
}

/// The file of a round in which anna played.
pub fn round() -> String {
    let numbers = "\t1".repeat(38);
    format!("^1Our server\\supply\\legacy3\\1\\1\\2\\12:00\\9:13\nA1B2C3D4\\^2anna\\0\\1\\1 1 2 3 4 5 {numbers}\n")
}

pub fn awards() -> String {
    "Most deaths\tanna\t7\nMost damage given\tanna\t1234\nMost kills per minute\tanna\t1.25\nMost revives\tbob\t3\nMost gibs\tbob\t2\n"
        .to_owned()
}
