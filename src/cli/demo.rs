//! `demo` and `standin`: the outside world in this process, with the bot or without.

mod matches;
mod panel;
mod stage;
mod story;
mod stream;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use standin::beacon::Beacon;
use standin::clock::Clock as WorldClock;
use standin::discord::{Discord, Limits, Options as DiscordOptions};
use standin::kick::{Kick, Options as KickOptions};
use standin::xtsystems::{Auth, Options as XtOptions, XtSystems};

use super::{block_on, serve};
use crate::app::{App, bind};
use crate::clock::Clock;
use crate::config::{self, Given};
use crate::lifecycle::{Lifecycle, StopSignals};
use crate::store::embedded;
use crate::telemetry;

const API_KEY: &str = "standin-key";
/// What the game server signs its files with.
const UPLOAD_SECRET: &str = "whsec_dGhlIGRlbW8ncyBnYW1lIHNlcnZlcg==";
/// Where the bot takes webhooks of Kick; in production nobody can guess it.
const KICK_PATH: &str = "/webhooks/kick/standin";
/// How many steps of the story a decision can be undone.
const UNDO_STEPS: f64 = 5.0;

#[derive(Args)]
pub struct World {
    /// Where the stand-in Discord and its page listen
    #[arg(long, default_value = "127.0.0.1:4000")]
    discord: SocketAddr,
    /// Where the fake XTSystems listens
    #[arg(long, default_value = "127.0.0.1:20437")]
    xtsystems: SocketAddr,
    /// Where the fake Kick listens
    #[arg(long, default_value = "127.0.0.1:4001")]
    kick: SocketAddr,
    /// The secret that webhooks are signed with
    #[arg(long, default_value = "standin-secret")]
    secret: String,
    /// Whether the stand-in enforces Discord's rate limits
    #[arg(long, value_enum, default_value = "discord")]
    limits: LimitsArg,
}

#[derive(Clone, Copy, ValueEnum)]
enum LimitsArg {
    Discord,
    Off,
}

#[derive(Args)]
pub struct DemoArgs {
    #[command(flatten)]
    world: World,
    /// Where the bot's web server listens
    #[arg(long, default_value = "127.0.0.1:3000")]
    web: SocketAddr,
    /// Tell no story: nothing is sent or pressed by itself
    #[arg(long)]
    quiet: bool,
    /// Seconds between two steps of the story
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = pace)]
    pace: f64,
    /// Where the demo keeps its database and its world
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

#[derive(Args)]
pub struct StandinArgs {
    #[command(flatten)]
    world: World,
    /// Where the bot will listen for webhooks
    #[arg(long, default_value = "127.0.0.1:3000")]
    web: SocketAddr,
    /// Keep the world in this directory; without it, it is forgotten at the end
    #[arg(long)]
    save: Option<PathBuf>,
    /// XTSystems does not know the bot yet, as at the beginning of `signalbox setup`
    #[arg(long)]
    unregistered: bool,
}

/// The servers of the outside world.
#[derive(Clone)]
struct Outside {
    discord: Discord,
    xt: XtSystems,
    kick: Kick,
}

impl World {
    async fn start(&self, web: SocketAddr, save: Option<&Path>, registered: bool) -> Result<Outside> {
        let clock = WorldClock::system();
        let xt = XtSystems::start(XtOptions {
            bind: self.xtsystems,
            clock: clock.clone(),
            api_key: API_KEY.into(),
            auth: Auth::Either,
            save_to: save.map(|dir| dir.join("xtsystems.json")),
            secret: self.secret.clone(),
            target: registered.then(|| format!("http://{web}/webhooks/xtsystems")),
            retry_waits: vec![Duration::from_secs(1), Duration::from_secs(2)],
        })
        .await
        .with_context(|| {
            format!("the fake XTSystems cannot listen on {}: choose another --xtsystems", self.xtsystems)
        })?;
        let kick = self.start_kick(web, save, &clock).await?;
        let beacon = Beacon::start(clock.clone()).await.context("public randomness cannot be made up")?;
        let env = [
            ("RAFFLE_BEACON_URL", beacon.url()),
            ("XTSYSTEMS_API_URL", xt.origin()),
            ("XTSYSTEMS_API_KEY", API_KEY.to_owned()),
            ("WEBHOOK_SECRET", self.secret.clone()),
            ("WEBHOOK_BIND", web.ip().to_string()),
            ("WEBHOOK_PORT", web.port().to_string()),
            ("PUBLIC_URL", format!("http://{web}")),
        ];
        let discord = Discord::start(DiscordOptions {
            bind: self.discord,
            limits: match self.limits {
                LimitsArg::Discord => Limits::Discord,
                LimitsArg::Off => Limits::Off,
            },
            clock,
            // A bot that is started again at once is let in at once.
            identify_every: Duration::ZERO,
            save_to: save.map(|dir| dir.join("discord.json")),
            routes: vec![("kick.*", "stream"), ("etlegacy.*", "matches")],
            extra: Some(standin::xtsystems::router(xt.clone()).merge(standin::kick::router(kick.clone()))),
            env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(kick.env()).collect(),
            ..DiscordOptions::default()
        })
        .await
        .map_err(|e| {
            anyhow::anyhow!("the stand-in Discord cannot listen on {}: {e}. Choose another --discord", self.discord)
        })?;
        Ok(Outside { discord, xt, kick })
    }

