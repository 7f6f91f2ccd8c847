//! A whole world for one test: Discord, XTSystems, a database of its own, and the real program, driven
//! step by step on one manual clock.
//!
//! A test fails by itself when an unknown Discord route was called, a payload broke a limit, an ERROR
//! was logged that it did not expect, or a message was left unread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use signalbox::app::{App, Patience, Wiring};
use signalbox::bus::ReaderOptions;
use signalbox::clock::Clock;
use signalbox::config::{self, Given};
use signalbox::lifecycle::Lifecycle;
use signalbox::store::Store;
use standin::beacon::Beacon;
use standin::clock::Clock as WorldClock;
use standin::discord::{Discord, Fault, Limits, Options as DiscordOptions};
use standin::kick::{Kick, Options as KickOptions};
use standin::xtsystems::{Auth, Options as XtOptions, XtSystems};
use tracing_subscriber::layer::SubscriberExt as _;

use super::database::{TestDatabase, fresh_database};
use super::log::Errors;
use super::program::Program;
pub use super::words::{plain_times, show, told};

/// When every test begins.
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_348_000, 0).unwrap()
}

pub const SECRET: &str = "a-secret-of-the-tests";
/// Where the bot receives webhooks of Kick.
pub const KICK_PATH: &str = "/webhooks/kick/a-segment-of-the-tests";
/// Without one the program would keep a key on this machine.
pub const ENCRYPTION_KEY: &str = "dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";

/// What a test may change about its world.
pub struct Setup {
    pub limits: Limits,
    /// Variables that replace or extend those of the stand-in; an empty value removes one.
    pub env: Vec<(&'static str, String)>,
    pub redis: Option<String>,
    /// Whether the bot connects to the gateway.
    pub gateway: bool,
    /// Whether Discord sends interactions to the bot's HTTP endpoint.
    pub by_http: bool,
    /// Changes to the stand-in Discord.
    pub discord: fn(DiscordOptions) -> DiscordOptions,
    /// Whether the bot is told of Kick.
    pub kick: bool,
    /// Changes to the fake Kick.
    pub kick_options: fn(KickOptions) -> KickOptions,
    /// Whether XTSystems knows our address from the start.
    pub registered: bool,
    /// The database to use, instead of a fresh one.
    pub database_url: Option<String>,
    /// The bot takes the stand-in for `https://discord.com`: over TLS, with serenity's own limiter.
    pub as_discord: bool,
    /// How closely the gateway session is watched.
    pub patience: Patience,
    /// After how long an entry of the stream is taken over that nobody acknowledged.
    pub claim_idle: Duration,
}

/// Short times, for tests of the gateway: they pass in real time.
pub const IMPATIENT: Patience = Patience {
    ready: Duration::from_secs(3),
    silence: Duration::from_millis(300),
    answer: Duration::from_millis(700),
    lease: Duration::from_millis(100),
    goodbye: Duration::from_secs(1),
    between: Duration::from_millis(100),
};

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: Limits::Discord,
            env: vec![],
            redis: None,
            gateway: true,
            by_http: false,
            discord: |options| options,
            kick: false,
            kick_options: |options| options,
            registered: true,
            database_url: None,
            as_discord: false,
            patience: Patience::default(),
            claim_idle: ReaderOptions::default().claim_idle,
        }
    }
}

impl Setup {
    /// A town where people stream.
    pub fn kick() -> Self {
        Self { kick: true, ..Self::default() }
    }

