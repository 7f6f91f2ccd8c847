//! Connecting accounts at Kick: a link given in Discord, a page that says who asks for what, Kick's own page, and back.
//!
//! The link, the state at Kick and the cookie of the browser are three secrets: whoever is sent a link sees on the page
//! whose it is, and whoever is sent an address of Kick's page cannot come back, because the cookie is in another browser.
//! A state is used up before its code is exchanged, so that nothing is done twice.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::account::kept;
use super::link::link_viewer;
use super::{client, text};
use crate::bus::Topic;
use crate::clock::random_bytes;
use crate::config::Config;
use crate::error::UserError;
use crate::id::{GuildId, UserId, kick_source, sha256_hex};
use crate::ports::Ports;
use crate::store::Store;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::kick::{KickChannel, NewKickChannel, insert_kick_channel, mark_kick_channel_disconnected};
use crate::store::kick_account::{NewKickAccount, Purpose, delete_kick_account, save_kick_account};
use crate::store::kick_check::ask_kick_check;
use crate::store::kick_oauth::{KickOauth, Returned, Wish, insert_kick_oauth};
use crate::store::source::{SourceKind, ensure_person};
use crate::upstream::kick::{KickError, KickUser, Scope, Tokens};

/// Below the public address: what a person is sent to, and where Kick sends them back to.
pub const LINK_PATH: &str = "/kick/connect";
pub const CALLBACK_PATH: &str = "/kick/callback";
/// How long a link can be used.
pub const LASTS: TimeDelta = TimeDelta::minutes(10);

/// A link for one person.
pub struct Begun {
    pub url: String,
    pub expires_at: chrono::DateTime<chrono::Utc>,
}

/// Where to send a browser that has consented, and what it has to keep.
pub struct Sent {
    pub to: Url,
    pub cookie: String,
}

/// What came of somebody's way to Kick and back, for the page that they come back to.
#[derive(Debug)]
pub enum Outcome {
    Connected {
        channel: String,
        guild: String,
    },
    /// It speaks where the application's bot may not.
    Speaks {
        account: String,
        guild: String,
    },
    /// So many points came along.
    Linked {
        viewer: String,
        guild: String,
        moved: i64,
    },
    /// The member is linked with this other account.
    MemberHas {
        viewer: String,
        guild: String,
    },
    /// The account is another member's.
    ViewerTaken {
        viewer: String,
        guild: String,
    },
    /// The link was used, is too old, or was begun in another browser.
    Void,
    /// The person said no, or Kick did: in its words.
    NotAllowed(String),
    /// Kick did not answer as it should; nothing was changed.
    Failed(KickError),
    /// The account has no channel.
    NoChannel {
        account: String,
    },
}

/// What a wish needs to be allowed.
pub fn scopes(wish: Wish) -> &'static [Scope] {
    use Scope::{ChannelRead, ChatWrite, EventsSubscribe, RewardsRead, RewardsWrite, UserRead};
    match wish {
        Wish::Streamer => &[UserRead, ChannelRead, ChatWrite, EventsSubscribe, RewardsRead, RewardsWrite],
        Wish::Bot => &[UserRead, ChatWrite],
        Wish::Link => &[UserRead],
    }
}

/// Where Kick sends people back to: what the app's settings have to hold, letter by letter.
pub fn redirect_uri(config: &Config) -> Option<Url> {
    let configured = config.kick.as_ref()?.redirect_uri.clone();
    configured.or_else(|| below_public(config, CALLBACK_PATH))
}

fn below_public(config: &Config, path: &str) -> Option<Url> {
    let public = config.web.public_url.as_ref()?;
    Url::parse(&format!("{}{path}", public.as_str().trim_end_matches('/'))).ok()
}

/// Makes a link for somebody in a server; the one before it is void.
pub async fn begin(ports: &Ports, guild_id: GuildId, user_id: UserId, discord_name: &str, wish: Wish) -> Result<Begun> {
    client(ports)?;
    let no_address = || UserError::new(text::NO_ADDRESS);
    redirect_uri(&ports.config).ok_or_else(no_address)?;
    let base = below_public(&ports.config, LINK_PATH).ok_or_else(no_address)?;
    // The name is for the page alone: without it the server's id has to do.
    let guild = ports.discord.get_guild(guild_id).await;
    let guild_name = guild.found.ok().map(|guild| guild.name).filter(|name| !name.is_empty());
    let link = secret();
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let new = KickOauth {
        id: ports.clock.uuid(),
        guild_id,
        person_id: ensure_person(&mut tx, user_id.0, ports.clock.uuid(), now).await?,
        wish,
        discord_name: discord_name.to_owned(),
        guild_name: guild_name.unwrap_or_else(|| guild_id.to_string()),
        expires_at: now + LASTS,
    };
    insert_kick_oauth(&mut tx, &new, &hash(link.expose_secret()), now).await?;
    Store::commit(tx).await?;
    Ok(Begun { url: format!("{base}/{}", link.expose_secret()), expires_at: new.expires_at })
}

