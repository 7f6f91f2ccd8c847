//! What was told and is nothing any more: its card says so, and why.

use anyhow::{Context as _, Result};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;

use super::{Publisher, map_key_of, say};
use crate::event::clean;
use crate::matches::report::{self, Payload, Told as Report};
use crate::stats::surroundings::{Gone, Surroundings};
use crate::store::Tx;
use crate::store::stats::card::{CardKind, Told, list_told};
use crate::store::stats::session::StatsSession;

/// Does nothing where that is said already.
pub(super) async fn withdraw<T: Report + DeserializeOwned>(
    publisher: &mut Publisher<'_>,
    tx: &mut Tx,
    told: Told,
    why: &str,
) -> Result<()> {
    let Ok(before) = Payload::<T>::deserialize(&told.report) else { return Ok(()) };
    if before.withdrawn {
        return Ok(());
    }
    let data = clean(report::withdrawal(&before.report, why.to_owned()).context("a report as JSON")?);
    say::<T>(publisher, tx, told.kind, &told.key, data, told.version + 1, Some(told.told_at)).await?;
    Ok(())
}

/// Rounds that turned out to be none, with their awards and the map that they began.
pub(super) async fn withdraw_gone(publisher: &mut Publisher<'_>, tx: &mut Tx, gone: &[Gone]) -> Result<()> {
    let keys = |one: &Gone| [Some(one.name.clone()), map_key_of(&one.name)].into_iter().flatten();
    let all: Vec<String> = gone.iter().flat_map(keys).collect();
    if all.is_empty() {
        return Ok(());
    }
    for told in list_told(tx, publisher.guild_id, &all).await? {
        let Some(one) = gone.iter().find(|one| keys(one).any(|key| key == told.key)) else { continue };
        match told.kind {
            CardKind::Round => withdraw::<report::RoundReport>(publisher, tx, told, one.why).await?,
            CardKind::Awards => withdraw::<report::AwardsReport>(publisher, tx, told, one.why).await?,
            // Another first round may have taken it over.
            CardKind::Map if publisher.standing.contains(&told.key) => {}
            CardKind::Map => {
                let why = format!("its first round does not count: {}", one.why);
                withdraw::<report::MapReport>(publisher, tx, told, &why).await?;
            }
            CardKind::Session => {}
        }
    }
    Ok(())
}

/// Sessions that were told of, and are part of another one now, or nothing at all.
pub(super) async fn withdraw_sessions(
    publisher: &mut Publisher<'_>,
    tx: &mut Tx,
    around: &Surroundings,
    keys: &[String],
    before: &[StatsSession],
) -> Result<()> {
    let gone = || before.iter().filter(|old| old.is_told && !keys.contains(&old.key));
    let gone_keys: Vec<String> = gone().map(|old| old.key.clone()).collect();
    if gone_keys.is_empty() {
        return Ok(());
    }
    for told in list_told(tx, publisher.guild_id, &gone_keys).await? {
        let Some(old) = gone().find(|old| old.key == told.key).filter(|_| told.kind == CardKind::Session) else {
            continue;
        };
        let is_left = around.record.rounds.iter().any(|round| (old.first_at..=old.last_at).contains(&round.at));
        let why = if is_left { "it is part of another session" } else { "all of its rounds were withdrawn" };
        withdraw::<report::SessionReport>(publisher, tx, told, why).await?;
    }
    Ok(())
}
