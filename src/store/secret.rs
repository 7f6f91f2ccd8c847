//! Which columns hold secrets, and how they stand there: sealed, each bound to its row. Store functions open
//! and seal on the way; nobody else sees the stored form.
//!
//! `destination.webhook_token`, the `setting` values whose key says that they are secret, the tokens of `kick_account`,
//! and, too short-lived to be sealed anew, `ticket_action.interaction_token`, `approval_reply.interaction_token` and
//! `kick_oauth_state.verifier`.

use uuid::Uuid;

use super::{Result, Store};
use crate::crypto::{Keyring, SEALED};

/// Rows read at once.
const BATCH: i64 = 500;

/// Which stored secrets are written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reseal {
    /// None: only whether they open is looked at.
    Nothing,
    /// Those from before there was a key.
    Plain,
    /// Those, and the ones under an older key.
    Outdated,
}

impl Reseal {
    fn takes(self, keys: &Keyring, stored: &str) -> bool {
        match self {
            Reseal::Nothing => false,
            _ if !keys.has_key() => false,
            Reseal::Plain => !stored.starts_with(SEALED),
            Reseal::Outdated => keys.is_outdated(stored),
        }
    }
}

/// Whether the value of this setting is a secret.
pub(super) fn is_secret(key: &str) -> bool {
    ["secret", "token", "api_key", "password"].iter().any(|word| key.contains(word))
}

pub(super) fn setting_place(guild_id: i64, key: &str) -> String {
    format!("setting:{guild_id}/{key}:value")
}

pub(super) fn webhook_place(guild_id: i64, webhook_id: i64) -> String {
    format!("destination:{guild_id}/{webhook_id}:webhook_token")
}

/// `column`: `access_token` or `refresh_token`.
pub(super) fn kick_token_place(account_id: Uuid, column: &str) -> String {
    format!("kick_account:{account_id}:{column}")
}

pub(super) fn kick_verifier_place(oauth_id: Uuid) -> String {
    format!("kick_oauth_state:{oauth_id}:verifier")
}

fn interaction_place(action_id: Uuid) -> String {
    format!("ticket_action:{action_id}:interaction_token")
}

/// An interaction's token lives for 15 minutes and only serves to tell the presser what came of it: without a key
/// it is not kept.
pub(super) fn seal_interaction_token(keys: &Keyring, action_id: Uuid, token: Option<&str>) -> Option<String> {
    keys.seal(&interaction_place(action_id), token?).ok()
}

/// `None` also when its key was replaced meanwhile.
pub(super) fn open_interaction_token(keys: &Keyring, action_id: Uuid, sealed: Option<&str>) -> Option<String> {
    keys.open(&interaction_place(action_id), sealed?).ok()
}

fn reply_place(approval_id: Uuid) -> String {
    format!("approval_reply:{approval_id}:interaction_token")
}

/// The same for the token by which whoever pressed an action is told of its refusal.
pub(super) fn seal_reply_token(keys: &Keyring, approval_id: Uuid, token: &str) -> Option<String> {
    keys.seal(&reply_place(approval_id), token).ok()
}

pub(super) fn open_reply_token(keys: &Keyring, approval_id: Uuid, sealed: &str) -> Option<String> {
    keys.open(&reply_place(approval_id), sealed).ok()
}

impl Store {
    /// Whether secrets can be sealed.
    pub fn has_key(&self) -> bool {
        self.keys.has_key()
    }

    /// Opens every stored secret, and seals anew those that are to be. Stops at one that does not open, and
    /// names it; what was done until then stays. May run in several processes at once. Returns how many
    /// secrets there are and how many were sealed anew.
    pub async fn reseal(&self, which: Reseal) -> Result<(u64, u64)> {
        let (settings, webhooks) = (self.reseal_settings(which).await?, self.reseal_webhooks(which).await?);
        let accounts = self.reseal_kick_accounts(which).await?;
        Ok((settings.0 + webhooks.0 + accounts.0, settings.1 + webhooks.1 + accounts.1))
    }