/// What a link is about; `None`: it cannot be used (any more).
pub async fn look(ports: &Ports, link: &str) -> Result<Option<KickOauth>> {
    Ok(ports.store.find_kick_oauth(&hash(link), ports.clock.now()).await?)
}

/// The person has read what the link is about and goes on.
pub async fn consent(ports: &Ports, link: &str) -> Result<Option<Sent>> {
    let kick = client(ports)?;
    let Some(redirect_uri) = redirect_uri(&ports.config) else { return Ok(None) };
    let Some(oauth) = look(ports, link).await? else { return Ok(None) };
    let (state, cookie, verifier) = (secret(), secret(), secret());
    let now = ports.clock.now();
    let (state_hash, cookie_hash) = (hash(state.expose_secret()), hash(cookie.expose_secret()));
    if !ports.store.save_kick_consent(&oauth, &state_hash, &cookie_hash, &verifier, now).await? {
        return Ok(None);
    }
    let to = kick.authorize_url(state.expose_secret(), &verifier, &redirect_uri, scopes(oauth.wish));
    Ok(Some(Sent { to, cookie: cookie.expose_secret().to_owned() }))
}

/// A browser comes back from Kick.
pub async fn come_back(ports: &Ports, state: &str, cookie: &str, code: &str) -> Result<Outcome> {
    let kick = client(ports)?;
    let Some(redirect_uri) = redirect_uri(&ports.config) else { return Ok(Outcome::Void) };
    let now = ports.clock.now();
    let Some(returned) = ports.store.take_kick_oauth(&hash(state), &hash(cookie), now).await? else {
        return Ok(Outcome::Void);
    };
    // Who was forgotten meanwhile has nothing connected any more.
    let Some(user_id) = returned.user_id else { return Ok(Outcome::Void) };
    let tokens = match kick.exchange_code(code, &returned.verifier, &redirect_uri).await {
        Ok(tokens) => tokens,
        Err(KickError::InvalidGrant(words)) => return Ok(Outcome::NotAllowed(words)),
        Err(error) => return Ok(Outcome::Failed(error)),
    };
    let user = match kick.own_user(&tokens.access).await {
        Ok(user) => user,
        Err(error) => return give_back(ports, &tokens, Outcome::Failed(error)).await,
    };
    match returned.oauth.wish {
        Wish::Streamer => connect_channel(ports, &returned, user_id, user, tokens).await,
        Wish::Bot => connect_speaker(ports, &returned, user_id, user, tokens).await,
        Wish::Link => {
            let outcome = link_viewer(ports, &returned, user_id, user).await?;
            give_back(ports, &tokens, outcome).await
        }
    }
}

async fn connect_channel(
    ports: &Ports,
    returned: &Returned,
    user_id: UserId,
    user: KickUser,
    tokens: Tokens,
) -> Result<Outcome> {
    let channel = match client(ports)?.own_channel(&tokens.access).await {
        Ok(channel) => channel,
        Err(KickError::NotFound(_)) => {
            return give_back(ports, &tokens, Outcome::NoChannel { account: user.name }).await;
        }
        Err(error) => return give_back(ports, &tokens, Outcome::Failed(error)).await,
    };
    let now = ports.clock.now();
    let guild_id = returned.oauth.guild_id;
    let source_id = ports.store.ensure_source(guild_id, SourceKind::Kick, "kick", kick_source(guild_id), now).await?;
    let mut tx = ports.store.begin().await?;
    let person_id = ensure_person(&mut tx, user_id.0, ports.clock.uuid(), now).await?;
    let new = NewKickChannel {
        id: ports.clock.uuid(),
        guild_id,
        source_id,
        broadcaster_user_id: user.user_id,
        slug: &channel.slug,
        name: &user.name,
    };
    insert_kick_channel(&mut tx, &new, now).await?;
    let replaced = save_account(ports, &mut tx, returned, person_id, &user, Purpose::Streamer, tokens).await?;
    ask_kick_check(&mut tx, user.user_id, now).await?;
    let detail = json!({ "channel": channel.slug, "kick_user_id": user.user_id });
    audit(ports, &mut tx, guild_id, person_id, "kick_connected", detail).await?;
    Store::commit(tx).await?;
    ports.wake.wake(Topic::Kick);
    revoke_all(ports, replaced).await;
    Ok(Outcome::Connected { channel: user.name, guild: returned.oauth.guild_name.clone() })
}

