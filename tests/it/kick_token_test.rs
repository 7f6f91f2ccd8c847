//! The tokens of connected accounts: exchanged in time and by one process alone, and lost without harm.

use crate::support::kick::{asked, connected, guild, notices, queue, run_kick, said};
use crate::support::town::{Setup, Town, run_with};
use chrono::TimeDelta;
use serde_json::json;
use signalbox::kick::account::{access_token, refresh_due};
use standin::discord::{Fault, What};
use standin::kick::{Mode, Place};

/// How often Kick was asked for tokens of people.
fn exchanges(town: &Town) -> usize {
    town.kick
        .calls()
        .iter()
        .filter(|call| call.path == "/oauth/token" && call.body["grant_type"] == "refresh_token")
        .count()
}

#[tokio::test]
async fn tokens_are_exchanged_ten_minutes_before_they_run_out() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        town.advance(TimeDelta::minutes(109)).await;
        assert_eq!(exchanges(town), 0);
        town.advance(TimeDelta::minutes(2)).await;
        assert_eq!(exchanges(town), 1);
        // Day after day, with each new pair.
        for _ in 0..40 {
            town.advance(TimeDelta::hours(1)).await;
        }
        assert!(exchanges(town) > 15, "{}", exchanges(town));
        assert_eq!(town.column("SELECT state FROM kick_account").await, ["active"]);
        let _ = notices(town);
    })
    .await;
}

#[tokio::test]
async fn two_processes_exchange_them_once() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        let (other, stop) = town.another_bot().await;
        town.clock.advance(TimeDelta::minutes(115));
        town.world_clock.advance(TimeDelta::minutes(115));
        let (here, there) = (refresh_due(&town.app.ports, 20), refresh_due(&other.ports, 20));
        let done = tokio::join!(here, there);
        assert_eq!(done.0.unwrap() + done.1.unwrap(), 1);
        assert_eq!(exchanges(town), 1);
        stop.stop();
        town.settle().await;
    })
    .await;
}

#[tokio::test]
async fn a_fault_of_kick_loses_no_account() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        for mode in [Mode::status(500), Mode::cloudflare(), Mode::rate_limited(Some(30)), Mode::status(401)] {
            town.kick.mode(mode.at(Place::Token));
            town.advance(TimeDelta::hours(2)).await;
            assert_eq!(town.column("SELECT state FROM kick_account").await, ["active"]);
        }
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @"
        [Kick]
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions. ⚠️ Its tokens could not be exchanged 4 times in a row; trying again
        ✅ 10 of 10 kinds of events, looked at <+28800s>
        ");
        town.kick.mode(Mode::ok());
        town.advance(TimeDelta::minutes(12)).await;
        assert_eq!(town.column("SELECT failures || ' ' || state FROM kick_account").await, ["0 active"]);
        let _ = notices(town);
    })
    .await;
}

#[tokio::test]
async fn what_kick_no_longer_knows_is_told_once_and_connected_again() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        town.kick.revoke_grants("Streamer");
        town.advance(TimeDelta::hours(2)).await;
        town.advance(TimeDelta::hours(30)).await;
        insta::assert_snapshot!(notices(town), @"
        [⚠️ Signalbox]
        Kick no longer lets Signalbox act for the account Streamer: the authorisation has run out or was taken back. Nothing can be said in that channel's chat, and no redemptions decided, until it is connected again with /kick connect. Events still arrive. Its owner was told by a direct message.
        -- Signalbox · signalbox.notice
        ");
        insta::assert_snapshot!(town.direct("admin"), @"⚠️ Kick no longer lets Signalbox act for your account Streamer: the authorisation has run out or was taken back. Nothing can be said in its chat, and no redemptions decided, until you connect it again with `/kick connect` in https://discord.com/channels/1180000000000000001.");
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @"
        [Kick]
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ❌ Kick no longer lets Signalbox act for it (connected by <@admin>): `/kick connect` connects it again.
        ✅ 10 of 10 kinds of events, looked at <+115200s>
        ");
        queue(town, &channel, &[("a", "hello")]).await;
        town.settle().await;
        insta::assert_snapshot!(said(town).await, @"failed hello (no account is connected that may speak there)");
        connected(town, "Streamer").await;
        queue(town, &channel, &[("b", "hello again")]).await;
        town.settle().await;
        assert_eq!(town.kick.chat_of("Streamer").len(), 1);
    })
    .await;
}

