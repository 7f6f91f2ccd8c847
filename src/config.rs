//! Configuration: everything the environment and `.env` say, checked as a whole before anything
//! starts. All problems are reported together; values of secrets are never printed.
//!
//! One section is one file under `config/` and one block of `.env.example`. This is the only place
//! that reads the process environment (`config/source.rs`, `config/host.rs`).

pub mod address;
mod approvals;
mod bus;
mod community;
mod delivery;
mod discord;
mod encryption;
mod env_change;
mod env_file;
mod etlegacy;
mod example;
mod host;
mod kick;
mod nearest;
mod notifier;
mod operation;
mod outbound;
mod party;
mod problem;
mod reader;
mod role;
mod routing;
mod show;
mod source;
mod ssh;
mod store;
mod telemetry;
mod value;
mod variable;
mod web;
mod xtsystems;

pub use approvals::{ApprovalRules, ApprovalsConfig, RULES, ReasonRule, Rule, rule};
pub use bus::BusConfig;
pub use community::{ClipConfig, CommunityConfig};
pub use delivery::DeliveryConfig;
pub use discord::DiscordConfig;
pub use encryption::EncryptionConfig;
pub use env_change::{Change, change, write_private};
pub use etlegacy::{EtlegacyConfig, TriggerConfig};
pub use example::env_example;
#[cfg(feature = "crash-points")]
pub use host::{crash_point, mutation};
pub use host::{data_dir, search_path, user_data_dir};
pub use kick::KickConfig;
pub use nearest::did_you_mean;
pub use notifier::{NotifierConfig, NotifierTarget};
pub use operation::{MetricsConfig, OperationConfig, TracesConfig};
pub use outbound::OutboundConfig;
pub use party::PartyConfig;
pub use problem::{Origin, Problem, Problems};
pub use reader::Setting;
pub use role::Roles;
pub use routing::{RouteSeed, RoutingConfig};
pub use show::show;
pub use source::{Answered, EnvFile, Given, Process, Source};
pub use ssh::SshConfig;
pub use store::StoreConfig;
pub use telemetry::{LogFormat, TelemetryConfig};
pub use value::is_loopback;
pub use variable::{SECTIONS, Section, Variable};
pub use web::WebConfig;
pub use xtsystems::{ApiAuth, XtSystemsConfig};

use secrecy::SecretString;

/// The whole configuration. `Debug` is safe to log: secrets hide themselves.
#[derive(Clone, Debug)]
pub struct Config {
    pub roles: Roles,
    pub discord: DiscordConfig,
    pub web: WebConfig,
    pub store: StoreConfig,
    pub encryption: EncryptionConfig,
    pub bus: BusConfig,
    /// `None`: nothing of the section is set, so the feature is not registered at all.
    pub xtsystems: Option<XtSystemsConfig>,
    /// `None`: no app of Kick is set.
    pub kick: Option<KickConfig>,
    pub community: CommunityConfig,
    pub etlegacy: EtlegacyConfig,
    pub approvals: ApprovalsConfig,
    pub routing: RoutingConfig,
    pub party: PartyConfig,
    pub delivery: DeliveryConfig,
    pub telemetry: TelemetryConfig,
    pub operation: OperationConfig,
    pub outbound: OutboundConfig,
    /// `None`: no file is fetched over SSH.
    pub ssh: Option<SshConfig>,
}

/// A good configuration, and what should be said about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    /// One sentence each, for the log at start.
    pub warnings: Vec<String>,
    /// Every variable with its origin, secrets masked; what [`show`] prints.
    pub settings: Vec<Setting>,
}

/// Reads and checks everything. Pure but for what `source` does.
pub fn load(source: impl Source) -> Result<Loaded, Problems> {
    read(reader::Reader::new(&source))
}

/// As [`load`], for what never talks to Discord: a token that is not set is no problem.
pub fn load_without_bot(source: impl Source) -> Result<Loaded, Problems> {
    read(reader::Reader::without_bot(&source))
}

