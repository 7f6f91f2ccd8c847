//! What a dashboard asks for over Redis: signed, fresh, once.

use redis::AsyncCommands as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use signalbox::bus::signature::sign_message;
use signalbox::community::dashboard::{Heard, hear};

use crate::support::chat::Line;
use crate::support::corpus;
use crate::support::delivery::{minutes, seconds};
use crate::support::machines::heard;
use crate::support::private::{PrivateRedis, private_redis};
use crate::support::town::{Setup, Town, run_with};

const SECRET: &str = "test-redis-secret";

/// On a Redis of its own: whoever listens to the dashboard's channels hears all that is published there.
fn with_redis(redis: &PrivateRedis) -> Setup {
    Setup { redis: Some(redis.url.clone()), ..with_secret() }
}

fn with_secret() -> Setup {
    Setup { env: vec![("REDIS_MSG_SECRET", SECRET.to_owned())], ..Setup::default() }
}

fn signed(mut body: Value) -> Vec<u8> {
    body["sig"] = sign_message(&SecretString::from(SECRET), &body).unwrap().into();
    body.to_string().into_bytes()
}

impl Town {
    async fn hears(&self, channel: &str, payload: Vec<u8>) -> Heard {
        let message = signalbox::bus::pubsub::Message { channel: channel.to_owned(), payload };
        let heard = hear(&self.app.ports, self.app.bus(), &message).await.unwrap();
        self.settle().await;
        heard
    }

    /// A signed message of now, for this server.
    async fn orders(&self, channel: &str, action: &str, mut data: Value) -> Heard {
        data["discord_server_id"] = json!(self.discord.guild_id());
        let body = json!({ "action": action, "data": data, "time": self.clock.now().to_rfc3339() });
        self.hears(channel, signed(body)).await
    }
}

#[tokio::test]
async fn over_redis_a_signed_message_is_carried_out_once() {
    let redis = private_redis(false);
    run_with(with_redis(&redis), async |town| {
        town.with_channel().await;
        // The listener connects.
        town.settle().await;
        let url = town.env.iter().find(|(name, _)| name == "REDIS_URL").unwrap().1.clone();
        let mut connection =
            redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
        let time = town.clock.now().to_rfc3339();
        let body = json!({ "action": "toggle", "data": { "enabled": true, "discord_server_id": town.discord.guild_id() }, "time": time });
        for _ in 0..2 {
            let _: i64 = connection.publish("dashboard:slot_requests", signed(body.clone())).await.unwrap();
        }
        for _ in 0..500 {
            town.settle().await;
            if !town.all_said().await.is_empty() {
                break;
            }
        }
        assert_eq!(town.all_said().await, ["✅ Slot requests are now ENABLED! Use !call <slot_name> or !sr <slot_name>"]);
    })
    .await;
}

