//! Whether who asks for our public address reaches us, and nobody else.

use super::report::Finding;
use super::text::web as text;
use super::{Blind, Doctor, Found};
use crate::id::{INSTANCE_SETTING, NOBODY};
use crate::source::kick::live;
use crate::upstream::public::{self, Answered, Unanswered};

pub(super) async fn public_address(doctor: &Doctor<'_>) -> Found {
    let config = &doctor.ports.config;
    let Some(url) = &config.web.public_url else {
        if config.xtsystems.is_none() {
            return Ok(vec![]);
        }
        return Ok(vec![text::not_configured()]);
    };
    let ours = match &doctor.no_database {
        Some(_) => None,
        None => doctor.ports.store.find_setting(NOBODY, INSTANCE_SETTING).await.ok().flatten(),
    };
    let answer = public::health(url).await.map_err(|why| Blind::Failed(why.to_string()));
    let shown = url.as_str().trim_end_matches('/').to_owned();
    Ok(vec![judge(&shown, answer?, ours.as_deref())])
}

/// What has to stand in the settings of the app at Kick. Whether it does, Kick tells nobody.
pub(super) async fn kick_address(doctor: &Doctor<'_>) -> Found {
    let config = &doctor.ports.config;
    let Some(kick) = config.kick.as_ref().filter(|kick| kick.webhooks) else { return Ok(vec![]) };
    let Some(url) = &config.web.public_url else { return Ok(vec![text::kick_unreachable()]) };
    let path = match (&kick.webhook_path, &doctor.no_database) {
        (Some(path), _) => Some(path.clone()),
        (None, Some(_)) => return Err(Blind::NoDatabase),
        (None, None) => live::generated_path(doctor.ports).await?,
    };
    let shown = path.map(|path| format!("{}{path}", url.as_str().trim_end_matches('/')));
    Ok(vec![shown.map_or_else(text::kick_not_started, |url| text::kick_address(&url))])
}

fn judge(url: &str, answer: Result<Answered, Unanswered>, ours: Option<&str>) -> Finding {
    let answered = match answer {
        Ok(answered) => answered,
        Err(Unanswered::NotReached(why)) => return text::not_reached(url, &why),
        Err(Unanswered::Status(status)) => return text::answers(url, status),
        Err(Unanswered::NotOurs) => return text::another_program(url),
    };
    match (answered.instance.as_deref(), ours) {
        (Some(there), Some(ours)) if there != ours => text::another_of_us(url),
        (Some(_), Some(_)) => text::leads_here(url),
        _ => text::one_of_us(url),
    }
}
