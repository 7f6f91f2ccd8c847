//! What the admins are told about files that cannot be read: once, where each is bad, and what to do about it. A notice is stored
//! together with what it tells of.

use anyhow::Result;
use uuid::Uuid;

use crate::bus::Topic;
use crate::id::{GuildId, sha256_hex};
use crate::ports::Ports;
use crate::routing::embed::fit;
use crate::source::notice::{notice, own_source};
use crate::store::event::insert_own_event;
use crate::store::stats::file::Fault;
use crate::store::{Store, Tx};

/// So many at once are told one by one; more share a notice.
const APART: usize = 3;
const WHY: usize = 400;

/// A file that cannot be read.
#[derive(Clone, Debug)]
pub struct Unread {
    /// The same for the same bytes.
    pub key: String,
    pub name: String,
    /// By which it came, where that matters.
    pub way: Option<String>,
    pub why: String,
    pub help: Help,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// Something in it is not as it should be.
    Correct,
    /// It is no file of statistics by its name, or much too large.
    Leave,
    /// A message without the file that it is about.
    Find,
    /// It could be read by an earlier version of this program.
    Update,
}

impl Help {
    pub fn of(fault: Option<&Fault>) -> Help {
        if fault.is_some_and(|fault| fault.place.is_some()) { Help::Correct } else { Help::Leave }
    }

    fn words(self) -> &'static str {
        match self {
            Help::Correct => {
                "It is kept as it came, and does not count. Correct it where the game server has it, or send it once more: what \
                 comes whole under this name takes its place. Where the server's script is newer than Signalbox, update \
                 Signalbox, then press Read again under /stats import quarantine."
            }
            Help::Leave => {
                "It is kept as it came, and does not count. If it is the file of a round, give it the name that the game server \
                 gave it, such as 2026-01-31-201500-supply-round-1.txt, and send it again; if not, there is nothing to do."
            }
            Help::Find => {
                "What the message says of pauses and surrender is not used. Look why the file did not come: /stats import status \
                 shows each way in. When it is there, press Read again under /stats import quarantine."
            }
            Help::Update => {
                "It was read before this version of Signalbox, and does not count any more. It is kept; /stats import quarantine \
                 shows it."
            }
        }
    }
}

/// Tells a server's admins of what was stored before.
pub async fn tell(ports: &Ports, guild_id: GuildId, files: &[Unread]) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let teller = Teller::open(ports, guild_id).await?;
    let mut tx = ports.store.begin().await?;
    teller.tell(&mut tx, files).await?;
    Store::commit(tx).await?;
    teller.wake();
    Ok(())
}

/// Tells a server's admins.
pub struct Teller<'a> {
    ports: &'a Ports,
    guild_id: GuildId,
    source_id: Uuid,
}

impl<'a> Teller<'a> {
    pub async fn open(ports: &'a Ports, guild_id: GuildId) -> Result<Teller<'a>> {
        Ok(Teller { ports, guild_id, source_id: own_source(ports, guild_id).await? })
    }

    /// What was told of the same bytes under the same name is not told again.
    pub async fn tell(&self, tx: &mut Tx, files: &[Unread]) -> Result<()> {
        if files.len() > APART {
            let keys: Vec<String> = files.iter().map(key).collect();
            let key = format!("etlegacy.quarantine:{}", sha256_hex(keys.concat().as_bytes()));
            return self.store(tx, &key, &together(files)).await;
        }
        for file in files {
            self.store(tx, &format!("etlegacy.quarantine:{}", key(file)), &alone(file)).await?;
        }
        Ok(())
    }

    async fn store(&self, tx: &mut Tx, key: &str, text: &str) -> Result<()> {
        insert_own_event(tx, &notice(self.ports, self.guild_id, self.source_id, key, text)).await?;
        Ok(())
    }

    /// After the commit.
    pub fn wake(&self) {
        self.ports.wake.wake(Topic::Planner);
    }
}

fn key(file: &Unread) -> String {
    format!("{}:{}", file.name, file.key)
}

fn line(file: &Unread) -> String {
    let way = file.way.as_ref().map(|way| format!(" (by {way})")).unwrap_or_default();
    format!("{}{way}: {}", fit(&file.name, 120), fit(&file.why, WHY))
}

fn alone(file: &Unread) -> String {
    format!("A file of match statistics cannot be read.\n{}.\n{}", line(file), file.help.words())
}

fn together(files: &[Unread]) -> String {
    let first: Vec<String> = files.iter().take(APART).map(line).collect();
    format!(
        "{} files of match statistics cannot be read, among them\n{}\nAll of them are kept, and do not count. \
         /stats import quarantine shows where each is bad, and reads it again.",
        files.len(),
        first.join("\n")
    )
}