/// What the program beside a game server reads, and what should be said about it; nothing of the bot is needed. `is_webhook`
/// judges the address of one.
pub fn load_notifier(
    source: impl Source,
    is_webhook: impl Fn(&str) -> Result<(), String>,
) -> Result<(NotifierConfig, Vec<String>), Problems> {
    let mut reader = reader::Reader::without_bot(&source);
    let config = notifier::read(&mut reader, is_webhook);
    let (warnings, _) = reader.finish()?;
    Ok((config.expect("a section without a problem has all its values"), warnings))
}

/// Every variable with its origin, whatever is wrong with it: what a set-up looks at before it asks.
pub fn settings(source: impl Source) -> Vec<Setting> {
    reader::Reader::without_bot(&source).settings()
}

/// Our variables of the process environment, as they are: what a set-up may write into `.env`.
pub fn from_environment(source: impl Source) -> Vec<(String, SecretString)> {
    let texts = source.environment().into_iter().filter_map(|(name, text)| {
        let (name, text) = (name.into_string().ok()?, text.into_string().ok()?);
        (variable::is_known(&name) && !text.trim().is_empty()).then(|| (name, SecretString::from(text)))
    });
    let mut all: Vec<(String, SecretString)> = texts.collect();
    let place = |name: &str| variable::names().position(|known| known == name);
    all.sort_by_key(|(name, _)| place(name));
    all
}

fn read(mut reader: reader::Reader) -> Result<Loaded, Problems> {
    let roles = role::read(&mut reader);
    let discord = discord::read(&mut reader);
    let web = web::read(&mut reader);
    let store = store::read(&mut reader);
    let encryption = encryption::read(&mut reader);
    let bus = bus::read(&mut reader);
    let xtsystems = xtsystems::read(&mut reader);
    let kick = kick::read(&mut reader);
    let community = community::read(&mut reader);
    let etlegacy = etlegacy::read(&mut reader);
    let approvals = approvals::read(&mut reader);
    let routing = routing::read(&mut reader);
    let party = party::read(&mut reader);
    let delivery = delivery::read(&mut reader, discord.as_ref());
    let telemetry = telemetry::read(&mut reader);
    let operation = operation::read(&mut reader);
    let outbound = outbound::read(&mut reader);
    let ssh = ssh::read(&mut reader);
    notifier::warn_the_bot(&mut reader);
    check_paths(&mut reader, discord.as_ref(), xtsystems.as_ref());
    let (warnings, settings) = reader.finish()?;
    // A section is `None` only when a problem was noted, and then `finish` has returned it.
    let both = "a section without a problem has all its values";
    let config = Config {
        roles: roles.expect(both),
        discord: discord.expect(both),
        web: web.expect(both),
        store: store.expect(both),
        encryption: encryption.expect(both),
        bus: bus.expect(both),
        xtsystems: xtsystems.expect(both),
        kick: kick.expect(both),
        community: community.expect(both),
        etlegacy: etlegacy.expect(both),
        approvals,
        routing,
        party,
        delivery: delivery.expect(both),
        telemetry: telemetry.expect(both),
        operation: operation.expect(both),
        outbound,
        ssh: ssh.expect(both),
    };
    Ok(Loaded { config, warnings, settings })
}

/// One path cannot be two things.
fn check_paths(r: &mut reader::Reader, discord: Option<&DiscordConfig>, xtsystems: Option<&Option<XtSystemsConfig>>) {
    let (Some(discord), Some(Some(xtsystems))) = (discord, xtsystems) else { return };
    if discord.public_key.is_some() && discord.interactions_path == xtsystems.path {
        r.refuse("DISCORD_INTERACTIONS_PATH", "is the same as WEBHOOK_PATH; choose another");
    }
}

#[cfg(test)]
mod tests;
