//! `setup`: from nothing to a working `.env` and a verified webhook. Asks for what is missing where somebody can
//! answer; otherwise takes the settings as they are. Doing it again changes nothing.

mod interview;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::office::Office;
use super::print::Steps;
use super::terminal::Terminal;
use super::{block_on, database};
use crate::clock::Clock;
use crate::config::{self, Answered, Config, Loaded, Process};
use crate::lifecycle::Lifecycle;
use crate::setup::{StepResult, discord, party, xtsystems};
use crate::telemetry::metrics::Metrics;
use crate::upstream::discord::DiscordClient;

const DATABASE_FIX: &str = "Set DATABASE_URL, or mend what the private PostgreSQL lacks";
const ENV_FILE: &str = ".env";

#[derive(Args)]
pub struct SetupArgs {
    /// What to set up: discord, xtsystems or party. The first two when left out
    #[arg(value_parser = topic)]
    what: Option<Topic>,
    /// Ask nothing: take the settings as they are, and yes as the answer
    #[arg(long, short)]
    yes: bool,
    /// Write the settings of the environment into .env as well
    #[arg(long)]
    write: bool,
    /// Kinds of events to register for, separated by commas, or all. Left out: all for a new webhook, else those it has
    #[arg(long)]
    events: Option<String>,
    /// For party: the Discord webhook that notifications go through (Copy Webhook URL). Left out: the one that is set
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// For party: the voice invite that "party created" shows
    #[arg(long, value_name = "URL")]
    invite: Option<String>,
    /// Print the steps as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Discord,
    XtSystems,
    Party,
}

fn topic(text: &str) -> Result<Topic, String> {
    match text.to_ascii_lowercase().as_str() {
        "discord" => Ok(Topic::Discord),
        "xtsystems" => Ok(Topic::XtSystems),
        "kick" | "etlegacy" => {
            Err(format!("{text} is not in this version; discord, xtsystems and party can be set up"))
        }
        "party" => Ok(Topic::Party),
        _ => Err("discord, xtsystems and party can be set up".into()),
    }
}

