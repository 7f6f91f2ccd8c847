//! Files of a game server on another machine, fetched over SSH: every minute, by one process at a time, and only what is new
//! or has changed since it was fetched. What was fetched is in the position that is stored; what is not in it any more is
//! asked of the stored files. A process that is killed goes on where the last position was stored.
//!
//! A file that is whole is handed over at once. One that cannot be read as it is may still be written: it is handed over when
//! it has not changed until the next look.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::import::{Arrival, Way, arrive_all};
use super::trouble::{Place, Trouble, after_look};
use crate::clock::Stopwatch;
use crate::id::GuildId;
use crate::notifier::content::{self, Content};
use crate::notifier::directory::order;
use crate::ports::Ports;
use crate::source::etlegacy::file_name::{self, FileName};
use crate::source::etlegacy::stats_file::MOST_BYTES;
use crate::store::stats::cursor::Cursor;
use crate::upstream::ssh::{RemoteFile, Session, SshClient, SshError};

/// Between two looks.
pub const EVERY: TimeDelta = TimeDelta::seconds(60);
/// The place of the position.
const PLACE: &str = "sftp";
const NAMED: Place = Place { key: PLACE, name: "the game server's directory, fetched over SSH," };
/// Files that are handed over together.
const TOGETHER: usize = 20;
/// Files of one look, and how long it may read them: what is left follows at once in the next one.
const MOST: usize = 200;
const BUDGET: Duration = Duration::from_secs(20);
/// Files that the position has, the newest.
const KEPT: usize = 1000;

/// Size and time of change in seconds: another pair is another file.
type State = (u64, i64);

/// What was handed over, and what is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    #[serde(default)]
    done: BTreeMap<String, State>,
    /// Not whole at the last look.
    #[serde(default)]
    unsettled: BTreeMap<String, State>,
    #[serde(default)]
    trouble: Option<Trouble>,
}

/// What a look came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Files that were handed over.
    pub fetched: usize,
    /// There are more: the next look is due at once.
    pub more: bool,
}

/// Looks when it is time, whichever process is first. `None`: it is not, or nothing is configured.
pub async fn look_due(ports: &Ports) -> Result<Option<Looked>> {
    let (Some(client), Some(guild_id)) = (&ports.ssh, ports.config.discord.guild_id) else { return Ok(None) };
    let now = ports.clock.now();
    match ports.store.claim_stats_cursor(guild_id, PLACE, now, now - EVERY).await? {
        Some(cursor) => look(ports, client, guild_id, cursor).await.map(Some),
        None => Ok(None),
    }
}

/// One file, now; `None` when it is not there. What it is called is said by somebody else: nothing is opened by that name that
/// the listing does not have.
pub async fn fetch_one(client: &SshClient, name: &str) -> Result<Option<Vec<u8>>, SshError> {
    let session = client.connect().await?;
    let file = session.list().await?.into_iter().find(|file| file.name == name && is_imported(name));
    let bytes = match file {
        Some(file) => Some(session.read(&file, MOST_BYTES).await?),
        None => None,
    };
    session.end().await;
    Ok(bytes)
}

/// That the server cannot be reached is no failure of ours: it is said once, kept for the status, and tried again.
async fn look(ports: &Ports, client: &SshClient, guild_id: GuildId, cursor: Cursor) -> Result<Looked> {
    let mut position: Position = serde_json::from_str(&cursor.position).unwrap_or_default();
    let (looked, error) = fetch(ports, client, guild_id, &mut position).await?;
    let fault = error.as_ref().map(words);
    match (&fault, &cursor.fault) {
        (Some(now), before) if before.as_ref() != Some(now) => {
            tracing::warn!(error = now, "statistics are not fetched")
        }
        (None, Some(_)) => tracing::info!("statistics are fetched again"),
        _ => {}
    }
    position.trouble = after_look(ports, guild_id, &NAMED, position.trouble.take(), fault.as_deref()).await?;
    // What is left is due at once.
    let looked_at = if looked.more { cursor.looked_at - EVERY } else { cursor.looked_at };
    save(ports, guild_id, &position, looked_at, fault).await?;
    Ok(looked)
}

