//! The questions of `setup`: only for what is not set, each answer tried before the next question.

use anyhow::{Result, bail};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::super::block_on;
use super::super::terminal::Terminal;
use super::discord_client;
use crate::config::{self, Answered, Config, Origin, Process};
use crate::setup::discord::invite_link;
use crate::telemetry::metrics::Metrics;
use crate::upstream::discord::{DiscordClient, LookupError};
use crate::upstream::permission::Channel;
use crate::upstream::xtsystems::{Auth, UpstreamError, XtSystemsClient};

const CLOUD: &str = "https://api.xt.systems";
/// Stands in until the server is known: only the parts of the configuration that do not hang on it are used.
const SOME_GUILD: &str = "100000000000000000";
/// Channels that are named in a question.
const LISTED: usize = 20;

type Answers = Answered<Process>;

pub fn ask(terminal: &Terminal, answers: &mut Answers, discord: bool, xtsystems: bool) -> Result<()> {
    if discord && !is_set(answers, "DISCORD_TOKEN") {
        ask_token(terminal, answers)?;
    }
    if discord {
        let client = discord_client(&configured(answers)?)?;
        if !is_set(answers, "DISCORD_GUILD_ID") {
            ask_guild(terminal, answers, &client)?;
        }
        if !is_set(answers, "DISCORD_WEBHOOK_CHANNELS") && !is_set(answers, "MONITOR_CHANNELS") {
            ask_channel(terminal, answers, &client)?;
        }
    } else if !is_set(answers, "DISCORD_GUILD_ID") {
        let words = "Id of the Discord server that XTSystems' events belong to (right-click its name, Copy Server ID)";
        answer(answers, "DISCORD_GUILD_ID", terminal.ask(words, "")?);
    }
    if xtsystems {
        let begun = is_set(answers, "XTSYSTEMS_API_URL") || is_set(answers, "XTSYSTEMS_API_KEY");
        if begun || !discord || terminal.confirm("Connect XTSystems?", true)? {
            ask_xtsystems(terminal, answers)?;
        }
    }
    Ok(())
}

fn is_set(answers: &Answers, name: &str) -> bool {
    config::settings(answers.clone()).iter().any(|s| s.name == name && !matches!(s.origin, Origin::NotSet))
}

/// An empty answer leaves it open; the steps then say what is missing.
fn answer(answers: &mut Answers, name: &str, text: impl Into<SecretString>) {
    let text: SecretString = text.into();
    answers.answers.retain(|(answered, _)| answered != name);
    if !text.expose_secret().trim().is_empty() {
        answers.answers.push((name.to_owned(), text));
    }
}

fn configured(answers: &Answers) -> Result<Config> {
    let mut source = answers.clone();
    if !is_set(answers, "DISCORD_GUILD_ID") {
        answer(&mut source, "DISCORD_GUILD_ID", SOME_GUILD.to_owned());
    }
    match config::load_without_bot(source) {
        Ok(loaded) => Ok(loaded.config),
        Err(problems) => bail!("{problems}"),
    }
}

fn ask_token(terminal: &Terminal, answers: &mut Answers) -> Result<()> {
    terminal.say(
        "The bot's token: create an application at https://discord.com/developers/applications, open its page Bot, and \
         press Reset Token.",
    );
    loop {
        answer(answers, "DISCORD_TOKEN", terminal.ask_secret("Token")?);
        let tried = configured(answers).and_then(|config| {
            let client = discord_client(&config)?;
            block_on(async { Ok(client.get_own_user().await.found) })
        });
        match tried {
            Ok(Ok((_, name))) => {
                terminal.say(&format!("This is {name}.\n"));
                return Ok(());
            }
            Ok(Err(LookupError::Unauthorized)) => terminal.say("Discord does not accept it. Once more:"),
            Ok(Err(other)) => bail!("{other}"),
            Err(problem) => terminal.say(&format!("{problem}")),
        }
    }
}

