//! Carries to Kick what people decided about a redemption. A call of unknown fate is not just repeated: first Kick is asked
//! how the redemption stands.

use anyhow::Result;
use secrecy::SecretString;

use super::account::{access_token, access_token_anew};
use super::client;
use crate::ports::Ports;
use crate::routing::card::ApprovalState;
use crate::routing::offer::Offers;
use crate::store::approval::Approval;
use crate::store::kick_account::Purpose;
use crate::upstream::kick::{FailedRedemption, KickError, RedemptionVerb, Scope};
use crate::upstream::xtsystems::Decision;

/// The actions of a redemption's card, and the fields that each holds.
pub const ACCEPT: &str = "accept";
pub const REJECT: &str = "reject";
pub const REDEMPTION_ID: &str = "redemption_id";
pub const BROADCASTER: &str = "broadcaster_user_id";

const NOBODY: &str =
    "no account of this channel is connected that may decide about redemptions: /kick connect asks for it";

/// Makes the call that a press on a redemption's card means.
pub async fn decide(ports: &Ports, approval: &Approval, offers: &Offers) -> Result<Decision> {
    let chosen = approval.choice.as_deref().and_then(|id| offers.find(id));
    let verb = match approval.choice.as_deref() {
        Some(ACCEPT) => RedemptionVerb::Accept,
        Some(REJECT) => RedemptionVerb::Reject,
        _ => return Ok(impossible(approval, "this action is not on offer")),
    };
    let field = |name: &str| chosen.and_then(|offer| offer.fields.get(name)).map(String::as_str);
    let (Some(id), Some(broadcaster)) =
        (field(REDEMPTION_ID), field(BROADCASTER).and_then(|id| id.parse::<i64>().ok()))
    else {
        return Ok(impossible(approval, "the card does not say which redemption it is about"));
    };
    let accounts = ports.store.list_kick_accounts(approval.guild_id).await?;
    let able = accounts.into_iter().find(|account| {
        account.purpose == Purpose::Streamer
            && account.kick_user_id == broadcaster
            && account.is_active
            && Scope::RewardsWrite.is_in(&account.scope)
    });
    let Some(account) = able else { return Ok(impossible(approval, NOBODY)) };
    let later = || Ok(Decision::NotSent { text: "the account's token is being exchanged".into() });
    let Some(token) = access_token(ports, account.guild_id, account.id).await? else { return later() };
    let call = Call { ports, approval, verb, id };
    match call.make(&token).await? {
        Err(KickError::Unauthorized(_)) => {}
        outcome => return Ok(call.judged(outcome)),
    }
    let Some(token) = access_token_anew(ports, account.guild_id, account.id, &token).await? else { return later() };
    let outcome = call.make(&token).await?;
    Ok(call.judged(outcome))
}

struct Call<'a> {
    ports: &'a Ports,
    approval: &'a Approval,
    verb: RedemptionVerb,
    id: &'a str,
}

/// What Kick has said.
enum Said {
    Done,
    Failed(FailedRedemption),
    /// It was decided before this call, so.
    Standing(Option<String>),
}

impl Call<'_> {
    async fn make(&self, token: &SecretString) -> Result<std::result::Result<Said, KickError>> {
        let kick = client(self.ports)?;
        if self.approval.state == ApprovalState::Unknown {
            match kick.redemption_status(token, self.id).await {
                Ok(standing) if standing.as_deref() != Some("pending") => return Ok(Ok(Said::Standing(standing))),
                Ok(_) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        let failed = match kick.decide_redemption(token, self.verb, self.id).await {
            Ok(None) => return Ok(Ok(Said::Done)),
            Ok(Some(failed)) => failed,
            Err(error) => return Ok(Err(error)),
        };
        if failed.reason != "NOT_PENDING" {
            return Ok(Ok(Said::Failed(failed)));
        }
        // It was decided already, by the streamer or by an earlier attempt: how, it has to say.
        Ok(match kick.redemption_status(token, self.id).await {
            Ok(standing) => Ok(Said::Standing(standing)),
            Err(_) => Ok(Said::Failed(failed)),
        })
    }

    fn judged(&self, outcome: std::result::Result<Said, KickError>) -> Decision {
        let (own, other) = match self.verb {
            RedemptionVerb::Accept => ("accepted", "rejected"),
            RedemptionVerb::Reject => ("rejected", "accepted"),
        };
        match outcome {
            Ok(Said::Done) => Decision::Done { text: String::new() },
            Ok(Said::Standing(Some(standing))) if standing == own => Decision::Done { text: String::new() },
            Ok(Said::Standing(Some(standing))) if standing == other => {
                refused(409, format!("it was {standing} at Kick already"))
            }
            Ok(Said::Standing(_)) => refused(404, "Kick does not have this redemption any more".into()),
            Ok(Said::Failed(failed)) => refused(200, reason(&failed.reason)),
            Err(error) if error.is_doubtful() => Decision::Unknown { text: error.to_string() },
            // The token was exchanged just now, and is not accepted: nothing was looked at.
            Err(error) if error.is_passing() => match self.approval.state {
                ApprovalState::Unknown => Decision::Unknown { text: error.to_string() },
                _ => Decision::NotSent { text: error.to_string() },
            },
            Err(error) => refused(400, error.words()),
        }
    }
}

fn refused(status: u16, text: String) -> Decision {
    Decision::Refused { status, text }
}

fn reason(code: &str) -> String {
    match code {
        "NOT_PENDING" => "it was decided at Kick already".into(),
        "NOT_FOUND" => "Kick does not have this redemption".into(),
        "NOT_OWNED" => "the reward was made by another application, which alone may decide about it".into(),
        _ => "Kick did not do it, and does not say why".into(),
    }
}

/// Nothing was sent now; an earlier attempt may have arrived.
fn impossible(approval: &Approval, text: &str) -> Decision {
    match approval.state {
        ApprovalState::Unknown => Decision::Unknown { text: text.into() },
        _ => refused(0, text.into()),
    }
}
