//! The secrets of a source over time: made, brought to XTSystems, ended. Two are live while they change.
//!
//! A rotation stores the new secret before XTSystems hears of it, and gives the old one an end only when
//! XTSystems has taken the new one. Whatever happens in between, both are accepted, and running it again goes
//! on with the same secret.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::live::{LiveSource, client, told};
use super::trust::{ENV_SLOTS, FIRST_SLOT, Known, Trust};
use crate::clock::random_bytes;
use crate::error::UserError;
use crate::ports::Ports;
use crate::source::catch_up::find_ours;
use crate::store::Store;
use crate::store::webhook_secret::{SecretRow, try_lock_rotation};
use crate::upstream::xtsystems::WebhookUpdate;

/// How long the old secret stays valid unless told otherwise.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// An ended secret is recognised for this long, so that a sender that still uses it is told so.
const RECOGNISED: TimeDelta = TimeDelta::days(30);
/// The last use is noted this often.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

const UNDER_WAY: &str = "Somebody else is rotating the secret at this moment. See /webhook-secret status.";

const NO_KEY: &str =
    "Signalbox has no key to encrypt a new secret with, so it makes none. Its operator has to set ENCRYPTION_KEY.";

/// What a rotation came to.
#[derive(Debug)]
pub struct Rotated {
    /// An earlier rotation had stopped half-way.
    pub continued: bool,
    /// Until when the old generated secrets are accepted; `None` when there were none.
    pub old_until: Option<DateTime<Utc>>,
    /// `WEBHOOK_SECRET` stays live for as long as it is set.
    pub environment_stays: bool,
}

/// One live secret, without its value.
#[derive(Debug)]
pub struct SecretStatus {
    pub kind: SecretKind,
    pub created_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    /// Made by a rotation that XTSystems has not confirmed.
    pub is_pending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    Generated,
    Environment,
    EnvironmentPrevious,
}

fn is_generated(row: &SecretRow) -> bool {
    !ENV_SLOTS.contains(&row.slot.as_str())
}

fn is_live(row: &SecretRow, now: DateTime<Utc>) -> bool {
    row.ends_at.is_none_or(|end| end > now)
}

impl LiveSource {
    /// Takes up the secrets as they stand in the database. True when something changed.
    pub async fn refresh_secret(&self, ports: &Ports) -> Result<bool> {
        let now = ports.clock.now();
        let rows = self.rows(ports).await?;
        let mut known = Vec::new();
        for row in rows.iter().filter(|row| is_generated(row) && is_live(row, now - RECOGNISED)) {
            // A rotation that stopped before it had a value.
            let Some(value) = ports.store.find_setting(self.guild_id, &row.slot).await? else { continue };
            known.push(Known { slot: row.slot.clone(), secret: value.into(), ends_at: row.ends_at });
        }
        known.extend(self.configured());
        Ok(self.set_trust(Trust::new(self.separator(), known, now)))
    }

    /// The rows, with one for the secret of `/register-webhook` where an earlier version made it.
    async fn rows(&self, ports: &Ports) -> Result<Vec<SecretRow>> {
        let rows = ports.store.list_webhook_secrets(self.id).await?;
        if rows.iter().any(|row| row.slot == FIRST_SLOT)
            || ports.store.find_setting(self.guild_id, FIRST_SLOT).await?.is_none()
        {
            return Ok(rows);
        }
        let now = ports.clock.now();
        ports.store.ensure_webhook_secret(self.id, FIRST_SLOT, Some(now), now).await?;
        Ok(ports.store.list_webhook_secrets(self.id).await?)
    }

    /// The secret under which XTSystems is to sign, with its slot and whether it was made just now: that of
    /// the last rotation, else the configured one, else one made here and kept.
    pub(super) async fn signing_secret(&self, ports: &Ports) -> Result<(SecretString, String, bool)> {
        let now = ports.clock.now();
        let rows = self.rows(ports).await?;
        let rotated = rows.iter().find(|row| is_generated(row) && row.slot != FIRST_SLOT && row.ends_at.is_none());
        if let Some(row) = rotated
            && let Some(value) = ports.store.find_setting(self.guild_id, &row.slot).await?
        {
            return Ok((value.into(), row.slot.clone(), false));
        }
        if let Some(first) = self.configured().next() {
            return Ok((first.secret, first.slot, false));
        }
        let fresh = hex::encode(random_bytes::<32>());
        let kept = ports.store.ensure_setting(self.guild_id, FIRST_SLOT, &fresh, now).await?;
        ports.store.ensure_webhook_secret(self.id, FIRST_SLOT, Some(now), now).await?;
        self.refresh_secret(ports).await?;
        let made = kept == fresh;
        Ok((kept.into(), FIRST_SLOT.to_owned(), made))
    }

    /// XTSystems signs with this secret from now on: older generated ones end after `keep`.
    pub(super) async fn confirm(&self, ports: &Ports, slot: &str, keep: TimeDelta) -> Result<()> {
        let now = ports.clock.now();
        ports.store.confirm_webhook_secret(self.id, slot, now + keep, now).await?;
        self.refresh_secret(ports).await?;
        Ok(())
    }