pub fn setup(args: &SetupArgs) -> Result<ExitCode> {
    if args.what == Some(Topic::Party) {
        return set_up_party(args);
    }
    let terminal = if args.yes { None } else { Terminal::open() };
    let mut source = Answered { source: Process::new(), answers: Vec::new() };
    if let Some(terminal) = &terminal {
        interview::ask(terminal, &mut source, args.what != Some(Topic::XtSystems), args.what != Some(Topic::Discord))?;
    }
    keep(args, terminal.as_ref(), &source)?;
    let loaded = match config::load_without_bot(source) {
        Ok(loaded) => loaded,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(78));
        }
    };
    let mut steps = Steps::new(args.json);
    if args.what != Some(Topic::XtSystems) {
        steps.topic("Discord");
        check_discord(&loaded, &mut steps)?;
    }
    let mut start = None;
    if args.what != Some(Topic::Discord) && (args.what.is_some() || loaded.config.xtsystems.is_some()) {
        steps.topic("XTSystems");
        start = connect(loaded.config, args.events.as_deref(), true, &mut steps)?;
    }
    steps.finish();
    if !args.json {
        println!("\n{}", conclusion(&steps, start));
    }
    Ok(if steps.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks nothing: what is missing is an argument or a setting of the bot.
fn set_up_party(args: &SetupArgs) -> Result<ExitCode> {
    let loaded = match config::load_without_bot(Process::new()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(78));
        }
    };
    let mut steps = Steps::new(args.json);
    steps.topic("Party");
    let given = party::Given { webhook: args.webhook.as_deref(), invite: args.invite.as_deref() };
    let made = connect_party(loaded.config, given, &mut steps)?;
    steps.finish();
    if let Some(key) = made {
        // Where a program reads the steps, it is apart from them.
        match args.json {
            true => eprintln!("{key}"),
            false => println!("\nThe key of the party program, shown this once:\n  {key}"),
        }
    }
    if !args.json {
        println!("\n{}", conclusion(&steps, None));
    }
    Ok(if steps.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn connect_party(config: Config, given: party::Given<'_>, steps: &mut Steps) -> Result<Option<String>> {
    let database = match database(&config, super::Private::Shared) {
        Ok(database) => database,
        Err(error) => {
            steps.told(StepResult::failed("Database", format!("{error:#}"), DATABASE_FIX));
            return Ok(None);
        }
    };
    let outcome = block_on(async {
        let lifecycle = Lifecycle::new();
        let run_migrations = config.store.run_migrations;
        let (ports, _bus) = crate::app::open_ports(config, &database.url, Clock::system(), &lifecycle, None)?;
        if let Err(error) = ports.store.migrate(run_migrations).await {
            steps.told(StepResult::failed("Database", format!("{error:#}"), DATABASE_FIX));
            return Ok(None);
        }
        ports.clock.follow(ports.store.clock_reading().await?);
        let made = party::connect(&ports, given, &mut |step| steps.told(step)).await;
        lifecycle.shutdown(Duration::from_secs(1)).await;
        ports.store.close().await;
        made
    });
    database.close();
    outcome
}

fn conclusion(steps: &Steps, start: Option<bool>) -> String {
    match steps.failed {
        1 => return "One step failed. Mend it and do this again: what is done stays.".into(),
        2.. => return format!("{} steps failed. Mend them and do this again: what is done stays.", steps.failed),
        0 => {}
    }
    let done =
        if steps.changed == 0 { "Everything was set up already; nothing was changed." } else { "All is set up." };
    match start {
        Some(true) => format!("{done} Start the bot with: signalbox run"),
        _ => done.to_owned(),
    }
}

fn check_discord(loaded: &Loaded, steps: &mut Steps) -> Result<()> {
    let config = &loaded.config;
    if config.discord.token.expose_secret().is_empty() {
        let fix = "Create an application at https://discord.com/developers/applications; the token is on its page Bot \
                   (Reset Token). Set DISCORD_TOKEN";
        steps.told(StepResult::failed(discord::TOKEN, "Signalbox has no token for Discord", fix));
        return Ok(());
    }
    let client = discord_client(config)?;
    block_on(async {
        discord::check(&client, config, &mut |step| steps.told(step)).await;
        Ok(())
    })
}

fn discord_client(config: &Config) -> Result<DiscordClient> {
    DiscordClient::new(&config.discord.api_url, config.discord.token.clone(), config.delivery.http_timeout)
        .context("the HTTP client for Discord")
}

/// Every step of XTSystems, with a test delivery when `test`. Says whether the bot is still to be started; `None`
/// when it did not come that far.
pub(super) fn connect(config: Config, events: Option<&str>, test: bool, steps: &mut Steps) -> Result<Option<bool>> {
    let client = crate::app::xtsystems_client(&config, &Metrics::default())?;
    if !block_on(async { Ok(xtsystems::reach(client.as_ref(), &mut |step| steps.told(step)).await) })? {
        return Ok(None);
    }
    let database = match database(&config, super::Private::Shared) {
        Ok(database) => database,
        Err(error) => {
            steps.told(StepResult::failed("Database", format!("{error:#}"), DATABASE_FIX));
            return Ok(None);
        }
    };
    let outcome = block_on(async {
        let Some(office) = Office::open(config, &database.url, test, steps).await? else { return Ok(None) };
        let start = office.is_intake();
        let outcome = steps_of_xtsystems(&office, events, test, steps).await;
        office.close().await;
        outcome.map(|()| Some(start))
    });
    database.close();
    outcome
}

async fn steps_of_xtsystems(office: &Office, events: Option<&str>, test: bool, steps: &mut Steps) -> Result<()> {
    let (ports, source) = (office.ports(), office.source());
    let told = &mut |step| steps.told(step);
    if xtsystems::public_url(&ports.config, source, ports.config.web.port, told)
        && xtsystems::register(ports, source, events, !test, told).await?
        && test
    {
        xtsystems::test(ports, source, true, told).await?;
    }
    Ok(())
}

/// Writes what was answered, and with `--write` what the environment gives, into `.env`.
fn keep(args: &SetupArgs, terminal: Option<&Terminal>, source: &Answered<Process>) -> Result<()> {
    let mut values = source.answers.clone();
    if args.write {
        let given = config::from_environment(Process::new());
        values
            .extend(given.into_iter().filter(|(name, _)| !source.answers.iter().any(|(answered, _)| answered == name)));
    }
    if values.is_empty() {
        return Ok(());
    }
    let path = Path::new(ENV_FILE);
    let before = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("{ENV_FILE} cannot be read")),
    };
    let change = changed(before.as_deref(), &values);
    if change.is_none() {
        return Ok(());
    }
    let mut what = Vec::new();
    if !change.added.is_empty() {
        what.push(format!("adds {}", change.added.join(", ")));
    }
    if !change.replaced.is_empty() {
        what.push(format!("changes {}", change.replaced.join(", ")));
    }
    let what = what.join(" and ");
    let agreed = match terminal {
        Some(terminal) => {
            let question = match before {
                Some(_) => format!("Write to {ENV_FILE}? This {what}; everything else in it stays"),
                None => format!("Write {ENV_FILE}? It is readable for you alone"),
            };
            terminal.confirm(&question, change.replaced.is_empty())?
        }
        None if args.yes || change.replaced.is_empty() => true,
        None => bail!("{ENV_FILE} is there already, and this {what}: say --yes, or take them out"),
    };
    if agreed {
        config::write_private(path, &change.text).with_context(|| format!("{ENV_FILE} cannot be written"))?;
        eprintln!("{ENV_FILE} {}.\n", if before.is_some() { "is changed" } else { "is written" });
    }
    Ok(())
}

/// A new file is `.env.example` with the values filled in.
fn changed(before: Option<&str>, values: &[(String, SecretString)]) -> config::Change {
    let example = config::env_example();
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    config::change(before.unwrap_or(&example), &values)
}
