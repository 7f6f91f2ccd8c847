//! Brings the database to where the program can work with it: schema, source, routes, lock.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;

use super::App;
use crate::clock::random_bytes;
use crate::id::{GuildId, INSTANCE_SETTING, NOBODY};
use crate::routing::DEFAULT_PATTERN;
use crate::store::destination::ensure_channel;
use crate::store::migrate::{MigrateError, may_work_later};
use crate::store::route::{NewEnvRoute, replace_env_routes, take_env_turn};
use crate::store::secret::Reseal;
use crate::store::source::SourceKind;
use crate::store::{Store, StoreError};

const WAIT_MAX: Duration = Duration::from_secs(15);

impl App {
    /// Prepares, waiting for the database as long as it takes. False when the process stops first; an
    /// error when waiting cannot help.
    pub async fn prepare(&self) -> Result<bool> {
        let stop = self.lifecycle.token();
        let mut wait = Duration::from_millis(500);
        loop {
            let error = match self.try_prepare().await {
                Ok(()) => return Ok(true),
                Err(error) => error,
            };
            let met_others = error.downcast_ref::<StoreError>().is_some_and(StoreError::is_conflict);
            if !met_others && !may_wait(&error) {
                return Err(error);
            }
            let (error, seconds) = (crate::error::chain(&error), wait.as_secs_f32());
            if met_others {
                tracing::info!(error, seconds, "other processes are at work in the database; trying again");
            } else {
                tracing::warn!(
                    error,
                    seconds,
                    "PostgreSQL cannot be reached. Check DATABASE_URL and that the server runs; trying again, and webhooks are answered 503 meanwhile"
                );
            }
            self.ingest.note_missed();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => return Ok(false),
            }
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    async fn try_prepare(&self) -> Result<()> {
        self.prepare_intake().await?;
        let ports = &self.ports;
        // Who plans has the routes; the environment of the others need not know them.
        if !ports.config.roles.worker {
            return Ok(());
        }
        if let Some(guild_id) = ports.config.discord.guild_id {
            self.seed_routes(guild_id).await?;
        }
        let fresh = hex::encode(random_bytes::<8>());
        let instance = ports.store.ensure_setting(NOBODY, INSTANCE_SETTING, &fresh, ports.clock.now()).await?;
        // Set already when the database had been away in between: it is the same.
        let _ = ports.instance.set(instance);
        *self.owner_lock.lock().await = Some(ports.store.lock_owner(self.owner).await?);
        ports.store.reclaim_orphaned_leases(self.owner, ports.clock.now()).await?;
        self.prepared.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// What the intake alone needs: the schema, the source, its secret.
    pub async fn prepare_intake(&self) -> Result<()> {
        let ports = &self.ports;
        // Measured twice: the first reading may be a step, the second confirms it.
        ports.clock.follow(ports.store.clock_reading().await?);
        ports.clock.follow(ports.store.clock_reading().await?);
        ports.store.migrate(ports.config.store.run_migrations).await?;
        ports.store.reseal(Reseal::Plain).await?;
        if let Some(source) = &self.xtsystems {
            let now = ports.clock.now();
            ports.store.ensure_source(source.guild_id, SourceKind::XtSystems, "xtsystems", source.id, now).await?;
            source.refresh_secret(ports).await?;
        }
        if let Some(kick) = &self.kick {
            kick.prepare(ports).await?;
        }
        Ok(())
    }

    /// Writes the routes of the environment anew.
    async fn seed_routes(&self, guild_id: GuildId) -> Result<()> {
        let ports = &self.ports;
        let now = ports.clock.now();
        let mut tx = ports.store.begin().await?;
        // Before anything else is locked: two that start at the same time must not hold each other up.
        take_env_turn(&mut tx, guild_id).await?;
        let mut routes = Vec::new();
        let mut seeds = ports.config.routing.seeds.clone();
        // Exact names before wildcards, `default` last: the order people expect of a JSON object without order.
        seeds.sort_by_key(|seed| (seed.pattern == DEFAULT_PATTERN, seed.pattern.contains('*'), seed.pattern.clone()));
        for seed in seeds {
            let mut destination_ids = Vec::new();
            for channel in seed.channels {
                destination_ids.push(ensure_channel(&mut tx, guild_id, channel, ports.clock.uuid(), now).await?);
            }
            routes.push(NewEnvRoute { id: ports.clock.uuid(), pattern: seed.pattern, destination_ids });
        }
        replace_env_routes(&mut tx, guild_id, &routes, now).await?;
        Store::commit(tx).await?;
        Ok(())
    }

    /// Looks after the lock by which others see that this process lives.
    pub(super) async fn keep_owner_lock(&self) -> Result<()> {
        let mut lock = self.owner_lock.lock().await;
        if let Some(held) = lock.as_mut()
            && held.check().await.is_ok()
        {
            return Ok(());
        }
        *lock = Some(self.ports.store.lock_owner(self.owner).await?);
        Ok(())
    }
}

fn may_wait(error: &anyhow::Error) -> bool {
    if let Some(store) = error.downcast_ref::<StoreError>() {
        return store.is_unavailable();
    }
    match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Store(store)) => store.is_unavailable() || store.is_conflict(),
        // A migration that lost its connection is tried again; one that PostgreSQL refused is not.
        Some(MigrateError::Migrate(error)) => may_work_later(error),
        _ => false,
    }
}
