//! Works lanes: claims those with something to do and carries on each until it is empty or must wait.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use futures_util::future::join_all;

use super::{Delivery, batch, create, edit, late};
use crate::ports::Ports;
use crate::store::lane::Lane;
use crate::store::message::Queued;

/// Pieces of work on one lane before others get their turn.
const TURN: usize = 50;

/// What a lane should do after one piece of work.
pub(super) enum Next {
    /// There may be more; `true` when something went out.
    Go,
    /// Nothing is due here.
    Idle,
    /// Not before this time.
    WaitUntil(chrono::DateTime<chrono::Utc>),
    /// The lease is lost, or everything is held back.
    Leave,
}

impl Delivery {
    /// Claims due lanes and works them to their end. Returns how many were claimed.
    pub async fn deliver_due(&self, limit: i64) -> Result<usize> {
        let lanes = self.claim_due(limit).await?;
        Ok(join_all(lanes.into_iter().map(|lane| self.work_lane(lane))).await.len())
    }

    /// Claims due lanes; each is for [`Delivery::work_lane`].
    pub async fn claim_due(&self, limit: i64) -> Result<Vec<Lane>> {
        let ports = &self.ports;
        if ports.lifecycle.is_stopping() || !ports.clock.is_trusted() || !self.may_send().await {
            return Ok(Vec::new());
        }
        let now = ports.clock.now();
        let lanes = ports
            .store
            .claim_lanes(ports.clock.uuid(), self.owner, now, now + self.lease(), limit)
            .await
            .context("claiming lanes")?;
        if !lanes.is_empty() {
            crate::crash::point("deliver.claimed");
        }
        Ok(lanes)
    }

    pub(super) fn lease(&self) -> TimeDelta {
        lease(&self.ports)
    }

    /// Carries a claimed lane on until it is empty, must wait or others get their turn, and gives it back.
    pub async fn work_lane(&self, mut lane: Lane) {
        let work = self.ports.lifecycle.pulse().begin("lane");
        let mut not_before = None;
        let mut ahead = Vec::new();
        for _ in 0..TURN {
            // At a stop what is under way is finished, and the lane goes to whoever goes on.
            if self.ports.lifecycle.is_stopping() {
                break;
            }
            work.beat();
            match self.work_once(&mut lane, &mut ahead).await {
                Ok(Next::Go) => {}
                Ok(Next::WaitUntil(at)) => {
                    not_before = Some(at);
                    break;
                }
                Ok(Next::Idle | Next::Leave) => break,
                Err(error) => {
                    // The lease lapses by itself; what was under way is then in doubt and comes first.
                    tracing::warn!(destination = %lane.destination.id, error = crate::error::chain(&error), "a lane is left");
                    return;
                }
            }
        }
        if let Err(error) = self.ports.store.release_lane(&lane, not_before).await {
            tracing::warn!(destination = %lane.destination.id, %error, "a lane could not be given back");
        }
    }

    /// Unfinished sends first, then one create, then one edit of a card or of what came late. Notices that the last look
    /// saw go `ahead` without another one: whether they still wait is seen when they are frozen.
    async fn work_once(&self, lane: &mut Lane, ahead: &mut Vec<Queued>) -> Result<Next> {
        if !ahead.is_empty() {
            return create::next(self, lane, ahead).await;
        }
        let store = &self.ports.store;
        let destination_id = lane.destination.id;
        let mut work = store.find_lane_work(destination_id, self.ports.clock.now(), batch::LOOK as i64).await?;
        if work.has_unfinished {
            return match store.find_due_send(destination_id, self.ports.clock.now()).await? {
                Some(send) => create::resume(self, lane, send).await,
                None => Ok(Next::Go),
            };
        }
        let created = create::next(self, lane, &mut work.queued).await?;
        if matches!(created, Next::WaitUntil(_) | Next::Leave) {
            return Ok(created);
        }
        if let Some(card_id) = work.stale_card {
            return edit::edit(self, lane, card_id).await;
        }
        if work.has_late
            && let Some(send) = store.find_late_send(destination_id, self.ports.clock.now()).await?
        {
            return late::tell(self, lane, &send).await;
        }
        *ahead = work.queued;
        Ok(created)
    }
}

/// How long a lane is ours from now on.
pub(super) fn lease(ports: &Ports) -> TimeDelta {
    if crate::crash::lacks("no-lease") {
        // Too short for a request, long enough for a process not to rob itself at every step.
        return TimeDelta::milliseconds(200);
    }
    TimeDelta::from_std(ports.config.delivery.lease).unwrap_or(TimeDelta::seconds(15))
}
