//! The part of the story about a stream on Kick: a channel is connected, viewers chat and earn, and what they have they spend;
//! something is given away, and whoever doubts it recomputes the draw.

use chrono::TimeDelta;
use serde_json::json;
use standin::kick::{STREAMER, Saying, Sending};

use super::stage::Stage;

const ADA: &str = "admin";
const MIA: &str = "member";
/// Mia's name on Kick.
const MAJA: &str = "Maja";
const VIEWERS: [&str; 3] = [MAJA, "Pete", "Lumen"];
const STREAM: &str = "stream";
const TITLE: &str = "Slow morning, then a new game";
/// Kick tells of it all this late. What was watched in an hour that is over is paid at once.
const MINUTES: i64 = 75;

const PRIZE: &str = "A signed poster";
const KEYWORD: &str = "!win";
const ITEM: &str = "Choose the next game";
const GAME: &str = "The one with the whale";

pub(super) async fn play(stage: &Stage) {
    connect(stage).await;
    live(stage).await;
    chat(stage).await;
    give_away(stage).await;
    shop(stage).await;
    accounts(stage).await;
    end(stage).await;
    draw(stage).await;
}

async fn connect(stage: &Stage) {
    let line = "#stream: Ada connects her Kick channel (/kick connect): a page says who asks, then Kick asks her";
    let connected = |stage: &Stage| !stage.kick.subscriptions().is_empty();
    let connect = async {
        let answer = stage.outcome(ADA, STREAM, "kick connect", json!({})).await;
        stage.allow_on_kick(&answer, STREAMER).await;
    };
    stage.step(line, connected, connect).await;
    let line = "#stream: Mia watches as Maja on Kick, and says so (/link): what Maja earns is hers";
    let asked = |stage: &Stage| stage.was_told(MIA, "It links your Kick account");
    let link = async {
        let answer = stage.outcome(MIA, STREAM, "link", json!({})).await;
        stage.allow_on_kick(&answer, MAJA).await;
    };
    stage.step(line, asked, link).await;
}

async fn live(stage: &Stage) {
    let go = async {
        stage.kick.live_since(STREAMER, TITLE, TimeDelta::minutes(MINUTES)).await;
        stage.kick.change_category(STREAMER, "Retro").await;
    };
    let shown = |stage: &Stage| stage.card(STREAM, TITLE).is_some();
    stage
        .step("#stream: her stream is live; Kick tells of it late, and its card stands in the channel", shown, go)
        .await;
}

/// What viewers say counts by when they said it, however late, often and out of order Kick delivers it.
async fn chat(stage: &Stage) {
    let line = "#stream: what three viewers said since then arrives as well, late and all of it twice; each minute counts once";
    let said = |stage: &Stage| stage.kick.chat_of(STREAMER).len() >= 100;
    let chat = async {
        stage.kick.sending(Sending { copies: 1, ..Sending::default() });
        // What somebody writes counts for two minutes.
        for minute in (0..MINUTES).rev().step_by(2) {
            for who in VIEWERS {
                let saying = Saying { seconds_ago: minute * 60, ..Saying::default() };
                stage.kick.chat_with(STREAMER, who, "that was close!", saying).await;
            }
        }
        stage.kick.sending(Sending::default());
    };
    stage.step(line, said, chat).await;
    let line = "#stream: Maja follows and subscribes: that earns points too";
    let followed = |stage: &Stage| stage.card(STREAM, MAJA).is_some();
    let support = async {
        stage.kick.follow(STREAMER, MAJA).await;
        stage.kick.subscribe(STREAMER, MAJA).await;
    };
    stage.step(line, followed, support).await;
}

