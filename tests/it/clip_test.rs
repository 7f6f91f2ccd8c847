//! Clips of marked moments: a service is asked, once it is there, and its link stands on the card.

use serde_json::json;
use standin::receiver::{Manner, Receiver};

use crate::support::chat::Line;
use crate::support::delivery::minutes;
use crate::support::town::{Setup, Town, run_with};

const KEY: &str = "a-key-of-the-clip-service";

async fn service() -> (Receiver, Setup) {
    let service = Receiver::start().await.unwrap();
    let env = vec![("CLIP_SERVICE_URL", service.origin()), ("CLIP_SERVICE_KEY", KEY.to_owned())];
    (service, Setup { env, ..Setup::default() })
}

/// The channel has been live for an hour, and clips are shown in #party.
async fn live(town: &Town) {
    town.with_channel().await;
    town.command("admin", "slots set", json!({ "clip_channel": "party" })).await;
    town.execute(
        "INSERT INTO kick_stream (id, kick_channel_id, guild_id, started_at, title)
         SELECT gen_random_uuid(), id, guild_id, connected_at - interval '1 hour', 'Slots' FROM kick_channel",
    )
    .await;
}

#[tokio::test]
async fn the_card_of_a_marker_gets_the_link() {
    let (service, setup) = service().await;
    run_with(setup, async |town| {
        live(town).await;
        service.set(Manner::Answer(json!({ "success": true, "clip_url": "https://clips.example.org/c/1" })));
        assert_eq!(town.says("ada", "!clip a *big* hit").await, "@ada Marked at 1:00:00: a *big* hit");
        insta::assert_snapshot!(town.reads("party"), @r"
        [🎬 a \*big\* hit]
        Marked by: ada
        In the stream: 1:00:00
        Clip: https://clips.example.org/c/1
        -- Signalbox · community
        ");
        let asked = &service.requests()[0];
        assert_eq!(
            (asked.method.as_str(), asked.path.as_str(), asked.key.as_str()),
            ("POST", "/api/clips/create", KEY)
        );
        let mut body = asked.json();
        assert_eq!(body["id"], json!(asked.id), "an attempt that is made again makes no second clip");
        body["id"] = json!("…");
        insta::assert_snapshot!(body, @r#"{"channel":"novaplays","duration":30,"id":"…","marked_at":"2026-01-02T10:00:00+00:00","stream_time":3600,"title":"a *big* hit","username":"ada"}"#);
        assert_eq!(town.all_said().await.len(), 1, "the link is on the card");
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_dead_loses_no_marker() {
    let (service, setup) = service().await;
    run_with(setup, async |town| {
        live(town).await;
        service.set(Manner::Status(503));
        town.says("ada", "!clip one").await;
        insta::assert_snapshot!(town.reads("party"), @"
        [🎬 one]
        Marked by: ada
        In the stream: 1:00:00
        Clip: ⏳ is being made
        -- Signalbox · community
        ");
        // It answers the third time, ten seconds after the second.
        town.restart().await;
        town.advance(chrono::TimeDelta::seconds(2)).await;
        assert_eq!(service.requests().len(), 2);
        service.set(Manner::Answer(json!({ "clip": { "url": "/c/7" } })));
        town.advance(chrono::TimeDelta::seconds(9)).await;
        assert_eq!(service.requests().len(), 2, "not before it is time");
        town.advance(chrono::TimeDelta::seconds(1)).await;
        assert!(town.reads("party").contains("/c/7"));
        let ids: std::collections::BTreeSet<String> = service.requests().into_iter().map(|asked| asked.id).collect();
        assert_eq!((service.requests().len(), ids.len()), (3, 1));
        town.advance(minutes(60)).await;
        assert_eq!(service.requests().len(), 3, "it has the clip");
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_or_not_answered_for_a_day_is_said_on_the_card() {
    let (service, setup) = service().await;
    run_with(setup, async |town| {
        live(town).await;
        service.set(Manner::Refuse { status: 401, text: "who are you".into() });
        town.says("ada", "!clip one").await;
        insta::assert_snapshot!(town.reads("party"), @"
        [🎬 one]
        Marked by: ada
        In the stream: 1:00:00
        Clip: ⚠️ none: the service refuses it (HTTP 401)
        -- Signalbox · community
        ");
        service.set(Manner::Redirect("http://169.254.169.254/".into()));
        town.says("bob", "!clip two").await;
        service.set(Manner::Status(500));
        town.says("cy", "!clip three").await;
        for _ in 0..60 {
            town.advance(minutes(30)).await;
        }
        let asked = service.requests().len();
        assert!((45..60).contains(&asked), "{asked}");
        insta::assert_snapshot!(town.reads("party"), @"
        [🎬 one]
        Marked by: ada
        In the stream: 1:00:00
        Clip: ⚠️ none: the service refuses it (HTTP 401)
        -- Signalbox · community

        [🎬 two]
        Marked by: bob
        In the stream: 1:00:00
        Clip: ⚠️ none: the service refuses it (HTTP 302)
        -- Signalbox · community

        [🎬 three]
        Marked by: cy
        In the stream: 1:00:00
        Clip: ⚠️ none: the service did not answer for a day (HTTP 500)
        -- Signalbox · community
        ");
    })
    .await;
}

#[tokio::test]
async fn without_a_channel_for_clips_the_link_is_said_in_chat() {
    let (service, setup) = service().await;
    run_with(setup, async |town| {
        town.with_channel().await;
        service.set(Manner::Answer(json!({ "url": "https://clips.example.org/c/1" })));
        town.hear(&[Line::of("ada", "!clip wow")]).await;
        assert_eq!(town.all_said().await, ["@ada Marked: wow", "🎬 wow: https://clips.example.org/c/1"]);
    })
    .await;
}

/// The service has answered, and nothing of it is stored: whoever comes next asks again, by the same id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_when_the_service_has_answered_another_one_asks_again() {
    let (service, setup) = service().await;
    run_with(Setup { gateway: false, ..setup }, async |town| {
        town.with_channel().await;
        service.set(Manner::Status(500));
        town.says("ada", "!clip one").await;
        service.set(Manner::Answer(json!({ "url": "https://clips.example.org/c/1" })));
        let due = "UPDATE clip_marker SET clip_due_at = to_timestamp(0)";
        town.execute(due).await;
        let worker = ("SIGNALBOX_ROLES", "worker");
        let killed = town.program(&["run"], &[worker, ("SIGNALBOX_CRASH_AT", "clip.asked")]);
        let end = killed.ends_within(60).await;
        assert_eq!(end.signal, Some(9), "{}{}", end.out, end.err);
        assert_eq!(town.count("SELECT count(*) FROM clip_marker WHERE clip_url IS NULL").await, 1);
        // A minute later its lease is over.
        town.execute(due).await;
        let other = town.program(&["run"], &[worker]);
        for _ in 0..600 {
            if town.count("SELECT count(*) FROM clip_marker WHERE clip_url IS NOT NULL AND clip_due_at IS NULL").await
                == 1
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        other.kill();
        let ids: std::collections::BTreeSet<String> = service.requests().into_iter().map(|asked| asked.id).collect();
        assert_eq!((service.requests().len(), ids.len(), service.done().len()), (3, 1, 1));
    })
    .await;
}
