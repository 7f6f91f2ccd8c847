//! Work of which several pieces are under way at once, each a task of its own: one that hangs takes up one
//! place, and claiming goes on. What the pieces are is at the top, the one loop below.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::{Notify, Semaphore};

use super::loops::{AFTER_FAILURE, TICK, punctually, report, until};
use super::{App, CLAIM};
use crate::approval;
use crate::bus::Topic;
use crate::delivery::check::Check;
use crate::kick;
use crate::store::approval::Approval;
use crate::store::kick_chat::ClaimedLane;
use crate::store::lane::Lane;
use crate::store::ticket::TicketAction;
use crate::ticket;

/// How long places that come free are gathered.
const GATHER: Duration = Duration::from_millis(5);

/// One kind of such work.
pub(super) trait Pieces: 'static {
    type Piece: Send + 'static;
    /// Of the loop that claims.
    const NAME: &'static str;
    const TOPIC: Topic;
    /// Pieces that one process has under way at the same time.
    const PLACES: usize;

    /// Claims at most as many; each is carried out at once.
    fn claim(app: &App, limit: usize) -> impl Future<Output = Result<Vec<Self::Piece>>> + Send;

    /// Carries one out, and tells the watchdog of it.
    fn carry_out(app: &App, piece: Self::Piece) -> impl Future<Output = Result<()>> + Send;

    /// How long there is certainly nothing to claim, as far as it is known. A fault is not worth a word: the
    /// next claim meets the same and reports it.
    fn rest(app: &App) -> impl Future<Output = Option<Duration>> + Send;
}

/// Destinations with something to send; most of them wait for Discord.
pub(super) struct Lanes;

impl Pieces for Lanes {
    type Piece = Lane;
    const NAME: &'static str = "deliverer";
    const TOPIC: Topic = Topic::Deliverer;
    const PLACES: usize = 256;

    async fn claim(app: &App, limit: usize) -> Result<Vec<Lane>> {
        app.delivery.claim_due(limit.min(CLAIM) as i64).await
    }

    async fn carry_out(app: &App, lane: Lane) -> Result<()> {
        app.delivery.work_lane(lane).await;
        Ok(())
    }

    async fn rest(app: &App) -> Option<Duration> {
        let now = app.ports.clock.now();
        let next = match app.delivery.held_until() {
            Some(at) => Some(at),
            None => app.ports.store.next_delivery_at(now).await.unwrap_or_default(),
        };
        next.map(|at| punctually(now, at))
    }
}

/// Whether Discord lets us use a destination.
pub(super) struct Checks;

impl Pieces for Checks {
    type Piece = Check;
    const NAME: &'static str = "checks of destinations";
    const TOPIC: Topic = Topic::Deliverer;
    const PLACES: usize = 64;

    async fn claim(app: &App, limit: usize) -> Result<Vec<Check>> {
        app.delivery.claim_checks(limit.min(CLAIM) as i64).await
    }

    async fn carry_out(app: &App, check: Check) -> Result<()> {
        app.delivery.check(check).await.map(drop)
    }

    async fn rest(app: &App) -> Option<Duration> {
        let now = app.ports.clock.now();
        let next = app.ports.store.next_destination_check_at(now).await.unwrap_or_default();
        next.map(|at| until(now, at))
    }
}

/// Decisions that are carried upstream.
pub(super) struct Decisions;

impl Pieces for Decisions {
    type Piece = Approval;
    const NAME: &'static str = "approvals";
    const TOPIC: Topic = Topic::Approvals;
    const PLACES: usize = 8;

    async fn claim(app: &App, limit: usize) -> Result<Vec<Approval>> {
        approval::call::claim_due(&app.ports, limit as i64).await
    }

    async fn carry_out(app: &App, approval: Approval) -> Result<()> {
        approval::call::carry_out(&app.ports, &approval).await
    }

