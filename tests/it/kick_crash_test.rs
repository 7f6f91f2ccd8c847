//! The program is killed while it exchanges tokens, subscribes and speaks at Kick: no account is lost, nothing is asked for
//! twice, and nothing is said twice.

use crate::support::kick::{connected, notices, queue, run_kick, said};
use crate::support::town::{Setup, Town, run_with};
use chrono::{TimeDelta, Utc};

/// Another process works in this town until it is killed at this point. Its clock is the real one.
async fn killed_at(town: &Town, point: &str) {
    town.execute("UPDATE kick_chat SET expires_at = clock_timestamp() + interval '10 minutes'").await;
    let worker = [("SIGNALBOX_CRASH_AT", point), ("DISCORD_GATEWAY", "off")];
    let end = town.program(&["run", "--roles", "worker"], &worker).ends_within(60).await;
    assert_eq!(end.signal, Some(9), "{point}: {}{}", end.out, end.err);
    // The leases of the dead have lapsed. Kick's own clock stays: its tokens would die of old age.
    town.clock.advance(Utc::now() - town.clock.now() + TimeDelta::minutes(4));
    town.settle().await;
}

#[tokio::test]
async fn while_it_speaks() {
    for (point, heard) in [("kick.chat.started", 0), ("kick.chat.said", 1)] {
        run_kick(async |town| {
            let channel = connected(town, "Streamer").await;
            queue(town, &channel, &[("a", "hello")]).await;
            killed_at(town, point).await;
            assert_eq!(town.kick.chat_of("Streamer").len(), heard, "{point}");
            assert_eq!(said(town).await, "unknown hello (Signalbox stopped while it was said)");
            let _ = notices(town);
        })
        .await;
    }
}

/// Kick takes an old refresh token once more.
#[tokio::test]
async fn while_it_exchanges_tokens() {
    for point in ["kick.refresh.claimed", "kick.refresh.answered"] {
        let flexible = |options| standin::kick::Options { flexible_refresh: true, ..options };
        run_with(Setup { kick_options: flexible, ..Setup::kick() }, async |town| {
            connected(town, "Streamer").await;
            killed_at(town, point).await;
            assert_eq!(town.column("SELECT state || ' ' || failures FROM kick_account").await, ["active 0"], "{point}");
            let _ = notices(town);
        })
        .await;
    }
}

#[tokio::test]
async fn while_it_subscribes() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        town.kick.drop_subscriptions(Some("kicks.gifted"));
        killed_at(town, "kick.subscribed").await;
        assert_eq!(town.kick.subscriptions().len(), 10);
        assert_eq!(town.count("SELECT count(*) FROM kick_subscription WHERE removed_at IS NULL").await, 10);
        let _ = notices(town);
    })
    .await;
}

/// Who is told is told once; whether it arrived is not known any more, and that is what the admins read.
#[tokio::test]
async fn while_it_tells_whose_account_is_lost() {
    run_kick(async |town| {
        connected(town, "Streamer").await;
        town.kick.revoke_grants("Streamer");
        killed_at(town, "kick.owner.told").await;
        town.advance(TimeDelta::hours(30)).await;
        assert_eq!(town.direct("admin").matches("Kick no longer lets").count(), 1);
        insta::assert_snapshot!(notices(town), @"
        [⚠️ Signalbox]
        Kick no longer lets Signalbox act for the account Streamer: the authorisation has run out or was taken back. Nothing can be said in that channel's chat, and no redemptions decided, until it is connected again with /kick connect. Events still arrive. Whether a direct message reached its owner is not known.
        -- Signalbox · signalbox.notice
        ");
    })
    .await;
}