    /// A town with these variables.
    pub fn with(env: &[(&'static str, &str)]) -> Self {
        Self { env: env.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), ..Self::default() }
    }
}

pub struct Town {
    pub discord: Discord,
    pub xt: XtSystems,
    pub kick: Kick,
    /// Where public randomness comes from.
    pub beacon: Beacon,
    pub app: Arc<App>,
    pub clock: Clock,
    pub world_clock: WorldClock,
    pub database_url: String,
    pub http: reqwest::Client,
    /// Names of the environment, as the bot was given them.
    pub env: Vec<(String, String)>,
    wiring: WiringOfTests,
    lifecycle: Lifecycle,
    gateway: Option<tokio::task::JoinHandle<()>>,
    read: Mutex<BTreeSet<String>>,
    errors: Errors,
    expected_errors: Mutex<Vec<&'static str>>,
    expected_violations: Mutex<Vec<&'static str>>,
    _database: Option<TestDatabase>,
    _subscriber: tracing::subscriber::DefaultGuard,
}

/// Runs a test in a town with everything as usual.
pub async fn run(test: impl AsyncFnOnce(&mut Town)) {
    run_with(Setup::default(), test).await;
}

pub async fn run_with(setup: Setup, test: impl AsyncFnOnce(&mut Town)) {
    let mut town = Town::start(setup).await;
    test(&mut town).await;
    town.finish().await;
}

impl Town {
    pub async fn start(setup: Setup) -> Self {
        let errors = Errors::default();
        let subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(errors.clone()));
        let (clock, world_clock) = (Clock::manual(start()), WorldClock::manual(start()));
        let (database, database_url) = match setup.database_url {
            Some(url) => (None, url),
            None => {
                let database = fresh_database(migrate).await;
                let url = database.url.clone();
                (Some(database), url)
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let xt = XtSystems::start(XtOptions {
            auth: Auth::Bearer,
            secret: SECRET.into(),
            target: setup.registered.then(|| format!("http://{address}/webhooks/xtsystems")),
            retry_waits: vec![Duration::ZERO; 2],
            ..XtOptions::local(world_clock.clone())
        })
        .await
        .unwrap();
        let beacon = Beacon::start(world_clock.clone()).await.unwrap();
        let kick = Kick::start((setup.kick_options)(KickOptions {
            redirect_uris: vec![format!("http://{address}/kick/callback")],
            webhook_url: Some(format!("http://{address}{KICK_PATH}")),
            retry_waits: vec![Duration::ZERO; 2],
            ..KickOptions::local(world_clock.clone())
        }))
        .await
        .unwrap();
        let mut env: BTreeMap<String, String> = [
            ("XTSYSTEMS_API_URL", xt.origin()),
            ("XTSYSTEMS_API_KEY", xt.api_key().to_owned()),
            ("WEBHOOK_SECRET", SECRET.to_owned()),
            ("ENCRYPTION_KEY", ENCRYPTION_KEY.to_owned()),
            // Otherwise each notice after the first one would wait for the clock.
            ("DELIVERY_BATCH_WINDOW", "0ms".to_owned()),
            ("PUBLIC_URL", format!("http://{address}")),
            ("RAFFLE_BEACON_URL", beacon.url()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if setup.kick {
            env.extend(kick.env());
        }
        if let Some(redis) = &setup.redis {
            env.insert("REDIS_URL".into(), redis.clone());
        } else if std::env::var_os("TOWN_REDIS").is_some() {
            // Everything as without it: hints come by Redis, and nothing else may differ.
            env.insert("REDIS_URL".into(), super::servers::redis());
            env.insert("REDIS_PREFIX".into(), format!("town-{}", clock.uuid()));
        }
        let discord = Discord::start((setup.discord)(DiscordOptions {
            limits: setup.limits,
            // Tests start bots faster than people do.
            identify_every: Duration::ZERO,
            clock: world_clock.clone(),
            openapi: super::corpus::path("discord/openapi.json"),
            tls: setup.as_discord,
            env: env.into_iter().collect(),
            ..DiscordOptions::default()
        }))
        .await
        .unwrap();
        let mut env: BTreeMap<String, String> = discord.env().into_iter().collect();
        if setup.as_discord {
            // The default is Discord's own address.
            env.remove("DISCORD_API_URL");
        }
        for (name, value) in setup.env {
            env.insert(name.to_owned(), value);
        }
        env.retain(|_, value| !value.is_empty());
        let env: Vec<(String, String)> = env.into_iter().collect();
        let lifecycle = Lifecycle::new();
        let authority = discord.tls().filter(|_| setup.as_discord);
        let wiring = WiringOfTests { authority, patience: setup.patience, claim_idle: setup.claim_idle };
        let app = open_app(&env, &database_url, &clock, &lifecycle, listener, &wiring).await;
        let mut town = Self {
            discord,
            xt,
            kick,
            beacon,
            app,
            clock,
            world_clock,
            database_url,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            env,
            wiring,
            lifecycle,
            gateway: None,
            read: Mutex::default(),
            errors,
            expected_errors: Mutex::default(),
            expected_violations: Mutex::default(),
            _database: database,
            _subscriber: subscriber,
        };
        if setup.by_http {
            let endpoint = format!("http://{address}/interactions");
            town.discord.set_interactions_endpoint(Some(&endpoint)).await.unwrap();
        }
        if setup.gateway {
            town.connect().await;
        }
        town
    }

    /// Connects the bot to the gateway and waits until its commands are registered.
    pub async fn connect(&mut self) {
        let app = self.app.clone();
        self.gateway = Some(tokio::spawn(async move {
            let _ = app.run_gateway().await;
        }));
        let sessions = usize::from(self.app.ports.config.discord.gateway);
        self.until("the bot is connected", || {
            self.discord.connected_sessions() >= sessions
                && !self.discord.state()["commands"].as_array().unwrap().is_empty()
        })
        .await;
    }

    /// A second process on the same database, without a gateway session unless it is asked for.
    pub async fn another_bot(&self) -> (Arc<App>, Lifecycle) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let lifecycle = Lifecycle::new();
        let app = open_app(&self.env, &self.database_url, &self.clock, &lifecycle, listener, &self.wiring).await;
        (app, lifecycle)
    }

    /// The bot's gateway connection and its lease are gone at once, as if the process had been killed.
    pub fn kill_gateway(&mut self) {
        self.gateway.take().expect("it is connected").abort();
    }

    /// The real program as a process of its own in this town, with further variables.
    pub fn program(&self, arguments: &[&str], env: &[(&str, &str)]) -> Program {
        Program::start(arguments, &self.surroundings(env))
    }

    /// The same on a disk that is full: no file of it can grow.
    pub fn program_on_a_full_disk(&self, arguments: &[&str], env: &[(&str, &str)]) -> Program {
        let command = ["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_signalbox")];
        Program::start_other("sh", &[&command, arguments].concat(), &self.surroundings(env))
    }

    fn surroundings(&self, env: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all: BTreeMap<String, String> = self.env.iter().cloned().collect();
        all.insert("DATABASE_URL".into(), self.database_url.clone());
        all.insert("WEBHOOK_PORT".into(), "0".into());
        all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        all.retain(|_, value| !value.is_empty());
        all.into_iter().collect()
    }

    /// Whether an ERROR line with these words was logged.
    pub fn has_logged(&self, words: &str) -> bool {
        self.errors.has(words)
    }

    /// The bot ends and another one starts, at the same address and on the same database.
    pub async fn restart(&mut self) {
        self.lifecycle.stop();
        if let Some(gateway) = self.gateway.take() {
            let _ = tokio::time::timeout(std::time::Duration::from_secs(5), gateway).await;
            self.until("the session is over", || self.discord.connected_sessions() == 0).await;
        }
        self.lifecycle.shutdown(std::time::Duration::from_secs(5)).await;
        self.app.ports.store.close().await;
        let listener = tokio::net::TcpListener::bind(self.app.address).await.unwrap();
        self.lifecycle = Lifecycle::new();
        self.app = open_app(&self.env, &self.database_url, &self.clock, &self.lifecycle, listener, &self.wiring).await;
        self.connect().await;
    }

    /// Waits, in real time, for what other tasks do.
    pub async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        for _ in 0..3000 {
            if is_so() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: not within 30 s");
    }

    /// Does everything that is due, until all is quiet, here, at XTSystems and at Kick.
    pub async fn settle(&self) {
        for _ in 0..200 {
            // What XTSystems sends of itself, such as the echo of a decision.
            self.xt.settle().await;
            self.kick.settle().await;
            if self.app.step().await.expect("a step works") == 0 {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// Moves the one clock, then lets everything that came due happen.
    pub async fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
        self.world_clock.advance(by);
        self.settle().await;
    }

    /// XTSystems sends an event, signed, with its own retries; then all that follows from it happens.
    pub async fn send(&self, kind: &str, data: Value) {
        self.xt.send(kind, data).await;
        self.settle().await;
    }

    /// A machine asks to be let in.
    pub async fn machine(&self, hostname: &str) -> standin::xtsystems::Machine {
        let machine = self.xt.register_machine(hostname, "10.0.0.7", "Debian 13").await;
        self.settle().await;
        machine
    }

    /// Posts a body to the intake with a valid signature, as XTSystems would.
    pub async fn post(&self, body: &str) -> (u16, Value) {
        let timestamp = self.clock.now().timestamp().to_string();
        let signature = sign(SECRET, &timestamp, body.as_bytes());
        let headers = [("x-xtsystems-timestamp", timestamp), ("x-xtsystems-signature", signature)];
        self.post_with(body.as_bytes().to_vec(), &headers).await
    }

    pub async fn post_with(&self, body: Vec<u8>, headers: &[(&str, String)]) -> (u16, Value) {
        let url = format!("http://{}/webhooks/xtsystems", self.app.address);
        let request = headers.iter().fold(self.http.post(url).body(body), |r, (name, value)| r.header(*name, value));
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// Presses a button by its label on the newest message of a channel that has it.
    pub async fn press(&self, who: &str, channel: &str, label: &str) -> Value {
        let (message, custom_id) =
            self.button(channel, label).unwrap_or_else(|| panic!("no button {label} in #{channel}"));
        self.press_id(who, &message, &custom_id).await
    }

    pub async fn press_id(&self, who: &str, message: &str, custom_id: &str) -> Value {
        let outcome = self.only_press(who, message, custom_id).await;
        self.settle().await;
        outcome
    }

    /// Presses, and leaves what follows from it undone.
    pub async fn only_press(&self, who: &str, message: &str, custom_id: &str) -> Value {
        self.discord.act(json!({ "as": who, "do": "press", "message": message, "custom_id": custom_id })).await
    }

    /// The message and the custom id of a button.
    pub fn button(&self, channel: &str, label: &str) -> Option<(String, String)> {
        let messages = self.messages(channel);
        messages.iter().rev().find_map(|message| {
            let rows = message["components"].as_array()?;
            let mut buttons = rows.iter().flat_map(|row| row["components"].as_array().cloned().unwrap_or_default());
            let button = buttons.find(|button| button["label"] == label)?;
            Some((message["id"].as_str()?.to_owned(), button["custom_id"].as_str()?.to_owned()))
        })
    }

    /// Fills in a form that a press has opened.
    pub async fn submit(&self, who: &str, modal: &str, values: Value) -> Value {
        let outcome = self.discord.act(json!({ "as": who, "do": "submit", "modal": modal, "values": values })).await;
        self.settle().await;
        outcome
    }

    /// Uses a slash command in #ops.
    pub async fn command(&self, who: &str, name: &str, options: Value) -> Value {
        let what = json!({ "as": who, "do": "command", "channel": "ops", "name": name, "options": options });
        self.discord.act(what).await
    }

    pub fn fault(&self, place: &str, what: &str, times: u32) {
        self.fault_for(place, what, times, None);
    }

    /// With the duration that a `hang` or a `429` takes or asks for.
    pub fn fault_for(&self, place: &str, what: &str, times: u32, ms: Option<u64>) {
        let fault = Fault::parse(&json!({ "where": place, "what": what, "times": times, "ms": ms })).unwrap();
        self.discord.fault(fault);
    }

    /// Discord's messages of a channel, oldest first; the channel counts as read.
    pub fn messages(&self, channel: &str) -> Vec<Value> {
        let messages = self.discord.messages(self.discord.channel_id(channel));
        self.read.lock().unwrap().extend(messages.iter().filter_map(|m| m["id"].as_str().map(str::to_owned)));
        messages
    }

    /// What the bot has written to somebody alone.
    pub fn direct(&self, who: &str) -> String {
        let messages = self.discord.direct_messages(self.discord.user_id(who));
        self.read.lock().unwrap().extend(messages.iter().filter_map(|m| m["id"].as_str().map(str::to_owned)));
        messages.iter().map(show).collect::<Vec<_>>().join("\n")
    }

    /// What a person sees in a channel, as text; times relative to the start, marks hidden.
    pub fn see(&self, channel: &str) -> String {
        self.messages(channel).iter().map(show).collect::<Vec<_>>().join("\n")
    }

    pub fn store(&self) -> &Store {
        &self.app.ports.store
    }

    /// A count from the database, for what nobody sees in Discord.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&self.database_url).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    }

    /// Changes the database by hand.
    pub async fn execute(&self, sql: &'static str) {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&self.database_url).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }

    /// The first column of what a statement finds, as text.
    pub async fn column(&self, sql: &'static str) -> Vec<String> {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&self.database_url).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
    }

    /// An ERROR line with these words may be logged.
    pub fn expect_error(&self, words: &'static str) {
        self.expected_errors.lock().unwrap().push(words);
    }

    /// The stand-in may complain with these words.
    pub fn expect_violation(&self, words: &'static str) {
        self.expected_violations.lock().unwrap().push(words);
    }

    pub async fn finish(self) {
        self.lifecycle.stop();
        if let Some(gateway) = self.gateway {
            let _ = tokio::time::timeout(Duration::from_secs(5), gateway).await;
        }
        self.app.ports.store.close().await;
        let known = |found: &String, expected: &Mutex<Vec<&'static str>>| {
            expected.lock().unwrap().iter().any(|words| found.contains(words))
        };
        let errors: Vec<String> = self.errors.take().into_iter().filter(|e| !known(e, &self.expected_errors)).collect();
        assert!(errors.is_empty(), "errors were logged: {errors:#?}");
        let violations: Vec<String> =
            self.discord.violations().into_iter().filter(|v| !known(v, &self.expected_violations)).collect();
        assert!(violations.is_empty(), "the stand-in complains: {violations:#?}");
        super::mentions::assert_nobody_is_pinged(&self.discord.requests());
        let read = std::mem::take(&mut *self.read.lock().unwrap());
        let state = self.discord.state();
        for channel in state["channels"].as_array().unwrap() {
            for message in channel["messages"].as_array().unwrap() {
                let id = message["id"].as_str().unwrap();
                assert!(read.contains(id), "a message in #{} was left unread: {}", channel["name"], show(message));
            }
        }
        self.xt.stop();
        self.kick.stop();
        self.discord.shutdown().await;
    }
}

/// What a further process of the same town is wired with.
struct WiringOfTests {
    authority: Option<standin::discord::Tls>,
    patience: Patience,
    claim_idle: Duration,
}

impl WiringOfTests {
    fn make(&self) -> Wiring {
        let discord_http = self.authority.as_ref().map(|tls| {
            let authority = reqwest::Certificate::from_pem(tls.ca_pem.as_bytes()).unwrap();
            let client = reqwest::Client::builder().no_proxy().resolve("discord.com", tls.addr);
            client.tls_certs_merge([authority]).timeout(Duration::from_secs(10)).build().unwrap()
        });
        let reader = ReaderOptions { claim_idle: self.claim_idle, ..ReaderOptions::default() };
        Wiring { discord_http, gateway: self.patience, reader }
    }
}

async fn migrate(url: String) {
    let store = Store::open(&url, 1).unwrap();
    store.migrate(true).await.unwrap();
    store.close().await;
}

async fn open_app(
    env: &[(String, String)],
    database_url: &str,
    clock: &Clock,
    lifecycle: &Lifecycle,
    listener: tokio::net::TcpListener,
    wiring: &WiringOfTests,
) -> Arc<App> {
    let loaded = config::load(Given::new(env.to_vec())).unwrap_or_else(|problems| panic!("{problems}"));
    let (config, clock, lifecycle) = (loaded.config, clock.clone(), lifecycle.clone());
    let app = App::open_with(config, database_url, clock, lifecycle, listener, wiring.make()).await.unwrap();
    assert!(app.prepare().await.unwrap());
    app
}

/// The signature of XTSystems' sender.
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = aws_lc_rs::hmac::Context::with_key(&key);
    context.update(timestamp.as_bytes());
    context.update(body);
    format!("sha256={}", hex::encode(context.sign()))
}