    /// Makes a new secret and brings it to XTSystems; the old ones are accepted for `keep` longer.
    pub async fn rotate(&self, ports: &Ports, keep: TimeDelta) -> Result<Rotated> {
        let client = client(ports)?;
        let now = ports.clock.now();
        // One at a time, in whatever process: XTSystems must not be given an older secret after a newer one.
        let mut turn = ports.store.begin().await?;
        if !try_lock_rotation(&mut turn, self.id).await? {
            return Err(UserError::new(UNDER_WAY).into());
        }
        let rows = self.rows(ports).await?;
        let continued = rows.iter().any(|row| is_generated(row) && row.confirmed_at.is_none());
        if !continued && let Some(end) = rows.iter().filter_map(|row| row.ends_at).find(|end| *end > now) {
            return Err(UserError::new(format!(
                "The last rotation is not over: the secret before is accepted until <t:{0}:f> (<t:{0}:R>). End it first \
                 with /webhook-secret end-old.",
                end.timestamp()
            ))
            .into());
        }
        let webhooks = client.list_webhooks().await.map_err(told)?;
        let Some(webhook) = find_ours(webhooks, self.url.as_deref()) else {
            return Err(UserError::new(
                "Our webhook is not registered at XTSystems, so there is nothing to give a new secret to. Use \
                 /register-webhook first.",
            )
            .into());
        };
        let (secret, slot) = self.new_secret(ports).await?;
        crate::crash::point("rotate.stored");
        let update = WebhookUpdate { secret: Some(secret), ..WebhookUpdate::default() };
        client.update_webhook(&webhook.id, &update).await.map_err(|error| {
            UserError::new(format!(
                "{error}.\nWhether XTSystems has the new secret is not known, so the old and the new one are both \
                 accepted. Use /webhook-secret rotate again: it goes on with the same secret."
            ))
        })?;
        crate::crash::point("rotate.updated");
        self.confirm(ports, &slot, keep).await?;
        Store::commit(turn).await?;
        let rows = ports.store.list_webhook_secrets(self.id).await?;
        let old_until = rows.iter().filter_map(|row| row.ends_at).filter(|end| *end > now).max();
        Ok(Rotated { continued, old_until, environment_stays: self.configured().next().is_some() })
    }

    /// The secret of the rotation under way, whoever began it. It is accepted when this returns.
    async fn new_secret(&self, ports: &Ports) -> Result<(SecretString, String)> {
        let now = ports.clock.now();
        let fresh = format!("{FIRST_SLOT}.{}", ports.clock.uuid());
        if !ports.store.has_key() {
            // Before the row: a rotation that can have no value must not be left pending.
            return Err(UserError::new(NO_KEY).into());
        }
        ports.store.ensure_webhook_secret(self.id, &fresh, None, now).await?;
        let rows = ports.store.list_webhook_secrets(self.id).await?;
        let pending = rows.into_iter().find(|row| is_generated(row) && row.confirmed_at.is_none());
        let Some(SecretRow { slot, .. }) = pending else { return Err(UserError::new(UNDER_WAY).into()) };
        let value = hex::encode(random_bytes::<32>());
        let value = ports.store.ensure_setting(self.guild_id, &slot, &value, now).await?;
        self.refresh_secret(ports).await?;
        Ok((value.into(), slot))
    }

    /// The live secrets, the newest first.
    pub async fn secrets(&self, ports: &Ports) -> Result<Vec<SecretStatus>> {
        let now = ports.clock.now();
        let rows = self.rows(ports).await?;
        let generated = rows.iter().filter(|row| is_generated(row) && is_live(row, now)).map(|row| SecretStatus {
            kind: SecretKind::Generated,
            created_at: Some(row.created_at),
            ends_at: row.ends_at,
            last_used_at: row.last_used_at,
            is_pending: row.confirmed_at.is_none(),
        });
        let configured = self.configured().map(|known| SecretStatus {
            kind: if known.slot == ENV_SLOTS[0] { SecretKind::Environment } else { SecretKind::EnvironmentPrevious },
            created_at: None,
            ends_at: None,
            last_used_at: rows.iter().find(|row| row.slot == known.slot).and_then(|row| row.last_used_at),
            is_pending: false,
        });
        Ok(generated.chain(configured).collect())
    }

    /// Ends the old generated secrets at once. Returns how many.
    pub async fn end_old(&self, ports: &Ports) -> Result<u64> {
        let rows = self.rows(ports).await?;
        if rows.iter().any(|row| is_generated(row) && row.confirmed_at.is_none()) {
            return Err(UserError::new(
                "XTSystems has not confirmed the new secret yet, so the old one is still needed. Use /webhook-secret \
                 rotate again: it goes on where it stopped.",
            )
            .into());
        }
        let ended = ports.store.end_old_webhook_secrets(self.id, ports.clock.now()).await?;
        self.refresh_secret(ports).await?;
        Ok(ended)
    }

    /// Notes that a request was signed with the secret at this place, once a minute.
    pub async fn note_use(&self, ports: &Ports, secret_index: usize) {
        let now = ports.clock.now();
        let Some(slot) = self.slot_to_note(secret_index, now, NOTED_EVERY) else { return };
        if let Err(error) = ports.store.note_webhook_secret_use(self.id, &slot, now).await {
            tracing::debug!(%error, "the use of a secret was not noted");
            self.not_noted(&slot);
        }
    }
}