fn ask_guild(terminal: &Terminal, answers: &mut Answers, client: &DiscordClient) -> Result<()> {
    loop {
        let (guilds, application) = block_on(async {
            let guilds = client.list_own_guilds().await.found?;
            Ok((guilds, client.get_application().await.found?))
        })?;
        match guilds.as_slice() {
            [] => {
                terminal.say("The bot is in no server yet. Open this as somebody who may manage yours:");
                terminal.say(&format!("  {}", invite_link(&application.id)));
                terminal.ask("Press Enter when it is there", "")?;
                continue;
            }
            [only] => {
                if terminal.confirm(&format!("Is {} its server?", only.name), true)? {
                    answer(answers, "DISCORD_GUILD_ID", only.id.clone());
                    return Ok(());
                }
                bail!("invite the bot to your server, then do this again: {}", invite_link(&application.id));
            }
            several => {
                for (number, guild) in several.iter().enumerate() {
                    terminal.say(&format!("  {} {}", number + 1, guild.name));
                }
                let number: usize = terminal.ask("Which server is its own? Number", "1")?.parse().unwrap_or(0);
                if let Some(guild) = number.checked_sub(1).and_then(|at| several.get(at)) {
                    answer(answers, "DISCORD_GUILD_ID", guild.id.clone());
                    return Ok(());
                }
            }
        }
    }
}

fn ask_channel(terminal: &Terminal, answers: &mut Answers, client: &DiscordClient) -> Result<()> {
    let Some(guild) = configured(answers)?.discord.guild_id else { return Ok(()) };
    let found = block_on(async { Ok(client.list_channels(guild).await.found) })?;
    let texts: Vec<Channel> = found.unwrap_or_default().into_iter().filter(|c| matches!(c.kind, 0 | 5)).collect();
    let names: Vec<&str> = texts.iter().filter_map(|channel| channel.name.as_deref()).collect();
    let Some(first) = names.first() else { return Ok(()) };
    terminal.say(&format!("Channels: {}", names[..names.len().min(LISTED)].join(", ")));
    loop {
        let named = terminal.ask("Which channel gets the events? (others can be added later)", first)?;
        let named = named.trim_start_matches('#');
        let channel = texts.iter().find(|channel| channel.name.as_deref() == Some(named) || channel.id == named);
        if let Some(channel) = channel {
            answer(answers, "DISCORD_WEBHOOK_CHANNELS", json!({ "default": [channel.id] }).to_string());
            return Ok(());
        }
        terminal.say("There is no such channel.");
    }
}

fn ask_xtsystems(terminal: &Terminal, answers: &mut Answers) -> Result<()> {
    while !is_set(answers, "XTSYSTEMS_API_URL") {
        let url = terminal.ask("Where is XTSystems?", CLOUD)?;
        answer(answers, "XTSYSTEMS_API_URL", url);
        let tried = configured(answers).map(|config| block_on(async { Ok(health(&config).await) }));
        let problem = match tried {
            Ok(Ok(None)) => continue,
            Ok(Ok(Some(problem))) | Ok(Err(problem)) | Err(problem) => problem,
        };
        terminal.say(&format!("{problem}"));
        answer(answers, "XTSYSTEMS_API_URL", String::new());
    }
    while !is_set(answers, "XTSYSTEMS_API_KEY") {
        answer(answers, "XTSYSTEMS_API_KEY", terminal.ask_secret("Its API key")?);
        let Some(client) = crate::app::xtsystems_client(&configured(answers)?, &Metrics::default())? else { continue };
        if let Err(error @ UpstreamError::Unauthorized { .. }) = block_on(async { Ok(client.list_webhooks().await) })? {
            terminal.say(&error.to_string());
            answer(answers, "XTSYSTEMS_API_KEY", String::new());
        }
    }
    while !is_set(answers, "PUBLIC_URL") {
        let config = configured(answers)?;
        let is_here = config.xtsystems.as_ref().and_then(|x| x.api_url.as_ref()).is_some_and(config::is_loopback);
        let default = if is_here { format!("http://127.0.0.1:{}", config.web.port) } else { String::new() };
        let url = terminal.ask("Under which address does XTSystems reach this server? (https://…)", &default)?;
        answer(answers, "PUBLIC_URL", url);
        if let Err(problem) = configured(answers) {
            terminal.say(&format!("{problem}"));
            answer(answers, "PUBLIC_URL", String::new());
        }
    }
    terminal.say("");
    Ok(())
}

/// What keeps us from XTSystems at the configured address. The key is not needed to find out.
async fn health(config: &Config) -> Option<anyhow::Error> {
    let url: Url = config.xtsystems.as_ref()?.api_url.clone()?;
    let client = XtSystemsClient::new(url, SecretString::default(), Auth::Bearer).ok()?;
    match client.health().await {
        Ok(_) | Err(UpstreamError::NotFound { .. }) => None,
        Err(error) => Some(error.into()),
    }
}
