//! Schemathesis against the real program: whatever the OpenAPI document allows, and what it does not, is answered
//! as the document says, and never with a 5xx.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::program::Directory;
use crate::support::town::{Setup, run_with};

const VERSION: &str = "4.32.5";
/// Requests per operation that are made up; those at the borders of each field come on top.
const EXAMPLES: &str = "12";
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

#[tokio::test]
async fn nothing_that_is_asked_is_answered_otherwise_than_documented() {
    let schemathesis = schemathesis();
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        town.alert("one").await;
        town.send("ticket.created", crate::support::delivery::ticket("1", "open")).await;
        let generous = [("WEBHOOK_UNVERIFIED_PER_15_MIN", "1000000"), ("WEBHOOK_VERIFIED_PER_MIN", "10000000")];
        let mut bot = town.program(&["run", "--roles", "intake"], &generous);
        bot.says("ready").await;
        let scopes = signalbox::api_key::Scope::ALL.iter().flat_map(|scope| ["--scope", scope.as_str()]);
        let create: Vec<&str> = ["api-key", "create", "--name", "fuzz"].into_iter().chain(scopes).collect();
        let key = town.program(&create, &[]).ends_within(20).await.out;
        let directory = Directory::new();
        let run = tokio::process::Command::new(&schemathesis)
            .args(["run", &format!("http://{}/api/v1/openapi.json", bot.value("address"))])
            .args(["--header", &format!("Authorization: Bearer {}", key.trim())])
            .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--checks", CHECKS])
            .args(["--generation-deterministic", "--generation-database", "none", "--no-color", "--workers", "2"])
            .args(["--request-timeout", "20", "--continue-on-failure", "--suppress-health-check", "all"])
            .current_dir(&directory.0)
            .stdin(Stdio::null())
            .output();
        let output = run.await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let said = said.replace(key.trim(), "KEY");
        assert!(output.status.success(), "{said}");
        assert!(!bot.output().contains("ERROR"), "{}", bot.output());
        bot.kill();
        town.messages("alerts");
        town.messages("tickets");
    })
    .await;
}
