//! The real program as processes of their own, on the system's clock, against the stand-in: to be killed.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use signalbox::crypto::Keyring;
use signalbox::store::Store;
use signalbox::store::outbound::{OutboundWebhook, insert_outbound_webhook};
use standin::clock::Clock;
use standin::discord::{Discord, Fault, Limits, Options as DiscordOptions, Phase, Then};
use standin::xtsystems::{Auth, Options as XtOptions, XtSystems};

use super::balancer::Balancer;
use super::database::{TestDatabase, fresh_database};
use super::port::free_port;
use super::process::kill_9;
use super::program::Directory;

const SECRET: &str = "a-secret-of-the-crash-tests";
const ENCRYPTION_KEY: &str = "dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";
/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Scene {
    pub discord: Discord,
    pub xt: XtSystems,
    pub database_url: String,
    _database: Option<TestDatabase>,
    keepers: Vec<Arc<Keeper>>,
    balancers: Vec<Balancer>,
    watch: tokio::task::JoinHandle<()>,
}

/// Keeps one process running: when it has died, another is started.
struct Keeper {
    env: BTreeMap<String, String>,
    child: Mutex<Option<Child>>,
    deaths: Mutex<u32>,
    /// What the processes said that ended without being killed.
    last_words: Mutex<Vec<String>>,
    /// Its file "output" is what the process of now has said.
    directory: Directory,
}

/// What is kept running, and in which world.
#[derive(Default)]
pub struct Company<'a> {
    /// Added to the environment of the first process, until it dies.
    pub first: &'a [(&'a str, &'a str)],
    /// Added to the environment of all processes.
    pub all: &'a [(&'a str, &'a str)],
    /// The roles of each process; empty: one process with all of them.
    pub roles: &'a [&'a str],
    /// Whether Discord sends interactions by HTTP.
    pub by_http: bool,
    /// What goes to which channel, besides what always does.
    pub routes: &'a [(&'static str, &'static str)],
    /// Into how many shards Discord wants the servers divided.
    pub shards: u64,
    /// An empty database of a server of the test's own; else it gets one on the shared server.
    pub database_url: Option<&'a str>,
}

impl Scene {
    /// Starts the program; `first` is added to the environment of its first process only.
    pub async fn start(first: &[(&str, &str)]) -> Self {
        Self::company(Company { first, ..Company::default() }).await
    }

