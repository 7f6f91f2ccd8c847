//! Linking a viewer: said by the member, shown by Kick, one account for one member of a server, and nobody for somebody else.

use crate::support::kick::{Browser, allow, asked, audit, link, run_kick};
use crate::support::town::Town;
use serde_json::json;
use signalbox::id::{GuildId, UserId};

async fn linked(town: &Town, who: &str, account: &str) -> (u16, String) {
    let url = link(town, who, "link", json!({})).await;
    let shown = allow(town, &mut Browser::new(), &url, account).await;
    (shown.status, shown.text)
}

#[tokio::test]
async fn a_member_says_which_viewer_they_are() {
    run_kick(async |town| {
        let outcome = town.command("member", "link", json!({})).await;
        assert_eq!(outcome["ephemeral"], true);
        insta::assert_snapshot!(asked(town, "member", "link", json!({})).await, @"
        It links your Kick account with your Discord account in this server. It is for you alone: whoever opens it links their Kick account with you. It works once, and runs out <+600s>.
        (Open the page)
        ");
        let url = link(town, "member", "link", json!({})).await;
        let mut browser = Browser::new();
        insta::assert_snapshot!(browser.open(&url).await.text, @"
        Link your Kick account
        Your Kick account is about to be linked with the Discord account member in the Discord server Signal Town.
        Signalbox will be able to:
        - see who you are on Kick: your name and your number, nothing else, and only this once
        (Continue to Kick)
        If member is not you, close this page: whoever sent you here would get what you earn by watching. Others in the server can see that the two accounts belong together.
        ");
        insta::assert_snapshot!(allow(town, &mut browser, &url, "Viewer_7").await.text, @"
        Linked
        You are Viewer_7 on Kick, for the Discord server Signal Town.
        You can close this page.
        ");
        insta::assert_snapshot!(audit(town).await, @"kick_linked by member");
        let asked_for = town.kick.calls().iter().filter(|call| call.path == "/public/v1/users").count();
        assert_eq!(asked_for, 1);
        assert_eq!(town.count("SELECT count(*) FROM kick_account").await, 0, "nothing of the authorisation is kept");
        assert!(town.kick.calls().iter().any(|call| call.path.starts_with("/oauth/revoke")));
        let guild_id = GuildId::from(town.discord.guild_id());
        let viewer = town.kick.person("Viewer_7").user_id;
        let found = town.store().find_kick_link_of_viewer(guild_id, viewer).await.unwrap().unwrap();
        assert_eq!(found.user_id, Some(UserId::from(town.discord.user_id("member"))));
    })
    .await;
}

#[tokio::test]
async fn one_account_for_one_member_of_a_server() {
    run_kick(async |town| {
        assert_eq!(linked(town, "member", "Viewer_7").await.0, 200);
        let (status, text) = linked(town, "approver", "Viewer_7").await;
        assert_eq!(status, 409);
        insta::assert_snapshot!(text, @"
        Already linked
        Viewer_7 on Kick is linked with another member of the Discord server Signal Town. That member can use /unlink there, or somebody who manages the server can do it for them.
        ");
        let (status, text) = linked(town, "member", "Another").await;
        assert_eq!(status, 409);
        insta::assert_snapshot!(text, @"
        Already linked
        Your Discord account is linked with Viewer_7 on Kick in the server Signal Town already. To change that, use /unlink there first.
        ");
        assert_eq!(linked(town, "member", "Viewer_7").await.0, 200, "the same again");
        assert_eq!(town.count("SELECT count(*) FROM kick_link").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_link_is_undone_by_its_member_or_by_who_manages_the_server() {
    run_kick(async |town| {
        insta::assert_snapshot!(asked(town, "member", "unlink", json!({})).await, @"You are not linked with a Kick account in this server. `/link` does that.");
        linked(town, "member", "Viewer_7").await;
        insta::assert_snapshot!(asked(town, "approver", "unlink", json!({ "member": "member" })).await, @"Only members with Manage Server can unlink others.");
        insta::assert_snapshot!(asked(town, "member", "unlink", json!({})).await, @r"✅ You are not linked with **Viewer\_7** on Kick any more. What that viewer has earned stays with the viewer.");
        linked(town, "member", "Another").await;
        insta::assert_snapshot!(asked(town, "admin", "unlink", json!({ "member": "member" })).await, @"✅ <@member> is not linked with **Another** on Kick any more. What that viewer has earned stays with the viewer.");
        insta::assert_snapshot!(asked(town, "admin", "unlink", json!({ "member": "member" })).await, @"<@member> is not linked with a Kick account in this server.");
        assert_eq!(town.count("SELECT count(*) FROM kick_link").await, 0);
    })
    .await;
}

/// Whoever is forgotten between the link and Kick's answer has nothing linked afterwards.
#[tokio::test]
async fn who_is_forgotten_on_the_way_is_not_linked() {
    run_kick(async |town| {
        let url = link(town, "member", "link", json!({})).await;
        let mut browser = Browser::new();
        let to = browser.press(&url).await.location.unwrap();
        let form = town.command("member", "privacy delete", json!({})).await;
        town.submit("member", form["modal"]["custom_id"].as_str().unwrap(), json!({ "word": "DELETE" })).await;
        let back = browser.open(&town.kick.allow(&to, "Viewer_7").unwrap()).await;
        assert_eq!(back.status, 410);
        assert_eq!(town.count("SELECT count(*) FROM kick_link").await, 0);
        assert_eq!(town.count("SELECT count(*) FROM person").await, 0);
    })
    .await;
}
