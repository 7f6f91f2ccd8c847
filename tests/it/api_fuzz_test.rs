//! Schemathesis against the real program: whatever the OpenAPI document allows, and what it does not, is answered
//! as the document says, and never with a 5xx.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::program::Directory;
use crate::support::town::{Setup, Town, run_with};

const VERSION: &str = "4.32.5";
/// Requests per operation that are made up; those at the borders of each field come on top.
const EXAMPLES: &str = "8";
/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,negative_data_rejection,\
                      unsupported_method,ignored_auth";

/// Where `scripts/test` puts it: beside what cargo builds.
fn schemathesis() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_signalbox"));
    let target = program.parent().and_then(Path::parent).unwrap();
    let home = target.join("schemathesis");
    let found = home.join("bin/schemathesis");
    assert!(
        found.exists(),
        "schemathesis is missing: python3 -m venv {home} && {home}/bin/pip install schemathesis=={VERSION}",
        home = home.display()
    );
    found
}

/// Ids of things that are there, so that more than 404 is heard; and nobody waits for Discord: nothing is sent here.
async fn known(town: &Town) -> String {
    let mut lines =
        String::from("[[operations]]\ninclude-path = \"/api/v1/dispatch\"\nparameters = { \"query.wait\" = false }\n");
    for (path, sql) in [
        ("events/{id}", "SELECT id::text FROM event WHERE kind = 'alert.triggered' LIMIT 1"),
        ("deliveries/{id}/replay", "SELECT id::text FROM message WHERE state = 'delivered' LIMIT 1"),
        ("destinations/{id}", "SELECT id::text FROM destination LIMIT 1"),
        ("routes/{id}", "SELECT id::text FROM route ORDER BY origin LIMIT 1"),
        ("routes/{id}/pause", "SELECT id::text FROM route ORDER BY origin LIMIT 1"),
        ("routes/{id}/resume", "SELECT id::text FROM route ORDER BY origin DESC LIMIT 1"),
        ("sources/{id}", "SELECT id::text FROM source LIMIT 1"),
    ] {
        let id = &town.column(sql).await[0];
        lines +=
            &format!("[[operations]]\ninclude-path = \"/api/v1/{path}\"\nparameters = {{ \"path.id\" = \"{id}\" }}\n");
    }
    lines
}

async fn examine(program: &Path, address: &str, key: &str, settings: &str) {
    let directory = Directory::new();
    std::fs::write(directory.0.join("schemathesis.toml"), settings).unwrap();
    let run = tokio::process::Command::new(program)
        .args(["run", &format!("http://{address}/api/v1/openapi.json")])
        .args(["--header", &format!("Authorization: Bearer {key}")])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--checks", CHECKS])
        .args(["--generation-deterministic", "--no-color", "--request-timeout", "20"])
        .args(["--continue-on-failure", "--suppress-health-check", "all"])
        .current_dir(&directory.0)
        .stdin(Stdio::null())
        .output();
    let output = run.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let said = said.replace(key, "KEY");
    assert!(output.status.success() && said.contains("Operations:"), "{said}");
}

#[tokio::test]
async fn nothing_that_is_asked_is_answered_otherwise_than_documented() {
    let schemathesis = schemathesis();
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        town.fault("create_message", "status:400", 1);
        town.alert("refused").await;
        town.alert("one").await;
        town.send("ticket.created", crate::support::delivery::ticket("1", "open")).await;
        town.messages("alerts");
        town.messages("tickets");
        town.route_to_channel("nothing.at.all", town.discord.channel_id("party")).await;
        let generous = [("WEBHOOK_UNVERIFIED_PER_15_MIN", "1000000"), ("WEBHOOK_VERIFIED_PER_MIN", "10000000")];
        let mut bot = town.program(&["run", "--roles", "intake"], &generous);
        bot.says("ready").await;
        let scopes = signalbox::api_key::Scope::ALL.iter().flat_map(|scope| ["--scope", scope.as_str()]);
        let create: Vec<&str> = ["api-key", "create", "--name", "fuzz"].into_iter().chain(scopes).collect();
        let key = town.program(&create, &[]).ends_within(20).await.out;
        examine(&schemathesis, &bot.value("address"), key.trim(), &known(town).await).await;
        assert!(!bot.output().contains("ERROR"), "{}", bot.output());
        bot.kill();
        // Tests of destinations have posted.
        let state = town.discord.state();
        for name in state["channels"].as_array().unwrap().iter().filter_map(|channel| channel["name"].as_str()) {
            town.messages(name);
        }
    })
    .await;
}
