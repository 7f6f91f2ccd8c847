//! `/why`, the message menu "Why?" and `/why-not`: what became of a message, and of one that is not there.

use serde_json::{Value, json};

use crate::support::delivery::{alert, seconds, ticket};
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
        insta::assert_snapshot!(town.story(&outcome), @"");
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
        insta::assert_snapshot!(town.story(&outcome), @"");
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
        insta::assert_snapshot!(told(&refused), @"");
        let number = town.count("SELECT id FROM message").await;
        let refused = town.why("member", &number.to_string()).await;
        insta::assert_snapshot!(told(&refused), @"");
        let nobodys = town.why("admin", "https://discord.com/channels/1/2/1180000000000000999").await;
        assert_eq!(told(&nobodys), told(&town.why("member", "1180000000000000999").await));
        let odd = town.why("admin", "the red one").await;
        insta::assert_snapshot!(told(&odd), @"");
    })
    .await;
}

#[tokio::test]
async fn another_servers_messages_are_nobodys_business() {
    run(async |town| {
        town.alert("disk full").await;
        let link = town.link("alerts", 0);
        let elsewhere = town.discord.add_guild("Elsewhere");
        town.discord.add_channel(elsewhere, "far", 0);
        let what =
            json!({ "as": "admin", "do": "command", "channel": "far", "name": "why", "options": { "message": link } });
        let outcome = town.discord.act(what).await;
        assert!(told(&outcome).starts_with("Nothing is known of that here"), "{outcome}");
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
        insta::assert_snapshot!(town.story(&outcome), @"");
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
        insta::assert_snapshot!(town.story(&outcome), @"");
        let body = json!({ "event": "alert.triggered", "data": alert("forged") }).to_string();
        let timestamp = town.clock.now().timestamp().to_string();
        let forged = [("x-xtsystems-timestamp", timestamp), ("x-xtsystems-signature", "sha256=00".to_owned())];
        assert_eq!(town.post_with(body.into_bytes(), &forged).await.0, 401);
        let outcome = town.command("admin", "why-not", json!({ "type": "alert.triggered", "since": "1h" })).await;
        insta::assert_snapshot!(town.story(&outcome), @"");
    })
    .await;
}
