//! `notify-stats --check`: looks at everything that has to be right on the game server, and tells nobody anything.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::directory::{Directory, order};
use super::tell::Reached;
use super::{Teller, directory, memory};
use crate::clock::Clock;
use crate::config::{NotifierConfig, NotifierTarget};
use crate::doctor::{Finding, Report};

const SUBJECT: &str = "Notifier";

pub async fn check(config: &NotifierConfig, clock: &Clock) -> Report {
    let now = clock.now();
    let findings = vec![stats(&config.stats_path, now), state(&config.state_dir), target(&config.target, now).await];
    Report { findings: findings.into_iter().map(|finding| Finding { subject: SUBJECT, ..finding }).collect() }
}

fn stats(path: &Path, now: DateTime<Utc>) -> Finding {
    const CHECK: &str = "STATS_PATH";
    if let Some((what, fix)) = directory::problem(path) {
        return Finding::problem(CHECK, what, fix);
    }
    let shown = path.display();
    match Directory::new(path).look(now, |_| false) {
        Ok(found) => match found.iter().max_by_key(|one| order(&one.name)) {
            Some(newest) => Finding::good(
                CHECK,
                format!("{shown}: {} of the last 48 hours, the newest {}", many(found.len()), newest.name),
            ),
            None => Finding::warning(
                CHECK,
                format!("{shown} has no file of the last 48 hours"),
                "nothing, when nobody has played; else name the directory into which the game server's scripts write",
            ),
        },
        Err(error) => Finding::problem(CHECK, format!("{shown} cannot be read: {error}"), "let this account read it"),
    }
}

fn state(directory: &Path) -> Finding {
    const CHECK: &str = "STATE_DIR";
    match (memory::problem(directory), memory::told(directory)) {
        (Some((what, fix)), _) => Finding::problem(CHECK, what, fix),
        (None, Err(error)) => Finding::problem(CHECK, error.to_string(), "mend or remove it"),
        (None, Ok(told)) => Finding::good(CHECK, format!("{} told of so far", many(told))),
    }
}

async fn target(target: &NotifierTarget, now: DateTime<Utc>) -> Finding {
    let check = match target {
        NotifierTarget::Webhook { .. } => "DISCORD_WEBHOOK_URL",
        NotifierTarget::Upload { .. } => "STATS_UPLOAD_URL",
    };
    let teller = match Teller::new(target) {
        Ok(teller) => teller,
        Err(error) => return Finding::problem(check, error.to_string(), "correct it"),
    };
    match teller.reach(now).await {
        Reached::Good(words) => Finding::good(check, words),
        Reached::Unclear(words) => Finding::warning(check, words, "look at what answers there"),
        Reached::Wrong(words) => Finding::problem(check, words, "then check again"),
    }
}

fn many(files: usize) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}