/// The streamer is linked, and somebody else has connected the channel.
#[tokio::test]
async fn whose_account_it_is_hears_of_it_alone_and_once() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        let streamer = town.column("SELECT kick_user_id::text FROM kick_account").await[0].parse().unwrap();
        signalbox::community::link::link(&town.app.ports, guild(town), town.user("member"), streamer, "Streamer")
            .await
            .unwrap();
        // Discord takes the message and does not say so.
        town.discord.fault(Fault::new("create_message", What::AcceptThenDrop));
        town.kick.revoke_grants("Streamer");
        town.advance(TimeDelta::hours(2)).await;
        assert_eq!(notices(town), "", "it is not known yet");
        town.advance(TimeDelta::seconds(40)).await;
        town.advance(TimeDelta::hours(30)).await;
        let told = |who: &str| town.direct(who).matches("Kick no longer lets").count();
        assert_eq!((told("member"), told("admin")), (1, 0));
        assert!(notices(town).contains("Its owner was told by a direct message."), "{}", notices(town));
    })
    .await;
}

#[tokio::test]
async fn who_takes_no_direct_messages_is_named_as_not_told() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        town.discord.set_direct_messages(town.discord.user_id("admin"), false);
        town.kick.revoke_grants("Streamer");
        town.advance(TimeDelta::hours(2)).await;
        insta::assert_snapshot!(notices(town), @"
        [⚠️ Signalbox]
        Kick no longer lets Signalbox act for the account Streamer: the authorisation has run out or was taken back. Nothing can be said in that channel's chat, and no redemptions decided, until it is connected again with /kick connect. Events still arrive. A direct message did not reach its owner (Discord: Cannot send messages to this user): tell them.
        -- Signalbox · signalbox.notice
        ");
        assert_eq!(town.direct("admin"), "");
        // It is connected anew and ends again; this time nobody can be reached at Discord for long.
        connected(town, "Streamer").await;
        town.discord.set_direct_messages(town.discord.user_id("admin"), true);
        town.discord.fault(Fault::new("create_dm", What::Status(503, false)).times(4));
        town.kick.revoke_grants("Streamer");
        town.advance(TimeDelta::hours(2)).await;
        for _ in 0..5 {
            town.advance(TimeDelta::minutes(5)).await;
        }
        let told = notices(town);
        assert!(told.contains("A direct message did not reach its owner (Discord: "), "{told}");
        assert_eq!((town.direct("admin").as_str(), told.matches("Kick no longer lets").count()), ("", 2));
    })
    .await;
}

/// Kick takes an access token back before its time: it is exchanged at the first refusal.
#[tokio::test]
async fn a_token_that_is_refused_is_exchanged_at_once() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        town.kick.mode(Mode::status(401).at(Place::Chat).times(1));
        queue(town, &channel, &[("a", "hello")]).await;
        town.settle().await;
        assert_eq!((exchanges(town), town.kick.chat_of("Streamer").len()), (1, 1));
    })
    .await;
}

/// Nobody exchanged anything for hours: what is needed is exchanged when it is needed.
#[tokio::test]
async fn a_token_that_has_run_out_is_exchanged_before_it_is_used() {
    let setup = Setup {
        kick_options: |options| standin::kick::Options { expires_in_as_text: true, ..options },
        ..Setup::kick()
    };
    run_with(setup, async |town| {
        connected(town, "Streamer").await;
        town.clock.advance(TimeDelta::hours(5));
        town.world_clock.advance(TimeDelta::hours(5));
        let account = town.store().list_kick_accounts(guild(town)).await.unwrap().remove(0);
        assert!(access_token(&town.app.ports, account.guild_id, account.id).await.unwrap().is_some());
        assert_eq!(exchanges(town), 1);
    })
    .await;
}

#[tokio::test]
async fn the_tokens_are_sealed_anew_with_the_others() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        let key = ("ENCRYPTION_KEY", "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyb3Q=");
        let old = ("ENCRYPTION_KEYS_OLD", crate::support::town::ENCRYPTION_KEY);
        let rotated = town.program(&["secrets", "rotate"], &[key, old]).ends_within(60).await;
        assert_eq!(rotated.code, Some(0), "{rotated:?}");
        let account = town.store().list_kick_accounts(guild(town)).await.unwrap().remove(0);
        let opened = access_token(&town.app.ports, account.guild_id, account.id).await;
        assert!(opened.is_err(), "the old key opens nothing any more");
    })
    .await;
}
