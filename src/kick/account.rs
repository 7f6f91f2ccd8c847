//! Tokens: those of connected accounts, exchanged before they run out by one process at a time, and that of the
//! application itself.
//!
//! A new pair is stored before it is used. Killed between Kick's answer and the commit, the old pair is exchanged again:
//! Kick takes an old refresh token once more (specification of Kick, Facts 5).

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{client, owner, text};
use crate::clock::jitter;
use crate::id::{GuildId, NOBODY};
use crate::ports::Ports;
use crate::source::notice::tell_admins;
use crate::store::kick_account::{ClaimedAccount, KickTokens};
use crate::upstream::kick::{KickError, Tokens};

/// Accounts whose tokens are exchanged in one step.
pub const AT_ONCE: i64 = 20;
/// Longer than the client's deadline.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// So long before they run out tokens are exchanged.
const AHEAD: TimeDelta = TimeDelta::minutes(10);
/// And so often at least: refresh tokens die when they are not used for 30 days.
const AT_LEAST: TimeDelta = TimeDelta::hours(20);
/// A token with less left than this is not used for a request.
const SPARE: TimeDelta = TimeDelta::seconds(30);
/// After a failure that may pass: from this to that.
const AGAIN: (TimeDelta, TimeDelta) = (TimeDelta::seconds(30), TimeDelta::minutes(10));
/// The application's token lives for 60 days.
const APP_SPARE: TimeDelta = TimeDelta::days(1);

/// Exchanges the tokens that are due. Returns how many accounts that were.
pub async fn refresh_due(ports: &Ports, limit: i64) -> Result<usize> {
    if ports.lifecycle.is_stopping() || ports.kick.is_none() {
        return Ok(0);
    }
    let now = ports.clock.now();
    let claimed = ports.store.claim_kick_accounts(None, ports.clock.uuid(), now, now + LEASE, limit).await?;
    for exchanged in join_all(claimed.iter().map(|account| exchange(ports, account))).await {
        exchanged?;
    }
    Ok(claimed.len())
}

/// A token that can be used now. `None`: there is none at this moment; whether that passes says the account.
pub async fn access_token(ports: &Ports, guild_id: GuildId, account_id: Uuid) -> Result<Option<SecretString>> {
    let now = ports.clock.now();
    let Some(tokens) = ports.store.find_kick_tokens(guild_id, account_id).await? else { return Ok(None) };
    if tokens.access_expires_at > now + SPARE {
        return Ok(Some(tokens.access));
    }
    refreshed(ports, guild_id, account_id).await
}

/// Kick did not accept the token although it should still be good: it is exchanged now, unless that was done just before.
pub async fn access_token_anew(
    ports: &Ports,
    guild_id: GuildId,
    account_id: Uuid,
    refused: &SecretString,
) -> Result<Option<SecretString>> {
    let Some(tokens) = ports.store.find_kick_tokens(guild_id, account_id).await? else { return Ok(None) };
    if tokens.access.expose_secret() != refused.expose_secret() {
        return Ok(Some(tokens.access));
    }
    refreshed(ports, guild_id, account_id).await
}

/// Exchanges the tokens of one account. `None` also when another process is at it.
async fn refreshed(ports: &Ports, guild_id: GuildId, account_id: Uuid) -> Result<Option<SecretString>> {
    let now = ports.clock.now();
    let claimed = ports.store.claim_kick_accounts(Some(account_id), ports.clock.uuid(), now, now + LEASE, 1).await?;
    if let Some(claimed) = claimed.first() {
        exchange(ports, claimed).await?;
    }
    let tokens = ports.store.find_kick_tokens(guild_id, account_id).await?;
    Ok(tokens.filter(|tokens| tokens.access_expires_at > ports.clock.now() + SPARE).map(|tokens| tokens.access))
}

async fn exchange(ports: &Ports, claimed: &ClaimedAccount) -> Result<()> {
    let _work = ports.lifecycle.pulse().begin("exchange of tokens at Kick");
    crate::crash::point("kick.refresh.claimed");
    let answer = client(ports)?.refresh(&claimed.refresh).await;
    crate::crash::point("kick.refresh.answered");
    let now = ports.clock.now();
    match answer {
        Ok(tokens) => {
            ports.store.save_kick_tokens(claimed, &kept(tokens, now), now).await.context("storing new tokens")?;
        }
        Err(KickError::InvalidGrant(_)) => lost(ports, claimed).await?,
        Err(error) => {
            let wait = match &error {
                KickError::Limited { retry_after: Some(wait), .. } => seconds(*wait),
                _ => again_after(claimed.account.failures),
            };
            tracing::warn!(%error, account = %claimed.account.id, "the tokens of an account at Kick could not be exchanged; trying again");
            ports.store.put_off_kick_account(claimed, now + wait).await?;
        }
    }
    Ok(())
}

