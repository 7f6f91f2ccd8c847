//! Two servers and two channels of Kick in one process: what is done in the one is not seen in the other. A channel that both
//! are connected with counts in both.

use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::community::link;
use signalbox::id::GuildId;
use standin::kick::{EVENTS, STREAMER};

use crate::support::machines::names;
use crate::support::town::{Setup, Town, run_with, show};

const OTHER: &str = "Rook_TV";
/// Channels of the second server.
const THERE: &str = "their-ops";

/// "Signal Town" with the channel of NovaPlays, "Elsewhere" with that of Rook_TV. Commands are everybody's.
async fn two_servers(test: impl AsyncFnOnce(&mut Town, u64)) {
    let nothing = ["XTSYSTEMS_API_URL", "XTSYSTEMS_API_KEY", "XTSYSTEMS_APPROVER_ROLES", "WEBHOOK_SECRET"];
    let unset = nothing.into_iter().chain(["DISCORD_GUILD_ID", "DISCORD_WEBHOOK_CHANNELS"]);
    let env = unset.map(|name| (name, String::new())).collect();
    run_with(Setup { env, ..Setup::kick() }, async |town| {
        town.world_clock.advance(TimeDelta::milliseconds(1));
        let there = town.discord.add_guild("Elsewhere");
        town.discord.add_channel(there, THERE, 0);
        town.connect_kick(STREAMER).await;
        town.connect_kick_in(there, OTHER).await;
        town.know_subscriptions(&town.kick.subscribe_app(OTHER, &EVENTS)).await;
        test(town, there).await;
        for channel in ["ops", "party", THERE] {
            town.see(channel);
        }
    })
    .await;
}

async fn outcome(town: &Town, channel: &str, who: &str, name: &str, options: Value) -> Value {
    let what = json!({ "as": who, "do": "command", "channel": channel, "name": name, "options": options });
    let outcome = town.discord.act(what).await;
    town.settle().await;
    outcome
}

