//! The subscription doctor: what Kick is to send is asked for, once each; what it does not send is told; and whether a
//! channel is live is asked, not only heard.

use crate::support::kick::{asked, connected, notices, run_kick};
use crate::support::town::{Setup, Town, run_with};
use chrono::TimeDelta;
use serde_json::json;
use signalbox::kick::check::check_due;
use standin::kick::{EVENTS, Mode, Place};

fn subscribed(town: &Town) -> Vec<String> {
    let mut kinds: Vec<String> = town.kick.subscriptions().into_iter().map(|s| s.event).collect();
    kinds.sort();
    kinds
}

fn wanted() -> Vec<String> {
    let mut kinds = EVENTS.map(str::to_owned).to_vec();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn what_kick_forgets_is_asked_for_again() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        town.kick.drop_subscriptions(Some("chat.message.sent"));
        town.advance(TimeDelta::minutes(9)).await;
        assert_eq!(subscribed(town).len(), 9);
        town.advance(TimeDelta::minutes(2)).await;
        assert_eq!(subscribed(town), wanted());
        assert_eq!(town.count("SELECT count(*) FROM kick_subscription WHERE removed_at IS NULL").await, 10);
        assert_eq!(town.count("SELECT count(*) FROM kick_subscription WHERE removed_at IS NOT NULL").await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_there_twice_is_removed_and_the_known_one_stays() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        let before = town.column("SELECT id FROM kick_subscription WHERE removed_at IS NULL ORDER BY id").await;
        town.kick.subscribe_app("Streamer", &["chat.message.sent", "channel.followed"]);
        insta::assert_snapshot!(asked(town, "admin", "kick doctor", json!({})).await, @"
        [Kick, looked at just now]
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ✅ 10 of 10 kinds of events, looked at <+0s>
        🔧 the last look created 0 and removed 2 subscriptions
        ");
        assert_eq!(subscribed(town), wanted());
        let after = town.column("SELECT id FROM kick_subscription WHERE removed_at IS NULL ORDER BY id").await;
        assert_eq!(before, after);
    })
    .await;
}

#[tokio::test]
async fn two_processes_ask_once() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        town.kick.drop_subscriptions(None);
        let (other, stop) = town.another_bot().await;
        town.clock.advance(TimeDelta::minutes(11));
        town.world_clock.advance(TimeDelta::minutes(11));
        let (here, there) = tokio::join!(check_due(&town.app.ports, 10), check_due(&other.ports, 10));
        assert_eq!(here.unwrap() + there.unwrap(), 1);
        assert_eq!(subscribed(town), wanted());
        stop.stop();
    })
    .await;
}

#[tokio::test]
async fn what_kick_refuses_is_named_and_told_at_the_second_look() {
    run_kick(async |town| {
        town.kick.mode(Mode::partial_error(&["kicks.gifted", "moderation.banned"]).at(Place::Subscribe));
        connected(town, "Streamer").await;
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @"
        [Kick]
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ❌ 8 of 10 kinds of events, looked at <+0s>
        🔧 the last look created 8 and removed 0 subscriptions
        ❌ `kicks.gifted`: webhooks are not enabled for app
        ❌ `moderation.banned`: webhooks are not enabled for app
        ");
        assert!(!notices(town).contains("asked to"), "not at the first look");
        town.advance(TimeDelta::minutes(11)).await;
        town.advance(TimeDelta::minutes(11)).await;
        insta::assert_snapshot!(notices(town), @"
        [⚠️ Signalbox]
        Kick does not send all events of Streamer, although it was asked to:
        kicks.gifted: webhooks are not enabled for app
        moderation.banned: webhooks are not enabled for app
        Signalbox keeps asking; /kick doctor shows how it stands.
        -- Signalbox · signalbox.notice
        ");
        town.kick.mode(Mode::ok());
        town.advance(TimeDelta::minutes(11)).await;
        assert_eq!(subscribed(town), wanted());
    })
    .await;
}

#[tokio::test]
async fn a_limit_of_one_kind_stops_no_other() {
    run_kick(async |town| {
        // All at once are refused, and of those that are asked for one by one the first.
        town.kick.mode(Mode::limit_reached().at(Place::Subscribe).times(2));
        connected(town, "Streamer").await;
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @"
        [Kick]
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ❌ 9 of 10 kinds of events, looked at <+0s>
        🔧 the last look created 9 and removed 0 subscriptions
        ❌ `chat.message.sent`: event subscription limit reached
        ");
        assert_eq!(subscribed(town).len(), 9);
    })
    .await;
}

#[tokio::test]
async fn what_is_given_and_never_listed_is_waited_for_and_not_piled_up() {
    run_kick(async |town| {
        town.kick.mode(Mode::never_listed().at(Place::Subscribe));
        connected(town, "Streamer").await;
        for _ in 0..5 {
            town.advance(TimeDelta::minutes(11)).await;
        }
        assert_eq!(town.kick.subscriptions().len(), 10, "asked for once");
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @"
        [Kick]
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ❌ 0 of 10 kinds of events, looked at <+3300s>
        ❌ `channel.followed`: Kick gave a subscription and does not list it
        ❌ `channel.reward.redemption.updated`: Kick gave a subscription and does not list it
        ❌ `channel.subscription.gifts`: Kick gave a subscription and does not list it
        ❌ `channel.subscription.new`: Kick gave a subscription and does not list it
        ❌ `channel.subscription.renewal`: Kick gave a subscription and does not list it
        ");
        town.kick.mode(Mode::ok());
        town.advance(TimeDelta::minutes(11)).await;
        insta::assert_snapshot!(asked(town, "admin", "kick doctor", json!({})).await, @"
        [Kick, looked at just now]
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ✅ 10 of 10 kinds of events, looked at <+3960s>
        ");
        let _ = notices(town);
    })
    .await;
}

#[tokio::test]
async fn a_look_that_fails_is_tried_again_sooner() {
    run_kick(async |town| {
        town.kick.mode(Mode::status(500).at(Place::Subscriptions));
        connected(town, "Streamer").await;
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @"
        [Kick]
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ⏳ Its subscriptions were not looked at yet.
        ⚠️ The last look failed: Kick has a fault of its own (500: Internal Server Error)
        ");
        town.kick.mode(Mode::ok());
        town.advance(TimeDelta::minutes(2)).await;
        assert_eq!(subscribed(town), wanted());
    })
    .await;
}

#[tokio::test]
async fn a_token_of_the_app_that_is_refused_is_made_anew() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        town.kick.revoke_app_tokens();
        town.kick.drop_subscriptions(None);
        town.advance(TimeDelta::minutes(11)).await;
        assert_eq!(subscribed(town), wanted());
    })
    .await;
}

