//! Slot calls: asked for in chat, picked in Discord.

use serde_json::json;

use crate::support::chat::Line;
use crate::support::delivery::seconds;
use crate::support::machines::{form, heard};
use crate::support::town::{Town, run};

async fn admin(town: &Town, command: &str, options: serde_json::Value) -> String {
    let outcome = town.command("admin", command, options).await;
    town.settle().await;
    heard(town, &outcome)
}

#[tokio::test]
async fn calls_are_taken_posted_and_picked() {
    run(async |town| {
        town.with_channel().await;
        town.command("admin", "panel post", json!({ "panel": "slot requests", "channel": "party" })).await;
        admin(town, "slots set", json!({ "channel": "alerts", "cooldown": 30 })).await;
        assert_eq!(town.says("ada", "!call Gates").await, "@ada Slot requests are not open at the moment.");
        insta::assert_snapshot!(heard(town, &town.press("member", "party", "Enable").await), @"You need the Manage Server permission for this.");
        insta::assert_snapshot!(heard(town, &town.press("admin", "party", "Enable").await), @"✅ Changed.");
        insta::assert_snapshot!(town.says("ada", "!call  Sweet Bonanza [emote:1:x] 1000").await, @"@ada Your slot request for Sweet Bonanza 1000 has been received! ✅");
        insta::assert_snapshot!(town.says("bob", "!sr").await, @"@bob Please specify a slot!");
        assert_eq!(town.says("ada", "!sr Gates of Olympus").await, "", "cooling down, in silence");
        assert_eq!(town.says("ada", "!callers x").await, "");
        insta::assert_snapshot!(town.reads("party"), @"
        [🎰 Slot Request Panel]
        Ask for a slot with `!call <slot>` or `!sr <slot>` in chat.
        Status: ✅ Enabled
        Limit: no limit
        Requests: 1
        Available: 1
        Picked: 0
        -- Signalbox · community
        (Pick one) (Refresh) (Disable) (Set limit)
        ");
        insta::assert_snapshot!(heard(town, &town.press("admin", "party", "Pick one").await), @"🎰 Picked: Sweet Bonanza 1000 (requested by ada)");
        insta::assert_snapshot!(heard(town, &town.press("admin", "party", "Pick one").await), @"Nobody has asked for a slot.");
        insta::assert_snapshot!(town.reads("alerts"), @r"
        [🎰 Slot requests]
        ✅ Slot requests are now ENABLED! Use !call <slot\_name\> or !sr <slot\_name\>
        -- Signalbox · community

        [🎰 Slot Call]
        Slot: Sweet Bonanza 1000
        Requested by: ada
        -- Signalbox · community

        [🎰 Slot requests]
        🎰 PICKED: Sweet Bonanza 1000 (requested by ada)
        -- Signalbox · community
        ");
        insta::assert_snapshot!(town.reads("party"), @"
        [🎰 Slot Request Panel]
        Ask for a slot with `!call <slot>` or `!sr <slot>` in chat.
        Status: ✅ Enabled
        Limit: no limit
        Requests: 1
        Available: 0
        Picked: 1
        Last picked: Sweet Bonanza 1000 (requested by ada) <+0s>
        -- Signalbox · community
        (Pick one) (Refresh) (Disable) (Set limit)
        ");
        let said = town.all_said().await;
        assert_eq!(said[said.len() - 1], "🎰 PICKED: Sweet Bonanza 1000 (requested by ada)");
    })
    .await;
}

#[tokio::test]
async fn limits_bans_blocks_and_duplicates() {
    run(async |town| {
        town.with_channel().await;
        admin(town, "slots on", json!({})).await;
        admin(town, "slots set", json!({ "limit": 2, "cooldown": 0, "no_duplicates": true })).await;
        town.says("ada", "!call One").await;
        insta::assert_snapshot!(town.says("bob", "!call ONE!").await, @"@bob ONE! has been requested already.");
        town.says("ada", "!call Two").await;
        insta::assert_snapshot!(town.says("ada", "!call Three").await, @"@ada You have reached the maximum of 2 slot request(s). Please wait for the current hunt to complete.");
        admin(town, "slots ban", json!({ "slot": "Bad Slot" })).await;
        insta::assert_snapshot!(town.says("bob", "!call bad-slot").await, @"@bob Sorry, bad-slot is currently banned.");
        admin(town, "slots unban", json!({ "slot": "bad slot" })).await;
        assert_eq!(
            town.says("bob", "!call bad-slot").await,
            "@bob Your slot request for bad-slot has been received! ✅"
        );
        insta::assert_snapshot!(admin(town, "slots block", json!({ "name": "nobody" })).await, @"Nobody of this name has been seen in chat here.");
        admin(town, "slots block", json!({ "name": "@Bob", "reason": "spam" })).await;
        assert_eq!(town.says("bob", "!call Four").await, "", "in silence");
        insta::assert_snapshot!(admin(town, "slots list", json!({})).await, @"
        • One · ada
        • Two · ada
        • bad-slot · bob
        ");
        let long = format!("!call {}", "x".repeat(400));
        town.says("cleo", &long).await;
        assert_eq!(town.column("SELECT length(slot)::text FROM slot_call WHERE name = 'cleo'").await, ["200"]);
        insta::assert_snapshot!(admin(town, "slots clear", json!({})).await, @"✅ 4 taken off the list.");
        admin(town, "slots off", json!({})).await;
        town.advance(seconds(1)).await;
        admin(town, "slots on", json!({})).await;
        assert!(town.says("ada", "!call Three").await.contains("received"), "the limit counts anew");
    })
    .await;
}

#[tokio::test]
async fn slots_of_a_provider_that_is_off_are_refused_and_told_why() {
    run(async |town| {
        town.with_channel().await;
        admin(town, "slots on", json!({})).await;
        admin(town, "slots set", json!({ "cooldown": 0 })).await;
        insta::assert_snapshot!(admin(town, "slots providers", json!({})).await, @"No provider is listed. /slots provider says of one whether its slots are taken.");
        let off = json!({ "name": "Pragmatic Play", "available": false, "reason": "no licence this week", "slots": "Sweet Bonanza 1000, Gates of Olympus" });
        insta::assert_snapshot!(admin(town, "slots provider", off).await, @"**Pragmatic Play** 🔴 its slots are not taken: no licence this week · 2 slots are listed");
        let calls = ["!call gates-of-olympus", "!call Big Bass (Pragmatic Play)", "!call Pragmatic Plays On", "!call Wanted"];
        let mut told = Vec::new();
        for call in calls {
            told.push(town.says("ada", call).await);
        }
        insta::assert_snapshot!(told.join("\n"), @"
        @ada Sorry, gates-of-olympus is currently unavailable. Pragmatic Play is off: no licence this week.
        @ada Sorry, Big Bass (Pragmatic Play) is currently unavailable. Pragmatic Play is off: no licence this week.
        @ada Your slot request for Pragmatic Plays On has been received! ✅
        @ada Your slot request for Wanted has been received! ✅
        ");
        let early = json!({ "name": "Hacksaw", "reason": "x" });
        insta::assert_snapshot!(admin(town, "slots provider", early).await, @"A reason says why it is not available: give available: False as well.");
        admin(town, "slots provider", json!({ "name": "Hacksaw", "available": false })).await;
        insta::assert_snapshot!(town.says("bob", "!sr Wanted Hacksaw").await, @"@bob Sorry, Wanted Hacksaw is currently unavailable. Hacksaw is off.");
        admin(town, "slots provider", json!({ "name": "pragmatic play", "available": true })).await;
        insta::assert_snapshot!(town.says("bob", "!sr Gates of Olympus").await, @"@bob Your slot request for Gates of Olympus has been received! ✅");
        insta::assert_snapshot!(admin(town, "slots providers", json!({})).await, @"
        **Hacksaw** 🔴 its slots are not taken · known by its name at the beginning or end of a call
        **Pragmatic Play** 🟢 its slots are taken · 2 slots are listed
        ");
        admin(town, "slots provider", json!({ "name": "hacksaw", "remove": true })).await;
        insta::assert_snapshot!(admin(town, "slots provider", json!({ "name": "hacksaw", "remove": true })).await, @"There is no provider of this name; /slots providers lists them.");
        let typed = town.discord.act(json!({ "as": "admin", "do": "autocomplete", "channel": "ops", "name": "slots provider",
            "options": { "name": "prag" }, "focused": "name" })).await;
        assert_eq!(typed["choices"], json!([{ "name": "Pragmatic Play", "value": "Pragmatic Play" }]));
    })
    .await;
}

#[tokio::test]
async fn two_calls_at_once_do_not_slip_below_the_limit() {
    run(async |town| {
        town.with_channel().await;
        admin(town, "slots on", json!({})).await;
        admin(town, "slots set", json!({ "limit": 1, "cooldown": 0 })).await;
        let (other, lifecycle) = town.another_bot().await;
        let (one, two) = ([town.message(&Line::of("ada", "!call One"))], [town.message(&Line::of("ada", "!call Two"))]);
        let (a, b) = tokio::join!(
            signalbox::community::chat_command::hear(&town.app.ports, &one),
            signalbox::community::chat_command::hear(&other.ports, &two)
        );
        a.unwrap();
        b.unwrap();
        assert_eq!(town.count("SELECT count(*) FROM slot_call").await, 1);
        lifecycle.stop();
        other.ports.store.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_panel_works_after_a_restart() {
    run(async |town| {
        town.command("admin", "panel post", json!({ "panel": "slot requests", "channel": "party" })).await;
        town.settle().await;
        town.restart().await;
        let pressed = town.press("admin", "party", "Set limit").await;
        let told = heard(town, &town.submit("admin", form(&pressed), json!({ "value": "3" })).await);
        insta::assert_snapshot!(told, @"✅ Changed.");
        let pressed = town.press("admin", "party", "Set limit").await;
        let told = heard(town, &town.submit("admin", form(&pressed), json!({ "value": "99" })).await);
        insta::assert_snapshot!(told, @"The limit is a number from 0 (no limit) to 10.");
        assert!(town.reads("party").contains("Limit: 3 a person"), "{}", town.reads("party"));
    })
    .await;
}
