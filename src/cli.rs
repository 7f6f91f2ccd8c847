//! The command line: reads the configuration, starts what is asked for, and ends with a code that says why.

mod api_key;
mod community;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod healthcheck;
mod import_stats;
mod keep;
mod notify_stats;
mod office;
mod print;
mod replay;
mod setup;
mod source;
mod terminal;
mod xtsystems;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret;

use crate::app::{App, bind, keyring};
use crate::clock::Clock;
use crate::config::{self, Config, Loaded, Problems};
use crate::id::UserId;
use crate::lifecycle::{Lifecycle, StopSignals, supervisor};
use crate::store::Store;
use crate::store::embedded::{self, EmbeddedPostgres};
use crate::store::privacy::Whom;
use crate::telemetry;

/// For what is left to do after the deadline of a stop: connections to give back, spans to send.
const AFTERMATH: Duration = Duration::from_secs(2);

/// A Discord bot that delivers signals from other systems exactly once and takes the answers back.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the bot, configured by the environment and `.env`
    Run {
        /// What this process does: intake, bot, worker, ticker (default: SIGNALBOX_ROLES, else everything)
        #[arg(long, value_name = "LIST")]
        roles: Option<String>,
    },
    /// Connect Discord and XTSystems step by step, asking for what is missing; again, it changes nothing
    Setup(setup::SetupArgs),
    /// What XTSystems knows of us: its webhooks, and what it sent to them
    Xtsystems {
        #[command(subcommand)]
        what: xtsystems::XtSystemsCommand,
    },
    /// Apply database migrations and exit
    Migrate,
    /// Show what was not delivered, and queue it again with --yes
    Replay(replay::ReplayArgs),
    /// Look at everything that has to be right, and say how to mend what is not; exit code 1 when there is a problem
    Doctor(doctor::DoctorArgs),
    /// Check and show the configuration, secrets masked
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Keys of the REST interface: make, list, revoke
    ApiKey {
        #[command(subcommand)]
        what: api_key::ApiKeyCommand,
    },
    /// Viewers of the stream community: bring along what they had elsewhere
    Community {
        #[command(subcommand)]
        what: community::CommunityCommand,
    },
    /// Other systems that send messages here: add, list, show, configure, rotate, remove
    Source {
        #[command(subcommand)]
        what: source::SourceCommand,
    },
    /// Print the OpenAPI document of the REST interface
    Openapi,
    /// Verify or export the audit log
    Audit {
        #[command(subcommand)]
        what: keep::AuditCommand,
    },
    /// Delete what is stored about somebody, or print the privacy policy
    Privacy {
        #[command(subcommand)]
        what: keep::PrivacyCommand,
    },
    /// Encrypt stored secrets with a new key
    Secrets {
        #[command(subcommand)]
        what: keep::SecretsCommand,
    },
    /// Ask the bot that runs on this machine how it is: exit code 0 or 1
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Match statistics of ET:Legacy from a directory
    ImportStats(import_stats::ImportStatsArgs),
    /// Beside a game server of ET:Legacy: tell of each round's file as it is written
    #[command(after_help = notify_stats::HELP)]
    NotifyStats(notify_stats::NotifyStatsArgs),
    /// Print the reference of the slash commands
    Commands,
    /// A Discord and an XTSystems of our own with the bot, in one process: open the page and watch
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    /// Only the stand-in Discord and XTSystems, for a bot started by `run`
    #[cfg(feature = "demo")]
    Standin(demo::StandinArgs),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print every setting with its origin
    Show,
    /// Print `.env.example`
    Example,
}

