//! What the game server's channel is answered.

use crate::routing::embed::escape;
use crate::stats::import::Arrived;
use crate::stats::trigger::Followed;

pub const FAILED: &str = "It could not be stored at the moment; it is tried again when the file is looked for.";

/// Why a message could not be followed.
pub fn not_followed(followed: &Followed) -> String {
    let why = match followed {
        Followed::Arrived(Arrived::Quarantined(why)) => {
            return format!("❌ The file cannot be read: {}. It is kept; see /stats import quarantine.", escape(why));
        }
        Followed::NotThere => "The file is not there yet. It is taken as soon as it is.".to_owned(),
        Followed::NowhereToLook => {
            "Nothing says where files are: set ETLEGACY_STATS_PATH or ETLEGACY_SSH_HOST, or let signalbox notify-stats send them itself."
                .to_owned()
        }
        Followed::TooMany => "Too many messages in a minute. The file is taken when it is looked for.".to_owned(),
        Followed::Unknown => {
            "This says nothing that is known. If it does, switch on the Message Content Intent on the Bot page."
                .to_owned()
        }
        Followed::Failed(why) => escape(why),
        Followed::Passed | Followed::Arrived(_) => String::new(),
    };
    format!("❌ {why}")
}
