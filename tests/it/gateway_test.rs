//! The gateway session over its troubles: after each of them a press is answered, and at no time are there
//! two sessions of one bot.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use signalbox::app::Patience;

use crate::support::program::Program;
use crate::support::town::{IMPATIENT, Setup, Town, run_with};

fn watched() -> Setup {
    Setup { patience: IMPATIENT, ..Setup::default() }
}

/// A press is answered and decides.
async fn a_press_works(town: &Town, hostname: &str) {
    town.machine(hostname).await;
    let outcome = town.press("approver", "machines", "Approve").await;
    assert_eq!(outcome["error"], json!(null), "{outcome}");
    // The channel's limit on edits.
    town.advance(TimeDelta::seconds(10)).await;
    let card = town.see("machines");
    let card = card.split("[🖥️").find(|card| card.contains(hostname)).unwrap();
    assert!(card.contains("Approved"), "{card}");
}

async fn the_bot_logs_in_again(town: &Town, log_ins: usize) {
    town.until("the bot has logged in again", || town.discord.log_ins() > log_ins).await;
}

#[tokio::test]
async fn a_press_during_a_gap_arrives_when_the_session_is_resumed() {
    run_with(watched(), async |town| {
        for (round, fault) in ["close:4000", "reconnect", "invalid_session:resumable"].into_iter().enumerate() {
            town.fault("gateway", fault, 1);
            a_press_works(town, &format!("web-{round}")).await;
        }
        assert_eq!(town.discord.log_ins(), 1, "resumed each time");
    })
    .await;
}

