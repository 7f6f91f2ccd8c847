//! The log: what it holds, where it is, and what is never in it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::delivery::{alert, ticket};
use crate::support::program::{Directory, Program};
use crate::support::town::{SECRET, Setup, Town, run_with};

const FORGED: &str = "abad1deaabad1deaabad1deaabad1deaabad1deaabad1deaabad1deaabad1dea";
const PASSWORD: &str = "the-password-of-the-metrics";

/// Everything that must not be in a log, by what it is.
fn secrets(town: &Town, webhook_token: &str) -> Vec<(&'static str, String)> {
    let mut secrets = vec![
        ("the bot's token", town.discord.token()),
        ("the secret of the webhooks", SECRET.to_owned()),
        ("the key of XTSystems", town.xt.api_key().to_owned()),
        ("the token of a Discord webhook", webhook_token.to_owned()),
        ("a password", PASSWORD.to_owned()),
        ("a signature", FORGED.to_owned()),
        ("a body", "words-of-a-person".to_owned()),
    ];
    // `/interactions/<id>/<token>/callback`
    for request in town.discord.requests() {
        let parts: Vec<&str> = request["path"].as_str().unwrap_or_default().split('/').collect();
        if let Some(at) = parts.iter().position(|part| *part == "interactions")
            && let Some(token) = parts.get(at + 2)
        {
            secrets.push(("an interaction's token", (*token).to_owned()));
        }
    }
    secrets
}

/// A day in a town, with everything that can go wrong in it.
async fn a_busy_day(town: &Town, program: &mut Program) {
    program.takes("ticket.created", &json!({ "id": "1", "title": "words-of-a-person", "status": "open" })).await;
    program
        .takes("machine.registered", &json!({ "asset_id": "a-1", "hostname": "web-07", "ip_address": "10.0.0.7" }))
        .await;
    program.takes("alert.triggered", &alert("words-of-a-person")).await;
    let mut forged = program.event("ticket.updated", &ticket("1", "open")).build().unwrap();
    forged.headers_mut().insert("x-xtsystems-signature", format!("sha256={FORGED}").parse().unwrap());
    assert_eq!(town.http.execute(forged).await.unwrap().status(), 401);
    let mishaps = ["status:500", "status:400", "html:502", "429:user", "drop"];
    for mishap in mishaps {
        town.fault_for("create_message", mishap, 1, Some(100));
        town.fault_for("execute_webhook", mishap, 1, Some(100));
        program.takes("alert.triggered", &alert("words-of-a-person")).await;
        program.takes("ticket.created", &ticket(mishap, "open")).await;
    }
    town.until("the machine is shown", || town.button("machines", "Approve").is_some()).await;
    town.xt.offline(true);
    let (message, id) = town.button("machines", "Approve").unwrap();
    town.only_press("approver", &message, &id).await;
    town.only_press("member", &message, &id).await;
    // Its answer goes to an address with the interaction's token in it.
    town.fault_for("followup", "drop", 1, Some(100));
    town.command("admin", "webhook-status", json!({})).await;
    program.says("an interaction failed").await;
    program.says("the upstream answered").await;
    town.discord.clear_faults();
    for channel in ["alerts", "tickets", "machines", "stream"] {
        town.messages(channel);
    }
}

async fn nothing_leaks(format: &'static str) {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let (webhook, token, _) = town.discord.create_webhook(town.discord.channel_id("stream"), "Relay").unwrap();
        town.route_to_webhook("alert.*", webhook, &token).await;
        let directory = Directory::new();
        let logs = directory.0.join("logs");
        let mut program = town.program(
            &["run"],
            &[
                ("LOG_LEVEL", "debug"),
                ("LOG_FORMAT", format),
                ("LOG_DIR", logs.to_str().unwrap()),
                ("METRICS_BIND", "127.0.0.1:0"),
                ("METRICS_USERNAME", "prometheus"),
                ("METRICS_PASSWORD", PASSWORD),
                ("DELIVERY_RETRY_SCHEDULE", "100ms,200ms"),
            ],
        );
        program.says("connected to Discord").await;
        a_busy_day(town, &mut program).await;
        program.ask_to_stop();
        let end = program.ends_within(20).await;
        assert_eq!(end.code, Some(0), "{}", end.out);
        let combined = fs::read_to_string(logs.join("combined.log")).unwrap();
        let error = fs::read_to_string(logs.join("error.log")).unwrap();
        assert!(combined.contains("the upstream answered") && combined.contains("stopping"), "{combined}");
        for (what, secret) in secrets(town, &token) {
            for (name, log) in [("stdout", &end.out), ("combined.log", &combined), ("error.log", &error)] {
                let line = log.lines().find(|line| line.contains(&secret));
                assert_eq!(line, None, "{name} holds {what}");
            }
        }
        if format == "json" {
            for line in end.out.lines().chain(combined.lines()) {
                let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
            }
        }
        town.expect_violation("");
    })
    .await;
}

#[tokio::test]
async fn nothing_leaks_into_a_log_of_lines() {
    nothing_leaks("text").await;
}

#[tokio::test]
async fn nothing_leaks_into_a_log_of_objects() {
    nothing_leaks("json").await;
}

/// Days of files as they would lie there after three weeks.
fn fill(logs: &Path) {
    fs::create_dir_all(logs).unwrap();
    for day in 1..=20 {
        for name in ["combined", "error"] {
            fs::write(logs.join(format!("{name}.2026-01-{day:02}.log")), "old\n").unwrap();
        }
    }
}

#[tokio::test]
async fn fourteen_days_of_files_are_kept_and_the_newest_has_the_plain_name() {
    let directory = Directory::new();
    let logs = directory.0.join("logs");
    fill(&logs);
    // Relative, as in the original's settings.
    let env = [
        ("DISCORD_TOKEN", "t.t.t"),
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/x"),
        ("LOG_DIR", "logs"),
        ("WEBHOOK_PORT", "0"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut program = Program::start_in(&directory.0, &["run"], &env);
    program.says("cannot be reached").await;
    program.ask_to_stop();
    assert_eq!(program.ends_within(15).await.code, Some(0));
    let names = |name: &str| {
        let entries = fs::read_dir(&logs).unwrap().map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        files.filter(|file| file.file_name().to_string_lossy().starts_with(name)).count()
    };
    assert_eq!((names("combined"), names("error")), (14, 14));
    let combined = fs::read_to_string(logs.join("combined.log")).unwrap();
    assert!(combined.contains("cannot be reached") && !combined.contains("old"), "{combined}");
    assert_eq!(fs::read_to_string(logs.join("error.log")).unwrap(), "", "a warning is no error");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_told_at_the_start() {
    let directory = Directory::new();
    fs::write(directory.0.join("file"), "").unwrap();
    let env = [("DISCORD_TOKEN", "t.t.t"), ("LOG_DIR", "file/logs")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let end = Program::start_in(&directory.0, &["run"], &env).ends_within(15).await;
    assert_eq!(end.code, Some(1));
    assert!(end.err.contains("LOG_DIR: no file can be written in file/logs"), "{}", end.err);
}

#[tokio::test]
async fn a_request_that_cannot_be_served_has_a_reference_that_the_log_has() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let mut program = town.program(&["run"], &[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")]);
        program.says("cannot be reached").await;
        let answer = program.event("ticket.created", &ticket("1", "open")).send().await.unwrap();
        assert_eq!(answer.status(), 503);
        let header = answer.headers()["x-reference"].to_str().unwrap().to_owned();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["reference"], header);
        program.says(&format!("reference=\"{header}\"")).await;
    })
    .await;
}