    async fn reseal_settings(&self, which: Reseal) -> Result<(u64, u64)> {
        let (mut seen, mut done) = (0, 0);
        let mut after = (i64::MIN, String::new());
        loop {
            let rows = sqlx::query!(
                "SELECT guild_id, key, value FROM setting WHERE (guild_id, key) > ($1, $2)
                 ORDER BY guild_id, key LIMIT $3",
                after.0,
                after.1,
                BATCH
            )
            .fetch_all(&self.pool)
            .await?;
            let Some(last) = rows.last() else { return Ok((seen, done)) };
            after = (last.guild_id, last.key.clone());
            for row in rows.iter().filter(|row| is_secret(&row.key)) {
                seen += 1;
                let place = setting_place(row.guild_id, &row.key);
                let value = self.keys.open(&place, &row.value)?;
                if which.takes(&self.keys, &row.value) {
                    done += sqlx::query!(
                        "UPDATE setting SET value = $4 WHERE guild_id = $1 AND key = $2 AND value = $3",
                        row.guild_id,
                        row.key,
                        row.value,
                        self.keys.seal(&place, &value)?
                    )
                    .execute(&self.pool)
                    .await?
                    .rows_affected();
                }
            }
        }
    }

    async fn reseal_webhooks(&self, which: Reseal) -> Result<(u64, u64)> {
        let (mut seen, mut done) = (0, 0);
        let mut after = Uuid::nil();
        loop {
            let rows = sqlx::query!(
                r#"SELECT id, guild_id, webhook_id AS "webhook_id!", webhook_token AS "webhook_token!" FROM destination
                   WHERE id > $1 AND webhook_id IS NOT NULL AND webhook_token IS NOT NULL ORDER BY id LIMIT $2"#,
                after,
                BATCH
            )
            .fetch_all(&self.pool)
            .await?;
            let Some(last) = rows.last() else { return Ok((seen, done)) };
            after = last.id;
            for row in &rows {
                seen += 1;
                let place = webhook_place(row.guild_id, row.webhook_id);
                let token = self.keys.open(&place, &row.webhook_token)?;
                if which.takes(&self.keys, &row.webhook_token) {
                    done += sqlx::query!(
                        "UPDATE destination SET webhook_token = $3 WHERE id = $1 AND webhook_token = $2",
                        row.id,
                        row.webhook_token,
                        self.keys.seal(&place, &token)?
                    )
                    .execute(&self.pool)
                    .await?
                    .rows_affected();
                }
            }
        }
    }

    /// The two tokens of an account are written together: an exchange in between wins.
    async fn reseal_kick_accounts(&self, which: Reseal) -> Result<(u64, u64)> {
        let (mut seen, mut done) = (0, 0);
        let mut after = Uuid::nil();
        loop {
            let rows = sqlx::query!(
                "SELECT id, access_token, refresh_token FROM kick_account WHERE id > $1 ORDER BY id LIMIT $2",
                after,
                BATCH
            )
            .fetch_all(&self.pool)
            .await?;
            let Some(last) = rows.last() else { return Ok((seen, done)) };
            after = last.id;
            for row in &rows {
                seen += 2;
                let access_place = kick_token_place(row.id, "access_token");
                let refresh_place = kick_token_place(row.id, "refresh_token");
                let access = self.keys.open(&access_place, &row.access_token)?;
                let refresh = self.keys.open(&refresh_place, &row.refresh_token)?;
                if which.takes(&self.keys, &row.access_token) || which.takes(&self.keys, &row.refresh_token) {
                    done += 2 * sqlx::query!(
                        "UPDATE kick_account SET access_token = $4, refresh_token = $5
                         WHERE id = $1 AND access_token = $2 AND refresh_token = $3",
                        row.id,
                        row.access_token,
                        row.refresh_token,
                        self.keys.seal(&access_place, &access)?,
                        self.keys.seal(&refresh_place, &refresh)?
                    )
                    .execute(&self.pool)
                    .await?
                    .rows_affected();
                }
            }
        }
    }
}