#[tokio::test]
async fn a_session_that_discord_ends_is_followed_by_another() {
    run_with(watched(), async |town| {
        for (round, fault) in ["invalid_session", "close:4009"].into_iter().enumerate() {
            let log_ins = town.discord.log_ins();
            town.fault("gateway", fault, 1);
            the_bot_logs_in_again(town, log_ins).await;
            a_press_works(town, &format!("web-{round}")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_died_without_a_word_is_noticed() {
    run_with(watched(), async |town| {
        town.fault("gateway", "half_open", 1);
        the_bot_logs_in_again(town, 1).await;
        a_press_works(town, "web-07").await;
    })
    .await;
}

/// The first time the session is resumed; a second time another one is begun, so that a gateway which only does that
/// is asked with pauses.
#[tokio::test]
async fn a_close_without_a_code_is_resumed_once_and_then_begun_anew() {
    let patience = Patience { silence: Duration::from_secs(3600), ..IMPATIENT };
    run_with(Setup { patience, ..Setup::default() }, async |town| {
        for (log_ins, connections) in [(1, 2), (2, 3), (2, 4), (3, 5)] {
            town.fault("gateway", "close:none", 1);
            town.until("another connection", || town.discord.gateway_connections() == connections).await;
            a_press_works(town, &format!("web-{connections}")).await;
            assert_eq!((town.discord.log_ins(), town.discord.gateway_connections()), (log_ins, connections));
        }
    })
    .await;
}

/// Serenity's runner would turn round without a pause, and with it all the time that Discord does this.
#[tokio::test]
async fn a_gateway_that_only_closes_is_asked_with_pauses() {
    run_with(watched(), async |town| {
        town.fault("gateway", "close:none", 1000);
        tokio::time::sleep(Duration::from_secs(4)).await;
        let connections = town.discord.gateway_connections();
        assert!((2..12).contains(&connections), "{connections} in 4 s");
    })
    .await;
}

#[tokio::test]
async fn silence_alone_is_no_trouble() {
    run_with(watched(), async |town| {
        // Several rounds of asking for a sign of life.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(town.discord.log_ins(), 1);
        a_press_works(town, "web-07").await;
    })
    .await;
}

#[tokio::test]
async fn health_says_when_the_session_is_lost() {
    run_with(watched(), async |town| {
        assert_eq!(health(town).await, "connected");
        town.fault("get_gateway_bot", "status:503", 2);
        town.fault("gateway", "close:4009", 1);
        let mut seen = health(town).await;
        while seen == "connected" {
            tokio::time::sleep(Duration::from_millis(5)).await;
            seen = health(town).await;
        }
        the_bot_logs_in_again(town, 1).await;
        while health(town).await != "connected" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

async fn health(town: &Town) -> String {
    let url = format!("http://{}/health", town.app.address);
    let answer: serde_json::Value = town.http.get(url).send().await.unwrap().json().await.unwrap();
    answer["discord"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn discord_down_at_the_start_is_waited_for() {
    let asks_for_the_address = vec![("DISCORD_GATEWAY_URL", String::new())];
    run_with(Setup { gateway: false, env: asks_for_the_address, ..watched() }, async |town| {
        town.fault("get_gateway_bot", "status:503", 1);
        town.fault("get_gateway_bot", "html:502", 1);
        town.connect().await;
        a_press_works(town, "web-07").await;
    })
    .await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_error_in_the_log() {
    run_with(watched(), async |town| {
        town.expect_error("could not be read");
        town.discord.emit("INTERACTION_CREATE", &json!({ "id": "1", "type": 3, "data": "nonsense" }));
        town.until("it is said", || town.has_logged("could not be read")).await;
        town.discord.emit("SOMETHING_NEW", &json!({}));
        a_press_works(town, "web-07").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_delivered_twice_is_handled_once() {
    run_with(watched(), async |town| {
        town.expect_violation("40060");
        a_press_works(town, "web-07").await;
        let calls = town.xt.calls().len();
        town.discord.repeat("INTERACTION_CREATE");
        town.settle().await;
        town.command("admin", "about", json!({})).await;
        let answers = || answered(town).len();
        let before = answers();
        town.discord.repeat("INTERACTION_CREATE");
        a_press_works(town, "web-08").await;
        assert_eq!(answers(), before + 1, "the command was answered once");
        assert_eq!(town.xt.calls().len(), calls + 1, "each press went upstream once");
    })
    .await;
}

/// The interactions that were answered, as Discord saw it.
fn answered(town: &Town) -> Vec<String> {
    let requests = town.discord.requests();
    let callbacks =
        requests.iter().filter(|r| r["path"].as_str().unwrap().ends_with("/callback") && r["status"] == 204);
    callbacks.map(|r| r["path"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn of_two_processes_one_is_connected_and_the_other_takes_over() {
    run_with(watched(), async |town| {
        let (second, lifecycle) = town.another_bot().await;
        let standby = tokio::spawn(async move { second.run_gateway().await });
        // Several rounds of asking for the lease.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!((town.discord.log_ins(), town.discord.connected_sessions()), (1, 1));
        a_press_works(town, "web-07").await;

        town.kill_gateway();
        the_bot_logs_in_again(town, 1).await;
        town.until("the first is gone", || town.discord.connected_sessions() == 1).await;
        a_press_works(town, "web-08").await;
        lifecycle.stop();
        standby.await.unwrap().unwrap();
        assert_eq!(town.discord.connected_sessions(), 0, "logged off");
    })
    .await;
}

// ---- The program itself ----

fn without_a_bot() -> Setup {
    Setup { gateway: false, ..Setup::default() }
}

#[tokio::test]
async fn a_refused_token_ends_the_program_with_a_code_of_its_own() {
    run_with(without_a_bot(), async |town| {
        town.expect_violation("");
        let end = town.program(&["run"], &[("DISCORD_TOKEN", "wrong")]).ends_within(20).await;
        assert_eq!(end.code, Some(77), "{}{}", end.out, end.err);
        assert!(format!("{}{}", end.out, end.err).contains("Copy it anew from the Bot page"));
    })
    .await;
}

#[tokio::test]
async fn refused_intents_end_the_program_with_a_code_of_their_own() {
    run_with(without_a_bot(), async |town| {
        for fault in ["close:4013", "close:4014"] {
            town.fault("gateway", fault, 1);
            let end = town.program(&["run"], &[]).ends_within(20).await;
            assert_eq!(end.code, Some(78), "{fault}: {}{}", end.out, end.err);
            assert!(format!("{}{}", end.out, end.err).contains("update Signalbox"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_gateway_that_is_away() {
    run_with(without_a_bot(), async |town| {
        let mut refused = town.program(&["run"], &[("DISCORD_GATEWAY_URL", "ws://127.0.0.1:1")]);
        refused.says("no gateway session; trying again").await;
        stops_soon(refused).await;

        let mut deaf = town.program(&["run"], &[]);
        deaf.says("connected to Discord").await;
        town.fault("gateway", "half_open", 1);
        stops_soon(deaf).await;

        // Dead for serenity as well, which would turn round on it without a pause.
        let mut closed = town.program(&["run"], &[]);
        closed.says("connected to Discord").await;
        town.fault("gateway", "close:none", 1);
        stops_soon(closed).await;
    })
    .await;
}

async fn stops_soon(program: Program) {
    program.ask_to_stop();
    let end = program.ends_within(12).await;
    assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
}

/// Serenity's runner would turn round without a pause on a connection that was closed like this.
#[tokio::test]
async fn a_close_without_a_code_does_not_keep_a_processor_busy() {
    run_with(without_a_bot(), async |town| {
        let mut program = town.program(&["run"], &[]);
        program.says("connected to Discord").await;
        program.says("commands registered").await;
        let before = processor_time(&program);
        for connections in [2, 3] {
            town.fault("gateway", "close:none", 1);
            town.until("another connection", || town.discord.gateway_connections() == connections).await;
        }
        let used = processor_time(&program) - before;
        assert!(used < Duration::from_millis(400), "{used:?} for two connections");
    })
    .await;
}

/// What the program has used so far, of all its threads (`proc(5)`: clock ticks, a hundredth of a second each).
fn processor_time(program: &Program) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |n: usize| fields[n].parse::<u64>().unwrap();
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// What a person does while the program is away is answered as soon as it is back.
#[tokio::test]
async fn a_program_that_is_started_again_answers_at_once() {
    run_with(without_a_bot(), async |town| {
        let mut first = town.program(&["run"], &[]);
        first.says("connected to Discord").await;
        first.says("commands registered").await;
        first.kill();
        town.until("it is gone", || town.discord.connected_sessions() == 0).await;
        let mut second = town.program(&["run"], &[]);
        // What is pressed before that nobody hears: Discord keeps nothing for a session that does not exist yet.
        second.says("connected to Discord").await;
        let outcome = town.command("admin", "about", json!({})).await;
        assert!(outcome["acknowledged_ms"].as_u64().is_some_and(|ms| ms < 3000), "{outcome}");
    })
    .await;
}

#[tokio::test]
async fn the_program_notices_a_dead_connection_within_fifteen_seconds() {
    run_with(without_a_bot(), async |town| {
        let mut program = town.program(&["run"], &[]);
        program.says("connected to Discord").await;
        town.fault("gateway", "half_open", 1);
        let noticed = tokio::time::timeout(Duration::from_secs(15), program.says("no gateway session; trying again"));
        noticed.await.expect("noticed in time");
        the_bot_logs_in_again(town, 1).await;
        let outcome = town.command("admin", "about", json!({})).await;
        assert!(outcome["response"]["data"].is_object(), "{outcome}");
    })
    .await;
}