/// Kick no longer knows the authorisation: whoever is responsible is told once.
async fn lost(ports: &Ports, claimed: &ClaimedAccount) -> Result<()> {
    let account = &claimed.account;
    // Told first: killed in between, the next exchange finds the same and tells nothing twice.
    let Some(told) = owner::tell(ports, claimed).await? else {
        let again = ports.clock.now() + again_after(account.failures);
        ports.store.put_off_kick_account(claimed, again).await?;
        return Ok(());
    };
    let key = format!("kick.lost:{}:{}", account.id, account.connected_at.timestamp_micros());
    tell_admins(ports, account.guild_id, &key, &text::account_lost(account, &told)).await?;
    ports.store.mark_kick_account_lost(claimed).await?;
    Ok(())
}

/// What Kick has given, with the times that follow from it.
pub(super) fn kept(tokens: Tokens, now: DateTime<Utc>) -> KickTokens {
    let expires_in = seconds(tokens.expires_in);
    let ahead = (expires_in - AHEAD).max(expires_in / 2).min(AT_LEAST);
    KickTokens {
        access: tokens.access,
        refresh: tokens.refresh,
        access_expires_at: now + expires_in,
        refresh_at: now + ahead,
    }
}

/// The wait before the next attempt after so many failures, with jitter.
pub(super) fn again_after(failures: i32) -> TimeDelta {
    let doubled = AGAIN.0 * 2_i32.pow(failures.clamp(0, 8).unsigned_abs());
    let wait = doubled.min(AGAIN.1);
    TimeDelta::milliseconds((wait.num_milliseconds() as f64 * jitter(0.2)) as i64)
}

fn seconds(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(60)).min(TimeDelta::days(60))
}

/// The application's token as it is kept, for all processes.
#[derive(Serialize, Deserialize)]
struct KeptAppToken {
    token: String,
    expires_at: DateTime<Utc>,
}

/// The application's own token, which needs nobody's consent: subscriptions, and how channels stand. `refused`: the one
/// that Kick did not accept.
pub async fn app_token(
    ports: &Ports,
    refused: Option<&SecretString>,
) -> Result<std::result::Result<SecretString, KickError>> {
    let Some(config) = &ports.config.kick else { return Ok(Err(KickError::NotSent("no app is configured".into()))) };
    let key = format!("kick.{}.app_token", config.client_id);
    let now = ports.clock.now();
    let stored = ports.store.find_setting(NOBODY, &key).await?;
    let stored = stored.and_then(|text| serde_json::from_str::<KeptAppToken>(&text).ok());
    if let Some(stored) = stored
        && stored.expires_at > now + APP_SPARE
        && refused.is_none_or(|refused| refused.expose_secret() != stored.token)
    {
        return Ok(Ok(stored.token.into()));
    }
    let made = match client(ports)?.app_token().await {
        Ok(made) => made,
        Err(error) => return Ok(Err(error)),
    };
    let expires_at = now + seconds(made.expires_in);
    let kept = KeptAppToken { token: made.token.expose_secret().to_owned(), expires_at };
    ports.store.save_setting(NOBODY, &key, &serde_json::to_string(&kept)?, now).await?;
    Ok(Ok(made.token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_exchanged_ahead_of_their_end_and_daily() {
        let now = DateTime::from_timestamp(1_767_348_000, 0).unwrap();
        let after = |expires_in: u64| {
            let tokens = Tokens {
                access: "a".into(),
                refresh: "r".into(),
                expires_in: Duration::from_secs(expires_in),
                scope: String::new(),
            };
            kept(tokens, now).refresh_at - now
        };
        assert_eq!(after(7200), TimeDelta::minutes(110));
        assert_eq!(after(60 * 86_400), TimeDelta::hours(20));
        assert_eq!(after(300), TimeDelta::seconds(150));
    }

    #[test]
    fn the_wait_grows_to_ten_minutes() {
        for (failures, seconds) in [(0, 30), (1, 60), (3, 240), (5, 600), (1000, 600)] {
            let wait = again_after(failures).num_milliseconds() as f64 / 1000.0;
            assert!((wait / f64::from(seconds) - 1.0).abs() <= 0.21, "{failures}: {wait}");
        }
    }
}
