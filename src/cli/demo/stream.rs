//! The part of the story about a stream on Kick: its channel is connected, viewers chat and earn, and what they have they spend.

use chrono::TimeDelta;
use serde_json::json;
use standin::kick::{STREAMER, Saying};

use super::stage::Stage;

const ADA: &str = "admin";
const MIA: &str = "member";
/// Mia's name on Kick.
const MAJA: &str = "Maja";
const STREAM: &str = "stream";
const TITLE: &str = "Slow morning, then a new game";
/// Kick tells of the stream this late, so that viewers have watched for a while when the story begins.
const MINUTES: i64 = 30;

pub(super) async fn play(stage: &Stage) {
    connect(stage).await;
    live(stage).await;
    chat(stage).await;
}

async fn connect(stage: &Stage) {
    let line = "#stream: Ada connects her Kick channel with the server (/kick connect): a page says who asks, and Kick asks her";
    let connected = |stage: &Stage| !stage.kick.subscriptions().is_empty();
    let connect = async {
        let answer = stage.outcome(ADA, STREAM, "kick connect", json!({})).await;
        stage.allow_on_kick(&answer, STREAMER).await;
    };
    stage.step(line, connected, connect).await;
    let line = "#stream: Mia watches as Maja on Kick, and says so (/link): what Maja earns is Mia's";
    let linked = |stage: &Stage| stage.kick.person(MAJA).user_id > 0 && stage.was_told(MIA, "link");
    let link = async {
        let answer = stage.outcome(MIA, STREAM, "link", json!({})).await;
        stage.allow_on_kick(&answer, MAJA).await;
    };
    stage.step(line, linked, link).await;
}

async fn live(stage: &Stage) {
    let live = |stage: &Stage| stage.card(STREAM, TITLE).is_some();
    let go = async {
        stage.kick.change_category(STREAMER, "Retro").await;
        stage.kick.live_since(STREAMER, TITLE, TimeDelta::minutes(MINUTES)).await;
    };
    stage.step("#stream: the stream begins; its card stands in the channel", live, go).await;
}

/// What viewers say is counted by when they said it, however late Kick delivers it.
async fn chat(stage: &Stage) {
    let line = "#stream: three viewers chat for half an hour; Kick delivers it late, twice and in another order, and each \
                minute counts once";
    let said = |stage: &Stage| stage.kick.chat_of(STREAMER).len() >= 30;
    let chat = async {
        for minute in (0..MINUTES).rev().step_by(2) {
            for who in [MAJA, "Pete", "Lumen"] {
                let saying = Saying { seconds_ago: minute * 60, ..Saying::default() };
                stage.kick.chat_with(STREAMER, who, "that was close!", saying).await;
            }
        }
    };
    stage.step(line, said, chat).await;
}
