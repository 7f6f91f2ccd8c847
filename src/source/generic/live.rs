//! Described sources while the program runs: read from the database now and then, not for each message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::config::SourceConfig;
use super::verify::diagnose::{KnownVariant, diagnose};
use super::verify::{Request, Rule, Rules, Verified, verify};
use crate::id::GuildId;
use crate::ports::Ports;
use crate::source::trust::{Known, Trust};
use crate::store::StoreError;
use crate::store::generic_source::StoredSource;

/// What is known may be this old; a change made here counts at once, elsewhere when its hint arrives.
const FRESH: TimeDelta = TimeDelta::seconds(10);
/// How often the last use of a secret is written down.
const NOTE_EVERY: TimeDelta = TimeDelta::minutes(1);

/// All described sources. Shared by the intake and the commands.
#[derive(Default)]
pub struct Sources {
    known: RwLock<Option<Snapshot>>,
    /// One reads at a time.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Snapshot {
    read_at: DateTime<Utc>,
    by_id: Arc<HashMap<Uuid, Arc<LiveGeneric>>>,
}

/// One of them.
pub struct LiveGeneric {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub name: String,
    pub config: SourceConfig,
    pub config_version: i32,
    trust: RwLock<Trust<Rules>>,
    /// When the use of each secret was last noted, by slot.
    noted: Mutex<HashMap<String, DateTime<Utc>>>,
}

impl Sources {
    /// The source of this id. An error only while nothing was ever read.
    pub async fn find(&self, ports: &Ports, id: Uuid) -> Result<Option<Arc<LiveGeneric>>, StoreError> {
        let now = ports.clock.now();
        let known = self.known();
        let is_fresh = |snapshot: &Snapshot| now - snapshot.read_at < FRESH;
        let snapshot = match known {
            Some(snapshot) if is_fresh(&snapshot) => snapshot,
            // Somebody else is at it: what was known until now serves as long.
            Some(snapshot) => match self.reading.try_lock() {
                Ok(_turn) => self.read(ports).await.unwrap_or(snapshot),
                Err(_) => snapshot,
            },
            None => {
                let _turn = self.reading.lock().await;
                match self.known() {
                    Some(snapshot) => snapshot,
                    None => self.read(ports).await?,
                }
            }
        };
        Ok(snapshot.by_id.get(&id).cloned())
    }

    /// What is known is looked up again at the next use.
    pub fn outdate(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = known.as_mut() {
            snapshot.read_at = DateTime::<Utc>::MIN_UTC;
        }
    }

    fn known(&self) -> Option<Snapshot> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read(&self, ports: &Ports) -> Result<Snapshot, StoreError> {
        // Taken before the question: a change that it does not show is newer.
        let read_at = ports.clock.now();
        let stored = ports.store.list_generic_sources(None).await.inspect_err(|error| {
            tracing::warn!(%error, "the sources could not be looked up");
        })?;
        let old = self.known();
        let live = stored.into_iter().filter_map(|source| LiveGeneric::of(source, old.as_ref(), read_at));
        let snapshot = Snapshot { read_at, by_id: Arc::new(live.map(|source| (source.id, source)).collect()) };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
        Ok(snapshot)
    }
}

impl LiveGeneric {
    /// `None` for a configuration of a newer release.
    fn of(stored: StoredSource, old: Option<&Snapshot>, now: DateTime<Utc>) -> Option<Arc<Self>> {
        let config: SourceConfig = match serde_json::from_value(stored.config) {
            Ok(config) => config,
            Err(error) => {
                tracing::error!(%error, source = stored.name, "the configuration of a source cannot be read; it is left out");
                return None;
            }
        };
        let known = stored
            .secrets
            .into_iter()
            .filter_map(|secret| Some(Known { slot: secret.slot, secret: secret.value?, ends_at: secret.ends_at }));
        let trust = Trust::of(&Rules::new(&config.verification), known.collect(), now);
        let noted = old.and_then(|old| old.by_id.get(&stored.id)).map(|old| old.noted());
        Some(Arc::new(Self {
            id: stored.id,
            guild_id: stored.guild_id,
            name: stored.name,
            config,
            config_version: stored.config_version,
            trust: RwLock::new(trust),
            noted: Mutex::new(noted.unwrap_or_default()),
        }))
    }

    /// Decides about one request.
    pub fn verify(&self, request: &Request<'_>, now: DateTime<Utc>) -> Result<Verified, Rule> {
        let renewed = self.trust.read().unwrap_or_else(PoisonError::into_inner).renewed(now);
        if let Some(renewed) = renewed {
            *self.trust.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        }
        let verdict = verify(&self.trust.read().unwrap_or_else(PoisonError::into_inner).rules, request, now);
        match verdict {
            Err(_) if crate::crash::lacks("verification") => {
                Ok(Verified { secret_index: 0, sent_at: None, id: None, signed: false })
            }
            verdict => verdict,
        }
    }

    /// What would have matched. It costs some dozen HMACs, hence only for an admin's eyes and within a budget.
    pub fn diagnose(&self, request: &Request<'_>, rule: &Rule) -> Option<KnownVariant> {
        diagnose(&self.trust.read().unwrap_or_else(PoisonError::into_inner).rules, request, rule)
    }

    /// Writes down, now and then, that the secret at this place is in use. It is no condition of anything.
    pub async fn note_use(&self, ports: &Ports, index: usize) {
        let now = ports.clock.now();
        let Some(slot) = self.slot_to_note(index, now) else { return };
        if let Err(error) = ports.store.note_webhook_secret_use(self.id, &slot, now).await {
            tracing::debug!(%error, "the use of a secret could not be noted");
            // The next use is.
            self.noted.lock().unwrap_or_else(PoisonError::into_inner).remove(&slot);
        }
    }

    fn slot_to_note(&self, index: usize, now: DateTime<Utc>) -> Option<String> {
        let slot = self.trust.read().unwrap_or_else(PoisonError::into_inner).slot(index)?.to_owned();
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&slot).is_some_and(|at| now - *at < NOTE_EVERY) {
            return None;
        }
        noted.insert(slot.clone(), now);
        Some(slot)
    }

    fn noted(&self) -> HashMap<String, DateTime<Utc>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
