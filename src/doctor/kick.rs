//! Kick: the app's credentials good, and the channels of the server as the last look at them found them.

use super::text::kick as text;
use super::{Doctor, Found};
use crate::kick::status::status;

pub(super) async fn app(doctor: &Doctor<'_>) -> Found {
    let Some(client) = &doctor.ports.kick else { return Ok(vec![]) };
    Ok(vec![match client.app_token().await {
        Ok(_) => text::accepted(&client.origin()),
        Err(error) => text::app_wrong(&error),
    }])
}

pub(super) async fn channels(doctor: &Doctor<'_>) -> Found {
    let (Some(_), Some(guild_id)) = (&doctor.ports.kick, doctor.guild_id) else { return Ok(vec![]) };
    let found = match status(doctor.ports, guild_id).await {
        Ok(found) => found,
        Err(error) => match error.downcast::<crate::store::StoreError>() {
            Ok(error) => return Err(error.into()),
            Err(error) => return Err(super::Blind::Failed(crate::error::chain(&error))),
        },
    };
    if !found.receives {
        return Ok(vec![text::switched_off()]);
    }
    let mut findings: Vec<_> = found.channels.iter().map(text::channel).collect();
    if findings.is_empty() {
        findings.push(text::no_channels());
    }
    Ok(findings)
}