async fn fetch(
    ports: &Ports,
    client: &SshClient,
    guild_id: GuildId,
    position: &mut Position,
) -> Result<(Looked, Option<SshError>)> {
    let session = match client.connect().await {
        Ok(session) => session,
        Err(error) => return Ok((Looked::default(), Some(error))),
    };
    let files = match session.list().await {
        Ok(files) => files,
        Err(error) => return Ok((Looked::default(), Some(error))),
    };
    let wanted = wanted(ports, guild_id, position, files).await?;
    let mut looked = Looked { fetched: 0, more: wanted.len() > MOST };
    let (mut fault, watch) = (None, Stopwatch::start());
    for some in wanted[..wanted.len().min(MOST)].chunks(TOGETHER) {
        let (arrivals, error) = read_some(&session, position, some, &watch).await;
        let states: HashMap<&str, State> = some.iter().map(|file| (file.name.as_str(), state(file))).collect();
        let names: Vec<String> = arrivals.iter().map(|arrival| arrival.name.clone()).collect();
        looked.fetched += arrivals.len();
        arrive_all(ports, guild_id, arrivals).await?;
        crate::crash::point("sftp.arrived");
        position.done.extend(names.into_iter().filter_map(|name| Some((name.clone(), *states.get(name.as_str())?))));
        if error.is_some() {
            (fault, looked.more) = (error, false);
            break;
        }
        save(ports, guild_id, position, ports.clock.now(), None).await?;
        if watch.elapsed() > BUDGET {
            looked.more = true;
            break;
        }
    }
    session.end().await;
    Ok((looked, fault))
}

/// What is new or has changed, oldest first.
async fn wanted(
    ports: &Ports,
    guild_id: GuildId,
    position: &mut Position,
    files: Vec<RemoteFile>,
) -> Result<Vec<RemoteFile>> {
    let mut files: Vec<RemoteFile> = files.into_iter().filter(|file| is_imported(&file.name)).collect();
    files.retain(|file| position.done.get(&file.name) != Some(&state(file)));
    // What the position has no place for any more is known by name and size.
    let unknown: Vec<String> =
        files.iter().map(|file| file.name.clone()).filter(|name| !position.done.contains_key(name)).collect();
    let stored = ports.store.list_known_stats_files(guild_id, &unknown).await?;
    let stored: HashSet<(String, i64)> = stored.into_iter().collect();
    files.retain(|file| !stored.contains(&(file.name.clone(), i64::try_from(file.size).unwrap_or(i64::MAX))));
    files.sort_by_key(|file| order(&file.name));
    position.unsettled.retain(|name, _| files.iter().any(|file| file.name == *name));
    Ok(files)
}

/// Those that can be handed over, up to the first that the connection fails at.
async fn read_some(
    session: &Session,
    position: &mut Position,
    files: &[RemoteFile],
    watch: &Stopwatch,
) -> (Vec<Arrival>, Option<SshError>) {
    let mut arrivals = Vec::new();
    for file in files.iter().take_while(|_| watch.elapsed() <= BUDGET) {
        if file.size > MOST_BYTES as u64 {
            tracing::warn!(file = file.name, bytes = file.size, "too large to be a file of statistics: not fetched");
            position.done.insert(file.name.clone(), state(file));
            continue;
        }
        let bytes = match session.read(file, MOST_BYTES).await {
            Ok(bytes) => bytes,
            Err(error) if error.is_about_a_file() => {
                tracing::debug!(file = file.name, %error, "not fetched at this look");
                continue;
            }
            Err(error) => return (arrivals, Some(error)),
        };
        let is_whole = content::judge(&file.name, &bytes) == Content::Good;
        let has_settled = position.unsettled.get(&file.name) == Some(&state(file));
        if is_whole || has_settled {
            position.unsettled.remove(&file.name);
            arrivals.push(Arrival { name: file.name.clone(), bytes, changed: Some(file.changed), way: Way::Sftp });
        } else {
            position.unsettled.insert(file.name.clone(), state(file));
        }
    }
    (arrivals, None)
}

async fn save(
    ports: &Ports,
    guild_id: GuildId,
    position: &Position,
    looked_at: DateTime<Utc>,
    fault: Option<String>,
) -> Result<()> {
    let mut position = position.clone();
    let mut times: Vec<i64> = position.done.values().map(|(_, changed)| *changed).collect();
    if times.len() > KEPT {
        times.sort_unstable();
        let oldest = times[times.len() - KEPT];
        position.done.retain(|_, (_, changed)| *changed >= oldest);
    }
    let position = serde_json::to_string(&position)?;
    let cursor = Cursor { place: PLACE.to_owned(), position, looked_at, fault };
    Ok(ports.store.save_stats_cursor(guild_id, &cursor).await?)
}

fn is_imported(name: &str) -> bool {
    matches!(file_name::parse(name), Ok(FileName::Round(_) | FileName::Awards(_)))
}

fn state(file: &RemoteFile) -> State {
    (file.size, file.changed.timestamp())
}

/// What is wrong, and what to do about it.
pub fn words(error: &SshError) -> String {
    format!("{error}. {}", capitalised(&error.fix()))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
