//! The stage of the demo's story: people who look at Discord and act in it as anybody could, and what was played.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};
use standin::discord::Discord;
use standin::etlegacy::{Evening, File};
use standin::kick::Kick;
use standin::xtsystems::{Ticket, XtSystems};
use url::Url;

use super::{Outside, UPLOAD_SECRET};
use crate::clock::Clock;
use crate::upstream::stats_upload::UploadClient;

/// How often the world is looked at while something is awaited.
const LOOK: Duration = Duration::from_millis(100);
/// A step that comes to nothing, because somebody else has a hand in it, is left after this time.
const PATIENCE: Duration = Duration::from_secs(120);
const NOTHING_CAME: &str = "Nothing came of that within two minutes; the story goes on.";
/// What is sent goes through the stream of chat, which is read this often at the latest, and then some.
const REST: Duration = Duration::from_secs(2);
/// How long a form may be open before somebody of the story opens another one.
const FORM: Duration = Duration::from_secs(20);

pub struct Stage {
    pub xt: XtSystems,
    pub discord: Discord,
    pub kick: Kick,
    /// Where the bot listens.
    web: SocketAddr,
    http: reqwest::Client,
    /// Somebody's browser: the story looks where it is sent before it goes there.
    browser: reqwest::Client,
    pace: Duration,
    /// The steps that were played, kept over a stop or a kill.
    played: Mutex<BTreeSet<String>>,
    path: PathBuf,
    /// The hosting panel's key, made when it is first needed: it is told once.
    key: Mutex<Option<String>>,
    /// The game server, and what sends its files where the bot cannot look.
    pub game: GameServer,
}

/// What was played on it, the directory into which it writes, and how its files are sent.
pub struct GameServer {
    pub evening: Evening,
    directory: PathBuf,
    upload: UploadClient,
}

/// Where the game server writes, below the demo's own directory.
pub const STATS: &str = "gamestats";
/// From the beginning of what was played to the beginning of the demo.
const LONG_AGO: TimeDelta = TimeDelta::hours(3);
const TEXT_CHANNEL: u8 = 0;
const SEND_MESSAGES: u64 = 1 << 11;

impl Stage {
    /// Continues what is kept in this directory.
    pub fn open(outside: Outside, web: SocketAddr, dir: &Path, pace: f64) -> Result<Self> {
        let path = dir.join("story.json");
        let played = fs::read(&path).ok().and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default();
        let client = || reqwest::Client::builder().no_proxy().timeout(FORM);
        let http = client().build().context("an HTTP client")?;
        let browser = client().redirect(reqwest::redirect::Policy::none()).build().context("an HTTP client")?;
        let (pace, played) = (Duration::from_secs_f64(pace), Mutex::new(played));
        let game = GameServer::open(web, dir)?;
        let Outside { discord, xt, kick } = outside;
        Ok(Self { xt, discord, kick, web, http, browser, pace, played, path, key: Mutex::default(), game })
    }