    async fn start_kick(&self, web: SocketAddr, save: Option<&Path>, clock: &WorldClock) -> Result<Kick> {
        Kick::start(KickOptions {
            bind: self.kick,
            redirect_uris: vec![format!("http://{web}/kick/callback")],
            webhook_url: Some(format!("http://{web}{KICK_PATH}")),
            save_to: save.map(|dir| dir.join("kick.json")),
            ticking: true,
            ..KickOptions::local(clock.clone())
        })
        .await
        .with_context(|| format!("the fake Kick cannot listen on {}: choose another --kick", self.kick))
    }
}

/// The world alone, until a signal.
pub fn standin(args: StandinArgs) -> Result<ExitCode> {
    if let Some(dir) = &args.save {
        fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    }
    block_on(async {
        let outside = args.world.start(args.web, args.save.as_deref(), !args.unregistered).await?;
        let origin = outside.discord.origin();
        println!("Discord   {origin}   (the page; settings for `signalbox run`: {origin}/_standin/env)");
        println!("XTSystems {}", outside.xt.origin());
        println!("Kick      {}", outside.kick.origin());
        StopSignals::new().next().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// World, database and bot in one process.
pub fn demo(args: DemoArgs) -> Result<ExitCode> {
    let base = args.data_dir.clone().or_else(config::data_dir).unwrap_or_else(embedded::default_data_dir);
    let dir = base.join("demo");
    fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made: choose another --data-dir", dir.display()))?;
    let server = embedded::start(&embedded::Settings { data_dir: Some(dir.clone()), ..embedded::Settings::default() })?;
    let outcome = block_on(play(&args, &dir, server.url()));
    server.stop();
    outcome
}

async fn play(args: &DemoArgs, dir: &Path, database_url: &str) -> Result<ExitCode> {
    let outside = args.world.start(args.web, Some(dir), true).await?;
    let game_server = dir.join(stage::STATS);
    fs::create_dir_all(&game_server).with_context(|| format!("{} cannot be made", game_server.display()))?;
    let mut loaded = config::load(Given::new(settings(args, &outside, &game_server)))
        .map_err(|problems| anyhow::anyhow!("{problems}"))?;
    loaded.config.store.data_dir = Some(dir.to_owned());
    let _logs = telemetry::init(&loaded.config.telemetry)?;
    let signals = StopSignals::new();
    let lifecycle = Lifecycle::new();
    let listener = bind(&loaded.config.web).await?;
    let app = App::open(loaded.config, database_url, Clock::system(), lifecycle.clone(), listener).await?;
    print!("{}", banner(args, &outside));
    if !args.quiet {
        let stage = stage::Stage::open(outside.clone(), app.address, dir, args.pace)?;
        lifecycle.spawn("story", story::play(stage, lifecycle.token()));
    }
    serve(app, signals).await
}

/// The bot's settings: those of the world, where the game server is, and rules that show what an approval can ask for. Ada and
/// Abe may both approve, and two of them have to where the hostname begins with `prod-`.
fn settings(args: &DemoArgs, outside: &Outside, game_server: &Path) -> Vec<(String, String)> {
    let roles = ["Approver", "Admin"].map(|role| outside.discord.role_id(role).to_string());
    let rules = [
        ("XTSYSTEMS_APPROVER_ROLES", roles.join(",")),
        ("APPROVALS_NEEDED", "1,prod-*=2".to_owned()),
        ("PARTY_LOOPBACK", "on".to_owned()),
        ("ETLEGACY_STATS_PATH", game_server.display().to_string()),
        ("ETLEGACY_TIME_ZONE", "UTC".to_owned()),
        ("ETLEGACY_UPLOAD_SECRET", UPLOAD_SECRET.to_owned()),
        ("APPROVALS_UNDO_SECONDS", format!("{:.0}", (args.pace * UNDO_STEPS).clamp(2.0, 30.0))),
    ];
    let mut settings = outside.discord.env();
    settings.retain(|(name, _)| rules.iter().all(|(rule, _)| rule != name));
    settings.extend(rules.map(|(name, value)| (name.to_owned(), value)));
    settings
}

/// Longer pauses would outlast the time in which a decision can be undone.
fn pace(given: &str) -> Result<f64, String> {
    let seconds: f64 = given.parse().map_err(|_| "should be a number of seconds, such as 2 or 0.5".to_owned())?;
    if (0.0..=5.0).contains(&seconds) { Ok(seconds) } else { Err("should be between 0 and 5 seconds".to_owned()) }
}

fn banner(args: &DemoArgs, outside: &Outside) -> String {
    format!(
        "\n  Signalbox demo\n\n    \
         Open      {}        a Discord of our own: look, press, send\n    \
         Webhooks  http://{}/webhooks/xtsystems\n    \
         XTSystems {}\n    \
         Kick      {}\n    \
         Secret    {}        (--secret)\n\n  Stop with Ctrl+C; the next start shows the same picture.\n\n",
        outside.discord.origin(),
        args.web,
        outside.xt.origin(),
        outside.kick.origin(),
        args.world.secret
    )
}