    async fn rest(app: &App) -> Option<Duration> {
        app.ports.xtsystems.as_ref()?;
        let now = app.ports.clock.now();
        app.ports.store.next_approval_at().await.unwrap_or_default().map(|at| until(now, at))
    }
}

/// What people asked for on tickets.
pub(super) struct TicketActions;

impl Pieces for TicketActions {
    type Piece = TicketAction;
    const NAME: &'static str = "tickets";
    const TOPIC: Topic = Topic::Tickets;
    const PLACES: usize = 8;

    async fn claim(app: &App, _: usize) -> Result<Vec<TicketAction>> {
        Ok(ticket::call::claim_due(&app.ports).await?.into_iter().collect())
    }

    async fn carry_out(app: &App, action: TicketAction) -> Result<()> {
        ticket::call::carry_out(&app.ports, &action).await
    }

    async fn rest(app: &App) -> Option<Duration> {
        app.ports.xtsystems.as_ref()?;
        let now = app.ports.clock.now();
        app.ports.store.next_action_at().await.unwrap_or_default().map(|at| until(now, at))
    }
}

/// Chats of Kick in which something is to be said.
pub(super) struct KickChats;

impl Pieces for KickChats {
    type Piece = ClaimedLane;
    const NAME: &'static str = "chats of Kick";
    const TOPIC: Topic = Topic::KickChat;
    const PLACES: usize = 32;

    async fn claim(app: &App, limit: usize) -> Result<Vec<ClaimedLane>> {
        kick::chat::claim_due(&app.ports, limit as i64).await
    }

    async fn carry_out(app: &App, lane: ClaimedLane) -> Result<()> {
        kick::chat::carry_out(&app.ports, &lane).await.map(|_| ())
    }

    async fn rest(app: &App) -> Option<Duration> {
        let now = app.ports.clock.now();
        app.ports.store.next_kick_chat_at().await.unwrap_or_default().map(|at| until(now, at))
    }
}

impl App {
    pub(super) fn start_pieces<P: Pieces>(self: &Arc<Self>) {
        let app = self.clone();
        self.lifecycle.spawn(P::NAME, async move { app.carrying_out::<P>().await });
    }

    /// Claims pieces as long as there is room for them, each worked by a task of its own.
    async fn carrying_out<P: Pieces>(self: &Arc<Self>) {
        let stop = self.lifecycle.token();
        let mut hints = self.ports.wake.listen(P::TOPIC);
        let places = Arc::new(Semaphore::new(P::PLACES));
        let given_back = Arc::new(Notify::new());
        let pulse = self.lifecycle.pulse();
        while !stop.is_cancelled() {
            pulse.beat(P::NAME);
            // With nearly all of them taken, those that come free at the same moment are filled together.
            if places.available_permits() < P::PLACES / 8 {
                tokio::time::sleep(GATHER).await;
            }
            let free = places.available_permits();
            let claimed = if free == 0 { Ok(Vec::new()) } else { P::claim(self, free).await };
            let rest = match claimed {
                Ok(pieces) if !pieces.is_empty() => {
                    for piece in pieces {
                        let (app, given_back) = (self.clone(), given_back.clone());
                        let place = places.clone().try_acquire_owned();
                        self.lifecycle.spawn(P::NAME, async move {
                            if let Err(error) = P::carry_out(&app, piece).await {
                                report(P::NAME, &error);
                            }
                            drop(place);
                            given_back.notify_one();
                        });
                    }
                    continue;
                }
                Ok(_) => P::rest(self).await.unwrap_or(TICK).min(TICK),
                Err(error) => {
                    report(P::NAME, &error);
                    AFTER_FAILURE
                }
            };
            pulse.rest(P::NAME);
            tokio::select! {
                () = hints.woken() => {}
                () = given_back.notified() => {}
                () = tokio::time::sleep(rest) => {}
                () = stop.cancelled() => {}
            }
        }
    }
}
