//! Asks Discord which roles linked members have, for the hours in which they watch: once for each of their hours, when its
//! first minutes are counted (who links later in an hour: when it is counted next). What is found stays with that hour,
//! so that counting it again pays nothing twice and takes nothing back, whatever roles come and go.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::bits::start_of;
use super::rules::Rules;
use crate::clock::Stopwatch;
use crate::id::RoleId;
use crate::ports::Ports;
use crate::store::watch::count::{DueHour, Range};
use crate::upstream::discord::LookupError;

/// Members who are asked about in one pass over an hour; the others are in the next one.
const MEMBERS: usize = 50;
/// A pass that takes this long goes on later: hours of others wait behind it.
const PATIENCE: Duration = Duration::from_secs(20);
/// When those who are left are asked about.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// Whoever could not be asked about until then earns as without a role.
const GIVEN_UP: TimeDelta = TimeDelta::days(1);

/// One pass over an hour.
pub struct Asking<'a> {
    ports: &'a Ports,
    hour: &'a DueHour,
    rules: &'a Rules,
    left: usize,
    since: Stopwatch,
    /// Somebody is left to be asked about.
    is_short: bool,
}

impl<'a> Asking<'a> {
    pub fn of(ports: &'a Ports, hour: &'a DueHour, rules: &'a Rules) -> Self {
        let earns = rules.rate > 0 || rules.sub_rate > 0;
        let asks = earns && !rules.multipliers.is_empty() && ports.clock.now() < start_of(hour.hour + 1) + GIVEN_UP;
        Self { ports, hour, rules, left: if asks { MEMBERS } else { 0 }, since: Stopwatch::start(), is_short: false }
    }

    /// Asks about those of some viewers whose hour counts and who were not asked about.
    pub async fn ask(&mut self, range: Range) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        // One more than are asked about tells whether anybody is left.
        let (store, limit) = (&self.ports.store, i64::try_from(self.left)? + 1);
        for (asked, one) in
            store.list_unasked(self.hour, range, start_of(self.hour.hour + 1), limit).await?.iter().enumerate()
        {
            if self.left == 0 || asked > 0 && self.since.elapsed() > PATIENCE {
                self.stop();
                return Ok(());
            }
            let roles: Vec<RoleId> = match self.ports.discord.get_member(self.hour.guild_id, one.user_id).await.found {
                Ok(member) => member.roles.iter().filter_map(|role| role.parse().ok()).collect(),
                // No member any more, or the bot is not: there are no roles.
                Err(LookupError::Refused { .. }) => Vec::new(),
                Err(error) => {
                    tracing::warn!(error = %error, "the roles of a member could not be asked for");
                    self.stop();
                    return Ok(());
                }
            };
            store.fix_multiplier(self.hour, one.viewer_id, self.rules.multiplier(&roles)).await?;
            self.left -= 1;
        }
        Ok(())
    }

    fn stop(&mut self) {
        (self.left, self.is_short) = (0, true);
    }

    /// When the hour is to be looked at again for those who are left.
    pub fn again_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.is_short.then_some(now + AGAIN)
    }
}
