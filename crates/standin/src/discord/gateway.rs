//! The gateway: sessions, their event streams, and one task per WebSocket.
//!
//! <https://discord.com/developers/docs/events/gateway>

mod socket;

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::world::{Event, World};

pub use socket::serve;

/// <https://discord.com/developers/docs/events/gateway#gateway-intents>
pub mod intent {
    pub const GUILDS: u64 = 1;
    pub const GUILD_MEMBERS: u64 = 1 << 1;
    pub const GUILD_PRESENCES: u64 = 1 << 8;
    pub const GUILD_MESSAGES: u64 = 1 << 9;
    pub const DIRECT_MESSAGES: u64 = 1 << 12;
    pub const MESSAGE_CONTENT: u64 = 1 << 15;
    /// Those that must be switched on for the application.
    pub const PRIVILEGED: u64 = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT;
    /// Every bit with a meaning: 0-16, 20, 21, 24, 25.
    pub const ALL: u64 = 0x1_ffff | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;
}

/// How many events a session remembers for a resume.
const REPLAY: usize = 1000;

#[derive(Default)]
pub struct Sessions {
    list: Vec<Session>,
    log_ins: usize,
    connections: usize,
    /// When sessions were begun, by the world's clock: they are counted over a day.
    starts: Vec<DateTime<Utc>>,
    /// The last log-in by rate limit key, in real time.
    last_start: HashMap<u64, Instant>,
    /// The shards that were told of the last event of a name.
    told: HashMap<&'static str, Vec<u64>>,
}

/// Whether a session may be begun.
#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    Granted,
    /// "If you hit this limit, the Gateway will respond with an Invalid Session (opcode 9)".
    TooSoon,
    /// "All active sessions for the app will be terminated, and the bot token will be reset".
    UsedUp,
}

pub struct Session {
    pub id: String,
    pub seq: u64,
    pub intents: u64,
    /// Shard number and count.
    pub shard: (u64, u64),
    /// Sent events by number, for a resume.
    replay: VecDeque<(u64, Value)>,
    /// None while disconnected.
    to: Option<UnboundedSender<Out>>,
}

/// What the socket's task is told to do.
#[derive(Debug)]
pub enum Out {
    Send(Value),
    Close(Option<u16>),
    /// Keeps the connection and goes silent.
    HalfOpen,
}

impl Sessions {
    pub fn add(&mut self, id: String, intents: u64, shard: (u64, u64), to: UnboundedSender<Out>) {
        // Sessions that nobody came back for are forgotten.
        while self.list.iter().filter(|s| s.to.is_none()).count() > 20 {
            let oldest = self.list.iter().position(|s| s.to.is_none());
            oldest.map(|at| self.list.remove(at));
        }
        self.log_ins += 1;
        self.list.push(Session { id, seq: 0, intents, shard, replay: VecDeque::new(), to: Some(to) });
    }

    /// Counts an IDENTIFY: one for each rate limit key in `every`, and `total` in a day.
    /// <https://discord.com/developers/docs/events/gateway#sharding-max-concurrency>
    pub fn start(&mut self, key: u64, every: Duration, now: DateTime<Utc>, total: usize) -> Start {
        if self.last_start.get(&key).is_some_and(|last| last.elapsed() < every) {
            return Start::TooSoon;
        }
        self.last_start.insert(key, Instant::now());
        if self.starts_left(now, total).0 == 0 {
            return Start::UsedUp;
        }
        self.starts.push(now);
        Start::Granted
    }

    /// How many more today, and how long until there are more.
    pub fn starts_left(&mut self, now: DateTime<Utc>, total: usize) -> (usize, TimeDelta) {
        let day = TimeDelta::days(1);
        self.starts.retain(|at| now - *at < day);
        let reset_after = self.starts.first().map_or(TimeDelta::zero(), |first| *first + day - now);
        (total.saturating_sub(self.starts.len()), reset_after)
    }

    /// Shard numbers and counts of the connected sessions.
    pub fn shards(&self) -> Vec<(u64, u64)> {
        let mut all: Vec<_> = self.list.iter().filter(|s| s.to.is_some()).map(|s| s.shard).collect();
        all.sort_unstable();
        all
    }

    /// How often a session was begun, resumes not counted.
    pub fn log_ins(&self) -> usize {
        self.log_ins
    }

    pub fn note_connection(&mut self) {
        self.connections += 1;
    }

    /// How often somebody connected, whatever came of it.
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// Nobody can resume any more.
    pub fn forget(&mut self) {
        self.list.clear();
    }

