//! The program is killed while somebody buys, joins, claims, picks or gives: what a person sees afterwards, and what they do
//! again when nothing came of it, leads to what would have been without the kill.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::scene::Scene;

/// What somebody is in the middle of, when the program is killed.
struct Act {
    /// The crash points around its commit are `<point>.before_commit` and `<point>.after_commit`, unless named.
    points: [&'static str; 2],
    /// What has to be there before.
    prepared: &'static str,
    /// Whether it was done: a person sees that, and does it again otherwise.
    is_done: &'static str,
    /// What there is in the end.
    outcome: &'static str,
}

/// Does it under both kills.
async fn survives(
    act: Act,
    prepare: impl AsyncFn(&Scene) -> Value,
    press: impl AsyncFn(&Scene, &Value),
) -> Vec<String> {
    let mut outcomes = Vec::new();
    for (n, point) in act.points.into_iter().enumerate() {
        let scene = Scene::start(&[("SIGNALBOX_CRASH_AT", point), ("RAFFLE_BEACON_URL", "off")]).await;
        ready(&scene).await;
        let guild = scene.discord.guild_id();
        let users = ["admin", "member", "approver"].map(|who| scene.discord.user_id(who).to_string());
        let party = scene.discord.channel_id("party").to_string();
        let prepared = act.prepared.replace("$guild", &guild.to_string()).replace("$party", &party);
        let prepared =
            prepared.replace("$admin", &users[0]).replace("$member", &users[1]).replace("$approver", &users[2]);
        scene.change_by(&prepared).await;
        let shown = prepare(&scene).await;
        assert_eq!(scene.deaths(), 0, "{point}: not yet");
        press(&scene, &shown).await;
        scene.until("it died", || scene.deaths() == 1).await;
        ready(&scene).await;
        scene.until_quiet().await;
        let done = scene.count(act.is_done).await;
        assert_eq!(done, i64::try_from(n).unwrap(), "{point}: done before the kill, or not at all");
        // Whoever is impatient does it again anyway; where it was done, that changes nothing.
        press(&scene, &shown).await;
        scene.until_quiet().await;
        assert_eq!(scene.deaths(), 1, "{point}: killed once");
        let wrong = "SELECT count(*) FROM point_account a WHERE balance < 0 OR balance <>
            (SELECT sum(amount) FROM ledger l WHERE l.guild_id = a.guild_id AND l.person_id = a.person_id)";
        assert_eq!(scene.count(wrong).await, 0, "{point}");
        outcomes.push(scene.text(act.outcome).await);
        scene.finish().await;
    }
    outcomes.dedup();
    outcomes
}

/// The bot is connected, and its commands are there.
async fn ready(scene: &Scene) {
    let has_commands = || scene.discord.state()["commands"].as_array().is_some_and(|all| !all.is_empty());
    scene.until("the bot is there", || scene.discord.connected_sessions() > 0 && has_commands()).await;
}

/// What somebody does, and what came of it within a few seconds.
async fn act(scene: &Scene, what: Value) -> Value {
    tokio::time::timeout(Duration::from_secs(5), scene.discord.act(what)).await.unwrap_or(Value::Null)
}

async fn command(scene: &Scene, who: &str, name: &str, options: Value) -> Value {
    act(scene, json!({ "as": who, "do": "command", "channel": "ops", "name": name, "options": options })).await
}

/// The newest message that was shown in this answer.
fn shown(outcome: &Value) -> &Value {
    if outcome["followups"][0].is_object() { &outcome["followups"][0] } else { &outcome["message"] }
}

/// The button whose custom id begins so.
fn button(message: &Value, begin: &str) -> Value {
    let text = message["components"].to_string();
    let at = text.find(begin).unwrap_or_else(|| panic!("{begin}: {message:#}"));
    json!({ "message": message["id"], "custom_id": text[at..].split('"').next().unwrap() })
}

async fn press(scene: &Scene, who: &str, button: &Value) {
    act(scene, json!({ "as": who, "do": "press", "message": button["message"], "custom_id": button["custom_id"] }))
        .await;
}

const SHOP: &str = "INSERT INTO shop_item (id, guild_id, name, price, stock, created_at)
        VALUES ('00000000-0000-0000-0000-000000000001', $guild, 'Game key', 30, 5, now());
    INSERT INTO person (id, discord_user_id, created_at) VALUES ('00000000-0000-0000-0000-00000000000a', $member, now());
    INSERT INTO ledger (guild_id, person_id, at, amount, kind, cause, detail)
        VALUES ($guild, '00000000-0000-0000-0000-00000000000a', now(), 100, 'grant', 'grant:0', '{}')";
const SHOP_AFTER: &str = "SELECT (SELECT string_agg(state, ' ') FROM shop_sale) || ', stock ' || (SELECT stock FROM shop_item)
    || ', balance ' || (SELECT balance FROM point_account) || ', ' || (SELECT string_agg(kind, ' ' ORDER BY id) FROM ledger)";

/// Up to the question whether to buy it.
async fn about_to_buy(scene: &Scene) -> Value {
    let shop = command(scene, "member", "shop show", json!({})).await;
    let pick = json!({ "as": "member", "do": "select", "message": shown(&shop)["id"], "custom_id": "v1:shop:pick:0",
        "values": ["Game key: 30 points"] });
    let form = act(scene, pick).await;
    let values = json!({ "as": "member", "do": "submit", "modal": form["modal"]["custom_id"], "values": {} });
    button(shown(&act(scene, values).await), "v1:shop:confirm:")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_somebody_buys() {
    let purchase = Act {
        points: ["shop.bought", "shop.committed"],
        prepared: SHOP,
        is_done: "SELECT count(*) FROM shop_sale",
        outcome: SHOP_AFTER,
    };
    let outcome = survives(purchase, about_to_buy, async |scene, confirm| press(scene, "member", confirm).await).await;
    insta::assert_snapshot!(outcome.join("\n"), @"pending, stock 4, balance 70, grant purchase");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_purchase_is_given_back() {
    let refund = Act {
        points: ["sale.before_commit", "sale.after_commit"],
        prepared: SHOP,
        is_done: "SELECT count(*) FROM shop_sale WHERE state = 'cancelled'",
        outcome: SHOP_AFTER,
    };
    let sold = async |scene: &Scene| {
        let confirm = about_to_buy(scene).await;
        press(scene, "member", &confirm).await;
        let queue = command(scene, "admin", "shop queue", json!({})).await;
        let select = json!({ "as": "admin", "do": "select", "message": shown(&queue)["id"], "custom_id": "v1:shop:sale:0",
            "values": ["Game key · a member"] });
        button(shown(&act(scene, select).await), "v1:shop:refund:")
    };
    let outcome = survives(refund, sold, async |scene, refund| press(scene, "admin", refund).await).await;
    insta::assert_snapshot!(outcome.join("\n"), @"cancelled, stock 5, balance 100, grant purchase refund");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_points_are_given() {
    let give = Act {
        points: ["points.give.before_commit", "points.give.after_commit"],
        prepared: SHOP,
        is_done: "SELECT count(*) / 2 FROM ledger WHERE kind = 'give'",
        outcome: "SELECT count(*) || ' sides, all in all ' || (SELECT sum(balance) FROM point_account) || ' points'
            FROM ledger WHERE kind = 'give'",
    };
    let give_it = async |scene: &Scene, _: &Value| {
        // Who sees that it was done does not give again: that would be another gift.
        if scene.count("SELECT count(*) FROM ledger WHERE kind = 'give'").await == 0 {
            command(scene, "member", "points give", json!({ "member": "approver", "amount": 40 })).await;
        }
    };
    let outcome = survives(give, async |_| Value::Null, give_it).await;
    insta::assert_snapshot!(outcome.join("\n"), @"2 sides, all in all 100 points");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_points_are_granted() {
    let grant = Act {
        points: ["points.grant.before_commit", "points.grant.after_commit"],
        prepared: SHOP,
        is_done: "SELECT count(*) FROM ledger WHERE amount = 25",
        outcome:
            "SELECT 'balance ' || balance || ', noted ' || (SELECT count(*) FROM audit WHERE action = 'points_granted')
            || ' time' FROM point_account",
    };
    let grant_it = async |scene: &Scene, _: &Value| {
        // Who sees that it was done does not grant again: that would be another one.
        if scene.count("SELECT count(*) FROM ledger WHERE amount = 25").await == 0 {
            let options = json!({ "amount": 25, "reason": "helped", "member": "member" });
            command(scene, "admin", "points grant", options).await;
        }
    };
    let outcome = survives(grant, async |_| Value::Null, grant_it).await;
    insta::assert_snapshot!(outcome.join("\n"), @"balance 125, noted 1 time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_giveaway_is_opened() {
    let open = Act {
        points: ["draw.open.before_commit", "draw.open.after_commit"],
        prepared: "",
        is_done: "SELECT count(*) FROM draw",
        outcome:
            "SELECT count(*) || ' open, seeds kept: ' || (SELECT count(*) FROM setting WHERE key LIKE 'draw_secret%')
            || ', cards: ' || (SELECT count(*) FROM card WHERE discord_message_id IS NOT NULL) FROM draw",
    };
    let start = async |scene: &Scene, _: &Value| {
        if scene.discord.messages(scene.discord.channel_id("party")).is_empty() {
            command(scene, "admin", "giveaway start", json!({ "prize": "A mug", "channel": "party" })).await;
        }
    };
    let outcome = survives(open, async |_| Value::Null, start).await;
    insta::assert_snapshot!(outcome.join("\n"), @"1 open, seeds kept: 1, cards: 1");
}

/// A giveaway with its card, and the button on it.
async fn giveaway(scene: &Scene) -> Value {
    let options = json!({ "prize": "A mug", "channel": "party", "points": 50, "claim_within": "1h" });
    command(scene, "admin", "giveaway start", options).await;
    let card = || scene.discord.messages(scene.discord.channel_id("party")).first().cloned();
    scene.until("the card is there", || card().is_some()).await;
    let message = card().unwrap();
    json!({ "message": message["id"], "custom_id": message["components"][0]["components"][0]["custom_id"] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_somebody_joins() {
    let join = Act {
        points: ["draw.join.before_commit", "draw.join.after_commit"],
        prepared: "",
        is_done: "SELECT count(*) FROM draw_entry",
        outcome: "SELECT count(*) || ' entry, tickets ' || sum(tickets) FROM draw_entry",
    };
    let outcome = survives(join, giveaway, async |scene, join| press(scene, "member", join).await).await;
    insta::assert_snapshot!(outcome.join("\n"), @"1 entry, tickets 1");
}

/// The first giveaway that this command offers.
async fn offered(scene: &Scene, name: &str) -> Value {
    let typing = json!({ "as": "admin", "do": "autocomplete", "channel": "ops", "name": name,
        "options": { "giveaway": "" }, "focused": "giveaway" });
    act(scene, typing).await["choices"][0]["value"].clone()
}

async fn end_giveaway(scene: &Scene) {
    let id = offered(scene, "giveaway end").await;
    if id.is_string() {
        command(scene, "admin", "giveaway end", json!({ "giveaway": id })).await;
    }
}

/// Ends it, and brings the moment of the draw about.
async fn draw_giveaway(scene: &Scene) {
    end_giveaway(scene).await;
    scene.change("UPDATE draw SET draw_after = closed_at, next_at = closed_at WHERE state = 'closed'").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_giveaway_is_ended() {
    let end = Act {
        points: ["draw.close.before_commit", "draw.close.after_commit"],
        prepared: "",
        is_done: "SELECT count(*) FROM draw WHERE state <> 'open'",
        outcome: "SELECT state || ', told ' || (SELECT count(*) FROM send WHERE body::text LIKE '%is closed%')
            || ' time, entries ' || (SELECT count(*) FROM draw_entry) FROM draw",
    };
    let joined = async |scene: &Scene| {
        let join = giveaway(scene).await;
        press(scene, "member", &join).await;
        join
    };
    let outcome = survives(end, joined, async |scene, _| end_giveaway(scene).await).await;
    insta::assert_snapshot!(outcome.join("\n"), @"closed, told 1 time, entries 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_prize_is_claimed() {
    let claim = Act {
        points: ["draw.claim.before_commit", "draw.claim.after_commit"],
        prepared: "",
        is_done: "SELECT count(*) FROM draw_winner WHERE claimed_at IS NOT NULL",
        outcome: "SELECT count(*) || ' claimed, paid ' || (SELECT sum(amount) FROM ledger WHERE kind = 'draw')
            FROM draw_winner WHERE claimed_at IS NOT NULL",
    };
    let won = async |scene: &Scene| {
        let join = giveaway(scene).await;
        press(scene, "member", &join).await;
        draw_giveaway(scene).await;
        let party = scene.discord.channel_id("party");
        let prize =
            || scene.discord.messages(party).into_iter().find(|m| m["components"].to_string().contains("claim"));
        scene.until("there is a winner", || prize().is_some()).await;
        button(&prize().unwrap(), "v1:draw:claim:")
    };
    let outcome = survives(claim, won, async |scene, claim| press(scene, "member", claim).await).await;
    insta::assert_snapshot!(outcome.join("\n"), @"1 claimed, paid 50");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_giveaway_is_called_off() {
    let cancel = Act {
        points: ["draw.cancel.before_commit", "draw.cancel.after_commit"],
        prepared: "",
        is_done: "SELECT count(*) FROM draw WHERE state = 'cancelled'",
        outcome: "SELECT state || ', seeds kept: ' || (SELECT count(*) FROM setting WHERE key LIKE 'draw_secret%')
            || ', noted ' || (SELECT count(*) FROM audit WHERE action = 'draw_cancelled') || ' time' FROM draw",
    };
    let call_off = async |scene: &Scene, _: &Value| {
        let id = offered(scene, "giveaway end").await;
        if id.is_string() {
            command(scene, "admin", "giveaway end", json!({ "giveaway": id, "cancel": true })).await;
        }
    };
    let outcome = survives(cancel, giveaway, call_off).await;
    insta::assert_snapshot!(outcome.join("\n"), @"cancelled, seeds kept: 0, noted 1 time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_place_is_drawn_again() {
    let again = Act {
        points: ["draw.again.before_commit", "draw.again.after_commit"],
        prepared: "",
        is_done: "SELECT count(*) FROM draw_winner WHERE passed_at IS NOT NULL",
        outcome: "SELECT count(*) || ' drawn, ' || count(passed_at) || ' passed over, ' || count(DISTINCT entry_id)
            || ' persons, noted ' || (SELECT count(*) FROM audit WHERE action = 'draw_again') || ' time' FROM draw_winner",
    };
    let drawn = async |scene: &Scene| {
        let join = giveaway(scene).await;
        for who in ["member", "approver"] {
            press(scene, who, &join).await;
        }
        draw_giveaway(scene).await;
        scene.until_none("SELECT 1 - count(*) FROM draw_winner").await;
        join
    };
    let draw_again = async |scene: &Scene, _: &Value| {
        // Who sees that it was done does not ask again: that would pass over the next one.
        if scene.count("SELECT count(*) FROM draw_winner WHERE passed_at IS NOT NULL").await == 0 {
            let id = offered(scene, "giveaway reroll").await;
            command(scene, "admin", "giveaway reroll", json!({ "giveaway": id, "place": 1 })).await;
        }
    };
    let outcome = survives(again, drawn, draw_again).await;
    insta::assert_snapshot!(outcome.join("\n"), @"2 drawn, 1 passed over, 2 persons, noted 1 time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_result_is_set() {
    let result = Act {
        points: ["gtb.before_commit", "gtb.after_commit"],
        prepared: "INSERT INTO person (id, discord_user_id, created_at)
                VALUES ('00000000-0000-0000-0000-00000000000a', $member, now());
            INSERT INTO gtb_session (id, guild_id, number, state, winners, opened_at, closed_at)
                VALUES ('00000000-0000-0000-0000-000000000001', $guild, 1, 'closed', 3, now(), now());
            INSERT INTO gtb_guess (session_id, guild_id, person_id, name, cents, guessed_at)
                VALUES ('00000000-0000-0000-0000-000000000001', $guild, '00000000-0000-0000-0000-00000000000a', 'member',
                        100000, now())",
        is_done: "SELECT count(*) FROM gtb_session WHERE state = 'completed'",
        outcome: "SELECT state || ', ranks ' || (SELECT string_agg(rank::text, ' ') FROM gtb_guess) FROM gtb_session",
    };
    let set = async |scene: &Scene, _: &Value| {
        command(scene, "admin", "gtb result", json!({ "amount": "1500.25" })).await;
    };
    let outcome = survives(result, async |_| Value::Null, set).await;
    insta::assert_snapshot!(outcome.join("\n"), @"completed, ranks 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_slot_is_picked() {
    let pick = Act {
        points: ["slots.before_commit", "slots.after_commit"],
        prepared: "INSERT INTO slot_setting (guild_id, enabled, enabled_at, channel_id) VALUES ($guild, true, now(), $party);
            INSERT INTO slot_call (id, guild_id, person_id, name, slot, slug, called_at)
                VALUES (gen_random_uuid(), $guild, gen_random_uuid(), 'ada', 'Book', 'book', now())",
        is_done: "SELECT count(*) FROM slot_call WHERE picked_at IS NOT NULL",
        outcome: "SELECT count(*) || ' picked, told ' || (SELECT count(*) FROM send WHERE body::text LIKE '%PICKED%') || ' time'
            FROM slot_call WHERE picked_at IS NOT NULL",
    };
    let picked = async |scene: &Scene, _: &Value| {
        command(scene, "admin", "slots pick", json!({})).await;
    };
    let outcome = survives(pick, async |_| Value::Null, picked).await;
    insta::assert_snapshot!(outcome.join("\n"), @"1 picked, told 1 time");
}

/// Nobody presses anything: it is said when it is due, by whoever is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_timed_message_is_said() {
    for point in ["timer.before_commit", "timer.after_commit"] {
        let scene = Scene::start(&[("SIGNALBOX_CRASH_AT", point)]).await;
        ready(&scene).await;
        let options = json!({ "message": "Join us", "every": "1h", "while": 2, "min_chatters": 0, "channel": "party" });
        command(&scene, "admin", "timer add", options).await;
        scene.until("it died", || scene.deaths() == 1).await;
        scene.until("it is said", || scene.seen("party", "Join us") > 0).await;
        scene.until_quiet().await;
        assert_eq!((scene.seen("party", "Join us"), scene.deaths()), (1, 1), "{point}");
        assert_eq!(
            scene.text("SELECT next_at - last_sent_at || ' ' || runs FROM timed_message").await,
            "01:00:00 1",
            "{point}"
        );
        scene.finish().await;
    }
}

/// Given, and killed before that is noted: given again, which changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_role_is_given() {
    let scene = Scene::start(&[("SIGNALBOX_CRASH_AT", "role.given")]).await;
    ready(&scene).await;
    let (guild, member) = (scene.discord.guild_id(), scene.discord.user_id("member"));
    let (of_discord, of_kick) = ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b");
    scene
        .change_by(&format!(
            "INSERT INTO person (id, discord_user_id, created_at) VALUES ('{of_discord}', {member}, now());
             INSERT INTO person (id, kick_user_id, created_at) VALUES ('{of_kick}', 7, now());
             INSERT INTO viewer (guild_id, person_id, username, name_key, first_seen_at, seen_at, minutes)
                 VALUES ({guild}, '{of_kick}', 'ada', 'ada', now(), now(), 100);
             INSERT INTO kick_link (id, guild_id, member_id, viewer_id, linked_at)
                 VALUES (gen_random_uuid(), {guild}, '{of_discord}', '{of_kick}', now())"
        ))
        .await;
    command(&scene, "admin", "watchroles set", json!({ "role": "Approver", "minutes": 10 })).await;
    scene.until("it died", || scene.deaths() == 1).await;
    scene.until_none("SELECT 1 - count(*) FROM watch_role_grant").await;
    let state = scene.discord.state();
    let (members, id) = (state["guilds"][0]["members"].as_array().unwrap(), member.to_string());
    let found = members.iter().find(|one| one["id"] == id.as_str()).unwrap();
    assert!(found["roles"].to_string().contains(&scene.discord.role_id("Approver").to_string()), "{found}");
    assert_eq!(scene.deaths(), 1);
    scene.finish().await;
}
