//! What people decide about a redemption is done at Kick: once, by the channel's own account, and said as it is when Kick
//! has something else to say.

use crate::support::kick::{connected, guild};
use crate::support::machines::names;
use crate::support::town::{Setup, Town, run_with, told};
use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::event::{Event, NewEvent, SIGNAL_SUBJECT, Severity, Via};
use signalbox::id::kick_source;
use signalbox::store::kick::KickChannel;
use standin::kick::{Mode, Place, STREAMER, Sending};

/// Everything is shown in #ops, and nothing that Kick sends arrives: the cards are made by hand.
fn setup() -> Setup {
    let ops = standin::discord::default_channels()["ops"];
    let routes = json!({ "default": [ops.to_string()] }).to_string();
    Setup { kick: true, env: vec![("DISCORD_WEBHOOK_CHANNELS", routes)], ..Setup::default() }
}

async fn begun(town: &Town) -> KickChannel {
    let channel = connected(town, STREAMER).await;
    town.kick.sending(Sending { lost: true, ..Sending::default() });
    channel
}

/// A viewer redeems a reward, and its card is shown; Kick's id of it.
async fn redeemed(town: &Town, channel: &KickChannel, reward: &str) -> String {
    let id = town.kick.redeem(STREAMER, "Viewer_7", reward, "play it").await;
    let fields = json!({ "redemption_id": id, "broadcaster_user_id": channel.broadcaster_user_id.to_string() });
    let offer = |id: &str, label: &str| json!({ "id": id, "label": label, "fields": fields });
    let data = json!({
        "title": format!("{reward} for Viewer_7"),
        "signal_source": "Kick",
        "actions": [offer("accept", "Accept"), offer("reject", "Reject")],
    });
    let now = town.clock.now();
    let event = Event {
        id: town.clock.uuid(),
        source_id: kick_source(guild(town)),
        guild_id: guild(town),
        kind: "generic.redemption".into(),
        subject: Some(format!("{SIGNAL_SUBJECT}redemption:{id}")),
        occurred_at: now,
        received_at: now,
        severity: Severity::Info,
        dedup_key: id.clone(),
        data,
    };
    let new = NewEvent { event, raw: vec![], data_in_raw: false, via: Via::Internal };
    town.app.ingest.submit(new).await.unwrap();
    town.settle().await;
    id
}

async fn status(town: &Town, id: &str) -> String {
    let channel = town.kick.channel(STREAMER).unwrap();
    channel.redemptions.iter().find(|r| r.id == id).unwrap().status.clone()
}

fn seen(town: &Town) -> String {
    names(town, &town.see("ops"))
}

async fn press(town: &Town, label: &str) -> Value {
    town.press("approver", "ops", label).await
}

#[tokio::test]
async fn it_is_accepted_and_rejected() {
    run_with(setup(), async |town| {
        let channel = begun(town).await;
        let first = redeemed(town, &channel, "Song Request").await;
        insta::assert_snapshot!(seen(town), @r"
        [🔵 Song Request for Viewer\_7]
        Timeline: <+0s> redemption
        -- Kick · generic.redemption
        (Accept) (Reject) (Silence)
        ");
        press(town, "Accept").await;
        assert_eq!(status(town, &first).await, "accepted");
        insta::assert_snapshot!(seen(town), @r"
        [🔵 Song Request for Viewer\_7]
        Timeline: <+0s> redemption
        Action: ✅ Accept by <@approver> <+0s>, confirmed by Kick <+0s>
        -- Kick · generic.redemption
        (Silence)
        ");
        let second = redeemed(town, &channel, "Song Request").await;
        press(town, "Reject").await;
        assert_eq!(status(town, &second).await, "rejected");
    })
    .await;
}

#[tokio::test]
async fn a_member_who_may_not_decide_is_told() {
    run_with(setup(), async |town| {
        let channel = begun(town).await;
        let id = redeemed(town, &channel, "Song Request").await;
        insta::assert_snapshot!(names(town, &told(&town.press("member", "ops", "Accept").await)), @"Only members with <@&Approver> may decide this.");
        assert_eq!(status(town, &id).await, "pending");
    })
    .await;
}

/// Nobody knows whether Kick did it: it is asked before it is told again.
#[tokio::test]
async fn an_answer_that_is_lost_is_found_out() {
    run_with(setup(), async |town| {
        let channel = begun(town).await;
        let id = redeemed(town, &channel, "Song Request").await;
        town.kick.mode(Mode::effect_then_500().at(Place::Rewards).times(1));
        press(town, "Accept").await;
        assert_eq!(status(town, &id).await, "accepted");
        for _ in 0..4 {
            town.advance(TimeDelta::minutes(1)).await;
        }
        insta::assert_snapshot!(seen(town), @r"
        [🔵 Song Request for Viewer\_7]
        Timeline: <+0s> redemption
        Action: ✅ Accept by <@approver> <+0s>, confirmed by Kick <+60s>
        -- Kick · generic.redemption
        (Silence)
        ");
        let posted = town.kick.calls().iter().filter(|call| call.path.ends_with("/accept")).count();
        assert_eq!(posted, 1, "not told twice");
    })
    .await;
}

#[tokio::test]
async fn the_streamer_was_faster() {
    run_with(setup(), async |town| {
        let channel = begun(town).await;
        let id = redeemed(town, &channel, "Song Request").await;
        town.kick.decide_redemption(STREAMER, &id, false).await;
        press(town, "Accept").await;
        insta::assert_snapshot!(seen(town), @r"
        [🔵 Song Request for Viewer\_7]
        Timeline: <+0s> redemption
        Action: ⚠️ Kick refused: Accept (asked for by <@approver> <+0s>)
        > it was rejected at Kick already
        -- Kick · generic.redemption
        (Retry Accept) (Reject) (Silence)
        ");
    })
    .await;
}

#[tokio::test]
async fn without_an_account_it_is_said_what_is_missing() {
    run_with(setup(), async |town| {
        let channel = begun(town).await;
        let id = redeemed(town, &channel, "Song Request").await;
        town.kick.revoke_grants(STREAMER);
        town.advance(TimeDelta::hours(2)).await;
        press(town, "Accept").await;
        insta::assert_snapshot!(seen(town), @r"
        [🔵 Song Request for Viewer\_7]
        Timeline: <+0s> redemption
        Action: ⚠️ Kick refused: Accept (asked for by <@approver> <+7200s>)
        > no account of this channel is connected that may decide about redemptions: /kick connect asks for it
        -- Kick · generic.redemption
        (Retry Accept) (Reject) (Silence)

        [⚠️ Signalbox]
        Kick no longer lets Signalbox act for the account NovaPlays: the authorisation has run out or was taken back. Nothing can be said in that channel's chat, and no redemptions decided, until it is connected again with /kick connect. Events still arrive. Its owner was told by a direct message.
        -- Signalbox · signalbox.notice
        ");
        assert!(town.direct("admin").contains("Kick no longer lets"));
        assert_eq!(status(town, &id).await, "pending");
    })
    .await;
}

#[tokio::test]
async fn rewards_of_others_are_theirs() {
    run_with(setup(), async |town| {
        let channel = begun(town).await;
        redeemed(town, &channel, "Say hello").await;
        press(town, "Reject").await;
        insta::assert_snapshot!(seen(town), @r"
        [🔵 Say hello for Viewer\_7]
        Timeline: <+0s> redemption
        Action: ⚠️ Kick refused: Reject (asked for by <@approver> <+0s>)
        > the reward was made by another application, which alone may decide about it
        -- Kick · generic.redemption
        (Accept) (Retry Reject) (Silence)
        ");
    })
    .await;
}
