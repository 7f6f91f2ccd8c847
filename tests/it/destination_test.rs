//! Destinations as people set them: added, tested, paused, mended and removed by commands.

use serde_json::{Value, json};

use crate::support::delivery::{minutes, ticket};
use crate::support::town::{Town, plain_times, run, show, told};

const SEND_MESSAGES: u64 = 1 << 11;

impl Town {
    /// `/destination …` as an admin, and what is answered.
    async fn destination(&self, verb: &str, options: Value) -> String {
        let outcome = self.command("admin", &format!("destination {verb}"), options).await;
        self.settle().await;
        self.plain(&outcome)
    }

    /// An answer without what differs from run to run.
    fn plain(&self, outcome: &Value) -> String {
        let words = match outcome["message"]["embeds"].as_array().is_some_and(|e| !e.is_empty()) {
            true => plain_times(&show(&outcome["message"])),
            false => told(outcome),
        };
        assert!(!words.is_empty(), "{outcome}");
        let guild = self.discord.guild_id().to_string();
        let named = ["ops", "alerts", "stream"]
            .iter()
            .fold(words, |words, name| words.replace(&self.discord.channel_id(name).to_string(), name));
        let words = named.replace(&guild, "town");
        let mut out = String::new();
        for part in words.split_inclusive(|c: char| !c.is_ascii_digit()) {
            let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
            let end = &part[digits.len()..];
            out.push_str(if digits.len() > 15 { "ID" } else { digits });
            out.push_str(end);
        }
        out
    }
}

