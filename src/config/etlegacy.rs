//! Match statistics of ET:Legacy: where files come from, and what they mean here.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono_tz::Tz;
use regex::{Regex, RegexBuilder};
use secrecy::SecretString;

use super::reader::Reader;
use super::value::{Parsed, items, snowflake_of, snowflakes};
use super::variable::{Section, Variable};
use crate::id::ChannelId;

/// What the game server of `DISCORD_GUILD_ID` writes, and how it comes here.
#[derive(Clone, Debug)]
pub struct EtlegacyConfig {
    /// A directory that is looked at.
    pub path: Option<PathBuf>,
    /// Names of files are in the game server's local time.
    pub time_zone: Tz,
    pub filler_maps: Vec<String>,
    /// What the teams of a session may be called; empty: by letters.
    pub team_names: Vec<String>,
    /// Names, without colour codes, of players that are bots.
    pub bot_names: Regex,
    /// Of Standard Webhooks. `None`: nothing is taken in at `/webhooks/etlegacy`.
    pub upload_secret: Option<SecretString>,
    pub trigger: Option<TriggerConfig>,
}

/// Messages of the game server in a channel, which say that a file is there.
#[derive(Clone, Debug)]
pub struct TriggerConfig {
    pub channel_id: ChannelId,
    /// The webhooks that are believed.
    pub webhooks: Vec<i64>,
    /// The name under which they post.
    pub username: String,
}

/// A regular expression of a setting may not take up more memory than this.
const LARGEST_REGEX: usize = 1 << 20;
const TEAM_NAMES: RangeInclusive<usize> = 2..=50;
const LONGEST_TEAM_NAME: usize = 24;

pub(super) static SECTION: Section = Section {
    title: "ET:Legacy",
    about: "Match statistics of an ET:Legacy server in stopwatch mode. They belong to DISCORD_GUILD_ID.",
    variables: &[
        Variable::new(
            "ETLEGACY_STATS_PATH",
            "A directory on this machine into which the game server writes its files.",
            "/srv/etlegacy/legacy/gamestats",
        ),
        Variable::new("ETLEGACY_TIME_ZONE", "The time zone of the game server's clock.", "Europe/London")
            .default("Europe/Berlin"),
        Variable::new("ETLEGACY_FILLER_MAPS", "Maps that are played while waiting, and do not count.", "mp_sillyctf")
            .default("mp_sillyctf"),
        Variable::new(
            "ETLEGACY_TEAM_NAMES",
            "Names that the two teams of a session may have, two to fifty, with commas between them. Without: Team A, Team B.",
            "Vikings,Slackers,Insane",
        ),
        Variable::new(
            "ETLEGACY_BOT_NAMES",
            "Names of bots, as a regular expression. Those whose GUID says it are known without.",
            "^\\[BOT\\]",
        )
        .default("^\\[BOT\\]"),
        Variable::new(
            "ETLEGACY_UPLOAD_SECRET",
            "The secret with which signalbox notify-stats signs the files that it sends to /webhooks/etlegacy: whsec_ and \
             at least 16 bytes in base64.",
            "",
        )
        .secret(),
        Variable::new(
            "ETLEGACY_TRIGGER_CHANNEL_ID",
            "A private channel in which the game server says that a file is there. Needs Discord's message content intent.",
            "914986636629143562",
        ),
        Variable::new(
            "ETLEGACY_TRIGGER_WEBHOOKS",
            "The ids of the webhooks that are believed there.",
            "914986636629143563",
        ),
        Variable::new("ETLEGACY_TRIGGER_USERNAME", "The name under which they post.", "ET:Legacy Stats")
            .default("ET:Legacy Stats"),
    ],
};

pub(super) fn read(r: &mut Reader) -> Option<EtlegacyConfig> {
    let path = r.optional("ETLEGACY_STATS_PATH", |text| Ok(PathBuf::from(text)));
    let time_zone = r.value("ETLEGACY_TIME_ZONE", |text| {
        text.parse::<Tz>().map_err(|_| "should be a time zone such as Europe/Berlin".to_owned())
    });
    let filler_maps = r.value("ETLEGACY_FILLER_MAPS", |text| Ok(items(text).map(str::to_owned).collect()));
    let team_names = r.optional("ETLEGACY_TEAM_NAMES", team_names);
    let bot_names = r.value("ETLEGACY_BOT_NAMES", |text| {
        let regex = RegexBuilder::new(text).size_limit(LARGEST_REGEX).build();
        regex.map_err(|_| "should be a regular expression, such as ^\\[BOT\\]".to_owned())
    });
    let upload_secret = r.secret("ETLEGACY_UPLOAD_SECRET", |text| {
        let bytes = text.strip_prefix("whsec_").and_then(|text| BASE64.decode(text).ok());
        if bytes.is_some_and(|bytes| bytes.len() >= 16) {
            Ok(())
        } else {
            Err("should be whsec_ and at least 16 bytes in base64".to_owned())
        }
    });
    let trigger = trigger(r);
    let ways = ["ETLEGACY_STATS_PATH", "ETLEGACY_UPLOAD_SECRET", "ETLEGACY_TRIGGER_CHANNEL_ID"];
    if let Some(first) = ways.into_iter().find(|name| r.is_set(name))
        && !r.is_set("DISCORD_GUILD_ID")
    {
        let origin = r.origin(first);
        r.refuse(
            "DISCORD_GUILD_ID",
            format!("is required because {first} is set ({origin}): match statistics belong to one server"),
        );
    }
    Some(EtlegacyConfig {
        path,
        time_zone: time_zone?,
        filler_maps: filler_maps?,
        team_names: team_names.unwrap_or_default(),
        bot_names: bot_names?,
        upload_secret,
        trigger: trigger?,
    })
}

/// All different, and short enough for a heading.
fn team_names(text: &str) -> Parsed<Vec<String>> {
    let names: Vec<String> = items(text).map(str::to_owned).collect();
    let different: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    if !TEAM_NAMES.contains(&names.len()) || different.len() != names.len() {
        return Err(
            "should be two to fifty different names with commas between them, such as Vikings,Slackers".to_owned()
        );
    }
    match names.iter().position(|name| name.chars().count() > LONGEST_TEAM_NAME) {
        Some(at) => Err(format!("has a name (item {}) of more than {LONGEST_TEAM_NAME} characters", at + 1)),
        None => Ok(names),
    }
}

/// `Some(None)`: there is no such channel. `None`: it is wrong.
fn trigger(r: &mut Reader) -> Option<Option<TriggerConfig>> {
    let channel_id = r.optional("ETLEGACY_TRIGGER_CHANNEL_ID", snowflake_of("a channel"));
    let webhooks = r.optional("ETLEGACY_TRIGGER_WEBHOOKS", snowflakes::<crate::id::MessageId>("a webhook"));
    let username = r.value("ETLEGACY_TRIGGER_USERNAME", |text| Ok(text.to_owned()))?;
    if r.is_set("ETLEGACY_TRIGGER_CHANNEL_ID") && webhooks.as_ref().is_none_or(Vec::is_empty) {
        let origin = r.origin("ETLEGACY_TRIGGER_CHANNEL_ID");
        r.refuse(
            "ETLEGACY_TRIGGER_WEBHOOKS",
            format!("is required because ETLEGACY_TRIGGER_CHANNEL_ID is set ({origin}): anybody else's messages are not believed"),
        );
    }
    let Some(channel_id) = channel_id else { return Some(None) };
    let webhooks = webhooks.unwrap_or_default().into_iter().map(|id| id.0).collect();
    Some(Some(TriggerConfig { channel_id, webhooks, username }))
}
