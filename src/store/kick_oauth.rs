//! Connections to Kick that somebody has begun. What the browser holds is known here by its hash alone.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::secret::kick_verifier_place;
use super::{Result, Store, Tx};
use crate::id::{GuildId, UserId};

/// What somebody wants an account at Kick for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To connect their channel with the server.
    Streamer,
    /// To let it speak for the server's bot.
    Bot,
    /// To say which viewer they are.
    Link,
}

impl Wish {
    pub fn as_str(self) -> &'static str {
        match self {
            Wish::Streamer => "streamer",
            Wish::Bot => "bot",
            Wish::Link => "link",
        }
    }

    fn of(text: &str) -> Self {
        match text {
            "streamer" => Wish::Streamer,
            "bot" => Wish::Bot,
            _ => Wish::Link,
        }
    }
}

/// Somebody in a server has asked for a link.
#[derive(Clone, Debug, PartialEq)]
pub struct KickOauth {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub person_id: Uuid,
    pub wish: Wish,
    /// As others see them, and what the server is called: for the page that asks for consent.
    pub discord_name: String,
    pub guild_name: String,
    pub expires_at: DateTime<Utc>,
}

/// Somebody has come back from Kick.
#[derive(Clone, Debug)]
pub struct Returned {
    pub oauth: KickOauth,
    pub verifier: SecretString,
    /// `None`: they were forgotten since.
    pub user_id: Option<UserId>,
}

/// Keeps what somebody has begun; what they began before with the same wish is void.
pub async fn insert_kick_oauth(tx: &mut Tx, new: &KickOauth, link_hash: &[u8], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "DELETE FROM kick_oauth_state WHERE guild_id = $1 AND person_id = $2 AND purpose = $3 AND used_at IS NULL",
        new.guild_id.0,
        new.person_id,
        new.wish.as_str()
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO kick_oauth_state (id, guild_id, person_id, purpose, link_hash, discord_name, guild_name, created_at,
             expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        new.id,
        new.guild_id.0,
        new.person_id,
        new.wish.as_str(),
        link_hash,
        new.discord_name,
        new.guild_name,
        now,
        new.expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// What a link that was given in Discord is about, while it can be used.
    pub async fn find_kick_oauth(&self, link_hash: &[u8], now: DateTime<Utc>) -> Result<Option<KickOauth>> {
        let row = sqlx::query!(
            "SELECT id, guild_id, person_id, purpose, discord_name, guild_name, expires_at FROM kick_oauth_state
             WHERE link_hash = $1 AND used_at IS NULL AND expires_at > $2",
            link_hash,
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| KickOauth {
            id: r.id,
            guild_id: GuildId(r.guild_id),
            person_id: r.person_id,
            wish: Wish::of(&r.purpose),
            discord_name: r.discord_name,
            guild_name: r.guild_name,
            expires_at: r.expires_at,
        }))
    }

    /// The person has consented in this browser, which is sent to Kick with this state. False: the link cannot be used
    /// any more.
    pub async fn save_kick_consent(
        &self,
        oauth: &KickOauth,
        state_hash: &[u8],
        browser_hash: &[u8],
        verifier: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE kick_oauth_state SET state_hash = $3, browser_hash = $4, verifier = $5
             WHERE guild_id = $1 AND id = $2 AND used_at IS NULL AND expires_at > $6",
            oauth.guild_id.0,
            oauth.id,
            state_hash,
            browser_hash,
            self.keys.seal(&kick_verifier_place(oauth.id), verifier.expose_secret())?,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Uses up a state, once: the browser has to be the one that consented.
    pub async fn take_kick_oauth(
        &self,
        state_hash: &[u8],
        browser_hash: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<Returned>> {
        let row = sqlx::query!(
            r#"UPDATE kick_oauth_state o SET used_at = $3
               WHERE state_hash = $1 AND browser_hash = $2 AND used_at IS NULL AND expires_at > $3
               RETURNING id, guild_id, person_id, purpose, discord_name, guild_name, expires_at, verifier AS "verifier!",
                   (SELECT p.discord_user_id FROM person p WHERE p.id = o.person_id) AS "user?""#,
            state_hash,
            browser_hash,
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(r) = row else { return Ok(None) };
        let verifier = self.keys.open(&kick_verifier_place(r.id), &r.verifier)?;
        Ok(Some(Returned {
            oauth: KickOauth {
                id: r.id,
                guild_id: GuildId(r.guild_id),
                person_id: r.person_id,
                wish: Wish::of(&r.purpose),
                discord_name: r.discord_name,
                guild_name: r.guild_name,
                expires_at: r.expires_at,
            },
            verifier: verifier.into(),
            user_id: r.user.map(UserId),
        }))
    }
}
