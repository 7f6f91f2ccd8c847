//! The part of the story about a hosting panel: an incident that is silenced, and an outage after which what was not
//! delivered is sent once more.

use std::time::Duration;

use serde_json::json;
use standin::discord::{Fault, What};

use super::stage::Stage;

const ADA: &str = "admin";
const PANEL: &str = "panel";
/// The first of the types that the command offers.
const GAME_SERVER: u8 = 0;

pub(super) async fn play(stage: &Stage) {
    stage.ensure_channel(PANEL);
    begin(stage).await;
    incident(stage).await;
    silence(stage).await;
    outage(stage).await;
    replay(stage).await;
}

async fn begin(stage: &Stage) {
    let line = "#panel: Ada makes a channel a place for the hosting panel (/destination add), and the panel gets a key \
                (/api-key create)";
    let begun = |stage: &Stage| shows(stage, "Server Online");
    let begin = async {
        let channel = stage.ensure_channel(PANEL).to_string();
        let options = json!({ "name": "Panel", "channel": channel, "type": GAME_SERVER });
        stage.command(ADA, "ops", "destination add", options).await;
        server(stage, "Rust Server 1", "online").await;
    };
    stage.step(line, begun, begin).await;
}

async fn incident(stage: &Stage) {
    let crashed = |stage: &Stage| shows(stage, "Server Crashed");
    let crash = server(stage, "Rust Server 1", "crashed");
    stage.step("#panel: a game server crashes; the panel tells (POST /api/v1/dispatch)", crashed, crash).await;
}

/// Servers go up and down while people work on their node: nobody needs to read that.
async fn silence(stage: &Stage) {
    let line = "#panel: everybody knows by now: Ada silences the servers for 30 minutes, having seen what that would have \
                withheld (/silence add)";
    let is_over = |stage: &Stage| shows(stage, " is over") || stage.card("ops", " is over").is_some();
    let is_silent = move |stage: &Stage| stage.was_told(ADA, "is silent until") || is_over(stage);
    let begin = async {
        let options = json!({ "type": "panel.server.*", "for": "30m", "reason": "node-1 is being repaired" });
        let proposal = stage.outcome(ADA, "ops", "silence add", options).await;
        stage.press_answer(ADA, &proposal, "Silence").await;
    };
    stage.step(line, is_silent, begin).await;
    let line = "#panel: three servers go down and come up again. The channel stays calm; Ada ends the silence, and it is \
                told what was withheld (/silence end)";
    let end = async {
        for name in ["Rust Server 1", "Ark Server 2", "Valheim 3"] {
            server(stage, name, "offline").await;
            server(stage, name, "online").await;
        }
        let known = stage.choices(ADA, "ops", "silence end", "silence").await;
        if let Some(silence) = known.first() {
            stage.command(ADA, "ops", "silence end", json!({ "silence": silence })).await;
        }
    };
    stage.step(line, is_over, end).await;
}

/// Somebody takes the bot's right to write in the channel away: what comes meanwhile waits.
async fn outage(stage: &Stage) {
    let line = "#panel: somebody takes away the bot's right to write here, and a server crashes. #ops hears that the channel \
                cannot be used; what was meant for it waits";
    let follows = |stage: &Stage| shows(stage, "Ark Server 4");
    let is_known = move |stage: &Stage| stage.card("ops", "cannot be used").is_some() || follows(stage);
    let lose = async {
        stage.let_bot_write(PANEL, false);
        server(stage, "Ark Server 4", "crashed").await;
    };
    stage.step(line, is_known, lose).await;
    let line =
        "#panel: the right is given back, Ada has the channel tested (/destination test), and what waited follows";
    let mend = async {
        stage.let_bot_write(PANEL, true);
        stage.command(ADA, "ops", "destination test", json!({ "destination": "Panel" })).await;
    };
    stage.step(line, follows, mend).await;
}

async fn replay(stage: &Stage) {
    let line = "#panel: Discord refuses the next message with a fault of its own. Ada sees what was not delivered and why, and \
                sends it once more (/deliveries list, /deliveries replay)";
    let is_there = |stage: &Stage| shows(stage, "Valheim 5");
    let replay = async {
        let refused = || stage.discord.requests().iter().filter(|request| request["status"] == 400).count();
        let before = refused();
        stage.discord.fault(Fault::new("create_message", What::Status(400, false)).times(1));
        server(stage, "Valheim 5", "crashed").await;
        while refused() <= before {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let prospect = stage.outcome(ADA, "ops", "deliveries replay", json!({ "destination": "Panel" })).await;
            if stage.press_answer(ADA, &prospect, "Replay").await {
                break;
            }
        }
        stage.command(ADA, "ops", "deliveries list", json!({ "destination": "Panel" })).await;
    };
    stage.step(line, is_there, replay).await;
    stage.discord.clear_faults();
}

/// What the panel tells about one of its servers.
async fn server(stage: &Stage, name: &str, state: &str) {
    stage
        .dispatch(ADA, json!({ "event": "server.state", "data": { "server": name, "state": state, "node": "node-1" } }))
        .await;
}

fn shows(stage: &Stage, words: &str) -> bool {
    stage.card(PANEL, words).is_some()
}