#[tokio::test]
async fn a_channel_is_added_tested_paused_and_enabled() {
    run(async |town| {
        let added =
            town.destination("add", json!({ "name": "Night desk", "channel": "stream", "type": "system" })).await;
        insta::assert_snapshot!(added, @"✅ **Night desk** is there: <#stream>. Post a test message with `/destination test`.");
        let tested = town.destination("test", json!({ "destination": "night desk" })).await;
        insta::assert_snapshot!(tested, @"✅ **Night desk** works: https://discord.com/channels/town/stream/ID");
        insta::assert_snapshot!(town.see("stream"), @"
        [🔧 Test]
        Signals can be delivered here, to **Night desk**. Asked for by <@1180000000000000011>.
        -- Signalbox
        ");
        town.route_to_channel("alert.*", town.discord.channel_id("stream")).await;
        town.alert("one").await;
        insta::assert_snapshot!(town.destination("pause", json!({ "destination": "night desk" })).await, @"⏸️ **Night desk** is paused. Its messages wait until `/destination enable`.");
        town.alert("two").await;
        insta::assert_snapshot!(town.destination("list", json!({})).await, @"
        [📮 Destinations]
        ✅ <#alerts>
        nothing delivered yet · routes `alert.triggered`

        ✅ <#ops>
        nothing delivered yet · routes `asset.created` `asset.updated` `default`

        ✅ <#ID>
        nothing delivered yet · routes `machine.approved` `machine.registered`

        ✅ <#ID>
        nothing delivered yet · routes `ticket.closed` `ticket.created` `ticket.updated`

        ⏸️ **Night desk** · <#stream>
        type SYSTEM for ADMIN
        Paused: `/destination enable` sends what waits.
        1 waiting · last delivery <+0s> · tested <+0s> · routes `alert.*`
        ");
        insta::assert_snapshot!(town.destination("enable", json!({ "destination": "night desk" })).await, @"✅ **Night desk** is used again; 1 message that waited is sent now.");
        assert!(town.lines("stream").ends_with("one\ntwo"), "{}", town.lines("stream"));
    })
    .await;
}

#[tokio::test]
async fn a_webhook_is_taken_by_its_address_and_its_token_is_shown_to_nobody() {
    run(async |town| {
        let (id, token, url) = town.discord.create_webhook(town.discord.channel_id("stream"), "Relay").unwrap();
        let added = town
            .destination("add", json!({ "name": "Relay", "webhook": url, "type": "support", "scope": "users" }))
            .await;
        insta::assert_snapshot!(added, @"✅ **Relay** is there: webhook `…/webhooks/ID/••••` in <#stream>. Post a test message with `/destination test`.");
        insta::assert_snapshot!(town.destination("test", json!({ "destination": "Relay" })).await, @"✅ **Relay** works: https://discord.com/channels/town/stream/ID");
        let list = town.destination("list", json!({})).await;
        assert!(list.contains("type SUPPORT for USER") && !list.contains(&token), "{list}");
        let stored = town.column("SELECT webhook_token FROM destination WHERE webhook_token IS NOT NULL").await;
        assert!(!stored.is_empty() && stored.iter().all(|stored| !stored.contains(&token)), "sealed");
        assert_eq!(town.see("stream").matches("Testing SUPPORT webhook (Relay)").count(), 1);
        for odd in [
            url.replace("https://", "http://"),
            url.replace("discord.com", "discord.com.example.org"),
            url.replace("discord.com", "user@discord.com"),
            format!("{url}?wait=true"),
            format!("https://discord.com/api/webhooks/{id}"),
        ] {
            let refused = town.destination("add", json!({ "name": "Odd", "webhook": odd })).await;
            assert!(
                refused.starts_with("Nothing was added: this is not the address of a Discord webhook"),
                "{odd}: {refused}"
            );
        }
        let again = town.destination("add", json!({ "name": "Twice", "webhook": url })).await;
        insta::assert_snapshot!(again, @"That is there already, as **Relay**; `/destination edit` changes it.");
        let taken = town.destination("add", json!({ "name": "RELAY", "channel": "stream" })).await;
        insta::assert_snapshot!(taken, @"Another destination is called **RELAY**; nothing was changed.");
        let elsewhere = town.discord.add_guild("Elsewhere");
        let far = town.discord.add_channel(elsewhere, "far", 0);
        let (_, _, url) = town.discord.create_webhook(far, "Far").unwrap();
        let refused = town.destination("add", json!({ "name": "Far", "webhook": url })).await;
        insta::assert_snapshot!(refused, @"This webhook belongs to another server; nothing was added.");
    })
    .await;
}

#[tokio::test]
async fn one_that_discord_refuses_says_why_and_works_again_after_a_test() {
    run(async |town| {
        town.destination("add", json!({ "name": "Alarms", "channel": "alerts" })).await;
        town.deny("alerts", SEND_MESSAGES);
        town.advance(minutes(11)).await;
        town.alert("one").await;
        insta::assert_snapshot!(town.destination("list", json!({})).await.split("\n\n").find(|d| d.contains("Alarms")).unwrap(), @"
        [📮 Destinations]
        ⚠️ **Alarms** · <#alerts>
        Cannot be used: Signalbox lacks Send Messages in <#alerts>: allow it in the channel's permissions.
        Mend that, then `/destination test`; it is also looked at each minute.
        1 waiting · nothing delivered yet · routes `alert.triggered`
        ");
        insta::assert_snapshot!(town.destination("enable", json!({ "destination": "Alarms" })).await, @"❌ **Alarms** does not work: Signalbox lacks Send Messages in <#alerts>: allow it in the channel's permissions.");
        assert_eq!(town.lines("alerts"), "");
        town.deny("alerts", 0);
        insta::assert_snapshot!(town.destination("enable", json!({ "destination": "Alarms" })).await, @"✅ **Alarms** works: https://discord.com/channels/town/alerts/ID It is used again.");
        assert_eq!(town.lines("alerts").lines().last(), Some("one"));
        assert_eq!(town.lines("ops").lines().count(), 1, "the admins were told once");
    })
    .await;
}

#[tokio::test]
async fn removal_is_asked_for_twice_and_refused_while_routes_lead_there() {
    run(async |town| {
        town.destination("add", json!({ "name": "Alarms", "channel": "alerts" })).await;
        insta::assert_snapshot!(town.destination("remove", json!({ "destination": "Alarms" })).await, @"Nothing was removed: the routes `alert.triggered` lead there. Change those first.");
        town.destination("add", json!({ "name": "Spare", "channel": "stream" })).await;
        let asked = town.command("admin", "destination remove", json!({ "destination": "Spare" })).await;
        insta::assert_snapshot!(town.plain(&asked), @"Remove **Spare** (<#stream>)? What was posted stays.");
        let message = asked["message"]["id"].as_str().unwrap().to_owned();
        let custom_id = asked["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap().to_owned();
        let pressed = town.press_id("admin", &message, &custom_id).await;
        assert_eq!(told(&pressed), "Removed.");
        assert!(!town.destination("list", json!({})).await.contains("Spare"));
        // Added again, the same place is a new one.
        let added = town.destination("add", json!({ "name": "Spare", "channel": "stream" })).await;
        assert!(added.starts_with("✅ **Spare** is there"), "{added}");
    })
    .await;
}

#[tokio::test]
async fn a_forum_is_tested_with_a_post_and_is_not_for_members_to_manage() {
    run(async |town| {
        let forum = town.discord.add_channel(town.discord.guild_id(), "desk", 15);
        town.destination("add", json!({ "name": "Desk", "channel": "desk", "archive_resolved": true })).await;
        town.destination("test", json!({ "destination": "Desk" })).await;
        assert_eq!(town.discord.threads(forum)[0]["name"], "Test");
        town.messages("Test");
        town.route_to_channel("ticket.*", forum).await;
        town.send("ticket.closed", ticket("1", "closed")).await;
        assert_eq!(town.discord.threads(forum)[1]["archived"], true);
        town.messages(town.discord.threads(forum)[1]["id"].as_str().unwrap());
        let refused = town.command("member", "destination list", json!({})).await;
        assert!(refused["error"].as_str().unwrap_or_default().contains("does not see that command"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn how_it_is_written_to_is_set_and_taken_away() {
    run(async |town| {
        let (id, token, _) = town.discord.create_webhook(town.discord.channel_id("stream"), "Relay").unwrap();
        let address = format!("https://discord.com/api/webhooks/{id}/{token}");
        town.destination("add", json!({ "name": "Relay", "webhook": address })).await;
        town.route_to_webhook("alert.*", id, &token).await;
        let edit = json!({ "destination": "Relay", "gather": "2,5", "sender": "Night watch", "picture": "https://example.com/owl.png" });
        insta::assert_snapshot!(town.destination("edit", edit).await, @"
        ✅ Changed.
        ✅ **Relay** · webhook `…/webhooks/ID/••••` in <#stream>
        posts as **Night watch** · posts with a picture of its own · gathers notices for 2.5 s
        nothing delivered yet · routes `alert.*`
        ");
        for words in ["one", "two", "three"] {
            town.alert(words).await;
        }
        assert_eq!(town.lines("stream"), "one");
        town.advance(chrono::TimeDelta::milliseconds(2500)).await;
        assert_eq!((town.messages("stream").len(), town.see("stream").matches("three").count()), (2, 1), "{}", town.lines("stream"));
        assert_eq!(town.messages("stream")[1]["author"]["username"], "Night watch");
        for (option, value) in [("gather", "61"), ("gather", "soon"), ("sender", "Clyde"), ("picture", "owl.png")] {
            let refused = town.destination("edit", json!({ "destination": "Relay", option: value })).await;
            assert!(refused.contains("nothing was changed") || refused.contains("Nothing was changed"), "{refused}");
        }
        let taken_away = json!({ "destination": "Relay", "gather": "-", "sender": "-", "picture": "-" });
        insta::assert_snapshot!(town.destination("edit", taken_away).await, @"
        ✅ Changed.
        ✅ **Relay** · webhook `…/webhooks/ID/••••` in <#stream>
        last delivery <+2s> · routes `alert.*`
        ");
        let on_a_channel = json!({ "destination": "alerts", "sender": "Owl" });
        insta::assert_snapshot!(town.destination("edit", on_a_channel).await, @"Nothing was changed: sender is for Discord webhooks alone: into a channel the bot posts as itself.");
    })
    .await;
}
