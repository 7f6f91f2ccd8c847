//! Raffles and giveaways: opened with a commitment, closed with the hash of their entries, drawn with randomness that
//! nobody could know at the close. What follows from what is in `proof.rs`; what comes due is in `draw/due.rs`.

pub mod due;
pub mod join;
pub mod publish;
pub mod tickets;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::board::Voice;
use super::proof::{commitment, new_seed};
use super::words;
use crate::clock::random_bytes;
use crate::error::UserError;
use crate::id::{ChannelId, GuildId, RoleId, UserId};
use crate::ports::Ports;
use crate::routing::board::BoardKey;
use crate::routing::board::draw::{DrawKind, DrawState};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::board::take_turn;
use crate::store::dashboard::mark_carried;
use crate::store::draw::ticket::find_open_raffle;
use crate::store::draw::{NewDraw, StoredDraw, insert_draw, lock_draw, mark_cancelled};
use crate::store::source::{ensure_person, insert_setting, take_setting};
use crate::store::{Store, Tx};

/// Characters.
pub const PRIZE: usize = 500;
pub const QUESTION: usize = 45;
pub const ANSWER: usize = 300;
const SHORTEST: TimeDelta = TimeDelta::minutes(1);
const LONGEST: TimeDelta = TimeDelta::days(366);

pub const GONE: &str = "There is no such raffle or giveaway in this server.";
const OVER: &str = "It is no longer open.";

/// What somebody wants to be opened.
#[derive(Clone, Debug)]
pub struct Wish {
    pub kind: DrawKind,
    pub prize: String,
    pub channel: ChannelId,
    pub winners: i32,
    pub lasts: Option<TimeDelta>,
    pub keyword: Option<String>,
    pub role: Option<RoleId>,
    pub bonus_role: Option<RoleId>,
    pub bonus_tickets: i64,
    pub min_age_days: i32,
    pub question: Option<String>,
    pub claim: Option<TimeDelta>,
    pub points: i64,
    pub repeats: bool,
    /// Words in chat at its opening.
    pub said_in_chat: Option<String>,
}

impl Wish {
    /// A raffle by the tickets of a period.
    pub fn raffle(prize: &str, channel: ChannelId, lasts: TimeDelta) -> Self {
        Self {
            kind: DrawKind::Raffle,
            prize: prize.to_owned(),
            channel,
            winners: 1,
            lasts: Some(lasts),
            keyword: None,
            role: None,
            bonus_role: None,
            bonus_tickets: 0,
            min_age_days: 0,
            question: None,
            claim: None,
            points: 0,
            repeats: false,
            said_in_chat: None,
        }
    }
}

/// Who does something, where it is a person.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    pub guild_id: GuildId,
    pub user_id: Option<UserId>,
    /// The request of a dashboard that this carries out.
    pub request: Option<Uuid>,
}

/// Another process has carried out the request meanwhile: this transaction is not for the commit.
#[derive(Debug, thiserror::Error)]
#[error("another process has carried out this request")]
pub struct Overtaken;

impl Host {
    /// A member.
    pub fn of(guild_id: GuildId, user_id: UserId) -> Self {
        Self { guild_id, user_id: Some(user_id), request: None }
    }

    pub(super) async fn person(self, ports: &Ports, tx: &mut Tx) -> Result<Option<Uuid>> {
        let Some(user) = self.user_id else { return Ok(None) };
        Ok(Some(ensure_person(tx, user.0, ports.clock.uuid(), ports.clock.now()).await?))
    }

    /// A line of the audit log, in the transaction of what is done. A request is carried out by the same commit, once.
    pub(super) async fn note(
        self,
        ports: &Ports,
        tx: &mut Tx,
        action: &'static str,
        detail: serde_json::Value,
    ) -> Result<()> {
        if let Some(request) = self.request
            && !mark_carried(tx, self.guild_id, request, &detail).await?
        {
            return Err(Overtaken.into());
        }
        let person_id = self.person(ports, tx).await?;
        let line = NewAudit { guild_id: self.guild_id, approval_id: None, person_id, action, detail };
        insert_audit(tx, &line, ports.clock.now()).await?;
        Ok(())
    }
}

fn check(wish: &Wish) -> Result<(), UserError> {
    let refuse = |words: &str| Err(UserError::new(words));
    if wish.prize.trim().is_empty() {
        return refuse("It needs a prize.");
    }
    if wish.lasts.is_some_and(|lasts| !(SHORTEST..=LONGEST).contains(&lasts)) {
        return refuse("It lasts from a minute to a year, such as 30m, 2h, 1d or 1w.");
    }
    if wish.claim.is_some_and(|claim| !(SHORTEST..=LONGEST).contains(&claim)) {
        return refuse("The time to claim is from a minute to a year, such as 30m, 2h or 1d.");
    }
    if wish.keyword.as_deref().is_some_and(|word| !words::is_word(word.trim_start_matches('!'))) {
        return refuse("A keyword is one word of at most 30 letters and digits, such as !win.");
    }
    if wish.keyword.is_some() && wish.question.is_some() {
        return refuse("Nobody can answer a question in chat: give a keyword or a question.");
    }
    Ok(())
}

/// What was opened.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    pub id: Uuid,
    pub number: i64,
}

