//! About Kick.

use crate::doctor::report::Finding;
use crate::kick::check::WANTED;
use crate::kick::status::ChannelStatus;
use crate::upstream::kick::KickError;

const APP: &str = "App";
const CHANNELS: &str = "Channels";

pub fn accepted(origin: &str) -> Finding {
    Finding::good(APP, format!("{origin} answers, and the client id and secret are accepted"))
}

pub fn app_wrong(error: &KickError) -> Finding {
    let fix = match error {
        KickError::Unauthorized(_) | KickError::Refused { .. } | KickError::InvalidGrant(_) => {
            "copy KICK_CLIENT_ID and KICK_CLIENT_SECRET from https://kick.com/settings/developer"
        }
        _ => "look at https://status.kick.com, and at KICK_OAUTH_URL",
    };
    Finding::problem(APP, error.to_string(), fix)
}

pub fn switched_off() -> Finding {
    Finding::warning(
        CHANNELS,
        "nothing is received from Kick",
        "take USE_KICK_WEBHOOKS=false away when that is not wanted",
    )
}

pub fn no_channels() -> Finding {
    Finding::warning(CHANNELS, "none is connected", "use /kick connect")
}

pub fn channel(status: &ChannelStatus) -> Finding {
    let check = format!("Channel {}", status.channel.name);
    let is_active = status.account.as_ref().is_some_and(|account| account.is_active);
    let (delivered, wanted) = (status.delivered(), WANTED.len());
    if delivered < wanted {
        let text = format!("Kick sends {delivered} of {wanted} kinds of events");
        return Finding::problem(
            &check,
            text,
            "use /kick doctor, which asks for the others and says what Kick answers",
        );
    }
    if !is_active {
        let text = "its events arrive, and nothing can be said in its chat";
        return Finding::problem(&check, text, "connect it again with /kick connect");
    }
    Finding::good(&check, format!("connected, all {wanted} kinds of events arrive"))
}