async fn connect_speaker(
    ports: &Ports,
    returned: &Returned,
    user_id: UserId,
    user: KickUser,
    tokens: Tokens,
) -> Result<Outcome> {
    let now = ports.clock.now();
    let guild_id = returned.oauth.guild_id;
    let mut tx = ports.store.begin().await?;
    let person_id = ensure_person(&mut tx, user_id.0, ports.clock.uuid(), now).await?;
    let replaced = save_account(ports, &mut tx, returned, person_id, &user, Purpose::Bot, tokens).await?;
    let detail = json!({ "account": user.name, "kick_user_id": user.user_id });
    audit(ports, &mut tx, guild_id, person_id, "kick_speaker_connected", detail).await?;
    Store::commit(tx).await?;
    revoke_all(ports, replaced).await;
    Ok(Outcome::Speaks { account: user.name, guild: returned.oauth.guild_name.clone() })
}

async fn save_account(
    ports: &Ports,
    tx: &mut crate::store::Tx,
    returned: &Returned,
    person_id: Uuid,
    user: &KickUser,
    purpose: Purpose,
    tokens: Tokens,
) -> Result<Vec<SecretString>> {
    let now = ports.clock.now();
    let scope = match tokens.scope.is_empty() {
        // Kick did not say: what was asked for is what was granted.
        true => scopes(returned.oauth.wish).iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "),
        false => tokens.scope.clone(),
    };
    let new = NewKickAccount {
        id: ports.clock.uuid(),
        guild_id: returned.oauth.guild_id,
        purpose,
        kick_user_id: user.user_id,
        name: &user.name,
        person_id,
        scope: &scope,
        tokens: &kept(tokens, now),
    };
    let (_, replaced) = save_kick_account(tx, &new, now).await.context("storing an account of Kick")?;
    Ok(replaced)
}

/// Ends a channel's connection with a server: its account goes, and its subscriptions when nobody else has it.
pub async fn disconnect(ports: &Ports, guild_id: GuildId, user_id: UserId, channel_id: Uuid) -> Result<KickChannel> {
    let unknown = || UserError::new(text::UNKNOWN_CHANNEL);
    let channel = ports.store.find_kick_channel(guild_id, channel_id).await?.ok_or_else(unknown)?;
    let accounts = ports.store.list_kick_accounts(guild_id).await?;
    let of_channel = |a: &&crate::store::kick_account::KickAccount| {
        a.purpose == Purpose::Streamer && a.kick_user_id == channel.broadcaster_user_id
    };
    let account = accounts.iter().find(of_channel).map(|account| account.id);
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    if !mark_kick_channel_disconnected(&mut tx, guild_id, channel.id, now).await? {
        return Err(unknown().into());
    }
    let token = match account {
        Some(id) => delete_kick_account(&mut tx, guild_id, id).await?,
        None => None,
    };
    let person_id = ensure_person(&mut tx, user_id.0, ports.clock.uuid(), now).await?;
    ask_kick_check(&mut tx, channel.broadcaster_user_id, now).await?;
    let detail = json!({ "channel": channel.slug, "kick_user_id": channel.broadcaster_user_id });
    audit(ports, &mut tx, guild_id, person_id, "kick_disconnected", detail).await?;
    Store::commit(tx).await?;
    ports.wake.wake(Topic::Kick);
    revoke_all(ports, token.into_iter().collect()).await;
    Ok(channel)
}

async fn audit(
    ports: &Ports,
    tx: &mut crate::store::Tx,
    guild_id: GuildId,
    person_id: Uuid,
    action: &'static str,
    detail: serde_json::Value,
) -> Result<()> {
    let line = NewAudit { guild_id, approval_id: None, person_id: Some(person_id), action, detail };
    Ok(insert_audit(tx, &line, ports.clock.now()).await?)
}

/// Nothing is kept of this authorisation.
async fn give_back(ports: &Ports, tokens: &Tokens, outcome: Outcome) -> Result<Outcome> {
    revoke_all(ports, vec![tokens.refresh.clone()]).await;
    Ok(outcome)
}

/// What cannot be given back now runs out by itself.
async fn revoke_all(ports: &Ports, tokens: Vec<SecretString>) {
    let Some(kick) = &ports.kick else { return };
    for token in tokens {
        if let Err(error) = kick.revoke(&token).await {
            tracing::info!(%error, "an authorisation could not be given back to Kick; it runs out by itself");
        }
    }
}

/// 256 bits that nobody can guess, fit for an address.
fn secret() -> SecretString {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>()).into()
}

fn hash(text: &str) -> Vec<u8> {
    sha256_hex(text.as_bytes()).into_bytes()
}
