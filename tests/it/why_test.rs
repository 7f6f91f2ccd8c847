//! `/why`, the message menu "Why?" and `/why-not`: what became of a message, and of one that is not there.

use serde_json::{Value, json};
use signalbox::delivery::explain::{Pointer, why};
use signalbox::id::GuildId;

use crate::support::api::{ask, key};
use crate::support::delivery::{alert, seconds, ticket};
use crate::support::senders::added;
use crate::support::town::{Town, run, show, told};

const VIEW_CHANNEL: u64 = 1 << 10;

impl Town {
    /// An answer without ids and times that differ from run to run.
    fn story(&self, outcome: &Value) -> String {
        let mut words = show(&outcome["message"]);
        if words.is_empty() {
            words = told(outcome);
        }
        let guild = format!("/channels/{}/", self.discord.guild_id());
        let mut out = String::new();
        for line in words.lines() {
            let mut line = line.to_owned();
            while let Some(at) = line.find("event `") {
                line.replace_range(at..at + "event `".len() + 37, "event ID");
            }
            if let Some(at) = line.find(&guild) {
                line.replace_range(at.., "/channels/…");
            }
            while let Some(at) = line.find(" ms") {
                let start = line[..at].rfind(' ').unwrap_or(0);
                line.replace_range(start..at + 3, " SOME");
            }
            out.push_str(&line);
            out.push('\n');
        }
        out
    }

    async fn why(&self, who: &str, message: &str) -> Value {
        self.command(who, "why", json!({ "message": message })).await
    }

    fn link(&self, channel: &str, nth: usize) -> String {
        let id = self.messages(channel)[nth]["id"].as_str().unwrap().to_owned();
        format!("https://discord.com/channels/{}/{}/{id}", self.discord.guild_id(), self.discord.channel_id(channel))
    }
}

