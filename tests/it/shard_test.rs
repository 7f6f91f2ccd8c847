//! Several gateway sessions of one bot: as many as Discord wants, begun as fast as it allows, each by one process.

use std::time::Duration;

use serde_json::json;
use signalbox::app::Patience;
use standin::discord::Options;

use crate::support::machines::{calls, requested};
use crate::support::town::{IMPATIENT, Setup, Town, run_with};

/// Discord counts log-ins in this time, and the bot knows it.
const EVERY: Duration = Duration::from_millis(400);

fn four_shards() -> Setup {
    Setup {
        discord: |options| Options { shards: 4, max_concurrency: 2, identify_every: EVERY, ..options },
        patience: Patience { between: EVERY + Duration::from_millis(100), ..IMPATIENT },
        ..Setup::default()
    }
}

async fn all_connected(town: &Town, count: u64) {
    let all: Vec<(u64, u64)> = (0..count).map(|n| (n, count)).collect();
    town.until("all shards are connected", || town.discord.connected_shards() == all).await;
}

/// The shard of a server: `(guild_id >> 22) % num_shards`.
fn shard_of(guild: u64, count: u64) -> u64 {
    (guild >> 22) % count
}

/// A log-in that came too soon would be a violation, and the test would fail at its end.
#[tokio::test]
async fn as_many_as_discord_recommends_in_its_pace() {
    run_with(four_shards(), async |town| {
        all_connected(town, 4).await;
        assert_eq!(town.discord.log_ins(), 4);
        let (_, buttons) = requested(town).await;
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        assert_eq!(calls(town), ["approve 200"]);
        assert_eq!(town.discord.shards_told("INTERACTION_CREATE"), [shard_of(town.discord.guild_id(), 4)]);
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn a_fixed_number_wins_over_the_recommendation() {
    let setup = Setup { env: vec![("DISCORD_SHARDS", "3".to_owned())], ..four_shards() };
    run_with(setup, async |town| all_connected(town, 3).await).await;
}

#[tokio::test]
async fn every_server_has_its_shard() {
    let nothing = ["XTSYSTEMS_API_URL", "XTSYSTEMS_API_KEY", "XTSYSTEMS_APPROVER_ROLES", "WEBHOOK_SECRET"];
    let unset = nothing.into_iter().chain(["DISCORD_GUILD_ID", "DISCORD_WEBHOOK_CHANNELS"]);
    let env = unset.map(|name| (name, String::new())).collect();
    run_with(Setup { env, ..four_shards() }, async |town| {
        all_connected(town, 4).await;
        for n in 0..4 {
            town.world_clock.advance(chrono::TimeDelta::milliseconds(1));
            let guild = town.discord.add_guild(&format!("Town {n}"));
            let channel = format!("far-{n}");
            town.discord.add_channel(guild, &channel, 0);
            let what = json!({ "as": "admin", "do": "command", "channel": channel, "name": "about", "options": {} });
            let outcome = town.discord.act(what).await;
            assert!(outcome["response"]["data"]["embeds"][0].is_object(), "{outcome}");
            assert_eq!(town.discord.shards_told("INTERACTION_CREATE"), [shard_of(guild, 4)]);
        }
    })
    .await;
}

#[tokio::test]
async fn each_shard_is_of_one_process_and_another_takes_over() {
    run_with(four_shards(), async |town| {
        all_connected(town, 4).await;
        let (second, lifecycle) = town.another_bot().await;
        let standby = tokio::spawn(async move { second.run_gateway().await });
        // Several rounds of asking for the leases.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!((town.discord.log_ins(), town.discord.connected_sessions()), (4, 4));

        town.kill_gateway();
        town.until("the other has logged in", || town.discord.log_ins() == 8).await;
        all_connected(town, 4).await;
        let (_, buttons) = requested(town).await;
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        assert_eq!(calls(town), ["approve 200"]);
        town.see("machines");
        lifecycle.stop();
        standby.await.unwrap().unwrap();
        assert_eq!(town.discord.connected_sessions(), 0, "logged off");
    })
    .await;
}

#[tokio::test]
async fn processes_that_start_together_take_turns() {
    run_with(Setup { gateway: false, ..four_shards() }, async |town| {
        let (second, lifecycle) = town.another_bot().await;
        let other = tokio::spawn(async move { second.run_gateway().await });
        town.connect().await;
        all_connected(town, 4).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(town.discord.log_ins(), 4);
        lifecycle.stop();
        other.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_bot_that_outgrew_its_shards_divides_its_servers_anew() {
    run_with(Setup { patience: IMPATIENT, ..Setup::default() }, async |town| {
        all_connected(town, 1).await;
        town.discord.require_shards(2);
        town.fault("gateway", "close:4009", 1);
        all_connected(town, 2).await;
    })
    .await;
}

#[tokio::test]
async fn the_last_log_in_of_the_day_is_not_used() {
    let setup =
        Setup { discord: |options| Options { session_starts: 3, ..options }, patience: IMPATIENT, ..Setup::default() };
    run_with(setup, async |town| {
        town.fault("gateway", "close:4009", 1);
        town.until("it has logged in again", || town.discord.log_ins() == 2).await;
        town.fault("gateway", "close:4009", 1);
        // The back-off, and what Discord said before is no longer fresh.
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!((town.discord.log_ins(), town.discord.connected_sessions()), (2, 0));
    })
    .await;
}

#[tokio::test]
async fn a_log_in_that_comes_too_soon_is_tried_again() {
    let setup = Setup {
        discord: |options| Options { shards: 2, identify_every: Duration::from_secs(1), ..options },
        patience: IMPATIENT,
        ..Setup::default()
    };
    run_with(setup, async |town| {
        town.expect_violation("too soon");
        all_connected(town, 2).await;
    })
    .await;
}

/// Whoever takes a lost session over needs the turn of the process that lost it.
#[tokio::test]
async fn a_lost_session_is_taken_over_by_the_other_process_and_back() {
    let patience = Patience { between: Duration::from_secs(2), ..IMPATIENT };
    run_with(Setup { patience, ..Setup::default() }, async |town| {
        let (second, lifecycle) = town.another_bot().await;
        let other = tokio::spawn(async move { second.run_gateway().await });
        for log_ins in 1..=2 {
            town.fault("gateway", "close:4009", 1);
            town.until("somebody has logged in again", || town.discord.log_ins() > log_ins).await;
        }
        all_connected(town, 1).await;
        lifecycle.stop();
        other.await.unwrap().unwrap();
    })
    .await;
}