#[tokio::test]
async fn unsigned_tampered_old_and_repeated_messages_do_nothing() {
    run_with(with_secret(), async |town| {
        town.with_channel().await;
        let body = |time: Value| json!({ "action": "toggle", "data": { "enabled": true, "discord_server_id": town.discord.guild_id() }, "time": time });
        let now = json!(town.clock.now().to_rfc3339());
        let refused = |why: &str| Heard::Refused(why.to_owned());
        let slots = "dashboard:slot_requests";
        assert_eq!(town.hears(slots, body(now.clone()).to_string().into_bytes()).await, refused("it is not signed"));
        let mut tampered: Value = serde_json::from_slice(&signed(body(now.clone()))).unwrap();
        tampered["data"]["enabled"] = json!(false);
        let tampered = tampered.to_string().into_bytes();
        assert_eq!(town.hears(slots, tampered).await, refused("the signature does not match"));
        let old = json!((town.clock.now() - minutes(6)).to_rfc3339());
        assert_eq!(town.hears(slots, signed(body(old))).await, refused("it is too old, or from the future"));
        let mut timeless = body(Value::Null);
        timeless.as_object_mut().unwrap().remove("time");
        assert_eq!(town.hears(slots, signed(timeless)).await, Heard::Hint, "it could be played back");
        assert_eq!(town.count("SELECT count(*) FROM slot_setting WHERE enabled").await, 0);
        let good = signed(body(now));
        assert_eq!(town.hears(slots, good.clone()).await, Heard::Done);
        assert_eq!(town.hears(slots, good).await, Heard::Known);
        assert_eq!(town.all_said().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_published_vector_is_believed() {
    run_with(with_secret(), async |town| {
        let Some(path) = corpus::path("redis/signed-message-vector.json") else { return };
        let vector: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let heard = town.hears("dashboard:slot_requests", vector["message"].to_string().into_bytes()).await;
        assert_eq!(heard, Heard::Hint, "signed, and without a time");
    })
    .await;
}

#[tokio::test]
async fn every_sample_is_understood() {
    run_with(with_secret(), async |town| {
        let Some(folder) = corpus::path("redis") else { return };
        town.with_channel().await;
        let mut seen = Vec::new();
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("dashboard")) {
            let sample: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            let mut body = sample["message"].clone();
            body["time"] = json!(town.clock.now().to_rfc3339());
            for name in ["discord_server_id", "server_id", "guild_id"] {
                if !body["data"][name].is_null() {
                    body["data"][name] = json!(town.discord.guild_id());
                }
            }
            let channel = sample["channel"].as_str().unwrap();
            let heard = town.hears(channel, signed(body.clone())).await;
            let result = match heard {
                Heard::Refused(why) => why,
                other => format!("{other:?}"),
            };
            seen.push(format!("{channel} {}: {result}", body["action"].as_str().unwrap()));
        }
        insta::assert_snapshot!(seen.join("\n"), @"
        dashboard:bot_settings kick_channel_synced: Done
        dashboard:bot_settings reload: Done
        dashboard:bot_settings sync: Done
        dashboard:bot_settings update: Done
        dashboard:commands reload: Done
        dashboard:gtb close: No session is open.
        dashboard:gtb open: Done
        dashboard:gtb set_result: No session waits for its result; close the open one first.
        dashboard:management adjust_tickets: No raffle is running; /raffle start opens one.
        dashboard:management start_period: nobody has said where raffles are: /raffle start
        dashboard:point_shop item_update: Done
        dashboard:point_shop post_shop: Done
        dashboard:point_shop sync_shop: Done
        dashboard:point_shop update_settings: Done
        dashboard:raffle draw: Done
        dashboard:slot_requests pick: Done
        dashboard:slot_requests pick_with_reward: Done
        dashboard:slot_requests toggle: Done
        dashboard:slot_requests update_max: Done
        dashboard:timed_messages create: Done
        dashboard:timed_messages delete: Done
        dashboard:timed_messages toggle: There is no timed message of this number; /timer list shows them.
        dashboard:timed_messages update: There is no timed message of this number; /timer list shows them.
        ");
        // The channels that the samples name are not of this server.
        town.messages("ops");
    })
    .await;
}

#[tokio::test]
async fn a_dashboard_runs_a_hunt_a_session_timers_and_a_raffle() {
    let redis = private_redis(false);
    run_with(with_redis(&redis), async |town| {
        town.with_channel().await;
        town.orders("dashboard:slot_requests", "toggle", json!({ "enabled": true })).await;
        town.orders("dashboard:slot_requests", "update_max", json!({ "max_requests": 3 })).await;
        town.says("viewer1", "!call Sweet Bonanza 1000").await;
        let pick = json!({ "id": 42, "slot_call": "Sweet Bonanza 1000", "username": "viewer1", "reward_type": "bonus_buy", "reward_amount": "25.00" });
        town.orders("dashboard:slot_requests", "pick_with_reward", pick).await;
        town.orders("dashboard:gtb", "open", json!({ "session_id": 12 })).await;
        town.hear(&[Line::of("viewer1", "!gtb 1499"), Line::of("viewer2", "!gtb 1510")]).await;
        town.orders("dashboard:gtb", "close", json!({ "session_id": 12 })).await;
        let forged = json!({ "session_id": 12, "result_amount": 1500.25, "winners": [{ "rank": 1, "username": "a friend", "guess": 1500.25, "difference": 0 }] });
        town.orders("dashboard:gtb", "set_result", forged).await;
        town.orders("dashboard:timed_messages", "create", json!({ "id": 7, "message": "Join our Discord", "interval_minutes": 30 })).await;
        town.orders("dashboard:timed_messages", "toggle", json!({ "id": 7, "enabled": false })).await;
        heard(town, &town.command("admin", "raffle start", json!({ "prize": "x", "for": "1d", "channel": "party" })).await);
        let member = town.discord.user_id("member").to_string();
        let tickets = json!({ "discord_id": member, "ticket_source": "bonus", "change": 25, "reason": "event" });
        town.orders("dashboard:management", "adjust_tickets", tickets).await;
        let request = format!("r-{}", uuid::Uuid::new_v4());
        town.orders("dashboard:raffle", "draw", json!({ "request_id": request, "winner_count": 1 })).await;
        let url = town.env.iter().find(|(name, _)| name == "REDIS_URL").unwrap().1.clone();
        let mut connection = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
        let answer: String = connection.get(format!("raffle_draw_result:{request}")).await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((&answer["success"], &answer["state"]), (&json!(true), &json!("closed")));
        town.advance(minutes(2)).await;
        assert_eq!(town.column("SELECT state FROM draw").await, ["drawn"]);
        insta::assert_snapshot!(town.all_said().await.join("\n"), @"
        ✅ Slot requests are now ENABLED! Use !call <slot_name> or !sr <slot_name>
        @viewer1 Your slot request for Sweet Bonanza 1000 has been received! ✅
        🎰 PICKED: Sweet Bonanza 1000 (requested by viewer1) 💰 WON $25.00 Bonus Buy!
        💰 Guess the Balance session #1 is now OPEN! Use !gtb <amount> to guess!
        @viewer1 Guess recorded: $1,499.00 Good luck! 🎰
        @viewer2 Guess recorded: $1,510.00 Good luck! 🎰
        🔒 Guess the Balance session #1 is now CLOSED! No more guesses allowed.
        🎉 GTB Result: $1,500.25! Calculating winners...
        🏆 Winners: 🥇 viewer1: $1,499.00 ($1.25 off) | 🥈 viewer2: $1,510.00 ($9.75 off)
        Join our Discord
        ");
        assert_eq!(town.column("SELECT number || ' ' || enabled FROM timed_message").await, ["7 false"]);
        town.see("party");
    })
    .await;
}

#[tokio::test]
async fn a_dashboard_picks_closes_and_sets_what_a_bonus_hunt_needs() {
    run_with(with_secret(), async |town| {
        town.with_channel().await;
        town.command("admin", "slots set", json!({ "channel": "alerts", "cooldown": 0 })).await;
        let board = json!({ "panel": "slot requests", "channel": "party" });
        town.command("admin", "panel post", board).await;
        let slots = "dashboard:slot_requests";
        assert_eq!(
            town.orders(slots, "toggle", json!({})).await,
            Heard::Refused("nothing is known of this action".into())
        );
        for (action, data) in [("toggle", json!({ "enabled": true })), ("update_max", json!({ "max_requests": 3 }))] {
            assert_eq!(town.orders(slots, action, data).await, Heard::Done, "{action}");
        }
        town.hear(&[Line::of("viewer1", "!call Sweet Bonanza"), Line::of("viewer2", "!call Gates")]).await;
        let pick = json!({ "id": 42, "slot_call": "Sweet Bonanza", "username": "viewer1", "delay_announcement": 0 });
        assert_eq!(town.orders(slots, "pick", pick).await, Heard::Done);
        insta::assert_snapshot!(town.reads("party"), @"
        [🎰 Slot Request Panel]
        Ask for a slot with `!call <slot>` or `!sr <slot>` in chat.
        Status: ✅ Enabled
        Limit: 3 a person
        Requests: 2
        Available: 1
        Picked: 1
        Last picked: Sweet Bonanza (requested by viewer1) <+0s>
        -- Signalbox · community
        (Pick one) (Refresh) (Disable) (Set limit)
        ");
        assert_eq!(town.orders(slots, "toggle", json!({ "enabled": false })).await, Heard::Done);
        let too_many = town.orders(slots, "update_max", json!({ "max_requests": 11 })).await;
        assert_eq!(too_many, Heard::Refused("The limit is a number from 0 (no limit) to 10.".into()));
        insta::assert_snapshot!(town.reads("alerts"), @r"
        [🎰 Slot requests]
        ✅ Slot requests are now ENABLED! Use !call <slot\_name\> or !sr <slot\_name\>
        -- Signalbox · community

        [🎰 Slot Call]
        Slot: Sweet Bonanza
        Requested by: viewer1
        -- Signalbox · community
        [🎰 Slot Call]
        Slot: Gates
        Requested by: viewer2
        -- Signalbox · community

        [🎰 Slot requests]
        🎰 PICKED: Sweet Bonanza (requested by viewer1)
        -- Signalbox · community

        [🎰 Slot requests]
        ❌ Slot requests have been DISABLED
        -- Signalbox · community
        ");
    })
    .await;
}

#[tokio::test]
async fn what_a_wheel_still_turns_for_is_told_when_it_stands() {
    run_with(with_secret(), async |town| {
        town.with_channel().await;
        town.command("admin", "slots set", json!({ "channel": "alerts", "cooldown": 0 })).await;
        town.command("admin", "panel post", json!({ "panel": "slot requests", "channel": "party" })).await;
        let slots = "dashboard:slot_requests";
        town.orders(slots, "toggle", json!({ "enabled": true })).await;
        town.hear(&[Line::of("viewer1", "!call Sweet Bonanza"), Line::of("viewer2", "!call Gates")]).await;
        town.messages("alerts");
        let pick = json!({ "id": 42, "slot_call": "Sweet Bonanza", "username": "viewer1", "delay_announcement": 90 });
        assert_eq!(town.orders(slots, "pick", pick).await, Heard::Done);
        assert!(!town.reads("party").contains("Bonanza"), "{}", town.reads("party"));
        assert_eq!(
            town.count("SELECT count(*) FROM slot_call WHERE picked_at IS NOT NULL").await,
            1,
            "nobody picks it again"
        );
        town.restart().await;
        town.advance(seconds(89)).await;
        assert!(!town.all_said().await.join(" ").contains("PICKED"));
        let (other, lifecycle) = town.another_bot().await;
        town.clock.advance(seconds(1));
        let (one, two) = tokio::join!(town.app.step(), other.step());
        one.unwrap();
        two.unwrap();
        town.settle().await;
        let said = town.all_said().await;
        let told = said.iter().filter(|words| words.contains("PICKED")).cloned().collect::<Vec<_>>();
        insta::assert_snapshot!(told.join("\n"), @"🎰 PICKED: Sweet Bonanza (requested by viewer1)");
        insta::assert_snapshot!(town.reads("party"), @"
        [🎰 Slot Request Panel]
        Ask for a slot with `!call <slot>` or `!sr <slot>` in chat.
        Status: ✅ Enabled
        Limit: no limit
        Requests: 2
        Available: 1
        Picked: 1
        Last picked: Sweet Bonanza (requested by viewer1) <+0s>
        -- Signalbox · community
        (Pick one) (Refresh) (Disable) (Set limit)
        ");
        assert_eq!(town.reads("alerts").matches("PICKED").count(), 1);
        for wrong in [json!(-1), json!(3601), json!("soon")] {
            let pick = json!({ "slot_call": "Gates", "username": "viewer2", "delay_announcement": wrong });
            let refused = Heard::Refused("delay_announcement is a number of seconds from 0 to 3600".into());
            assert_eq!(town.orders(slots, "pick", pick).await, refused);
        }
        lifecycle.stop();
        other.ports.store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_dashboard_sets_what_watching_earns_and_has_the_shop_shown_anew() {
    run_with(with_secret(), async |town| {
        let item = json!({ "name": "Steam key", "price": 100 });
        town.command("admin", "shop add", item).await;
        let channel = town.discord.channel_id("party");
        assert_eq!(
            town.orders("dashboard:point_shop", "post_shop", json!({ "channel_id": channel })).await,
            Heard::Done
        );
        insta::assert_snapshot!(town.reads("party"), @"
        [🛒 Shop]
        **Steam key** — 100 points
        -- Signalbox · community
        (Buy something… ▾ –)
        (My points)
        ");
        // Changed behind the bot's back.
        town.execute("UPDATE shop_item SET price = 250").await;
        let update = json!({ "item_id": 5, "item_name": "Steam key", "type": "update" });
        assert_eq!(town.orders("dashboard:point_shop", "item_update", update).await, Heard::Done);
        insta::assert_snapshot!(town.reads("party"), @"
        [🛒 Shop]
        **Steam key** — 250 points
        -- Signalbox · community
        (Buy something… ▾ –)
        (My points)
        ");
        let rate = json!({ "points_per_5min": 4 });
        assert_eq!(town.orders("dashboard:point_shop", "update_settings", rate).await, Heard::Done);
        town.execute("UPDATE shop_item SET stock = 0").await;
        assert_eq!(town.orders("dashboard:point_shop", "sync_shop", json!({})).await, Heard::Done);
        insta::assert_snapshot!(town.reads("party"), @"
        [🛒 Shop]
        **Steam key** — 250 points · sold out
        -- Signalbox · community
        (My points)
        ");
        insta::assert_snapshot!(town.asks("admin", "community rules", json!({})).await, @"
        []
        Watching earns **1** points in 5 minutes, subscribers **2**.
        A message counts for **2 min**, when **2** people have written within 5 min; **18 h 00 min** a day at most.
        Following earns **10** once, subscribing **100**, each gifted subscription **100**, 100 kicks **10**.

        From <+3600s> on:
        Watching earns **4** points in 5 minutes, subscribers **2**.
        A message counts for **2 min**, when **2** people have written within 5 min; **18 h 00 min** a day at most.
        Following earns **10** once, subscribing **100**, each gifted subscription **100**, 100 kicks **10**.
        ");
        let wrong = json!({ "points_per_5min": -1 });
        assert!(matches!(town.orders("dashboard:point_shop", "update_settings", wrong).await, Heard::Refused(_)));
        let length = json!({ "key": "clip_duration", "value": "45" });
        assert_eq!(town.orders("dashboard:bot_settings", "update", length).await, Heard::Done);
        assert_eq!(town.column("SELECT clip_seconds::text FROM slot_setting").await, ["45"]);
    })
    .await;
}