/// Exit codes are those of `sysexits.h`, so that a supervisor can tell a fault that a restart cannot mend.
pub fn main() -> ExitCode {
    // A second call fails because the first one holds: either way there is a provider.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Cli::parse().command {
        Command::Run { roles } => {
            with_config(config::load(config::Process::new().with_option("SIGNALBOX_ROLES", roles)), run)
        }
        Command::Setup(args) => end(setup::setup(&args)),
        Command::Xtsystems { what } => {
            with_config(config::load_without_bot(config::Process::new()), |loaded| xtsystems::run(what, loaded.config))
        }
        Command::Migrate => with_config(config::load_without_bot(config::Process::new()), |loaded| {
            let database = database(&loaded.config, Private::Own)?;
            let outcome = block_on(async {
                let store = Store::open(&database.url, 2)?;
                store.migrate(true).await?;
                println!("The database is at version {}.", crate::store::migrate::binary_version());
                Ok(ExitCode::SUCCESS)
            });
            database.close();
            outcome
        }),
        Command::Replay(args) => with_config(config::load_without_bot(config::Process::new()), |loaded| {
            let database = database(&loaded.config, Private::Shared)?;
            let outcome = block_on(async { replay::replay(&args, &Store::open(&database.url, 2)?).await });
            database.close();
            outcome
        }),
        Command::ApiKey { what } => {
            with_store_and_config(async |store, config| api_key::run(what, &store, config.discord.guild_id).await)
        }
        Command::Community { what } => {
            with_store_and_config(async |store, config| community::run(&what, &store, config.discord.guild_id).await)
        }
        Command::Source { what } => with_config(config::load_without_bot(config::Process::new()), |loaded| {
            let database = database(&loaded.config, Private::Shared)?;
            let outcome = block_on(source::run(what, loaded.config, &database.url));
            database.close();
            outcome
        }),
        Command::Openapi => {
            print!("{}", crate::web::api::openapi_json());
            ExitCode::SUCCESS
        }
        Command::Audit { what } => with_store(async |store| keep::audit(&what, &store).await),
        Command::Privacy { what: keep::PrivacyCommand::Policy } => {
            print!("{}", crate::privacy::document());
            ExitCode::SUCCESS
        }
        Command::Privacy { what: keep::PrivacyCommand::DeleteFor { user_id, kick_user, yes } } => {
            let whom = match kick_user {
                Some(kick_user) => Whom::Viewer(kick_user),
                // One of the two is required.
                None => Whom::Member(UserId(user_id.unwrap_or_default())),
            };
            with_store(async |store| keep::delete_for(whom, yes, &store).await)
        }
        Command::Secrets { what: keep::SecretsCommand::Rotate } => with_store(async |store| keep::rotate(&store).await),
        Command::Doctor(args) => {
            with_config(config::load(config::Process::new()), |loaded| doctor::doctor(&args, loaded.config))
        }
        Command::Config { what: ConfigCommand::Show } => {
            with_config(config::load_without_bot(config::Process::new()), |loaded| {
                print!("{}", config::show(&loaded));
                Ok(ExitCode::SUCCESS)
            })
        }
        Command::Config { what: ConfigCommand::Example } => {
            print!("{}", config::env_example());
            ExitCode::SUCCESS
        }
        Command::Healthcheck(args) => with_config(config::load_without_bot(config::Process::new()), |loaded| {
            block_on(healthcheck::healthcheck(&args, &loaded.config.web))
        }),
        Command::ImportStats(args) if args.check => end(import_stats::check_all(&args)),
        Command::ImportStats(args) => with_config(config::load_without_bot(config::Process::new()), |loaded| {
            let database = database(&loaded.config, Private::Shared)?;
            let outcome = block_on(import_stats::import(&args, loaded.config, &database.url));
            database.close();
            outcome
        }),
        Command::NotifyStats(args) => notify_stats::notify_stats(&args),
        Command::Commands => {
            print!("{}", crate::discord::commands::reference());
            ExitCode::SUCCESS
        }
        #[cfg(feature = "demo")]
        Command::Demo(args) => end(demo::demo(args)),
        #[cfg(feature = "demo")]
        Command::Standin(args) => end(demo::standin(args)),
    }
}

fn with_config(loaded: Result<Loaded, Problems>, work: impl FnOnce(Loaded) -> Result<ExitCode>) -> ExitCode {
    match loaded {
        Ok(loaded) => end(work(loaded)),
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::from(78)
        }
    }
}

/// For work on the database alone, which has to be at this binary's version.
fn with_store(work: impl AsyncFnOnce(Store) -> Result<ExitCode>) -> ExitCode {
    with_store_and_config(async |store, _| work(store).await)
}

fn with_store_and_config(work: impl AsyncFnOnce(Store, &Config) -> Result<ExitCode>) -> ExitCode {
    with_config(config::load_without_bot(config::Process::new()), |loaded| {
        let database = database(&loaded.config, Private::Shared)?;
        let keys = keyring(&loaded.config)?;
        let outcome = block_on(async {
            let store = Store::open(&database.url, 2)?.with_keys(keys);
            store.migrate(false).await?;
            work(store, &loaded.config).await
        });
        database.close();
        outcome
    })
}

