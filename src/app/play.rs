//! What comes due in a community, and what its dashboard asks for.

use std::time::Duration;

use anyhow::Result;

use super::App;
use super::loops::until;
use crate::community::clip::clips_due;
use crate::community::dashboard::{self, Heard};
use crate::community::draw::due::draws_due;
use crate::community::draw::tickets::hours_due;
use crate::community::slot_call::announcements_due;
use crate::community::timer::timers_due;

/// Draws and timed messages looked at in one step.
const BATCH: i64 = 20;

impl App {
    /// Closes, draws, says what is due. Returns how much that was.
    pub(super) async fn play_due(&self) -> Result<usize> {
        let timers = timers_due(&self.ports, BATCH as usize).await?;
        let announced = announcements_due(&self.ports, BATCH as usize).await?;
        let hours = hours_due(&self.ports).await?;
        let carried = dashboard::carry_due(&self.ports, &self.bus, BATCH as usize).await?;
        Ok(timers + announced + carried + hours + draws_due(&self.ports, BATCH).await?)
    }

    /// The same, with when something is due next.
    pub(super) async fn play(&self) -> Result<(usize, Option<Duration>)> {
        let done = self.play_due().await?;
        if done > 0 {
            return Ok((done, None));
        }
        let now = self.ports.clock.now();
        let store = &self.ports.store;
        let next = [
            store.next_draw_at().await?,
            store.next_timer_at().await?,
            store.next_announcement_at().await?,
            store.next_dashboard_at().await?,
        ];
        Ok((0, next.into_iter().flatten().min().map(|at| until(now, at))))
    }

    /// Asks for the clips that are due.
    pub(super) async fn clips(&self) -> Result<(usize, Option<Duration>)> {
        let done = clips_due(&self.ports, 1).await?;
        if done > 0 {
            return Ok((done, None));
        }
        let now = self.ports.clock.now();
        let next = self.ports.store.next_clip_at().await?;
        Ok((0, next.map(|at| until(now, at))))
    }

    /// One message of the dashboard, if there is one within this time. A Redis that is away stops nothing else.
    pub(super) async fn hear_dashboard(&self, patience: Duration) -> Result<usize> {
        let mut listening = self.dashboard.lock().await;
        let Some(messages) = listening.as_mut() else { return Ok(0) };
        if let Err(error) = messages.listen().await {
            tracing::debug!(%error, "the dashboard's channels cannot be heard");
            return Ok(0);
        }
        let message = match tokio::time::timeout(patience, messages.next()).await {
            Ok(Ok(message)) => message,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the dashboard's channels cannot be heard");
                return Ok(0);
            }
            Err(_) => return Ok(0),
        };
        drop(listening);
        let heard = dashboard::hear(&self.ports, &self.bus, &message).await?;
        if let Heard::Refused(why) = &heard {
            tracing::warn!(channel = message.channel, why, "a message of the dashboard was not carried out");
        }
        Ok(1)
    }
}