/// Neither the begin nor the end of the stream came as an event.
#[tokio::test]
async fn a_stream_that_no_event_told_of_is_noted() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        town.kick.set_live_silently("Streamer", true);
        town.kick.set_viewers("Streamer", 40);
        town.advance(TimeDelta::minutes(11)).await;
        town.kick.set_viewers("Streamer", 67);
        town.advance(TimeDelta::minutes(3)).await;
        town.kick.set_viewers("Streamer", 12);
        town.advance(TimeDelta::minutes(3)).await;
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @"
        [Kick]
        📺 Streamer: <https://kick.com/streamer>
        🔴 live since <+0s>, at most 67 viewers
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ✅ 10 of 10 kinds of events, looked at <+660s>
        ");
        town.kick.set_live_silently("Streamer", false);
        town.advance(TimeDelta::minutes(4)).await;
        let streams = town.column("SELECT concat_ws(' ', ended_by, peak_viewers) FROM kick_stream").await;
        assert_eq!(streams, ["api 67"]);
        let _ = notices(town);
    })
    .await;
}

#[tokio::test]
async fn live_without_a_word_in_chat_is_told_once() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        town.kick.set_live_silently("Streamer", true);
        for _ in 0..8 {
            town.advance(TimeDelta::minutes(2)).await;
            town.app.ports.kick_heard.note(channel.broadcaster_user_id, town.clock.now());
        }
        assert!(!notices(town).contains("not one chat message"));
        for _ in 0..12 {
            town.advance(TimeDelta::minutes(2)).await;
        }
        insta::assert_snapshot!(notices(town), @"
        [🔴 Streamer is live]
        Streamer is live
        Category: Just Chatting
        Started: <+0s>
        Timeline: <+0s> started
        -- Kick · kick.livestream.started
        (Silence) (Watch) (Chat)

        [⚠️ Signalbox]
        Streamer is live at Kick, and not one chat message has come for 10 minutes. Either nobody writes, or Kick does not deliver: /kick doctor looks at the subscriptions.
        -- Signalbox · signalbox.notice
        ");
    })
    .await;
}

#[tokio::test]
async fn switched_off_it_asks_kick_for_nothing() {
    let setup = Setup { kick: true, ..Setup::with(&[("USE_KICK_WEBHOOKS", "false")]) };
    run_with(setup, async |town| {
        connected(town, "Streamer").await;
        town.advance(TimeDelta::minutes(30)).await;
        assert_eq!(town.kick.subscriptions().len(), 0);
        insta::assert_snapshot!(asked(town, "admin", "kick doctor", json!({})).await, @"
        [Kick, looked at just now]
        ⚠️ Nothing is received from Kick: the operator has set USE_KICK_WEBHOOKS to false.
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ");
    })
    .await;
}

#[tokio::test]
async fn the_doctor_says_how_kick_stands() {
    run_kick(async |town| {
        let lines = async || {
            let all = asked(town, "admin", "doctor", json!({})).await;
            all.lines().filter(|line| line.contains("Kick")).collect::<Vec<_>>().join("\n").replace(&town.kick.origin(), "KICK")
        };
        insta::assert_snapshot!(lines().await, @"
        ⚠️ Kick · Channels: none is connected. Fix: use /kick connect
        ✅ Kick · App: KICK answers, and the client id and secret are accepted
        ✅ Kick · Webhook: received at HERE/webhooks/kick/a-segment-of-the-tests: enter that in your app's settings at Kick
        ");
        connected(town, "Streamer").await;
        insta::assert_snapshot!(lines().await, @"
        ✅ Kick · App: KICK answers, and the client id and secret are accepted
        ✅ Kick · Channel Streamer: connected, all 10 kinds of events arrive
        ✅ Kick · Webhook: received at HERE/webhooks/kick/a-segment-of-the-tests: enter that in your app's settings at Kick
        ");
        town.kick.mode(Mode::status(401).at(Place::Token));
        town.kick.drop_subscriptions(None);
        town.kick.mode(Mode::limit_reached().at(Place::Subscribe));
        town.advance(TimeDelta::minutes(11)).await;
        insta::assert_snapshot!(lines().await, @"
        ❌ Kick · App: Kick does not accept the token: Unauthorized. Fix: copy KICK_CLIENT_ID and KICK_CLIENT_SECRET from https://kick.com/settings/developer
        ❌ Kick · Channel Streamer: Kick sends 0 of 10 kinds of events. Fix: use /kick doctor, which asks for the others and says what Kick answers
        ✅ Kick · Webhook: received at HERE/webhooks/kick/a-segment-of-the-tests: enter that in your app's settings at Kick
        ");
    })
    .await;
}