    /// An event as it stands, to every session.
    pub fn push_to_all(&mut self, name: &str, data: &Value) {
        for session in &mut self.list {
            session.push(name, data.clone());
        }
    }

    /// The last event of this name that any session got.
    pub fn last(&self, name: &str) -> Option<Value> {
        let all = self.list.iter().flat_map(|session| &session.replay);
        let mut of_name = all.filter(|(_, event)| event["t"] == name);
        of_name.next_back().map(|(_, event)| event["d"].clone())
    }

    /// The shards whose sessions were told of the last event of this name.
    pub fn told(&self, name: &str) -> Vec<u64> {
        self.told.get(name).cloned().unwrap_or_default()
    }

    pub fn connected(&self) -> usize {
        self.list.iter().filter(|s| s.to.is_some()).count()
    }

    /// Sessions that still get events, be it after a resume.
    pub fn alive(&self) -> usize {
        self.list.len()
    }

    /// To everyone connected: faults.
    pub fn tell_all(&self, make: impl Fn() -> Out) -> usize {
        let all = self.list.iter().filter_map(|s| s.to.as_ref());
        all.filter(|to| to.send(make()).is_ok()).count()
    }

    /// Whether the connection behind `from` still has its session (op 9 takes it away).
    pub fn holds(&self, id: &str, from: &UnboundedSender<Out>) -> bool {
        let own = |to: &UnboundedSender<Out>| to.same_channel(from);
        self.list.iter().any(|s| s.id == id && s.to.as_ref().is_some_and(own))
    }

    /// The connection behind `from` is gone. A session that was taken over by a newer connection stays as it is.
    /// `ended`: "closing with 1000 or 1001 invalidates the session"; else it waits for a resume.
    pub fn leave(&mut self, id: &str, from: &UnboundedSender<Out>, ended: bool) {
        let own = |s: &Session| s.id == id && s.to.as_ref().is_some_and(|to| to.same_channel(from));
        if ended {
            self.list.retain(|s| !own(s));
        } else if let Some(session) = self.list.iter_mut().find(|s| own(s)) {
            session.to = None;
        }
    }

    /// Takes the session over and sends what was missed; false if it can't be resumed.
    pub fn resume(&mut self, id: &str, seq: u64, to: UnboundedSender<Out>) -> bool {
        let Some(session) = self.list.iter_mut().find(|s| s.id == id) else {
            return false;
        };
        let first = session.replay.front().map_or(session.seq + 1, |(first, _)| *first);
        if seq > session.seq || seq + 1 < first {
            return false;
        }
        if let Some(old) = session.to.replace(to.clone()) {
            // The same session twice: the older connection is closed ("session timed out").
            let _ = old.send(Out::Close(Some(4009)));
        }
        for (_, event) in session.replay.iter().filter(|(n, _)| *n > seq) {
            let _ = to.send(Out::Send(event.clone()));
        }
        session.push("RESUMED", json!({"_trace": []}));
        true
    }

    /// An event for one session only (READY and what follows it).
    pub fn push_to(&mut self, id: &str, name: &str, data: Value) {
        if let Some(session) = self.list.iter_mut().find(|s| s.id == id) {
            session.push(name, data);
        }
    }

    /// An event for every session that asked for it: every session of the bot gets every interaction.
    /// "Gateway events that do not contain a guild_id will only be sent to the first shard".
    pub fn dispatch(&mut self, world: &World, event: &Event) {
        let mut told = Vec::new();
        for session in &mut self.list {
            let (shard, shards) = session.shard;
            let guild_shard = event.guild_id.map_or(0, |id| (id >> 22) % shards.max(1));
            let wanted = event.intents == 0 || session.intents & event.intents != 0;
            if !wanted || guild_shard != shard {
                continue;
            }
            let content = session.intents & intent::MESSAGE_CONTENT != 0;
            let of_message = matches!(event.name, "MESSAGE_CREATE" | "MESSAGE_UPDATE");
            let data = match of_message && !content {
                true => world.without_content(event.data.clone()),
                false => event.data.clone(),
            };
            session.push(event.name, data);
            told.push(shard);
        }
        self.told.insert(event.name, told);
    }
}

impl Session {
    fn push(&mut self, name: &str, data: Value) {
        self.seq += 1;
        let event = json!({"op": 0, "t": name, "s": self.seq, "d": data});
        self.replay.push_back((self.seq, event.clone()));
        if self.replay.len() > REPLAY {
            self.replay.pop_front();
        }
        if let Some(to) = &self.to {
            let _ = to.send(Out::Send(event));
        }
    }
}