    /// Waits until the bot is in the server and has its commands there.
    pub async fn bot_is_there(&self) {
        while self.discord.connected_sessions() == 0 || self.discord.state()["commands"] == json!([]) {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// One step: told and done once, and only where the world does not show it yet, because of an earlier start
    /// or because somebody at the page was faster. `act` may have been done in part before a kill.
    pub async fn step(&self, line: &str, is_done: impl Fn(&Stage) -> bool, act: impl Future<Output = ()>) {
        if self.has_played(line) {
            return;
        }
        if !is_done(self) {
            self.tell(line);
            self.pause().await;
            let outcome = async {
                act.await;
                while !is_done(self) {
                    tokio::time::sleep(LOOK).await;
                }
            };
            if tokio::time::timeout(PATIENCE, outcome).await.is_err() {
                self.tell(NOTHING_CAME);
            }
            self.pause().await;
        }
        self.note(line);
    }

    /// On the terminal, and below the messages of the page.
    pub fn tell(&self, line: &str) {
        println!("  {line}");
        self.discord.narrate(line);
    }

    /// As long as it takes until what was just sent is dealt with.
    pub async fn rest(&self) {
        tokio::time::sleep(self.pace.max(REST)).await;
    }

    async fn pause(&self) {
        tokio::time::sleep(self.pace).await;
    }

    pub fn has_played(&self, line: &str) -> bool {
        self.played.lock().unwrap_or_else(PoisonError::into_inner).contains(line)
    }

    fn note(&self, line: &str) {
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        played.insert(line.to_owned());
        let new = self.path.with_extension("new");
        let kept = fs::write(&new, json!(*played).to_string()).and_then(|()| fs::rename(&new, &self.path));
        if let Err(error) = kept {
            tracing::warn!(%error, "the demo will tell its story again after a restart");
        }
    }

    /// Presses the button with this label on the card about something, once there is one.
    pub async fn press(&self, who: &str, channel: &str, about: &str, label: &str) -> Value {
        let (message, custom_id) = self.control(channel, about, "label", label).await;
        self.form_is_closed(who).await;
        self.discord.act(json!({ "as": who, "do": "press", "message": message, "custom_id": custom_id })).await
    }

    /// Presses a button that opens a form, fills in its one field and sends it.
    pub async fn write(&self, who: &str, channel: &str, about: &str, label: &str, text: &str) {
        let opened = self.press(who, channel, about, label).await;
        self.pause().await;
        self.fill_in(who, &opened, text).await;
    }

    /// Chooses in the select with this placeholder.
    pub async fn choose(&self, who: &str, channel: &str, about: &str, placeholder: &str, value: &str) -> Value {
        let (message, custom_id) = self.control(channel, about, "placeholder", placeholder).await;
        let select =
            json!({ "as": who, "do": "select", "message": message, "custom_id": custom_id, "values": [value] });
        self.discord.act(select).await
    }

    /// What the first choice of a select stands for.
    pub fn first_choice(&self, channel: &str, about: &str, placeholder: &str) -> Option<String> {
        let card = self.card_about(channel, about)?;
        let select = control_named(&card, "placeholder", placeholder)?;
        select["options"][0]["value"].as_str().map(str::to_owned)
    }

    /// Fills in the first field of a form that something has opened, and sends it.
    pub async fn fill_in(&self, who: &str, opened: &Value, text: &str) -> Value {
        let form = &opened["modal"];
        let field = form["components"].pointer("/0/components/0/custom_id").and_then(Value::as_str).unwrap_or_default();
        let submit = json!({ "as": who, "do": "submit", "modal": form["custom_id"], "values": { field: text } });
        self.discord.act(submit).await
    }

    /// Uses a slash command; what came of it.
    pub async fn outcome(&self, who: &str, channel: &str, name: &str, options: Value) -> Value {
        let command = json!({ "as": who, "do": "command", "channel": channel, "name": name, "options": options });
        self.discord.act(command).await
    }

    /// Uses a slash command; what its user is told.
    pub async fn command(&self, who: &str, channel: &str, name: &str, options: Value) -> String {
        let outcome = self.outcome(who, channel, name, options).await;
        let said = outcome["message"]["content"].as_str().or(outcome["response"]["data"]["content"].as_str());
        said.unwrap_or_default().to_owned()
    }

    /// What is offered for an option of a command.
    pub async fn choices(&self, who: &str, channel: &str, name: &str, option: &str) -> Vec<Value> {
        let typed = json!({ "as": who, "do": "autocomplete", "channel": channel, "name": name,
            "options": { option: "" }, "focused": option });
        let outcome = self.discord.act(typed).await;
        outcome["choices"].as_array().into_iter().flatten().map(|choice| choice["value"].clone()).collect()
    }

    /// Presses the button that begins with these words under the answer to a command. False: there is none.
    pub async fn press_answer(&self, who: &str, outcome: &Value, words: &str) -> bool {
        let message = &outcome["message"];
        let mut rows = message["components"].as_array().into_iter().flatten();
        let button = rows.find_map(|row| {
            let all = row["components"].as_array()?;
            all.iter().find(|button| button["label"].as_str().is_some_and(|label| label.starts_with(words)))
        });
        let Some(button) = button else { return false };
        let press = json!({ "as": who, "do": "press", "message": message["id"], "custom_id": button["custom_id"] });
        self.discord.act(press).await;
        true
    }

    /// Chooses the first of the select under the answer to a command; what comes of it.
    pub async fn choose_answer(&self, who: &str, outcome: &Value) -> Value {
        let message = &outcome["message"];
        let mut rows = message["components"].as_array().into_iter().flatten();
        let select = rows.find_map(|row| row["components"].as_array()?.iter().find(|one| one["options"].is_array()));
        let Some(select) = select else { return Value::Null };
        let values = json!([select["options"][0]["value"]]);
        let choose = json!({ "as": who, "do": "select", "message": message["id"], "custom_id": select["custom_id"],
            "values": values });
        self.discord.act(choose).await
    }

    /// Whether a person was told this, in answers that nobody else sees.
    pub fn was_told(&self, who: &str, words: &str) -> bool {
        self.discord.ephemeral(who)["messages"].to_string().contains(words)
    }

    /// The channel of this name, made where it is missing.
    pub fn ensure_channel(&self, name: &str) -> u64 {
        let known = self.discord.state()["channels"]
            .as_array()
            .into_iter()
            .flatten()
            .find_map(|channel| if channel["name"] == name { channel["id"].as_str()?.parse().ok() } else { None });
        known.unwrap_or_else(|| self.discord.add_channel(self.discord.guild_id(), name, TEXT_CHANNEL))
    }

    pub fn let_bot_write(&self, channel: &str, may: bool) {
        let deny = if may { 0 } else { SEND_MESSAGES };
        self.discord.set_overwrite(self.ensure_channel(channel), self.discord.bot_id(), 0, deny);
    }

    /// What the hosting panel sends to the bot, with a key that somebody who may has made for it.
    pub async fn dispatch(&self, admin: &str, body: Value) {
        let known = self.key.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let key = match known {
            Some(key) => key,
            None => {
                let options = json!({ "name": "Hosting panel", "scopes": "events:write", "days": 1 });
                let told = self.command(admin, "ops", "api-key create", options).await;
                let key = told.split('`').nth(1).unwrap_or_default().to_owned();
                *self.key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
                key
            }
        };
        let url = format!("http://{}/api/v1/dispatch", self.web);
        let sent = self.http.post(url).bearer_auth(key).header("content-type", "application/json");
        let sent = sent.body(body.to_string()).send().await;
        if let Err(error) = sent.and_then(reqwest::Response::error_for_status) {
            tracing::warn!(%error, "the bot did not take what the panel sent");
        }
    }

    /// Somebody opens the page that a command has answered with, goes on to Kick, allows there what is asked for, and comes back. The
    /// words of the page they end at.
    pub async fn allow_on_kick(&self, outcome: &Value, who: &str) -> Option<String> {
        let page = link_of(outcome)?;
        let sent = self.browser.post(page).send().await.ok()?;
        let header = |name: &str| sent.headers().get(name)?.to_str().ok().map(str::to_owned);
        let (to, cookie) = (header("location")?, header("set-cookie").unwrap_or_default());
        let back =
            self.kick.allow(&to, who).inspect_err(|problem| tracing::warn!(problem, "Kick shows a page")).ok()?;
        let cookie = cookie.split(';').next().unwrap_or_default();
        let ended = self.browser.get(back).header("cookie", cookie).send().await.ok()?;
        ended.text().await.ok()
    }

    /// What the LAN party program sends to the bot.
    pub async fn party(&self, what: &str, body: Value) {
        let url = format!("http://{}/api/discord/{what}", self.web);
        let sent = self.http.post(url).header("content-type", "application/json").body(body.to_string()).send().await;
        if let Err(error) = sent.and_then(reqwest::Response::error_for_status) {
            tracing::warn!(%error, "the bot did not take what the party program sent");
        }
    }

    /// The newest card about something, as text.
    pub fn card(&self, channel: &str, about: &str) -> Option<String> {
        self.card_about(channel, about).map(|card| card.to_string())
    }

    /// Whether XTSystems has decided about a machine.
    pub fn is_decided(&self, hostname: &str) -> bool {
        self.xt.machines().iter().any(|m| m.hostname == hostname && m.status != "pending")
    }

    /// Whether the card of a machine says what XTSystems has decided.
    pub fn is_settled(&self, hostname: &str) -> bool {
        let shown = self.card("machines", hostname).unwrap_or_default();
        self.is_decided(hostname) && ["✅ Approved", "⛔ Denied"].iter().any(|words| shown.contains(words))
    }

    pub fn ticket(&self, title: &str) -> Option<Ticket> {
        self.xt.tickets().into_iter().find(|ticket| ticket.title == title)
    }

    /// Whether XTSystems has sent an event of this kind about this thing.
    pub fn has_sent(&self, kind: &str, about: &str) -> bool {
        let all = self.xt.deliveries();
        all.iter().any(|delivery| delivery.event_type == kind && delivery.payload.to_string().contains(about))
    }

    fn card_about(&self, channel: &str, about: &str) -> Option<Value> {
        let messages = self.discord.messages(self.discord.channel_id(channel));
        messages.into_iter().rev().find(|message| message["embeds"].to_string().contains(about))
    }

    /// The message and the id of a control on a card, as soon as it has it.
    async fn control(&self, channel: &str, about: &str, by: &str, words: &str) -> (String, String) {
        loop {
            if let Some(found) = self.card_about(channel, about).and_then(|card| control_of(&card, by, words)) {
                return found;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A person has one form at a time: whoever watches the page as them may be filling one in.
    async fn form_is_closed(&self, who: &str) {
        let closed = async {
            while self.discord.ephemeral(who)["modals"].as_array().is_some_and(|open| !open.is_empty()) {
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(FORM, closed).await;
    }
}

impl GameServer {
    /// What was played was over for an hour when the demo began: then it can be summed up.
    fn open(web: SocketAddr, dir: &Path) -> Result<Self> {
        let kept = dir.join("evening");
        let known = fs::read_to_string(&kept).ok().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        let began = match known {
            Some(began) => began,
            None => {
                let began = Clock::system().now() - LONG_AGO;
                fs::write(&kept, began.to_rfc3339())
                    .with_context(|| format!("{} cannot be written", kept.display()))?;
                began
            }
        };
        let url = format!("http://{web}/webhooks/etlegacy").parse::<Url>().context("the address of the bot")?;
        let upload = UploadClient::new(&url, &SecretString::from(UPLOAD_SECRET)).context("an HTTP client")?;
        Ok(Self { evening: Evening::new(began), directory: dir.join(STATS), upload })
    }

    /// The script of the server ends a file.
    pub fn writes(&self, file: &File) {
        if let Err(error) = fs::write(self.directory.join(&file.name), &file.text) {
            tracing::warn!(%error, "the game server cannot write");
        }
    }

    /// As `signalbox notify-stats` sends it, which runs beside the server.
    pub async fn sends(&self, file: &File) {
        match self.upload.send(&file.name, file.text.clone().into_bytes(), Clock::system().now()).await {
            Ok(answer) if answer.status < 300 => {}
            Ok(answer) => tracing::warn!(status = answer.status, "the bot did not take what the game server sent"),
            Err(error) => tracing::warn!(%error, "the bot did not take what the game server sent"),
        }
    }
}

/// The address of the button that leads out of Discord.
fn link_of(outcome: &Value) -> Option<String> {
    let rows = outcome["message"]["components"].as_array()?;
    let mut buttons = rows.iter().flat_map(|row| row["components"].as_array().into_iter().flatten());
    buttons.find_map(|button| button["url"].as_str().map(str::to_owned))
}

fn control_of(card: &Value, by: &str, words: &str) -> Option<(String, String)> {
    let control = control_named(card, by, words)?;
    Some((card["id"].as_str()?.to_owned(), control["custom_id"].as_str()?.to_owned()))
}

fn control_named<'a>(card: &'a Value, by: &str, words: &str) -> Option<&'a Value> {
    let mut rows = card["components"].as_array()?.iter().flat_map(|row| row["components"].as_array().into_iter());
    rows.find_map(|row| row.iter().find(|control| control[by] == words))
}