    pub async fn company(company: Company<'_>) -> Self {
        let roles = if company.roles.is_empty() { &["intake,bot,worker,ticker"][..] } else { company.roles };
        let ports: Vec<u16> = roles.iter().map(|_| free_port()).collect();
        let with = |role: &str| {
            let held = roles.iter().zip(&ports).filter(|(roles, _)| roles.contains(role));
            held.map(|(_, port)| *port).collect::<Vec<_>>()
        };
        let (intakes, bots) = (Balancer::start(with("intake")).await, Balancer::start(with("bot")).await);
        let (port, clock) = (intakes.port, Clock::system());
        let xt = XtSystems::start(XtOptions {
            auth: Auth::Bearer,
            secret: SECRET.into(),
            target: Some(format!("http://127.0.0.1:{port}/webhooks/xtsystems")),
            retry_waits: vec![Duration::from_millis(150), Duration::from_millis(300)],
            ..XtOptions::local(clock.clone())
        })
        .await
        .unwrap();
        let (database_url, database) = match company.database_url {
            Some(own) => {
                migrate(own.to_owned()).await;
                (own.to_owned(), None)
            }
            None => {
                let database = fresh_database(migrate).await;
                (database.url.clone(), Some(database))
            }
        };
        let own = [
            ("XTSYSTEMS_API_URL", xt.origin()),
            ("XTSYSTEMS_API_KEY", xt.api_key().to_owned()),
            ("WEBHOOK_SECRET", SECRET.to_owned()),
            ("ENCRYPTION_KEY", ENCRYPTION_KEY.to_owned()),
            ("DELIVERY_BATCH_WINDOW", "0ms".to_owned()),
            ("PUBLIC_URL", format!("http://127.0.0.1:{port}")),
            ("DATABASE_URL", database_url.clone()),
            ("DELIVERY_RETRY_SCHEDULE", "200ms,300ms,500ms,1s,1s,1s,1s,1s,1s,1s".to_owned()),
            ("LOG_LEVEL", "info".to_owned()),
        ];
        let options = DiscordOptions {
            limits: Limits::Off,
            // The program is started again faster than a supervisor would.
            identify_every: Duration::ZERO,
            shards: company.shards.max(1),
            max_concurrency: company.shards.max(1),
            routes: company.routes.to_vec(),
            clock,
            env: own.map(|(name, value)| (name.to_owned(), value)).into(),
            ..DiscordOptions::default()
        };
        let discord = Discord::start(options).await.unwrap();
        let mut keepers = Vec::new();
        for (roles, port) in roles.iter().zip(&ports) {
            let own = [("WEBHOOK_PORT", port.to_string()), ("SIGNALBOX_ROLES", (*roles).to_owned())];
            let mut env: BTreeMap<String, String> = discord.env().into_iter().collect();
            env.extend(own.map(|(name, value)| (name.to_owned(), value)));
            env.extend(company.all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            if !roles.contains("bot") && !roles.contains("worker") {
                env.remove("DISCORD_TOKEN");
            }
            keepers.push(Arc::new(Keeper::new(env)));
        }
        for (n, keeper) in keepers.iter().enumerate() {
            keeper.run(if n == 0 { company.first } else { &[] });
        }
        let watch = tokio::spawn({
            let keepers = keepers.clone();
            async move {
                loop {
                    keepers.iter().for_each(|keeper| keeper.look());
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        let endpoint = format!("http://127.0.0.1:{}/interactions", bots.port);
        let scene =
            Self { discord, xt, database_url, _database: database, keepers, balancers: vec![intakes, bots], watch };
        if company.by_http {
            // Taken when it answers as it should.
            while scene.discord.set_interactions_endpoint(Some(&endpoint)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        } else {
            scene.until("the first process is there", || scene.is_connected()).await;
        }
        scene
    }

    /// A second process beside the kept one, until the value is dropped.
    pub fn another(&self, env: &[(&str, &str)]) -> Beside {
        let port = free_port().to_string();
        Beside(spawn(&self.keepers[0].env, &[env, &[("WEBHOOK_PORT", &port)]].concat(), None))
    }

    /// A command of the program, run to its end beside the kept process; what it printed.
    pub async fn tool(&self, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_signalbox"));
        command.args(arguments).current_dir(std::env::temp_dir()).env_clear().envs(&self.keepers[0].env);
        let output = command.stdin(Stdio::null()).output().await.expect("the program can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Where webhooks come in, whichever process takes them.
    pub fn intake_port(&self) -> u16 {
        self.balancers[0].port
    }

    pub fn is_connected(&self) -> bool {
        self.discord.connected_sessions() > 0 || self.deaths() > 0
    }

    pub fn deaths(&self) -> u32 {
        self.keepers.iter().map(|keeper| *keeper.deaths.lock().unwrap()).sum()
    }

    /// The ends of the output of those that ended without being killed: none should.
    pub fn last_words(&self) -> Vec<String> {
        self.keepers.iter().flat_map(|keeper| keeper.last_words.lock().unwrap().clone()).collect()
    }

    /// Ends the process as a power cut would.
    pub fn kill(&self) {
        self.kill_one(0);
    }

    /// Ends one of several.
    pub fn kill_one(&self, n: usize) {
        self.keepers[n].kill();
    }

    /// Kills the process once, at the first request of this route, before or after its effect.
    pub fn kill_at_request(&self, route: &'static str, phase: Phase) {
        let (keeper, left) = (self.keepers[0].clone(), Arc::new(AtomicU32::new(1)));
        self.discord.on_request(move |seen| {
            let meant = seen.route == route && seen.phase == phase;
            let hit = meant && left.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_ok();
            if hit {
                keeper.kill();
            }
            async move { if hit { Then::Drop } else { Then::Continue } }
        });
    }

    /// One request of this kind goes wrong.
    pub fn fault(&self, place: &str, what: &str) {
        let fault = json!({ "where": place, "what": what, "times": 1, "ms": 300 });
        self.discord.fault(Fault::parse(&fault).unwrap());
    }

    /// Waits in real time.
    pub async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let since = Instant::now();
        while !is_so() {
            assert!(since.elapsed() < PATIENCE, "{what}: not so after {PATIENCE:?}; {}", self.picture());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Waits until nothing is left to be done, and goes on being so.
    pub async fn until_quiet(&self) {
        self.until_none(LEFT_TO_DO).await;
    }

    /// Waits until this counts nothing, and goes on doing so.
    pub async fn until_none(&self, left: &'static str) {
        let since = Instant::now();
        let mut quiet = 0;
        while quiet < 5 {
            assert!(since.elapsed() < PATIENCE, "it does not come to rest; {}", self.picture());
            quiet = if self.count(left).await == 0 { quiet + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }

    /// The database, with the keys of the secrets in it.
    pub fn store(&self) -> Store {
        let keys = Keyring::new([&ENCRYPTION_KEY.into()]).unwrap();
        Store::open(&self.database_url, 1).unwrap().with_keys(keys)
    }

    /// Another system that is told of every approval that opens.
    pub async fn subscribe(&self, url: &str) {
        let (store, now) = (self.store(), chrono::Utc::now());
        let webhook = OutboundWebhook {
            id: uuid::Uuid::from_bytes(signalbox::clock::random_bytes::<16>()),
            guild_id: self.discord.guild_id().into(),
            name: "tools".to_owned(),
            url: url.to_owned(),
            events: vec!["approval.opened".to_owned()],
            active: true,
            version: 1,
            failures: 0,
            disabled_because: None,
            created_at: now,
            updated_at: now,
        };
        let mut tx = store.begin().await.unwrap();
        assert!(insert_outbound_webhook(&mut tx, &webhook, "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0").await.unwrap());
        Store::commit(tx).await.unwrap();
        store.close().await;
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&self.database_url).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    }

    /// Changes what would take too long to come about.
    pub async fn change(&self, sql: &'static str) {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&self.database_url).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }

    /// The same with what is known only while it runs.
    pub async fn change_by(&self, statements: &str) {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&self.database_url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
    }

    /// The one text that a statement finds.
    pub async fn text(&self, sql: &'static str) -> String {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&self.database_url).await.unwrap();
        sqlx::query_scalar::<_, Option<String>>(sql).fetch_one(&mut connection).await.unwrap().unwrap_or_default()
    }

    /// Alerts go there alone from now on.
    pub async fn route_alerts_to(&self, channel: u64) {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&self.database_url).await.unwrap();
        let statement = "WITH made AS (
                INSERT INTO destination (id, guild_id, kind, channel_id, created_at)
                VALUES (gen_random_uuid(), $1, 'channel', $2, now()) RETURNING id
             ), lane AS (INSERT INTO lane (destination_id, not_before) SELECT id, now() FROM made)
             INSERT INTO route (id, guild_id, origin, position, pattern, destination_ids, created_at)
             SELECT gen_random_uuid(), $1, 'db', 1, 'alert.*', ARRAY[id], now() FROM made";
        let ids = [self.discord.guild_id(), channel].map(|id| i64::try_from(id).unwrap());
        sqlx::query(statement).bind(ids[0]).bind(ids[1]).execute(&mut connection).await.unwrap();
    }

    /// The text of all messages of a channel, marks and all.
    pub fn texts(&self, channel: &str) -> Vec<String> {
        let messages = self.discord.messages(self.discord.channel_id(channel));
        messages.iter().map(|message| message["embeds"].to_string()).collect()
    }

    /// How often these words stand in a channel.
    pub fn seen(&self, channel: &str, words: &str) -> usize {
        self.texts(channel).iter().map(|text| text.matches(words).count()).sum()
    }

    /// Presses a button as a person does: again when nothing came of it. False when there is no such button.
    pub async fn press(&self, hostname: &str, label: &str) -> bool {
        self.press_as("approver", hostname, label).await
    }

    pub async fn press_as(&self, who: &str, hostname: &str, label: &str) -> bool {
        let Some((message, id)) = self.button(hostname, label) else { return false };
        let press = json!({ "as": who, "do": "press", "message": message, "custom_id": id });
        let _ = tokio::time::timeout(Duration::from_secs(5), self.discord.act(press)).await;
        true
    }

    /// Writes a note in the form of the newest ticket's card.
    pub async fn write_note(&self, content: &str) {
        let messages = self.discord.messages(self.discord.channel_id("tickets"));
        let Some(message) = messages.last() else { return };
        let rows = message["components"].as_array().into_iter().flatten();
        let mut all = rows.flat_map(|row| row["components"].as_array().into_iter().flatten());
        let Some(note) = all.find(|c| c["label"] == "Note") else { return };
        let press = json!({ "as": "admin", "do": "press", "message": message["id"], "custom_id": note["custom_id"] });
        let Ok(form) = tokio::time::timeout(Duration::from_secs(5), self.discord.act(press)).await else { return };
        let values = json!({ "content": content });
        let submit = json!({ "as": "admin", "do": "submit", "modal": form["modal"]["custom_id"], "values": values });
        let _ = tokio::time::timeout(Duration::from_secs(5), self.discord.act(submit)).await;
    }

    fn button(&self, hostname: &str, label: &str) -> Option<(String, String)> {
        let messages = self.discord.messages(self.discord.channel_id("machines"));
        let named = |m: &&Value| m["embeds"].to_string().contains(&format!("\"{hostname}\""));
        let message = messages.iter().find(named)?;
        let buttons = message["components"][0]["components"].as_array()?;
        let button = buttons.iter().find(|b| b["label"] == label)?;
        Some((message["id"].as_str()?.to_owned(), button["custom_id"].as_str()?.to_owned()))
    }

    /// Decisions that XTSystems has taken from us, by asset.
    pub fn decisions(&self) -> Vec<String> {
        let calls = self.xt.calls();
        let taken = calls.iter().filter(|c| c.path.starts_with("/v1/machine/approve") && c.status == Some(200));
        taken.filter_map(|c| c.body["asset_id"].as_str().map(str::to_owned)).collect()
    }

    fn picture(&self) -> String {
        let channels = ["alerts", "tickets", "machines"].map(|name| (name, self.texts(name)));
        format!("{} deaths, {channels:#?} {}", self.deaths(), self.last_words().join("\n"))
    }

    pub async fn finish(self) {
        self.watch.abort();
        let last_words = self.last_words();
        let _ = self.watch.await;
        self.keepers.iter().for_each(|keeper| keeper.kill());
        assert!(last_words.is_empty(), "ended without being killed: {}", last_words.join("\n"));
        let violations = self.discord.violations();
        assert!(violations.is_empty(), "the stand-in complains: {violations:#?}");
        self.xt.stop();
        self.discord.shutdown().await;
    }
}

const LEFT_TO_DO: &str = "SELECT (SELECT count(*) FROM event WHERE planned_at IS NULL)
    + (SELECT count(*) FROM message WHERE state IN ('queued', 'sending'))
    + (SELECT count(*) FROM send WHERE lateness_due)
    + (SELECT count(*) FROM card WHERE version > shown_version AND gone_at IS NULL)
    + (SELECT count(*) FROM approval WHERE state IN ('deciding', 'sent', 'unknown'))
    + (SELECT count(*) FROM ticket_action WHERE state IN ('requested', 'sent', 'unknown'))";

async fn migrate(url: String) {
    let store = Store::open(&url, 1).unwrap();
    store.migrate(true).await.unwrap();
    store.close().await;
}

/// A process of its own beside the kept one.
pub struct Beside(Child);

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Keeper {
    fn new(env: BTreeMap<String, String>) -> Self {
        let directory = Directory::new();
        Self { env, child: Mutex::default(), deaths: Mutex::default(), last_words: Mutex::default(), directory }
    }

    fn run(&self, more: &[(&str, &str)]) {
        let output = File::create(self.output()).expect("a file can be made");
        *self.child.lock().unwrap() = Some(spawn(&self.env, more, Some(output)));
    }

    fn output(&self) -> PathBuf {
        self.directory.0.join("output")
    }

    fn look(&self) {
        let ended = match self.child.lock().unwrap().as_mut() {
            Some(child) => child.try_wait().unwrap(),
            None => None,
        };
        let Some(status) = ended else { return };
        if status.signal() != Some(Signal::KILL.as_raw()) {
            let said = std::fs::read(self.output()).expect("the file is there");
            let tail = String::from_utf8_lossy(&said[said.len().saturating_sub(3000)..]).into_owned();
            self.last_words.lock().unwrap().push(format!("{:?}, {status}:\n{tail}", self.env["SIGNALBOX_ROLES"]));
        }
        *self.deaths.lock().unwrap() += 1;
        self.run(&[]);
    }

    fn kill(&self) {
        if let Some(child) = self.child.lock().unwrap().as_ref() {
            kill_9(child.id());
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn spawn(env: &BTreeMap<String, String>, more: &[(&str, &str)], output: Option<File>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.arg("run").current_dir(std::env::temp_dir()).env_clear();
    command.envs(env).envs(more.iter().copied());
    command.stdin(Stdio::null());
    if std::env::var_os("TOWN_LOG").is_none() {
        let output = || match &output {
            Some(file) => file.try_clone().expect("the file is open").into(),
            None => Stdio::null(),
        };
        command.stdout(output()).stderr(output());
    }
    command.spawn().expect("the program can be run")
}