/// What a command tells its caller in a channel.
async fn asks(town: &Town, channel: &str, who: &str, name: &str, options: Value) -> String {
    let outcome = outcome(town, channel, who, name, options).await;
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{name}: {outcome:#}");
    let message = if outcome["message"].is_object() { &outcome["message"] } else { &outcome["response"]["data"] };
    names(town, show(message).trim_start_matches("[]").trim())
}

/// The same in both servers.
async fn in_both(town: &Town, who: &str, name: &str, options: Value) -> String {
    let here = asks(town, "ops", who, name, options.clone()).await;
    format!("here: {here}\nthere: {}", asks(town, THERE, who, name, options).await)
}

async fn link_in(town: &Town, guild: u64, member: &str, viewer: &str) {
    let id = town.kick.person(viewer).user_id;
    link::link(&town.app.ports, GuildId::from(guild), town.user(member), id, viewer).await.unwrap();
}

/// Two write in each of these minutes.
async fn chat(town: &Town, channel: &str, minutes: usize) {
    for _ in 0..minutes {
        for who in ["ada", "bob"] {
            town.kick.chat(channel, who, "gg").await;
        }
        town.clock.advance(TimeDelta::minutes(1));
        town.world_clock.advance(TimeDelta::minutes(1));
    }
    town.settle().await;
}

/// What is to be said in the chats, with the server that says it.
async fn said(town: &Town) -> String {
    let lines = town
        .column(
            "SELECT c.name || ': ' || k.text FROM kick_chat k JOIN kick_channel c ON c.id = k.kick_channel_id
             WHERE c.guild_id = k.guild_id ORDER BY k.seq",
        )
        .await;
    assert_eq!(lines.len() as i64, town.count("SELECT count(*) FROM kick_chat").await, "each in its own server");
    lines.join("\n")
}

#[tokio::test]
async fn watching_points_and_leaderboards() {
    two_servers(async |town, there| {
        for guild in [town.discord.guild_id(), there] {
            link_in(town, guild, "member", "ada").await;
        }
        town.kick.go_live(STREAMER, "Slots").await;
        town.kick.go_live(OTHER, "Chess").await;
        town.settle().await;
        chat(town, STREAMER, 12).await;
        chat(town, OTHER, 5).await;
        town.kick.follow(STREAMER, "ada").await;
        town.kick.subscribe(OTHER, "ada").await;
        town.advance(TimeDelta::minutes(61)).await;
        insta::assert_snapshot!(in_both(town, "member", "watchtime show", json!({})).await, @"
        here: **ada** has watched **13 min**: place 1 of 2.
        Today 13 min, in 7 days 13 min, in 30 days 13 min.
        Last seen <+1020s>.
        there: **ada** has watched **6 min**: place 1 of 2.
        Today 6 min, in 7 days 6 min, in 30 days 6 min.
        Last seen <+1020s>.
        ");
        insta::assert_snapshot!(in_both(town, "member", "points balance", json!({})).await, @"
        here: You have **12 points**.
        +10 following
        +2 watching
        -# Kick: ada · 13 min watched
        there: You have **101 points**.
        +100 subscribing
        +1 watching
        -# Kick: ada · 6 min watched
        ");
        insta::assert_snapshot!(in_both(town, "admin", "leaderboard", json!({})).await, @"
        here: [Watch time]
        **1.** ada (<@member>) — 13 min
        **2.** bob — 13 min
        there: [Watch time]
        **1.** ada (<@member>) — 6 min
        **2.** bob — 6 min
        ");
        // An admin of the one grants, gives and takes back there alone.
        let grant = json!({ "member": "member", "amount": 1000, "reason": "event" });
        asks(town, "ops", "admin", "points grant", grant).await;
        let entry = town.count("SELECT max(id) FROM ledger").await;
        insta::assert_snapshot!(asks(town, THERE, "admin", "points undo", json!({ "entry": entry })).await, @"There is no such entry here. /points statement shows yours with their numbers.");
        insta::assert_snapshot!(asks(town, THERE, "admin", "points why", json!({ "entry": entry })).await, @"There is no such entry here. /points statement shows yours with their numbers.");
        asks(town, "ops", "admin", "community pause", json!({ "on": true })).await;
        asks(town, "ops", "admin", "community ignore", json!({ "viewer": "bob" })).await;
        asks(town, "ops", "admin", "community rules", json!({ "rate": 50 })).await;
        insta::assert_snapshot!(asks(town, THERE, "admin", "community rules", json!({})).await, @"
        Watching earns **1** points in 5 minutes, subscribers **2**.
        A message counts for **2 min**, when **2** people have written within 5 min; **18 h 00 min** a day at most.
        Following earns **10** once, subscribing **100**, each gifted subscription **100**, 100 kicks **10**.
        ");
        let paused = "SELECT count(DISTINCT guild_id) FROM (SELECT guild_id FROM watch_period
            UNION ALL SELECT guild_id FROM viewer_ignored UNION ALL SELECT guild_id FROM community_rule) all_of_it";
        assert_eq!(town.count(paused).await, 1);
        insta::assert_snapshot!(in_both(town, "member", "points balance", json!({})).await, @"
        here: You have **1,012 points**.
        +1,000 granted by admins
        +10 following
        +2 watching
        -# Kick: ada · 13 min watched
        there: You have **101 points**.
        +100 subscribing
        +1 watching
        -# Kick: ada · 6 min watched
        ");
    })
    .await;
}

#[tokio::test]
async fn a_channel_of_both_counts_in_both() {
    two_servers(async |town, there| {
        town.connect_kick_in(there, STREAMER).await;
        town.kick.go_live(STREAMER, "Slots").await;
        town.settle().await;
        chat(town, STREAMER, 11).await;
        town.kick.follow(STREAMER, "ada").await;
        town.advance(TimeDelta::minutes(61)).await;
        let here = town.discord.guild_id();
        let sums = "SELECT guild_id || ' ' || username || ' ' || minutes || ' min ' || balance
            FROM viewer JOIN point_account USING (guild_id, person_id) ORDER BY 1";
        let of = |guild: u64| [format!("{guild} ada 12 min 12"), format!("{guild} bob 12 min 2")];
        let mut wanted = [of(here), of(there)].concat();
        wanted.sort();
        assert_eq!(town.column(sums).await, wanted);
        // A link in the one is none in the other.
        link_in(town, here, "member", "ada").await;
        insta::assert_snapshot!(in_both(town, "member", "points balance", json!({})).await, @"
        here: You have **12 points**.
        +10 following
        +2 watching
        -# Kick: ada · 12 min watched
        there: You have **0 points**.
        -# No Kick account is linked: /link, and watching earns points.
        ");
    })
    .await;
}

#[tokio::test]
async fn the_shop() {
    two_servers(async |town, _| {
        asks(town, "ops", "admin", "shop add", json!({ "name": "Key", "price": 5, "stock": 3 })).await;
        asks(town, THERE, "admin", "shop add", json!({ "name": "Badge", "price": 7 })).await;
        for channel in ["ops", THERE] {
            asks(town, channel, "admin", "points grant", json!({ "member": "member", "amount": 20, "reason": "" })).await;
        }
        insta::assert_snapshot!(in_both(town, "member", "shop show", json!({})).await, @"
        here: [🛒 Shop]
        **Key** — 5 points · 3 left
        (Buy something… ▾ –)
        (My points)
        there: [🛒 Shop]
        **Badge** — 7 points
        (Buy something… ▾ –)
        (My points)
        ");
        let edit = json!({ "item": "Key", "price": 1 });
        insta::assert_snapshot!(asks(town, THERE, "admin", "shop edit", edit).await, @"There is no item of that name. /shop show has all.");
        insta::assert_snapshot!(asks(town, THERE, "admin", "shop remove", json!({ "item": "Key" })).await, @"There is no item of that name. /shop show has all.");
        // Buttons of the one, pressed under a message of the other.
        let shop = outcome(town, "ops", "member", "shop show", json!({})).await;
        let pick = json!({ "as": "member", "do": "select", "message": shop["message"]["id"],
            "custom_id": "v1:shop:pick:0", "values": ["Key: 5 points"] });
        let form = town.discord.act(pick).await;
        let submit = json!({ "as": "member", "do": "submit", "modal": form["modal"]["custom_id"], "values": {} });
        let asked = town.discord.act(submit).await;
        let text = asked.to_string();
        let at = text.find("v1:shop:confirm:").unwrap();
        let confirm = text[at..].split(['"', '\\']).next().unwrap().to_owned();
        let message = with_button(town, THERE, &confirm).await;
        town.press_id("member", &message, &confirm).await;
        assert_eq!(town.count("SELECT count(*) FROM shop_sale").await, 0);
        let message = with_button(town, "ops", &confirm).await;
        town.press_id("member", &message, &confirm).await;
        assert_eq!(town.count("SELECT count(*) FROM shop_sale").await, 1);
        insta::assert_snapshot!(in_both(town, "admin", "shop queue", json!({})).await, @"
        here: [🛒 Purchases to be dealt with]
        **Key** for 5 points by <@member>, <+0s>
        (Which one? ▾ –)
        there: [🛒 Purchases to be dealt with]
        No purchase waits for anybody.
        ");
        let sale = town.column("SELECT id::text FROM shop_sale").await.remove(0);
        for verb in ["complete", "refund"] {
            let id = format!("v1:shop:{verb}:{sale}");
            let message = with_button(town, THERE, &id).await;
            town.press_id("admin", &message, &id).await;
        }
        assert_eq!(town.column("SELECT state FROM shop_sale").await, ["pending"]);
        insta::assert_snapshot!(in_both(town, "member", "points balance", json!({})).await, @"
        here: You have **15 points**.
        +20 granted by admins
        -5 the shop
        -# No Kick account is linked: /link, and watching earns points.
        there: You have **20 points**.
        +20 granted by admins
        -# No Kick account is linked: /link, and watching earns points.
        ");
    })
    .await;
}

/// A message of the bot with this button, in a channel where it does not belong.
async fn with_button(town: &Town, channel: &str, custom_id: &str) -> String {
    let body = json!({ "content": "x", "allowed_mentions": { "parse": [] }, "components": [{ "type": 1, "components": [
        { "type": 2, "style": 3, "label": "Press", "custom_id": custom_id }] }] });
    let url = format!("{}/api/v10/channels/{}/messages", town.discord.origin(), town.discord.channel_id(channel));
    let request = town.http.post(url).header("authorization", format!("Bot {}", town.discord.token())).json(&body);
    let message: Value = request.send().await.unwrap().json().await.unwrap();
    message["id"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[tokio::test]
async fn raffles_and_giveaways() {
    two_servers(async |town, there| {
        let start = json!({ "prize": "A mug", "keyword": "!mug", "channel": "party" });
        asks(town, "ops", "admin", "giveaway start", start).await;
        asks(town, THERE, "admin", "raffle start", json!({ "prize": "A chair", "for": "30d" })).await;
        for guild in [town.discord.guild_id(), there] {
            link_in(town, guild, "member", "ada").await;
        }
        // Of the other's channel: no entry, no tickets.
        town.kick.chat(OTHER, "ada", "!mug").await;
        town.kick.chat(OTHER, "ada", "!join").await;
        town.kick.gift_subs(STREAMER, Some("ada"), &["bob"]).await;
        town.settle().await;
        assert_eq!(town.count("SELECT (SELECT count(*) FROM draw_entry) + (SELECT count(*) FROM draw_ticket)").await, 0);
        town.kick.chat(STREAMER, "ada", "!mug").await;
        town.kick.gift_subs(OTHER, Some("ada"), &["cy"]).await;
        town.settle().await;
        insta::assert_snapshot!(in_both(town, "member", "raffle tickets", json!({})).await, @"
        here: No raffle is running; /raffle start opens one.
        there: You have 15 of 15 tickets.
        ");
        insta::assert_snapshot!(in_both(town, "admin", "giveaway list", json!({})).await, @"
        here: 🎉 Giveaway #1 · open · `!mug` · A mug
        there: 🎟️ Raffle #1 · ends <+2592000s> · A chair
        ");
        let id = town.column("SELECT id::text FROM draw WHERE kind = 'giveaway'").await.remove(0);
        insta::assert_snapshot!(asks(town, THERE, "admin", "giveaway end", json!({ "giveaway": id })).await, @"There is no such raffle or giveaway in this server.");
        asks(town, "ops", "admin", "giveaway end", json!({ "giveaway": id })).await;
        town.advance(TimeDelta::minutes(2)).await;
        insta::assert_snapshot!(asks(town, THERE, "admin", "raffle verify", json!({ "draw": id })).await, @"There is no such raffle or giveaway in this server.");
        insta::assert_snapshot!(asks(town, THERE, "admin", "giveaway reroll", json!({ "giveaway": id, "place": 1 })).await, @"There is no such raffle or giveaway in this server.");
        let join = format!("v1:draw:join:{id}");
        let message = with_button(town, THERE, &join).await;
        town.press_id("member", &message, &join).await;
        assert_eq!(town.column("SELECT name || ' ' || (guild_id = (SELECT guild_id FROM draw WHERE kind = 'giveaway')) FROM draw_entry").await, ["ada true"]);
        insta::assert_snapshot!(said(town).await, @"
        NovaPlays: 🎉 Giveaway: A mug! Write !mug to take part.
        NovaPlays: 🔒 Giveaway closed: A mug. The draw is made in a minute.
        NovaPlays: 🏆 Winners of A mug: @ada
        ");
    })
    .await;
}

#[tokio::test]
async fn commands_calls_and_guesses_in_chat() {
    two_servers(async |town, _| {
        asks(town, "ops", "admin", "chatcommand set", json!({ "name": "hug", "answer": "{user} hugs", "cooldown": 0 })).await;
        asks(town, "ops", "admin", "slots on", json!({})).await;
        asks(town, "ops", "admin", "gtb open", json!({})).await;
        for (channel, who) in [(STREAMER, "ada"), (OTHER, "bob")] {
            for text in ["!hug", "!call Book", "!gtb 1500", "!clip nice"] {
                town.kick.chat(channel, who, text).await;
            }
        }
        town.settle().await;
        insta::assert_snapshot!(said(town).await, @"
        NovaPlays: ✅ Slot requests are now ENABLED! Use !call <slot_name> or !sr <slot_name>
        NovaPlays: 💰 Guess the Balance session #1 is now OPEN! Use !gtb <amount> to guess!
        NovaPlays: ada hugs
        NovaPlays: @ada Your slot request for Book has been received! ✅
        NovaPlays: @ada Guess recorded: $1,500.00 Good luck! 🎰
        NovaPlays: @ada Marked: nice
        Rook_TV: @bob Slot requests are not open at the moment.
        Rook_TV: @bob No active GTB session. Wait for an admin to start one!
        Rook_TV: @bob Marked: nice
        ");
        insta::assert_snapshot!(in_both(town, "admin", "chatcommand list", json!({})).await, @"
        here: [💬 Chat commands]
        `!hug` · everyone · 0 s · used 1 times · {user} hugs
        there: [💬 Chat commands]
        There are no chat commands of this server yet: /chatcommand set.
        ");
        insta::assert_snapshot!(in_both(town, "admin", "slots list", json!({})).await, @"
        here: • Book · ada
        there: Nobody has asked for a slot.
        ");
        insta::assert_snapshot!(asks(town, THERE, "admin", "gtb close", json!({})).await, @"No session is open.");
        assert_eq!(town.column("SELECT name FROM gtb_guess").await, ["ada"]);
        insta::assert_snapshot!(asks(town, THERE, "admin", "slots block", json!({ "name": "ada" })).await, @"Nobody of this name has been seen in chat here.");
        insta::assert_snapshot!(asks(town, THERE, "admin", "slots pick", json!({})).await, @"Nobody has asked for a slot.");
        insta::assert_snapshot!(asks(town, THERE, "admin", "chatcommand remove", json!({ "name": "hug" })).await, @"There is no such chat command.");
        assert_eq!(town.count("SELECT count(DISTINCT guild_id) FROM clip_marker").await, 2, "each marks its own stream");
    })
    .await;
}

#[tokio::test]
async fn timed_messages() {
    two_servers(async |town, _| {
        let timer = json!({ "message": "Join us", "every": "10m", "min_chatters": 0, "min_lines": 2, "while": 2 });
        asks(town, "ops", "admin", "timer add", timer).await;
        // Who writes elsewhere is nobody's audience here.
        chat(town, OTHER, 1).await;
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(said(town).await, "");
        chat(town, STREAMER, 1).await;
        town.advance(TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(said(town).await, @"NovaPlays: Join us");
        insta::assert_snapshot!(in_both(town, "admin", "timer list", json!({})).await, @"
        here: [⏰ Timed messages]
        🟢 #1 · every 10 min · next <+780s> · Join us
        there: [⏰ Timed messages]
        There are none yet: /timer add.
        ");
        insta::assert_snapshot!(asks(town, THERE, "admin", "timer off", json!({ "number": 1 })).await, @"There is no timed message of this number; /timer list shows them.");
        insta::assert_snapshot!(asks(town, THERE, "admin", "timer remove", json!({ "number": 1 })).await, @"There is no timed message of this number; /timer list shows them.");
        assert_eq!(town.count("SELECT count(*) FROM timed_message WHERE enabled").await, 1);
    })
    .await;
}

#[tokio::test]
async fn channels_of_kick() {
    two_servers(async |town, _| {
        insta::assert_snapshot!(in_both(town, "admin", "kick status", json!({})).await, @r"
        here: [Kick]
        📺 NovaPlays: <https://kick.com/novaplays>
        ⚫ not live
        ❌ No account: nothing can be said in chat. `/kick connect` connects it again.
        ⏳ Its subscriptions were not looked at yet.
        there: [Kick]
        📺 Rook\_TV: <https://kick.com/rook-tv>
        ⚫ not live
        ❌ No account: nothing can be said in chat. `/kick connect` connects it again.
        ✅ 10 of 10 kinds of events, looked at <+0s>
        ");
        let id = town.column("SELECT id::text FROM kick_channel WHERE name = 'NovaPlays'").await.remove(0);
        for named in ["NovaPlays", "novaplays", id.as_str()] {
            let told = asks(town, THERE, "admin", "kick disconnect", json!({ "channel": named })).await;
            insta::allow_duplicates! {
                insta::assert_snapshot!(told, @"This Kick channel is not connected with this server. `/kick status` lists those that are.");
            }
        }
        assert_eq!(town.count("SELECT count(*) FROM kick_channel WHERE disconnected_at IS NULL").await, 2);
        // Cards go to the server that is connected with the channel.
        town.kick.follow(STREAMER, "ada").await;
        town.settle().await;
        let here = town.discord.guild_id() as i64;
        let guilds = town.column("SELECT DISTINCT guild_id::text FROM event WHERE kind = 'kick.channel.followed'").await;
        assert_eq!(guilds, [here.to_string()]);
        assert_eq!(town.see(THERE), "");
    })
    .await;
}
