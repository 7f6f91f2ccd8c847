//! The part of the story about an evening of ET:Legacy: files of a game server come in two ways, one of them late, and what was
//! posted is corrected.

use serde_json::json;
use standin::etlegacy::Evening;

use super::stage::Stage;

const MIA: &str = "member";
const MATCHES: &str = "matches";
/// Somebody who played.
const NORA: &str = "Nora";

pub(super) async fn play(stage: &Stage) {
    first_map(stage).await;
    second_map(stage).await;
    career(stage).await;
}

/// Into a directory of this machine, which the bot watches.
async fn first_map(stage: &Stage) {
    let (evening, map) = (&stage.game.evening, Evening::map(0));
    let line =
        "#matches: a round of ET:Legacy is over. The game server writes its file; the bot watches that directory";
    let shown = |stage: &Stage| stage.card(MATCHES, &format!("Round 1 Complete - {map}")).is_some();
    stage.step(line, shown, async { stage.game.writes(&evening.round(0, 1)) }).await;
    let line = "#matches: the teams change sides. After the second round the map has a result, and there are awards";
    let shown = |stage: &Stage| {
        let result = format!("{} - Map Complete!", map.to_uppercase());
        stage.card(MATCHES, &result).is_some() && stage.card(MATCHES, "Awards").is_some()
    };
    let second = async {
        stage.game.writes(&evening.round(0, 2));
        stage.game.writes(&evening.awards(0));
    };
    stage.step(line, shown, second).await;
}

/// From another machine, where `notify-stats` runs beside the server.
async fn second_map(stage: &Stage) {
    let evening = &stage.game.evening;
    let line = "#matches: of the next map only the second round comes, sent and signed by notify-stats. Without the first one \
                nobody knows whose numbers these are: the card says so, and it does not count";
    let second = evening.round(1, 2);
    let shown = |stage: &Stage| stage.card(MATCHES, "round 1 is missing").is_some() || is_corrected(stage);
    stage.step(line, shown, stage.game.sends(&second)).await;
    let line = "#matches: the first round arrives after all. The numbers are taken apart, what was posted is corrected, and \
                the map has its result";
    let first = evening.round(1, 1);
    stage.step(line, is_corrected, stage.game.sends(&first)).await;
}

fn is_corrected(stage: &Stage) -> bool {
    let result = format!("{} - Map Complete!", Evening::map(1).to_uppercase());
    stage.card(MATCHES, "Corrected:").is_some() && stage.card(MATCHES, &result).is_some()
}

async fn career(stage: &Stage) {
    let line = "#matches: Mia looks up how Nora plays (/stats player)";
    let shown = |stage: &Stage| stage.card(MATCHES, "career.png").is_some();
    let ask = async { drop(stage.outcome(MIA, MATCHES, "stats player", json!({ "player": NORA })).await) };
    stage.step(line, shown, ask).await;
}

/// Nothing can join the evening any more: it was over for an hour, and its last file came two minutes ago.
pub(super) async fn end(stage: &Stage) {
    let line = "#matches: nobody has played for an hour, and no file came for two minutes: the evening is summed up";
    let shown = |stage: &Stage| stage.card(MATCHES, "Session Summary").is_some();
    // Where the rest of the story took its time, it has come meanwhile.
    if shown(stage) && !stage.has_played(line) {
        stage.tell(line);
    }
    stage.step(line, shown, async {}).await;
}