/// Opens one: its card is posted, its commitment published.
pub async fn open(ports: &Ports, host: Host, wish: &Wish) -> Result<Opened> {
    check(wish)?;
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    take_turn(&mut tx, host.guild_id).await?;
    if wish.kind == DrawKind::Raffle && find_open_raffle(&mut tx, host.guild_id).await?.is_some() {
        return Err(UserError::new("A raffle is running already; /raffle end closes it.").into());
    }
    let by = host.person(ports, &mut tx).await?;
    let now = ports.clock.now();
    let new = NewDraw {
        id: ports.clock.uuid(),
        guild_id: host.guild_id,
        kind: wish.kind,
        prize: words::cut(&wish.prize, PRIZE),
        channel_id: wish.channel.0,
        winners: wish.winners.clamp(1, 100),
        keyword: wish.keyword.as_deref().map(|word| word.trim().to_lowercase()),
        role_id: wish.role.map(|role| role.0),
        bonus_role_id: wish.bonus_role.map(|role| role.0),
        bonus_tickets: wish.bonus_tickets.max(0),
        min_age_days: wish.min_age_days.max(0),
        question: wish.question.as_deref().map(|question| words::cut(question, QUESTION)),
        claim_seconds: wish.claim.map(|claim| claim.num_seconds()),
        points: wish.points.max(0),
        repeats: wish.repeats,
        opened_by: by,
        closes_at: wish.lasts.map(|lasts| now + lasts),
        commitment: String::new(),
    };
    let opened = begin(ports, &voice, &mut tx, new).await?;
    if let Some(words) = &wish.said_in_chat {
        voice.say_in_chat(&mut tx, &format!("draw:{}:period", opened.id), words).await?;
    }
    let detail = json!({ "draw": opened.id, "number": opened.number, "kind": wish.kind.as_str() });
    host.note(ports, &mut tx, "draw_opened", detail).await?;
    crate::crash::point("draw.open.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("draw.open.after_commit");
    voice.hurry();
    Ok(opened)
}

/// Makes the seed, keeps it, and publishes its commitment with the card.
async fn begin(ports: &Ports, voice: &Voice, tx: &mut Tx, new: NewDraw) -> Result<Opened> {
    let now = ports.clock.now();
    let seed = new_seed(random_bytes::<32>());
    let new = NewDraw { commitment: commitment(&seed), ..new };
    insert_setting(tx, new.guild_id, &seed_key(new.id), &seed, now).await?;
    let number = insert_draw(tx, &new, now).await?;
    voice.show(tx, BoardKey::Draw(new.id), ChannelId(new.channel_id)).await?;
    if let Some(keyword) = &new.keyword {
        let words = format!("🎉 Giveaway: {}! Write {keyword} to take part.", new.prize);
        voice.say_in_chat(tx, &format!("draw:{}:open", new.id), &words).await?;
    }
    Ok(Opened { id: new.id, number })
}

/// Where the seed is until it is published; settings whose key says so are stored encrypted.
fn seed_key(id: Uuid) -> String {
    format!("draw_secret:{id}")
}

/// When the time of a raffle that repeats begins anew, and the next one ends.
fn next_end(draw: &StoredDraw, now: DateTime<Utc>) -> DateTime<Utc> {
    let ended = draw.closes_at.unwrap_or(now);
    let lasted = ended - draw.opened_at;
    // A month is not so many days: the next one ends a month later.
    let is_month = (TimeDelta::days(28)..=TimeDelta::days(31)).contains(&lasted);
    let next = if is_month { ended.checked_add_months(chrono::Months::new(1)) } else { None };
    next.unwrap_or(ended + lasted.max(SHORTEST)).max(now + SHORTEST)
}

/// Ends one before its time: it is closed, and drawn as any other.
pub async fn close(ports: &Ports, host: Host, id: Uuid) -> Result<StoredDraw> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    let draw = lock_open(&mut tx, host.guild_id, id).await?;
    due::close(ports, &voice, &mut tx, &draw, false).await?;
    host.note(ports, &mut tx, "draw_closed", json!({ "draw": id, "number": draw.number })).await?;
    crate::crash::point("draw.close.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("draw.close.after_commit");
    voice.hurry();
    Ok(draw)
}

/// Calls one off: nothing is drawn.
pub async fn cancel(ports: &Ports, host: Host, id: Uuid) -> Result<StoredDraw> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    let draw = lock_open(&mut tx, host.guild_id, id).await?;
    mark_cancelled(&mut tx, host.guild_id, id).await?;
    take_setting(&mut tx, host.guild_id, &seed_key(id)).await?;
    voice.touch(&mut tx, BoardKey::Draw(id)).await?;
    host.note(ports, &mut tx, "draw_cancelled", json!({ "draw": id, "number": draw.number })).await?;
    crate::crash::point("draw.cancel.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("draw.cancel.after_commit");
    voice.hurry();
    Ok(draw)
}

async fn lock_open(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<StoredDraw> {
    let draw = lock_draw(tx, guild_id, id).await?.ok_or_else(|| UserError::new(GONE))?;
    if draw.state == DrawState::Open { Ok(draw) } else { Err(UserError::new(OVER).into()) }
}
