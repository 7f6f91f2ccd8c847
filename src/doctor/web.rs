//! Whether who asks for our public address reaches us, and nobody else.

use super::report::Finding;
use super::{Blind, Doctor, Found};
use crate::id::{INSTANCE_SETTING, NOBODY};
use crate::upstream::public::{self, Answered, Unanswered};

const CHECK: &str = "Public address";

pub(super) async fn public_address(doctor: &Doctor<'_>) -> Found {
    let config = &doctor.ports.config;
    let Some(url) = &config.web.public_url else {
        if config.xtsystems.is_none() {
            return Ok(vec![]);
        }
        let fix = "set PUBLIC_URL to the address under which XTSystems reaches this server";
        return Ok(vec![Finding::warning(CHECK, "not configured", fix)]);
    };
    let ours = match &doctor.no_database {
        Some(_) => None,
        None => doctor.ports.store.find_setting(NOBODY, INSTANCE_SETTING).await.ok().flatten(),
    };
    let answer = public::health(url).await.map_err(|why| Blind::Failed(why.to_string()));
    let shown = url.as_str().trim_end_matches('/').to_owned();
    Ok(vec![judge(&shown, answer?, ours.as_deref())])
}

fn judge(url: &str, answer: Result<Answered, Unanswered>, ours: Option<&str>) -> Finding {
    let forward = "forward it to this server's WEBHOOK_PORT, or correct PUBLIC_URL";
    let answered = match answer {
        Ok(answered) => answered,
        Err(Unanswered::NotReached(why)) => {
            let fix = format!("start the bot; if it runs, {forward}");
            return Finding::problem(CHECK, format!("{url} cannot be reached from here: {why}"), fix);
        }
        Err(Unanswered::Status(status)) => {
            return Finding::problem(CHECK, format!("{url}/health answers {status}"), forward);
        }
        Err(Unanswered::NotOurs) => {
            return Finding::problem(CHECK, format!("another program answers at {url}"), forward);
        }
    };
    match (answered.instance.as_deref(), ours) {
        (Some(there), Some(ours)) if there != ours => {
            Finding::problem(CHECK, format!("another Signalbox answers at {url}"), forward)
        }
        (Some(_), Some(_)) => Finding::good(CHECK, format!("{url} leads here (asked from this machine)")),
        _ => Finding::warning(
            CHECK,
            format!("a Signalbox answers at {url}, but not which one"),
            "look again when the bot has started with its database",
        ),
    }
}
