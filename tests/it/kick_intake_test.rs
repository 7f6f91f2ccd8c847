//! Kick's webhooks at the door: who is believed, what is taken in once, and what is answered.

use signalbox::bus::ReaderOptions;
use signalbox::event::activity::ChatMessage;
use standin::kick::{Delivery, EVENTS, Mode, Place, STREAMER, Saying, Sending, Tamper};

use crate::support::corpus;
use crate::support::delivery::{minutes, seconds};
use crate::support::town::{KICK_PATH, Setup, Town, run_with};

fn answers(sent: &[Delivery]) -> Vec<u16> {
    sent.iter().map(|delivery| delivery.status).collect()
}

/// What is stored of Kick, by kind.
async fn stored(town: &Town) -> Vec<String> {
    town.column("SELECT kind FROM event WHERE kind LIKE 'kick.%' ORDER BY seq").await
}

#[tokio::test]
async fn what_was_changed_after_it_was_signed_is_refused() {
    run_with(Setup::kick(), async |town| {
        town.connect_kick(STREAMER).await;
        let forged = [
            Tamper::Body,
            Tamper::Newline,
            Tamper::MessageId,
            Tamper::Timestamp,
            Tamper::Signature,
            Tamper::NoSignature,
        ];
        for tamper in forged {
            town.kick.sending(Sending { tamper: Some(tamper), ..Sending::default() });
            let sent = town.kick.follow(STREAMER, "mia").await;
            assert!(!sent.is_empty() && answers(&sent).iter().all(|status| *status == 401), "{tamper:?}: {sent:?}");
        }
        assert_eq!(stored(town).await, [""; 0]);
        // The admins can see why: by the channel that it claims to be about.
        let rules = town.column("SELECT DISTINCT rule FROM refusal ORDER BY rule").await;
        insta::assert_snapshot!(rules.join("\n"), @"
        the header Kick-Event-Signature is missing
        the signature does not match
        ");
    })
    .await;
}

/// Type and subscription are not signed: such a delivery verifies, and is none of ours.
#[tokio::test]
async fn what_is_meant_for_others_is_answered_and_left() {
    run_with(Setup::kick(), async |town| {
        town.connect_kick(STREAMER).await;
        for tamper in [Tamper::Type, Tamper::Subscription] {
            town.kick.sending(Sending { tamper: Some(tamper), ..Sending::default() });
            assert_eq!(answers(&town.kick.subscribe(STREAMER, "mia").await), [200], "{tamper:?}");
        }
        assert_eq!(stored(town).await, [""; 0]);

        // A genuine delivery of somebody else's channel under our subscription.
        town.kick.sending(Sending::default());
        town.kick.person("rival");
        town.kick.subscribe_app("rival", &EVENTS);
        let theirs = town.kick.follow("rival", "mia").await.remove(0);
        let ours = town.kick.subscriptions().into_iter().find(|s| s.event == "channel.followed").unwrap();
        let passed_on = town.kick.resend_as(&theirs.message_id, "channel.followed", &ours.id).await.unwrap();
        assert_eq!(passed_on.status, 200);
        // And one of ours under the type of another of our subscriptions.
        let chat = town.kick.chat(STREAMER, "mia", "hi").await.remove(0);
        let as_follow = town.kick.resend_as(&chat.message_id, "channel.followed", &ours.id).await.unwrap();
        assert_eq!(as_follow.status, 200);
        assert_eq!(stored(town).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn whatever_comes_twice_counts_once() {
    run_with(Setup::kick(), async |town| {
        town.connect_kick(STREAMER).await;
        town.kick.sending(Sending { copies: 2, repeats: 2, foreign: true, ..Sending::default() });
        town.kick.follow(STREAMER, "mia").await;
        town.kick.subscribe(STREAMER, "mia").await;
        town.kick.gift_subs(STREAMER, None, &["leo", "kim"]).await;
        town.kick.give_kicks(STREAMER, "mia", 500, "Rage Quit", "w").await;
        town.kick.ban(STREAMER, "mod", "eve", "spam", Some(10)).await;
        town.kick.go_live(STREAMER, "Chess").await;
        town.kick.end_stream(STREAMER).await;
        // A subscription that exists twice delivers under further ids.
        town.kick.sending(Sending::default());
        let twice = town.kick.subscribe_app(STREAMER, &["channel.followed"]);
        town.know_subscriptions(&twice).await;
        town.kick.follow(STREAMER, "leo").await;
        insta::assert_snapshot!(stored(town).await.join("\n"), @"
        kick.channel.followed
        kick.subscription.new
        kick.subscription.gifts
        kick.kicks.gifted
        kick.moderation.banned
        kick.livestream.started
        kick.livestream.ended
        kick.channel.followed
        ");
        assert!(town.kick.deliveries().iter().all(|delivery| delivery.status == 200));
        // Whoever has recorded it may send it again, a day later as well.
        town.clock.advance(minutes(24 * 60));
        let first = town.kick.deliveries().remove(0);
        assert_eq!(town.kick.resend(&first.message_id).await.unwrap().status, 200);
        assert_eq!(stored(town).await.len(), 8);
        town.settle().await;
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn what_is_unknown_or_unreadable_is_answered_so_that_kick_goes_on() {
    run_with(Setup::kick(), async |town| {
        town.connect_kick(STREAMER).await;
        let id = town.kick.person(STREAMER).user_id;
        // Not known to us.
        town.kick.subscribe_app(STREAMER, &["channel.raided"]);
        let body = serde_json::json!({ "broadcaster": { "user_id": id } });
        assert_eq!(answers(&town.kick.deliver("channel.raided", id, &body).await), [200]);
        // Known, and yet of a kind that nobody has described.
        let raids = town.kick.subscribe_app(STREAMER, &["channel.raided"]);
        town.know_subscriptions(&raids).await;
        assert_eq!(answers(&town.kick.deliver("channel.raided", id, &body).await), [200, 200]);
        // Of a known kind, and says nothing.
        assert_eq!(answers(&town.kick.deliver("channel.followed", id, &body).await), [200]);
        assert_eq!(stored(town).await, [""; 0]);
        let kept = town.column("SELECT reason FROM quarantine").await;
        assert_eq!(kept, ["it does not say follower.user_id"]);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_stored_is_sent_again_and_then_stored_once() {
    run_with(Setup::kick(), async |town| {
        town.connect_kick(STREAMER).await;
        town.expect_error("storing an event failed");
        town.execute("ALTER TABLE event RENAME TO event_away").await;
        let refused = town.kick.follow(STREAMER, "mia").await;
        assert_eq!(answers(&refused), [503]);
        town.execute("ALTER TABLE event_away RENAME TO event").await;
        assert_eq!(town.kick.resend(&refused[0].message_id).await.unwrap().status, 200);
        assert_eq!(stored(town).await, ["kick.channel.followed"]);
        town.settle().await;
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn what_was_signed_long_ago_counts_and_is_not_announced() {
    run_with(Setup::kick(), async |town| {
        town.route_to_channel("kick.*", town.discord.channel_id("stream")).await;
        let channel = town.connect_kick(STREAMER).await;
        town.kick.sending(Sending { delay_seconds: 16 * 60, signed_before: true, ..Sending::default() });
        town.kick.follow(STREAMER, "mia").await;
        town.kick.go_live(STREAMER, "Chess").await;
        town.advance(minutes(16)).await;
        assert_eq!(stored(town).await, ["kick.channel.followed", "kick.livestream.started"]);
        assert_eq!(town.see("stream"), "", "nothing of it is said");
        let guild = signalbox::id::GuildId::from(town.discord.guild_id());
        let live = town.store().find_live_kick_stream(guild, channel).await.unwrap().expect("it is known to be live");
        assert_eq!(town.clock.now() - live.started_at, minutes(16));
        let notes = town.column("SELECT plan_note FROM event WHERE kind LIKE 'kick.%'").await;
        assert_eq!(notes, ["it was signed more than 15 minutes before it came: kept, and not announced"; 2]);
        // What Kick itself is late with is signed when it is sent.
        town.kick.sending(Sending { delay_seconds: 16 * 60, ..Sending::default() });
        town.kick.follow(STREAMER, "leo").await;
        town.advance(minutes(16)).await;
        insta::assert_snapshot!(town.see("stream"), @"
        [💚 leo follows NovaPlays]
        -- Kick · kick.channel.followed
        ");
        // Live for so long without chat is odd.
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn a_channel_belongs_to_every_server_that_is_connected_with_it() {
    run_with(Setup::kick(), async |town| {
        let here = town.connect_kick(STREAMER).await;
        let there = town.connect_kick_in(1234, STREAMER).await;
        town.kick.follow(STREAMER, "mia").await;
        let per_guild =
            "SELECT guild_id || ' ' || count(*) FROM event WHERE kind LIKE 'kick.%' GROUP BY guild_id ORDER BY 1";
        let ours = town.discord.guild_id();
        assert_eq!(town.column(per_guild).await, [format!("{ours} 1"), "1234 1".into()]);
        town.disconnect_kick(ours, here).await;
        town.kick.follow(STREAMER, "leo").await;
        assert_eq!(town.column(per_guild).await, [format!("{ours} 1"), "1234 2".into()]);
        town.disconnect_kick(1234, there).await;
        assert_eq!(answers(&town.kick.follow(STREAMER, "kim").await), [200], "Kick may deliver for a while");
        assert_eq!(stored(town).await.len(), 3);
        town.settle().await;
        town.see("ops");
    })
    .await;
}

/// Nothing is asked of the database for a message: its tables are away.
#[tokio::test]
async fn chat_goes_to_those_who_count_and_asks_the_database_nothing() {
    run_with(Setup::kick(), async |town| {
        let channel = town.connect_kick(STREAMER).await;
        let mut reader = town.app.bus().activity_reader("a test", ReaderOptions::default());
        town.kick.chat(STREAMER, "mia", "hello [emote:37226:KEKW]").await;
        for table in ["kick_channel", "kick_subscription", "event", "source"] {
            let sql: &'static str = match table {
                "kick_channel" => "ALTER TABLE kick_channel RENAME TO kick_channel_away",
                "kick_subscription" => "ALTER TABLE kick_subscription RENAME TO kick_subscription_away",
                "event" => "ALTER TABLE event RENAME TO event_away",
                _ => "ALTER TABLE source RENAME TO source_away",
            };
            town.execute(sql).await;
        }
        let late = Saying { seconds_ago: 300, ..Saying::default() };
        assert_eq!(answers(&town.kick.chat_with(STREAMER, "leo", "!points", late).await), [200]);
        let mut read = Vec::new();
        while read.len() < 2 {
            for entry in reader.next(std::time::Duration::from_secs(5)).await.unwrap() {
                read.push(serde_json::from_slice::<ChatMessage>(&entry.event).unwrap());
            }
        }
        let said: Vec<_> = read.iter().map(|m| (m.username.as_str(), m.content.as_str())).collect();
        assert_eq!(said, [("mia", "hello [emote:37226:KEKW]"), ("leo", "!points")]);
        assert!(read.iter().all(|m| m.kick_channel_id == channel));
        assert_eq!(read[1].sent_at.unwrap() - read[1].at, seconds(300));
    })
    .await;
}

/// The program has the key that Kick publishes; this Kick signs with another, as it would after a change.
#[tokio::test]
async fn another_key_is_asked_for_and_not_for_every_forger() {
    let setup = Setup { env: vec![("KICK_PUBLIC_KEY", String::new())], ..Setup::kick() };
    run_with(setup, async |town| {
        town.connect_kick(STREAMER).await;
        let asked = || town.kick.calls().iter().filter(|call| call.path.ends_with("/public-key")).count();
        town.kick.mode(Mode::status(500).at(Place::PublicKey).times(1));
        assert_eq!(answers(&town.kick.follow(STREAMER, "mia").await), [401]);
        town.clock.advance(minutes(9));
        assert_eq!((answers(&town.kick.follow(STREAMER, "mia").await), asked()), (vec![401], 1));
        town.clock.advance(minutes(2));
        assert_eq!((answers(&town.kick.follow(STREAMER, "mia").await), asked()), (vec![200], 2));
        town.kick.sending(Sending { tamper: Some(Tamper::Body), ..Sending::default() });
        assert_eq!((answers(&town.kick.follow(STREAMER, "leo").await), asked()), (vec![401], 2));
        town.clock.advance(minutes(11));
        assert_eq!((answers(&town.kick.follow(STREAMER, "leo").await), asked()), (vec![401], 3));
        town.settle().await;
        town.see("ops");
    })
    .await;
}

/// Without a path of its own it gets one that nobody can guess, and keeps it.
#[tokio::test]
async fn the_address_is_made_up_once() {
    let setup = Setup { env: vec![("KICK_WEBHOOK_PATH", String::new())], ..Setup::kick() };
    run_with(setup, async |town| {
        town.connect_kick(STREAMER).await;
        let path = town.app.kick.as_ref().unwrap().path().unwrap();
        let segment = path.strip_prefix("/webhooks/kick/").unwrap();
        assert_eq!((segment.len(), path == KICK_PATH), (32, false));
        assert_eq!(answers(&town.kick.follow(STREAMER, "mia").await), [404]);
        town.kick.set_webhook_url(Some(&format!("http://{}{path}", town.app.address)));
        assert_eq!(answers(&town.kick.follow(STREAMER, "mia").await), [200]);
        town.restart().await;
        assert_eq!(town.app.kick.as_ref().unwrap().path(), Some(path));
        town.settle().await;
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn switched_off_nothing_is_taken_in() {
    let setup = Setup { env: vec![("USE_KICK_WEBHOOKS", "false".into())], ..Setup::kick() };
    run_with(setup, async |town| {
        town.connect_kick(STREAMER).await;
        assert_eq!(answers(&town.kick.follow(STREAMER, "mia").await), [404]);
    })
    .await;
}

/// Signed by Kick itself, in April 2025, with the key that it publishes.
#[tokio::test]
async fn a_genuine_delivery_is_believed() {
    let file = |name: &str| corpus::path(&format!("kick/vectors/real_1_livestream.status.updated.{name}.json"));
    let (Some(headers), Some(body)) = (file("headers"), file("body")) else { return };
    let headers: serde_json::Value = serde_json::from_slice(&std::fs::read(headers).unwrap()).unwrap();
    let body = std::fs::read(body).unwrap();
    let setup = Setup { env: vec![("KICK_PUBLIC_KEY", String::new())], ..Setup::kick() };
    run_with(setup, async |town| {
        let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let broadcaster = told["broadcaster"]["user_id"].as_i64().unwrap();
        let channel = town.connect_kick(STREAMER).await;
        town.execute("UPDATE kick_channel SET broadcaster_user_id = 0").await;
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
        let moved = sqlx::query("UPDATE kick_channel SET broadcaster_user_id = $1").bind(broadcaster);
        moved.execute(&mut connection).await.unwrap();
        let headers = headers["headers"].as_object().unwrap();
        let subscription = standin::kick::Subscription {
            id: headers["Kick-Event-Subscription-Id"].as_str().unwrap().into(),
            broadcaster_user_id: broadcaster,
            ..town.kick.subscriptions().into_iter().find(|s| s.event == "livestream.status.updated").unwrap()
        };
        town.know_subscriptions(&[subscription]).await;
        let post = async |body: Vec<u8>| {
            let request = town.http.post(format!("http://{}{KICK_PATH}", town.app.address)).body(body);
            let request = headers.iter().fold(request, |r, (name, value)| r.header(name, value.as_str().unwrap()));
            request.send().await.unwrap().status().as_u16()
        };
        let mut changed = body.clone();
        changed[10] ^= 1;
        assert_eq!(post(changed).await, 401);
        assert_eq!([post(body.clone()).await, post(body.clone()).await], [200, 200]);
        assert_eq!(stored(town).await, ["kick.livestream.started"]);
        town.settle().await;
        let guild = signalbox::id::GuildId::from(town.discord.guild_id());
        let live = town.store().find_live_kick_stream(guild, channel).await.unwrap().unwrap();
        assert_eq!(live.started_at.to_rfc3339(), told["started_at"].as_str().unwrap().replace('Z', "+00:00"));
        assert_eq!(town.see("ops"), "", "it was signed long ago");
    })
    .await;
}
