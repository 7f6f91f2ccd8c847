//! `demo` and `standin`: the outside world in this process, with the bot or without.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use standin::clock::Clock as WorldClock;
use standin::discord::{Discord, Limits, Options as DiscordOptions};
use standin::xtsystems::{Auth, Options as XtOptions, TicketChange, XtSystems};

use super::{block_on, serve};
use crate::app::{App, bind};
use crate::clock::Clock;
use crate::config::{self, Given};
use crate::lifecycle::{Lifecycle, StopSignals};
use crate::store::embedded;
use crate::telemetry;

const API_KEY: &str = "standin-key";
/// Pauses of the story, so that a person can follow it.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Args)]
pub struct World {
    /// Where the stand-in Discord and its page listen
    #[arg(long, default_value = "127.0.0.1:4000")]
    discord: SocketAddr,
    /// Where the fake XTSystems listens
    #[arg(long, default_value = "127.0.0.1:20437")]
    xtsystems: SocketAddr,
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
    /// Send nothing by itself
    #[arg(long)]
    quiet: bool,
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

/// Both servers of the outside world.
struct Outside {
    discord: Discord,
    xt: XtSystems,
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
        let env = [
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
            extra: Some(standin::xtsystems::router(xt.clone())),
            env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ..DiscordOptions::default()
        })
        .await
        .map_err(|e| {
            anyhow::anyhow!("the stand-in Discord cannot listen on {}: {e}. Choose another --discord", self.discord)
        })?;
        Ok(Outside { discord, xt })
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
    let mut loaded = config::load(Given::new(settings(&outside))).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    loaded.config.store.data_dir = Some(dir.to_owned());
    let _logs = telemetry::init(&loaded.config.telemetry)?;
    let signals = StopSignals::new();
    let lifecycle = Lifecycle::new();
    let listener = bind(&loaded.config.web).await?;
    let app = App::open(loaded.config, database_url, Clock::system(), lifecycle.clone(), listener).await?;
    print!("{}", banner(args, &outside));
    if !args.quiet {
        let (xt, discord) = (outside.xt.clone(), outside.discord.clone());
        lifecycle.spawn("story", story(xt, discord, app.clone()));
    }
    serve(app, signals).await
}

/// The bot's settings: those of the world, and rules that show what an approval can ask for. Ada and Abe may
/// both approve, and two of them have to where the hostname begins with `prod-`.
fn settings(outside: &Outside) -> Vec<(String, String)> {
    let roles = ["Approver", "Admin"].map(|role| outside.discord.role_id(role).to_string());
    let rules = [
        ("XTSYSTEMS_APPROVER_ROLES", roles.join(",")),
        ("APPROVALS_NEEDED", "1,prod-*=2".to_owned()),
        ("APPROVALS_UNDO_SECONDS", "10".to_owned()),
    ];
    let mut settings = outside.discord.env();
    settings.retain(|(name, _)| rules.iter().all(|(rule, _)| rule != name));
    settings.extend(rules.map(|(name, value)| (name.to_owned(), value)));
    settings
}

fn banner(args: &DemoArgs, outside: &Outside) -> String {
    format!(
        "\n  Signalbox demo\n\n    \
         Open      {}        a Discord of our own: look, press, send\n    \
         Webhooks  http://{}/webhooks/xtsystems\n    \
         XTSystems {}\n    \
         Secret    {}        (--secret)\n\n  Stop with Ctrl+C; the next start shows the same picture.\n\n",
        outside.discord.origin(),
        args.web,
        outside.xt.origin(),
        args.world.secret
    )
}

const TICKET: &str = "Switch in rack 4 drops packets";

const OPEN_TICKET: &str = "Printer on floor 2 is offline";

/// A ticket opened, updated and closed, three machines registering, an alert, and a ticket that stays open. What was
/// told before a stop or a
/// kill is not told again; the rest of the story follows.
async fn story(xt: XtSystems, discord: Discord, app: Arc<App>) {
    let stop = app.lifecycle.token();
    let telling = async {
        while discord.connected_sessions() == 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        if !told(&xt, "ticket.created", TICKET) {
            xt.open_ticket(TICKET, "Since 09:40, ports 11 to 14. The phones are on it.", "High").await;
            tokio::time::sleep(PAUSE).await;
        }
        machine(&xt, "web-07", "10.20.0.17", "Debian 13").await;
        let ticket = xt.tickets().into_iter().find(|ticket| ticket.title == TICKET);
        if let Some(ticket) = &ticket
            && !told(&xt, "ticket.updated", TICKET)
        {
            let change = TicketChange {
                status: Some("In Progress".into()),
                note: Some("Rebooted the switch, port 12 still flaps ✅".into()),
                updated_by: Some("tech@example.com".into()),
                ..TicketChange::default()
            };
            xt.update_ticket(&ticket.id, change).await;
            tokio::time::sleep(PAUSE).await;
        }
        if !told(&xt, "alert.triggered", "db-02") {
            let alert = serde_json::json!({
                "id": "alert-1", "alert_type": "disk", "severity": "critical", "source": "db-02",
                "message": "Disk /var is 97 % full", "details": "3.1 GB of 120 GB free",
            });
            xt.send("alert.triggered", alert).await;
            tokio::time::sleep(PAUSE).await;
        }
        machine(&xt, "kiosk-lobby", "10.20.3.4", "Windows 11").await;
        machine(&xt, "prod-db-01", "10.20.0.40", "Debian 13").await;
        if let Some(ticket) = &ticket
            && !told(&xt, "ticket.closed", TICKET)
        {
            xt.close_ticket(&ticket.id, "Replaced the faulty line card").await;
            tokio::time::sleep(PAUSE).await;
        }
        // Left open, to be handled by hand in the page.
        if !told(&xt, "ticket.created", OPEN_TICKET) {
            xt.open_ticket(OPEN_TICKET, "Since this morning. The phones there work.", "Medium").await;
        }
    };
    tokio::select! {
        () = telling => {}
        () = stop.cancelled() => {}
    }
}

async fn machine(xt: &XtSystems, hostname: &str, address: &str, system: &str) {
    if !told(xt, "machine.registered", hostname) {
        xt.register_machine(hostname, address, system).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether XTSystems has sent an event of this kind about this thing.
fn told(xt: &XtSystems, kind: &str, about: &str) -> bool {
    xt.deliveries().iter().any(|delivery| delivery.event_type == kind && delivery.payload.to_string().contains(about))
}