#[tokio::test]
async fn a_member_asks_by_the_menu_of_a_message() {
    run(async |town| {
        town.alert("disk full").await;
        let id = town.messages("alerts")[0]["id"].as_str().unwrap().to_owned();
        let what = json!({ "as": "member", "do": "command", "channel": "alerts", "name": "Why?", "message": id });
        let outcome = town.discord.act(what).await;
        insta::assert_snapshot!(town.story(&outcome), @"
        [🔎 Why?]
        📥 Received: `alert.triggered` <+0s> from XTSystems over HTTP, rightly signed. It happened at about that time. Taken in once, however often it came: event ID.
        🧭 Routes: 1 of 1 tried matched: **alert.triggered**.
        ✉️ Message: `#1` to <#1180000000000000104>: a message of its own.
        Delivered <+0s>.
        https://discord.com/channels/…
        📤 Attempts: 1. <+0s> posted: HTTP 200 after SOME, delivered
        ");
    })
    .await;
}

#[tokio::test]
async fn a_card_tells_of_all_that_made_it_and_of_every_attempt() {
    run(async |town| {
        town.fault("create_message", "accept_then_drop", 1);
        town.send("ticket.created", ticket("1", "open")).await;
        town.advance(seconds(7)).await;
        town.send("ticket.updated", ticket("1", "waiting")).await;
        let outcome = town.why("admin", &town.link("tickets", 0)).await;
        insta::assert_snapshot!(town.story(&outcome), @"
        [🔎 Why?]
        📥 Received: `ticket.created` about `ticket:1` <+0s> from XTSystems over HTTP, rightly signed. It happened at about that time. Taken in once, however often it came: event ID.
        `ticket.updated` about `ticket:1` <+7s> from XTSystems over HTTP, rightly signed.
        🧭 Routes: 1 of 7 tried matched: **ticket.created**.
        Nearest that did not: **ticket.closed**, because type ticket.created is not ticket.closed.
        ✉️ Message: `#1` to <#1180000000000000102>: a living card, edited as things change.
        Delivered <+7s>.
        https://discord.com/channels/…
        📤 Attempts: 1. <+0s> posted: no answer after SOME, to be tried again (the connection broke off)
        2. <+7s> posted: HTTP 200 after SOME, delivered
        3. <+7s> edited: HTTP 200 after SOME, shown
        🪪 Card: Made from 2 events so far; edited once.
        ");
    })
    .await;
}

#[tokio::test]
async fn only_who_can_see_the_channel_is_told() {
    run(async |town| {
        town.alert("disk full").await;
        let link = town.link("alerts", 0);
        let member = town.why("member", &link).await;
        assert!(town.story(&member).contains("Delivered"), "from another channel, too: {member}");
        town.discord.set_overwrite(town.discord.channel_id("alerts"), town.discord.user_id("member"), 0, VIEW_CHANNEL);
        let refused = town.why("member", &link).await;
        insta::assert_snapshot!(told(&refused), @"Nothing is known of that here: Signalbox did not deliver it in this server, or it was so long ago that it is forgotten.");
        let number = town.count("SELECT id FROM message").await;
        let refused = town.why("member", &number.to_string()).await;
        insta::assert_snapshot!(told(&refused), @"Only members who can see its channel are told, and those with Manage Server; nothing was looked up.");
        let nobodys = town.why("admin", "https://discord.com/channels/1/2/1180000000000000999").await;
        assert_eq!(told(&nobodys), told(&town.why("member", "1180000000000000999").await));
        let odd = town.why("admin", "the red one").await;
        insta::assert_snapshot!(told(&odd), @"Give a link to a message, its id, the number of a delivery such as #17, or the id of an event.");
    })
    .await;
}

#[tokio::test]
async fn another_servers_messages_are_nobodys_business() {
    run(async |town| {
        town.alert("disk full").await;
        let message = Pointer::parse(&town.link("alerts", 0)).unwrap();
        let number = Pointer::Number(town.count("SELECT id FROM message").await);
        let event = Pointer::Event(town.column("SELECT id::text FROM event").await[0].parse().unwrap());
        let (here, elsewhere) = (GuildId::from(town.discord.guild_id()), GuildId(4711));
        for pointer in [message, number, event] {
            assert!(why(town.store(), here, pointer).await.unwrap().is_some());
            assert!(why(town.store(), elsewhere, pointer).await.unwrap().is_none(), "{pointer:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn why_not_names_what_came_and_is_not_to_be_seen() {
    run(async |town| {
        town.alert("shown").await;
        town.fault("create_message", "status:400", 1);
        town.alert("refused").await;
        town.execute("DELETE FROM route").await;
        town.alert("unrouted").await;
        town.messages("alerts");
        let outcome = town.command("admin", "why-not", json!({ "type": "alert.triggered", "since": "1h" })).await;
        insta::assert_snapshot!(town.story(&outcome), @"
        [🔎 Why not?]
        📥 Received: 3 came since <+-3600s>; 2 of them are not in Discord.
        ❌ Not shown: <+0s>: no route matches alert.triggered
        <+0s> `#2`: not delivered: HTTP 400: 400: Bad Request
        ");
    })
    .await;
}

#[tokio::test]
async fn why_not_names_refused_requests_and_what_to_check() {
    run(async |town| {
        town.alert("long ago").await;
        town.messages("alerts");
        town.advance(seconds(7200)).await;
        let outcome = town.command("admin", "why-not", json!({ "type": "alert.triggered", "since": "1h" })).await;
        insta::assert_snapshot!(town.story(&outcome), @"
        [🔎 Why not?]
        📥 Received: No `alert.triggered` has come since <+3600s>.
        🩺 What to check: The last `alert.triggered` came <+0s>.
        Nothing was refused in that time either: does the sender have the right address, and can it reach it? `/webhook-status` shows the address, `/test-webhook` sends something, `/doctor` looks at the rest.
        ");
        let body = json!({ "event": "alert.triggered", "data": alert("forged") }).to_string();
        let timestamp = town.clock.now().timestamp().to_string();
        let forged = [("x-xtsystems-timestamp", timestamp), ("x-xtsystems-signature", "sha256=00".to_owned())];
        assert_eq!(town.post_with(body.into_bytes(), &forged).await.0, 401);
        let outcome = town.command("admin", "why-not", json!({ "type": "alert.triggered", "since": "1h" })).await;
        insta::assert_snapshot!(town.story(&outcome), @r#"
        [🔎 Why not?]
        📥 Received: No `alert.triggered` has come since <+3600s>.
        🚫 Refused requests: <+7200s> The X-XTSystems-Signature header is not "sha256=" followed by 64 hex digits.
        🩺 What to check: The last `alert.triggered` came <+0s>.
        Requests were refused in that time; what was wrong with them stands above.
        "#);
    })
    .await;
}

#[tokio::test]
async fn who_sent_it_and_by_what_it_was_believed() {
    run(async |town| {
        let kuma = added(town, "uptime-kuma", "uptime").await;
        let github = added(town, "github", "web").await;
        kuma.bearer(town, &json!({ "heartbeat": null, "monitor": null, "msg": "hello" })).await;
        github.github(town, "ping", "d-1", &json!({ "zen": "Keep it logically awesome." })).await;
        let key = key(town, &["events:write"]).await;
        let alert =
            json!({ "event": "system.alert", "data": { "title": "Hot", "message": "80 °C", "severity": "error" } });
        ask(town, &key, "POST /dispatch").json(&alert).send().await;
        town.settle().await;
        let mut told = Vec::new();
        for nth in 0..3 {
            let story = town.story(&town.why("admin", &town.link("ops", nth)).await);
            told.push(story.lines().nth(1).unwrap().split(" It happened").next().unwrap().to_owned());
        }
        insta::assert_snapshot!(told.join("\n"), @"
        📥 Received: `uptime_kuma.message` <+0s> from **uptime** over HTTP, with its secret, not signed.
        📥 Received: `github.ping` <+0s> from **web** over HTTP, rightly signed.
        📥 Received: `panel.system.alert` <+0s> from NodeByte over HTTP, with an API key.
        ");
    })
    .await;
}
