//! How a Redis is set up: read only, for whoever wants to know whether it keeps what it is given.

use std::collections::HashMap;

use redis::RedisError;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamInfoGroupsReply;

use super::{RedisBus, away, connect};
use crate::bus::BusError;

/// What matters about it. `None`: it may not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisFacts {
    /// `Redis` or `Valkey`.
    pub server: String,
    pub version: String,
    pub append_only: Option<bool>,
    /// Whether snapshots are taken (`save`).
    pub snapshots: Option<bool>,
    /// Whether its last write to the disk worked.
    pub last_write_ok: bool,
    /// Bytes; 0: no limit.
    pub max_memory: Option<u64>,
    pub eviction_policy: Option<String>,
    /// The name of our stream, and our group of it when there is one.
    pub stream: String,
    pub group: Option<GroupFacts>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFacts {
    pub consumers: usize,
    pub pending: usize,
}

impl RedisBus {
    pub async fn probe(&self) -> Result<RedisFacts, BusError> {
        self.ask().await.map_err(|error| away(&error))
    }

    async fn ask(&self) -> Result<RedisFacts, RedisError> {
        let mut connection = connect(&self.client).await?;
        let info: String = redis::cmd("INFO").query_async(&mut connection).await?;
        let info = fields(&info);
        let of = |name: &str| info.get(name).map(|value| (*value).to_owned());
        let valkey = of("valkey_version");
        let ok = |name: &str| of(name).is_none_or(|status| status == "ok");
        let save = setting(&mut connection, "save").await;
        let append_only = setting(&mut connection, "appendonly").await;
        Ok(RedisFacts {
            server: if valkey.is_some() { "Valkey" } else { "Redis" }.into(),
            version: valkey.or_else(|| of("redis_version")).unwrap_or_default(),
            append_only: append_only.or_else(|| of("aof_enabled")).map(|on| matches!(on.as_str(), "yes" | "1")),
            snapshots: save.map(|rules| !rules.is_empty()),
            last_write_ok: ok("aof_last_write_status") && ok("rdb_last_bgsave_status"),
            max_memory: of("maxmemory").and_then(|bytes| bytes.parse().ok()),
            eviction_policy: of("maxmemory_policy"),
            stream: self.stream(),
            group: self.group(&mut connection).await,
        })
    }

    async fn group(&self, connection: &mut MultiplexedConnection) -> Option<GroupFacts> {
        let mut command = redis::cmd("XINFO");
        command.arg("GROUPS").arg(self.stream());
        let groups: StreamInfoGroupsReply = command.query_async(connection).await.ok()?;
        let ours = groups.groups.into_iter().find(|group| group.name == self.prefix)?;
        Some(GroupFacts { consumers: ours.consumers, pending: ours.pending })
    }
}

/// `None` as well where managed servers forbid the command.
async fn setting(connection: &mut MultiplexedConnection, name: &str) -> Option<String> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg(name);
    let found: HashMap<String, String> = command.query_async(connection).await.ok()?;
    found.get(name).cloned()
}

/// `name:value` lines.
fn fields(info: &str) -> HashMap<&str, &str> {
    info.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}
