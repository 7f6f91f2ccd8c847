//! The program from the outside: what it says and how it ends, by its arguments and its environment alone.

use std::fs;

use serde_json::{Value, json};

use crate::support::database::copy_of;
use crate::support::program::{Directory, End, Program};
use crate::support::town::{Setup, run_with};

fn env(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> End {
    Program::start(arguments, &env(variables)).ends_within(20).await
}

#[tokio::test]
async fn every_mistake_in_the_configuration_is_told_at_once() {
    let end = run(
        &["run"],
        &[
            ("DISCORD_GILD_ID", "1180000000000000001"),
            ("DISCORD_API_URL", "nowhere"),
            ("WEBHOOK_PORT", "http"),
            ("DISCORD_WEBHOOK_CHANNELS", "{\"ticket.created\": [\"ops\"]}"),
            ("REDIS_URL", "localhost"),
        ],
    )
    .await;
    assert_eq!((end.code, end.out.as_str()), (Some(78), ""));
    insta::assert_snapshot!(end.err, @r#"
    The configuration has 6 problems:
      - DISCORD_TOKEN: is required. The bot's token.
      - DISCORD_API_URL (environment): should be an address such as https://example.org
      - WEBHOOK_PORT (environment): should be a whole number from 0 to 65535
      - REDIS_URL (environment): should be an address such as redis://:password@host:6379/0
      - DISCORD_WEBHOOK_CHANNELS (environment): has "ops" as channel 1 of "ticket.created"; a channel id has 15 to 19 digits, such as 914986636629143562
      - DISCORD_GILD_ID (environment): has no effect; did you mean DISCORD_GUILD_ID?
    Every variable is explained in .env.example.
    "#);
}

#[tokio::test]
async fn the_configuration_is_shown_with_its_origins_and_without_its_secrets() {
    let directory = Directory::new();
    let lines = "WEBHOOK_PORT=3999\nWEBHOOK_SECRET=first-secret\nDISCORD_GUILD_ID=1180000000000000001\n";
    fs::write(directory.0.join(".env"), lines).unwrap();
    fs::write(directory.0.join("token"), "second-secret\n").unwrap();
    let variables = env(&[("DISCORD_TOKEN_FILE", "token"), ("REDIS_URL", "redis://:third-secret@localhost")]);
    let end = Program::start_in(&directory.0, &["config", "show"], &variables).ends_within(20).await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    let set: Vec<&str> = end.out.lines().filter(|line| line.ends_with(')') && !line.ends_with("(default)")).collect();
    let set: Vec<&str> = set.into_iter().filter(|line| !line.ends_with("(not set)")).collect();
    insta::assert_snapshot!(set.join("\n"), @r"
    DISCORD_TOKEN=******** (file token, named in environment)
    DISCORD_GUILD_ID=1180000000000000001 (.env:3)
    WEBHOOK_PORT=3999 (.env:1)
    REDIS_URL=******** (environment)
    WEBHOOK_SECRET=******** (.env:2)
    ");
    assert!(!format!("{}{}", end.out, end.err).contains("-secret"), "{}", end.out);
}

#[tokio::test]
async fn a_name_in_the_file_that_nothing_reads_is_a_mistake() {
    let directory = Directory::new();
    fs::write(directory.0.join(".env"), "DISCORD_TOKEN=t\nWEBHOK_PORT=3999\nno line at all\n").unwrap();
    let end = Program::start_in(&directory.0, &["run"], &[]).ends_within(20).await;
    assert_eq!(end.code, Some(78));
    insta::assert_snapshot!(end.err, @r"
    The configuration has 2 problems:
      - .env:3: should be NAME=value, or a comment that begins with #
      - WEBHOK_PORT (.env:2): is not a variable of Signalbox (did you mean WEBHOOK_PORT?)
    Every variable is explained in .env.example.
    ");
}

#[tokio::test]
async fn the_environment_wins_over_the_file() {
    let directory = Directory::new();
    fs::write(directory.0.join(".env"), "WEBHOOK_PORT=3999\n").unwrap();
    let variables = env(&[("WEBHOOK_PORT", "4001")]);
    let end = Program::start_in(&directory.0, &["config", "show"], &variables).ends_within(20).await;
    assert!(end.out.contains("WEBHOOK_PORT=4001 (environment)"), "{}{}", end.out, end.err);
}

#[tokio::test]
async fn a_database_is_migrated_once_and_needs_no_token() {
    let database = copy_of("empty", async |_| {}).await;
    for _ in 0..2 {
        let end = run(&["migrate"], &[("DATABASE_URL", &database.url)]).await;
        assert_eq!(end.code, Some(0), "{}", end.err);
        assert!(end.out.starts_with("The database is at version "), "{}", end.out);
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_an_error_of_migrate() {
    let end = run(&["migrate"], &[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")]).await;
    assert_eq!(end.code, Some(1));
    assert!(end.err.contains("cannot be reached"), "{}", end.err);
}

#[tokio::test]
async fn the_commands_are_printed_without_any_configuration() {
    let end = run(&["commands"], &[]).await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert!(end.out.contains("/webhook-status") && end.out.contains("/help"), "{}", end.out);
}

#[tokio::test]
async fn an_unknown_command_is_explained() {
    let end = run(&["rum"], &[]).await;
    assert_eq!(end.code, Some(2));
    assert!(end.err.contains("'run'"), "{}", end.err);
}

#[tokio::test]
async fn a_program_with_its_own_database_finds_its_cards_after_a_kill() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let directory = Directory::new();
        let place = directory.0.to_str().unwrap();
        let own_database = [("DATABASE_URL", ""), ("SIGNALBOX_DATA_DIR", place)];
        let mut first = town.program(&["run"], &own_database);
        first.says("ready").await;
        first.takes("ticket.created", &printer("open")).await;
        town.until("the card is there", || town.see("tickets").contains("Open")).await;
        first.kill();

        let mut second = town.program(&["run"], &own_database);
        second.says("ready").await;
        second.takes("ticket.closed", &printer("closed")).await;
        town.until("the card is closed", || town.see("tickets").contains("Closed")).await;
        assert_eq!(town.messages("tickets").len(), 1, "{}", town.see("tickets"));
        second.ask_to_stop();
        assert_eq!(second.ends_within(15).await.code, Some(0));
    })
    .await;
}

fn printer(status: &str) -> Value {
    json!({ "id": "t1", "title": "The printer", "status": status, "priority": "high" })
}
