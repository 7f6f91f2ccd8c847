//! What load balancers, containers and the original's monitors ask.

use serde_json::Value;

use crate::support::program::Program;
use crate::support::town::{Setup, Town, run, run_with};

fn alone() -> Setup {
    Setup { gateway: false, ..Setup::default() }
}

async fn get(town: &Town, path: &str) -> String {
    let answer = town.http.get(format!("http://{}{path}", town.app.address)).send().await.unwrap();
    format!("{} {}", answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn the_intake_is_ready_without_discord_and_the_bot_is_not() {
    run_with(alone(), async |town| {
        insta::assert_snapshot!(get(town, "/healthz").await, @"200 ok");
        insta::assert_snapshot!(get(town, "/readyz").await, @r#"200 {"database":"up","discord":"down","status":"ready"}"#);
        insta::assert_snapshot!(get(town, "/readyz?role=worker").await, @r#"200 {"database":"up","discord":"down","status":"ready"}"#);
        insta::assert_snapshot!(get(town, "/readyz?role=bot").await, @r#"503 {"database":"up","discord":"down","status":"not ready"}"#);
    })
    .await;
    run(async |town| insta::assert_snapshot!(get(town, "/readyz?role=bot").await, @r#"200 {"database":"up","discord":"up","status":"ready"}"#)).await;
}

#[tokio::test]
async fn a_process_is_not_ready_for_what_another_one_does() {
    // Parts of a whole need a database that is named; the town has its own.
    let env = [("SIGNALBOX_ROLES", "intake,worker"), ("DATABASE_URL", "postgres://somewhere/signalbox")];
    let setup = Setup { env: env.map(|(name, value)| (name, value.to_owned())).into(), ..alone() };
    run_with(setup, async |town| {
        insta::assert_snapshot!(get(town, "/readyz").await, @"");
        insta::assert_snapshot!(get(town, "/readyz?role=worker").await, @"");
        insta::assert_snapshot!(get(town, "/readyz?role=ticker").await, @"");
    })
    .await;
}

#[tokio::test]
async fn health_is_answered_as_the_original_does_to_get_and_post() {
    run_with(alone(), async |town| {
        let url = format!("http://{}/health", town.app.address);
        let got: Value = town.http.get(&url).send().await.unwrap().json().await.unwrap();
        let posted: Value = town.http.post(&url).send().await.unwrap().json().await.unwrap();
        assert_eq!(got, posted);
        insta::assert_snapshot!(got, @r#"{"discord":"disconnected","service":"signalbox","status":"ok","timestamp":"2026-01-02T10:00:00+00:00"}"#);
    })
    .await;
}

#[tokio::test]
async fn a_container_without_curl_can_ask() {
    run_with(alone(), async |town| {
        let mut program = town.program(&["run"], &[]);
        program.says("connected to Discord").await;
        let port = program.value("address").rsplit(':').next().unwrap().to_owned();
        let healthcheck = async |arguments: &[&str]| {
            let env = [("WEBHOOK_PORT".to_owned(), port.clone()), ("WEBHOOK_BIND".to_owned(), "0.0.0.0".to_owned())];
            let end = Program::start(&[&["healthcheck"], arguments].concat(), &env).ends_within(20).await;
            format!("{:?} {}", end.code.unwrap(), end.out.replace(&port, "PORT"))
        };
        insta::assert_snapshot!(healthcheck(&[]).await, @r#"0 {"database":"up","discord":"up","status":"ready"}"#);
        insta::assert_snapshot!(healthcheck(&["--live"]).await, @"0 ok");
        insta::assert_snapshot!(healthcheck(&["--role", "bot"]).await, @r#"0 {"database":"up","discord":"up","status":"ready"}"#);
        program.ask_to_stop();
        program.ends_within(15).await;
        insta::assert_snapshot!(healthcheck(&[]).await, @"1 http://127.0.0.1:PORT/readyz: nothing listens there");
    })
    .await;
}

#[tokio::test]
async fn a_program_without_its_database_is_alive_and_not_ready() {
    run_with(alone(), async |town| {
        let mut program = town.program(&["run"], &[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")]);
        program.says("cannot be reached").await;
        let ask = async |path: &str| {
            let answer = town.http.get(format!("http://{}{path}", program.value("address"))).send().await.unwrap();
            format!("{} {}", answer.status().as_u16(), answer.text().await.unwrap())
        };
        insta::assert_snapshot!(ask("/healthz").await, @"200 ok");
        insta::assert_snapshot!(ask("/readyz").await, @r#"503 {"database":"down","discord":"down","status":"not ready"}"#);
    })
    .await;
}
