//! The notifier when Discord, or the bot, does not answer as it should; when it is killed; when it has to be mended.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{TimeDelta, Utc};
use standin::receiver::{Manner, Receiver};

use crate::support::game::{Game, awards, round, round_at};
use crate::support::program::Program;

const ROUND: &str = "2026-01-02-100000-supply-round-1.txt";
const AWARDS: &str = "2026-01-02-100000-supply-round-1-endstats.txt";

/// A file, one mishap, and what stands in the channel ten minutes later.
async fn after(mishap: &str, times: u32, ms: Option<u64>) -> String {
    let game = Game::start().await;
    let mut notifier = game.notifier();
    game.fault(mishap, times, ms);
    game.writes(ROUND, &round());
    game.writes(AWARDS, &awards());
    game.passes(&mut notifier, 600).await;
    let notices = game.notices();
    game.finish().await;
    notices
}

#[tokio::test]
async fn a_doubt_is_repeated_once_and_marked() {
    insta::assert_snapshot!(after("accept_then_drop", 1, None).await, @"
    📊 `2026-01-02-100000-supply-round-1.txt`
    🏆 `2026-01-02-100000-supply-round-1-endstats.txt`
    📊 `2026-01-02-100000-supply-round-1.txt` | possibly repeated
    ");
    insta::assert_snapshot!(after("drop", 1, None).await, @"
    🏆 `2026-01-02-100000-supply-round-1-endstats.txt`
    📊 `2026-01-02-100000-supply-round-1.txt` | possibly repeated
    ");
    insta::assert_snapshot!(after("status:200:done", 1, None).await, @"
    📊 `2026-01-02-100000-supply-round-1.txt`
    🏆 `2026-01-02-100000-supply-round-1-endstats.txt`
    📊 `2026-01-02-100000-supply-round-1.txt` | possibly repeated
    ");
}

#[tokio::test]
async fn a_second_doubt_ends_it() {
    let game = Game::start().await;
    let mut notifier = game.notifier();
    game.fault("accept_then_drop", 2, None);
    game.writes(ROUND, &round());
    game.passes(&mut notifier, 600).await;
    assert_eq!(game.notices(), format!("📊 `{ROUND}`\n📊 `{ROUND}` | possibly repeated"));
    game.finish().await;
}

#[tokio::test]
async fn errors_of_the_server_are_repeated_until_it_is_well() {
    insta::assert_snapshot!(after("status:500", 6, None).await, @"
    📊 `2026-01-02-100000-supply-round-1.txt` | possibly repeated
    🏆 `2026-01-02-100000-supply-round-1-endstats.txt` | possibly repeated
    ");
    insta::assert_snapshot!(after("html:502", 1, None).await, @"
    🏆 `2026-01-02-100000-supply-round-1-endstats.txt`
    📊 `2026-01-02-100000-supply-round-1.txt` | possibly repeated
    ");
}

#[tokio::test]
async fn limits_are_waited_for_as_told() {
    let game = Game::start().await;
    let mut notifier = game.notifier();
    game.fault("429:user", 1, Some(30_000));
    game.writes(ROUND, &round());
    game.passes(&mut notifier, 32).await;
    assert_eq!(game.notices(), "");
    game.passes(&mut notifier, 2).await;
    assert_eq!(game.notices(), format!("📊 `{ROUND}`"), "it was certainly not there: no mark");
    game.finish().await;
}

#[tokio::test]
async fn while_discord_cannot_be_reached_it_waits() {
    let mut game = Game::start().await;
    let there = game.env.clone();
    game.env.retain(|(name, _)| name != "DISCORD_API_URL");
    game.env.push(("DISCORD_API_URL".into(), "http://127.0.0.1:1".into()));
    let mut notifier = game.notifier();
    game.writes(ROUND, &round());
    game.passes(&mut notifier, 600).await;
    drop(notifier);
    game.env = there;
    game.passes(&mut game.notifier(), 5).await;
    assert_eq!(game.notices(), format!("📊 `{ROUND}`"));
    game.finish().await;
}

#[tokio::test]
async fn a_webhook_that_is_gone_stops_it_and_says_what_to_do() {
    let game = Game::start().await;
    let mut notifier = game.notifier();
    game.discord.delete_webhook(game.id);
    game.writes(ROUND, &round());
    let stopped = game.try_passes(&mut notifier, 5).await.unwrap_err();
    insta::assert_snapshot!(stopped, @"Discord refuses the webhook of DISCORD_WEBHOOK_URL (Unknown Webhook). Make a new one in Discord (the channel's settings, Integrations, Webhooks), put its URL into DISCORD_WEBHOOK_URL and start again; what is told of then goes back 48 hours");
    assert_eq!(game.kept()["processed_files"], serde_json::json!([]), "it is told once there is another webhook");
    game.finish().await;
}

#[tokio::test]
async fn a_notice_that_is_refused_does_not_hold_up_the_others() {
    let game = Game::start().await;
    let mut notifier = game.notifier();
    game.fault("status:400", 1, None);
    game.writes(ROUND, &round());
    game.writes(AWARDS, &awards());
    game.passes(&mut notifier, 60).await;
    assert_eq!(game.notices(), format!("🏆 `{AWARDS}`"));
    game.finish().await;
}

/// The file of a round that ended a moment ago, by the system's clock.
fn writes_now(game: &Game) -> String {
    let name = round_at(Utc::now());
    game.writes_at(&name, &round(), Utc::now());
    name
}

async fn ends(program: Program) {
    program.ask_to_stop();
    assert_eq!(program.ends_within(20).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_intent_and_post() {
    let game = Game::start().await;
    let name = writes_now(&game);
    let end = game.program(&[("SIGNALBOX_CRASH_AT", "notify.intended")]).ends_within(20).await;
    assert_eq!((end.signal, game.notices().as_str()), (Some(9), ""));
    let mut again = game.program(&[]);
    again.says("repeated=true").await;
    assert_eq!(game.notices(), format!("📊 `{name}` | possibly repeated"));
    ends(again).await;
    game.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_post_and_its_note() {
    let game = Game::start().await;
    let name = writes_now(&game);
    for _ in 0..2 {
        let end = game.program(&[("SIGNALBOX_CRASH_AT", "notify.answered")]).ends_within(20).await;
        assert_eq!(end.signal, Some(9));
    }
    let mut again = game.program(&[]);
    again.says("not told again").await;
    ends(again).await;
    assert_eq!(game.notices(), format!("📊 `{name}`\n📊 `{name}` | possibly repeated"), "however often it is killed");
    game.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_is_told_of_within_seconds() {
    let game = Game::start().await;
    let mut program = game.program(&[]);
    program.says("watching").await;
    let name = writes_now(&game);
    let written = Utc::now();
    program.says("repeated=false").await;
    let took = Utc::now() - written;
    assert!(took < TimeDelta::seconds(9), "{took}");
    assert_eq!(game.notices(), format!("📊 `{name}`"));
    ends(program).await;
    game.finish().await;
}

#[tokio::test]
async fn what_is_missing_is_said_all_at_once() {
    let game = Game::start().await;
    let program = Program::start(&["notify-stats"], &[("STATS_UPLOAD_URL".into(), "bot.example.org".into())]);
    let end = program.ends_within(20).await;
    insta::assert_snapshot!(end.err, @"
    The configuration has 3 problems:
      - STATS_PATH: is required: the directory into which the game server writes its statistics, such as /home/et/etlegacy/legacy/gamestats
      - STATS_UPLOAD_URL (environment): should be an address such as https://example.org
      - STATS_UPLOAD_SECRET: is required with STATS_UPLOAD_URL: the bot's ETLEGACY_UPLOAD_SECRET
    Every variable is explained in .env.example.
    ");
    assert_eq!(end.code, Some(78));
    let webhook = ("DISCORD_WEBHOOK_URL", "https://example.org/api/webhooks/1/x");
    let end = game.program(&[webhook, ("STATS_UPLOAD_SECRET", "short"), ("LOG_LEVEL", "loud")]).ends_within(20).await;
    insta::assert_snapshot!(end.err, @"
    The configuration has 4 problems:
      - DISCORD_WEBHOOK_URL (environment): cannot be used: this is not the address of a Discord webhook: https://discord.com/api/webhooks/… as Discord shows it under Server Settings › Integrations › Webhooks
      - STATS_UPLOAD_SECRET (environment): should be whsec_ and base64, exactly as the bot has it in ETLEGACY_UPLOAD_SECRET
      - DISCORD_WEBHOOK_URL (environment): and STATS_UPLOAD_URL are two ways to tell of the same file; keep one of them
      - LOG_LEVEL (environment): should be one of off, error, warn, info, debug, trace
    Every variable is explained in .env.example.
    ");
    let end = game.program(&[("STATS_PATH", "/nowhere"), ("STATE_DIR", "/proc/nowhere")]).ends_within(20).await;
    insta::assert_snapshot!(end.err, @"
    The configuration has 2 problems:
      - STATS_PATH: /nowhere does not exist; the game server's scripts write into legacy/gamestats or legacy/stats below its home directory
      - STATE_DIR: /proc/nowhere cannot be made (No such file or directory (os error 2)); make it, and let the account of this program write there
    Every variable is explained in .env.example.
    ");
    assert_eq!(end.code, Some(78));
    game.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_ends_with_78_when_its_webhook_is_gone() {
    let game = Game::start().await;
    game.discord.delete_webhook(game.id);
    writes_now(&game);
    let end = game.program(&[]).ends_within(20).await;
    assert_eq!(end.code, Some(78));
    assert!(end.out.contains("Make a new one in Discord"), "{}", end.out);
    game.finish().await;
}

#[tokio::test]
async fn help_says_all_that_it_needs() {
    let end = Program::start(&["notify-stats", "--help"], &[]).ends_within(20).await;
    for word in
        ["STATS_PATH", "STATS_UPLOAD_URL", "STATS_UPLOAD_SECRET", "DISCORD_WEBHOOK_URL", "STATE_DIR", "48 hours"]
    {
        assert!(end.out.contains(word), "{word}: {}", end.out);
    }
}

fn secret() -> String {
    format!("whsec_{}", BASE64.encode([7; 32]))
}

/// What a bot got: names in order.
async fn uploaded(manner: Manner, times: u32) -> (Receiver, Game, Result<(), signalbox::notifier::Fatal>) {
    let receiver = Receiver::start().await.unwrap();
    receiver.set_for(manner, times);
    let mut game = Game::start().await;
    game.uploads_to(&receiver.url(), &secret());
    let mut notifier = game.notifier();
    game.writes(ROUND, &round());
    game.writes(AWARDS, &awards());
    let outcome = game.try_passes(&mut notifier, 120).await;
    (receiver, game, outcome)
}

#[tokio::test]
async fn a_file_is_sent_as_it_is_and_signed_with_its_name() {
    let (receiver, game, outcome) = uploaded(Manner::Ok, 1).await;
    outcome.unwrap();
    let requests = receiver.requests();
    assert_eq!(requests.iter().map(|request| request.id.as_str()).collect::<Vec<_>>(), [ROUND, AWARDS]);
    assert_eq!(requests[0].body, round().into_bytes());
    let oracle = standardwebhooks::Webhook::new(&secret()).unwrap();
    for request in &requests {
        let at = request.timestamp.parse().unwrap();
        assert_eq!(oracle.sign(&request.id, at, &request.body).unwrap(), request.signature);
    }
    assert_eq!(game.notices(), "");
    game.finish().await;
}

/// The bot knows it by its name, so it is sent until that is certain.
#[tokio::test]
async fn an_upload_is_repeated_until_it_is_taken() {
    for manner in [Manner::EffectThenStatus(502), Manner::Status(503), Manner::Status(429)] {
        let (receiver, game, outcome) = uploaded(manner, 3).await;
        outcome.unwrap();
        let mut ids: Vec<String> = receiver.requests().into_iter().map(|request| request.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids, [AWARDS, ROUND]);
        assert_eq!(game.kept()["processed_files"].as_array().unwrap().len(), 2);
        game.finish().await;
    }
}

#[tokio::test]
async fn an_upload_that_cannot_work_stops_and_says_what_to_do() {
    let mut told = String::new();
    for manner in [
        Manner::Refuse { status: 401, text: "Invalid signature".into() },
        Manner::Status(404),
        Manner::Redirect("https://elsewhere.example.org/webhooks/etlegacy".into()),
    ] {
        let (receiver, game, outcome) = uploaded(manner, 100).await;
        let words = outcome.unwrap_err().to_string().replace(&receiver.origin(), "http://BOT");
        told += &format!("{words}\n");
        game.finish().await;
    }
    insta::assert_snapshot!(told, @r#"
    http://BOT/act refuses the signature (HTTP 401: {"message":"Invalid signature"}): STATS_UPLOAD_SECRET has to be the bot's ETLEGACY_UPLOAD_SECRET. Correct it and start again
    http://BOT/act takes no files (HTTP 404): STATS_UPLOAD_URL has to be the bot's address with /webhooks/etlegacy, and the bot needs an ETLEGACY_UPLOAD_SECRET. Correct it and start again
    http://BOT/act leads elsewhere (HTTP 302): put the address that it leads to into STATS_UPLOAD_URL and start again
    "#);
}

/// As after a start of the machine, before it has asked for the time.
#[tokio::test]
async fn a_clock_that_is_wrong_for_a_while_stops_nothing() {
    let (receiver, game, outcome) = uploaded(Manner::Refuse { status: 401, text: "Timestamp too old".into() }, 3).await;
    outcome.unwrap();
    assert_eq!(receiver.done().len(), 2);
    game.finish().await;
}

#[tokio::test]
async fn a_file_that_the_bot_refuses_is_not_sent_again() {
    let (receiver, game, outcome) = uploaded(Manner::Status(413), 1).await;
    outcome.unwrap();
    assert_eq!(receiver.requests().len(), 2);
    game.finish().await;
}

/// What `--check` says, places replaced.
async fn check(game: &Game, env: &[(&str, &str)], receiver: &str) -> String {
    let mut all = game.env.clone();
    all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let end = Program::start(&["notify-stats", "--check"], &all).ends_within(20).await;
    let said =
        end.out.replace(game.stats.0.to_str().unwrap(), "STATS").replace(game.state.0.to_str().unwrap(), "STATE");
    format!("{}exit code {:?}\n", said.replace(receiver, "http://BOT"), end.code.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_looks_at_everything_and_tells_nobody() {
    let receiver = Receiver::start().await.unwrap();
    let mut game = Game::start().await;
    let mut told = check(&game, &[], "http://nowhere").await;
    game.discord.delete_webhook(game.id);
    told += &check(&game, &[("STATS_PATH", "/nowhere")], "http://nowhere").await;
    game.uploads_to(&receiver.url(), &secret());
    for status in [400, 401, 404] {
        receiver.set(Manner::Status(status));
        told += &check(&game, &[], &receiver.origin()).await;
    }
    insta::assert_snapshot!(told, @"
    ⚠️ Notifier · STATS_PATH: STATS has no file of the last 48 hours. Fix: nothing, when nobody has played; else name the directory into which the game server's scripts write
    ✅ Notifier · STATE_DIR: 0 files told of so far
    ✅ Notifier · DISCORD_WEBHOOK_URL: Discord knows the webhook

    0 problems, 1 warning, 2 fine.
    exit code 0
    ❌ Notifier · STATS_PATH: /nowhere does not exist. Fix: the game server's scripts write into legacy/gamestats or legacy/stats below its home directory
    ✅ Notifier · STATE_DIR: 0 files told of so far
    ❌ Notifier · DISCORD_WEBHOOK_URL: Discord refuses the webhook of DISCORD_WEBHOOK_URL (HTTP 404: Unknown Webhook). Make a new one in Discord (the channel's settings, Integrations, Webhooks), put its URL into DISCORD_WEBHOOK_URL and start again; what is told of then goes back 48 hours. Fix: then check again

    2 problems, 0 warnings, 1 fine.
    exit code 1
    ⚠️ Notifier · STATS_PATH: STATS has no file of the last 48 hours. Fix: nothing, when nobody has played; else name the directory into which the game server's scripts write
    ✅ Notifier · STATE_DIR: 0 files told of so far
    ✅ Notifier · STATS_UPLOAD_URL: http://BOT/act knows the secret

    0 problems, 1 warning, 2 fine.
    exit code 0
    ⚠️ Notifier · STATS_PATH: STATS has no file of the last 48 hours. Fix: nothing, when nobody has played; else name the directory into which the game server's scripts write
    ✅ Notifier · STATE_DIR: 0 files told of so far
    ❌ Notifier · STATS_UPLOAD_URL: http://BOT/act refuses the signature (HTTP 401): STATS_UPLOAD_SECRET has to be the bot's ETLEGACY_UPLOAD_SECRET. Correct it and start again. Fix: then check again

    1 problem, 1 warning, 1 fine.
    exit code 1
    ⚠️ Notifier · STATS_PATH: STATS has no file of the last 48 hours. Fix: nothing, when nobody has played; else name the directory into which the game server's scripts write
    ✅ Notifier · STATE_DIR: 0 files told of so far
    ❌ Notifier · STATS_UPLOAD_URL: http://BOT/act takes no files (HTTP 404): STATS_UPLOAD_URL has to be the bot's address with /webhooks/etlegacy, and the bot needs an ETLEGACY_UPLOAD_SECRET. Correct it and start again. Fix: then check again

    1 problem, 1 warning, 1 fine.
    exit code 1
    ");
    assert!(receiver.requests().iter().all(|request| request.body.is_empty() && request.id == "check"));
    let name = writes_now(&game);
    assert!(
        check(&game, &[], "http://nowhere").await.contains(&format!("1 file of the last 48 hours, the newest {name}"))
    );
    assert_eq!(game.notices(), "");
    game.finish().await;
}
