//! What the game server's channel is answered.

use crate::routing::embed::escape;
use crate::stats::import::Arrived;
use crate::stats::ready::Full;
use crate::stats::trigger::Followed;

pub const FAILED: &str = "it cannot be stored at the moment; the next look for files tries again";

/// Why a message could not be followed.
pub fn not_followed(followed: &Followed) -> String {
    match followed {
        Followed::Arrived(Arrived::Quarantined(why)) => {
            format!("The file cannot be read: {}. It is kept; see /stats import quarantine.", escape(why))
        }
        Followed::NotThere => "The file is not there yet. It is taken as soon as it is.".to_owned(),
        Followed::NowhereToLook => {
            "Nothing says where files are: set ETLEGACY_STATS_PATH or ETLEGACY_SSH_HOST, or let signalbox notify-stats send them itself."
                .to_owned()
        }
        Followed::TooMany => "Too many messages in a minute. The file is taken when it is looked for.".to_owned(),
        Followed::Full(full) => {
            let what = match full {
                Full::Rate => "More than 4 messages about rounds in half a minute.",
                Full::Waiting => "50 messages about rounds wait for their files already.",
                Full::SameRound => "8 messages about this map and round wait for its file already.",
            };
            format!("{what} This one is not kept; the round is told as its file says.")
        }
        Followed::Unknown => {
            "This says nothing that is known. If it does, switch on the Message Content Intent on the Bot page."
                .to_owned()
        }
        Followed::Failed(why) => format!("The file could not be taken: {}.", escape(why)),
        Followed::Passed | Followed::Arrived(_) => String::new(),
    }
}