fn end(outcome: Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("signalbox: {error:#}");
        ExitCode::FAILURE
    })
}

/// The database to use: the configured one, or a private one that lives as long as this value.
struct Database {
    url: String,
    embedded: Option<EmbeddedPostgres>,
}

impl Database {
    /// Stops the private server last, when nothing uses it any more.
    fn close(self) {
        if let Some(server) = self.embedded {
            server.stop();
        }
    }
}

/// Whether the private database may be the one of a running bot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Private {
    Own,
    Shared,
}

fn database(config: &Config, private: Private) -> Result<Database> {
    if let Some(url) = &config.store.database_url {
        return Ok(Database { url: url.expose_secret().to_owned(), embedded: None });
    }
    let settings = embedded_settings(config);
    if private == Private::Shared
        && let Some(url) = embedded::running(&settings)?
    {
        return Ok(Database { url, embedded: None });
    }
    let server = embedded::start(&settings)?;
    Ok(Database { url: server.url().to_owned(), embedded: Some(server) })
}

fn embedded_settings(config: &Config) -> embedded::Settings {
    embedded::Settings {
        data_dir: config.store.data_dir.clone(),
        bin_dir: config.store.pg_bin_dir.clone(),
        ..embedded::Settings::default()
    }
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime")?;
    let outcome = runtime.block_on(work);
    // What still runs after the deadline of the shutdown is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

fn run(loaded: Loaded) -> Result<ExitCode> {
    let _logs = telemetry::init(&loaded.config.telemetry)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let database = database(&loaded.config, Private::Own)?;
    let outcome = block_on(async {
        let signals = StopSignals::new();
        let lifecycle = Lifecycle::new();
        let listener = bind(&loaded.config.web).await?;
        let app = App::open(loaded.config, &database.url, Clock::system(), lifecycle, listener).await?;
        tracing::info!(address = %app.address, "listening");
        if let Some(address) = app.metrics_address {
            tracing::info!(metrics = %address, "metrics");
        }
        serve(app, signals).await
    });
    database.close();
    outcome
}

/// Runs an opened app until a signal, or until it cannot go on. Then nothing new is begun, and what is
/// under way may finish until the deadline, or until a second signal.
async fn serve(app: Arc<App>, mut signals: StopSignals) -> Result<ExitCode> {
    let lifecycle = &app.lifecycle;
    supervisor::keep_watchdog(lifecycle);
    let mut work = std::pin::pin!(work(&app));
    let ended = tokio::select! {
        outcome = &mut work => Some(outcome),
        () = signals.next() => None,
    };
    supervisor::stopping();
    lifecycle.stop();
    let deadline = app.ports.config.operation.shutdown_timeout;
    tracing::info!(seconds = deadline.as_secs_f32(), "stopping: what is under way is finished");
    let finish = async {
        // The gateway says goodbye while the rest finishes.
        let gateway = async {
            match ended {
                Some(outcome) => outcome,
                None => work.await,
            }
        };
        let (outcome, in_time) = tokio::join!(gateway, lifecycle.shutdown(deadline));
        if !in_time {
            tracing::warn!("some tasks did not end in time");
        }
        outcome
    };
    let outcome = tokio::select! {
        outcome = tokio::time::timeout(deadline + AFTERMATH, finish) => outcome.unwrap_or(Ok(ExitCode::SUCCESS)),
        () = signals.next() => {
            tracing::warn!("told a second time to stop: what is under way is left as it is");
            return Ok(ExitCode::FAILURE);
        }
    };
    let aftermath = async {
        app.give_back().await;
        app.ports.store.close().await;
    };
    // What is not given back in time goes with the connections of this process.
    let _ = tokio::time::timeout(AFTERMATH, aftermath).await;
    outcome
}

async fn work(app: &Arc<App>) -> Result<ExitCode> {
    if app.prepare().await? {
        app.start_loops();
        tracing::info!(roles = app.ports.config.roles.names().join(","), "ready");
        supervisor::ready();
        if let Err(fatal) = app.run_gateway().await {
            tracing::error!("{fatal}");
            return Ok(ExitCode::from(fatal.exit_code()));
        }
    }
    Ok(ExitCode::SUCCESS)
}