async fn give_away(stage: &Stage) {
    let line = "#stream: Ada gives a poster away (/giveaway start). What the draw will depend on is fixed now, and its hash published";
    let begun = |stage: &Stage| stage.card(STREAM, PRIZE).is_some();
    let begin = async {
        let options = json!({ "prize": PRIZE, "keyword": KEYWORD });
        stage.command(ADA, STREAM, "giveaway start", options).await;
    };
    stage.step(line, begun, begin).await;
    let line = "#stream: three viewers write !win in the chat on Kick; Ada closes the entries (/giveaway end), and their hash is published";
    let closed = |stage: &Stage| stage.card(STREAM, "Nobody can join any more").is_some() || is_drawn(stage);
    let join = async {
        for who in VIEWERS {
            stage.kick.chat(STREAMER, who, KEYWORD).await;
        }
        stage.rest().await;
        if let Some(giveaway) = stage.choices(ADA, STREAM, "giveaway end", "giveaway").await.first() {
            stage.command(ADA, STREAM, "giveaway end", json!({ "giveaway": giveaway })).await;
        }
    };
    stage.step(line, closed, join).await;
}

async fn shop(stage: &Stage) {
    let open = |stage: &Stage| stage.card(STREAM, ITEM).is_some();
    let fill = async {
        let item = json!({ "name": ITEM, "price": 100, "stock": 3, "question": "Which game?" });
        stage.command(ADA, STREAM, "shop add", item).await;
        stage.command(ADA, STREAM, "panel post", json!({ "panel": "shop" })).await;
    };
    stage.step("#stream: Ada opens a shop (/shop add, /panel post)", open, fill).await;
    let bought = |stage: &Stage| stage.was_told(MIA, "You have bought");
    let buy = async {
        let Some(item) = stage.first_choice(STREAM, ITEM, "Buy something…") else { return };
        let form = stage.choose(MIA, STREAM, ITEM, "Buy something…", &item).await;
        let asked = stage.fill_in(MIA, &form, GAME).await;
        stage.press_answer(MIA, &asked, "Complete Purchase").await;
    };
    stage.step("#stream: Mia buys with what she has earned, says which game, and confirms", bought, buy).await;
    let done = |stage: &Stage| stage.was_told(ADA, "✅ Completed");
    let complete = async {
        let queue = stage.outcome(ADA, STREAM, "shop queue", json!({})).await;
        let sale = stage.choose_answer(ADA, &queue).await;
        stage.press_answer(ADA, &sale, "Complete").await;
    };
    stage.step("#stream: Ada finds it in the queue, and completes it (/shop queue)", done, complete).await;
}

/// Every number that somebody sees can be explained.
async fn accounts(stage: &Stage) {
    let line =
        "#stream: Mia looks at what she watched and where her points come from (/watchtime show, /points statement)";
    let asked = |stage: &Stage| stage.was_told(MIA, "Last seen");
    let ask = async {
        stage.outcome(MIA, STREAM, "watchtime show", json!({})).await;
        stage.outcome(MIA, STREAM, "points statement", json!({})).await;
    };
    stage.step(line, asked, ask).await;
    let shown = |stage: &Stage| stage.card(STREAM, "leaderboard.png").is_some();
    let show = async { drop(stage.outcome(MIA, STREAM, "leaderboard", json!({})).await) };
    stage.step("#stream: and who has watched most (/leaderboard)", shown, show).await;
}

async fn draw(stage: &Stage) {
    let line = "#stream: a minute after the close the number of public randomness is out that nobody knew before: the draw is made";
    stage.step(line, is_drawn, async {}).await;
    let line = "#stream: Mia does not believe it, and has it recomputed from what was published (/raffle verify)";
    let verified = |stage: &Stage| stage.was_told(MIA, "What that proves");
    let verify = async {
        if let Some(draw) = stage.choices(MIA, STREAM, "raffle verify", "draw").await.first() {
            stage.command(MIA, STREAM, "raffle verify", json!({ "draw": draw })).await;
        }
    };
    stage.step(line, verified, verify).await;
}

fn is_drawn(stage: &Stage) -> bool {
    stage.card(STREAM, "The draw is made").is_some()
}

async fn end(stage: &Stage) {
    let over = |stage: &Stage| stage.kick.channel(STREAMER).is_some_and(|channel| channel.live.is_none());
    let end = async { drop::<Vec<_>>(stage.kick.end_stream(STREAMER).await) };
    stage.step("#stream: the stream ends; its card says how long it was", over, end).await;
}
