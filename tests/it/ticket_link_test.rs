//! Who in Discord is who in XTSystems: said by those who manage the server, asked for by everyone else.

use crate::support::machines::{heard, names};
use crate::support::tickets::{audit, linked, opened, press, upstream};
use crate::support::town::{Town, run, show};
use serde_json::{Value, json};
use standin::xtsystems::Mode;

async fn command(town: &Town, who: &str, name: &str, options: Value) -> String {
    let outcome = town.command(who, name, options).await;
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    names(town, show(&outcome["message"]).trim())
}

/// A member's request, shown in #ops: its message and the ids of Confirm and Decline.
async fn asked(town: &Town, upstream: &str) -> (String, String, String) {
    let outcome = town.command("member", "link-user set", json!({ "upstream": upstream })).await;
    assert_eq!(outcome["ephemeral"], false, "others have to see it: {outcome:#}");
    let buttons = &outcome["message"]["components"][0]["components"];
    let id = |n: usize| buttons[n]["custom_id"].as_str().unwrap().to_owned();
    (outcome["message"]["id"].as_str().unwrap().to_owned(), id(0), id(1))
}

#[tokio::test]
async fn somebody_who_manages_the_server_links_anyone() {
    run(async |town| {
        let linked = json!({ "upstream": "grace@signal-town.example", "member": "member" });
        insta::assert_snapshot!(command(town, "admin", "link-user set", linked).await, @"✅ <@member> is **grace** in XTSystems.");
        insta::assert_snapshot!(command(town, "admin", "link-user set", json!({ "upstream": "ada" })).await, @"✅ <@admin> is **ada** in XTSystems.");
        insta::assert_snapshot!(command(town, "admin", "link-user list", json!({})).await, @"
        [🔗 Who is who in XTSystems]
        <@admin> is **ada**
        <@member> is **grace**
        ");
        insta::assert_snapshot!(audit(town).await, @"
        user_linked by admin
        user_linked by admin
        ");
    })
    .await;
}

#[tokio::test]
async fn a_member_asks_and_somebody_confirms_it() {
    run(async |town| {
        let (message, confirm, _) = asked(town, "linus").await;
        insta::assert_snapshot!(names(town, &town.see("ops")), @"
        🔗 <@member> says to be **linus** in XTSystems. Somebody with Manage Server: is that so?
        (Confirm) (Decline)
        ");
        insta::assert_snapshot!(heard(town, &town.only_press("member", &message, &confirm).await), @"Only members with the Manage Server permission may confirm who somebody is.");
        assert_eq!(town.count("SELECT count(*) FROM upstream_link").await, 0);
        town.only_press("admin", &message, &confirm).await;
        insta::assert_snapshot!(names(town, &town.see("ops")), @"✅ <@member> is **linus** in XTSystems, confirmed by <@admin>.");
        insta::assert_snapshot!(command(town, "admin", "link-user list", json!({})).await, @"
        [🔗 Who is who in XTSystems]
        <@member> is **linus**
        ");
        insta::assert_snapshot!(audit(town).await, @"
        link_asked by member
        user_linked by admin
        ");
    })
    .await;
}

#[tokio::test]
async fn a_member_asks_and_somebody_declines() {
    run(async |town| {
        let (message, _, decline) = asked(town, "ada").await;
        town.only_press("admin", &message, &decline).await;
        insta::assert_snapshot!(names(town, &town.see("ops")), @"⛔ <@member> is not linked to **ada** in XTSystems: declined by <@admin>.");
        assert_eq!(town.count("SELECT count(*) FROM upstream_link").await, 0);
    })
    .await;
}

#[tokio::test]
async fn only_the_latest_request_counts() {
    run(async |town| {
        let (first, confirm_first, _) = asked(town, "ada").await;
        let (second, confirm_second, _) = asked(town, "linus").await;
        insta::assert_snapshot!(heard(town, &town.only_press("admin", &first, &confirm_first).await), @"This request has been answered already, or replaced by a later one.");
        town.only_press("admin", &second, &confirm_second).await;
        insta::assert_snapshot!(command(town, "admin", "link-user list", json!({})).await, @"
        [🔗 Who is who in XTSystems]
        <@member> is **linus**
        ");
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn one_user_is_one_member() {
    run(async |town| {
        linked(town, "approver", "ada").await;
        insta::assert_snapshot!(command(town, "admin", "link-user set", json!({ "upstream": "ada" })).await, @"ada in XTSystems is already <@approver>. Remove that link first, with /link-user remove.");
        let (message, confirm, _) = asked(town, "ada").await;
        insta::assert_snapshot!(heard(town, &town.only_press("admin", &message, &confirm).await), @"That user in XTSystems is already <@approver>. Remove that link first, with /link-user remove.");
        town.see("ops");
        // A member's link can be changed, though.
        linked(town, "approver", "grace").await;
        insta::assert_snapshot!(command(town, "admin", "link-user list", json!({})).await, @"
        [🔗 Who is who in XTSystems]
        <@approver> is **grace**
        ");
    })
    .await;
}

#[tokio::test]
async fn members_link_and_unlink_nobody_but_themselves() {
    run(async |town| {
        linked(town, "member", "ada").await;
        linked(town, "approver", "linus").await;
        let other = json!({ "upstream": "grace", "member": "approver" });
        insta::assert_snapshot!(command(town, "member", "link-user set", other).await, @"You need the Manage Server permission to do this for somebody else.");
        insta::assert_snapshot!(command(town, "member", "link-user remove", json!({ "member": "approver" })).await, @"You need the Manage Server permission to do this for somebody else.");
        insta::assert_snapshot!(command(town, "member", "link-user list", json!({})).await, @"You need the Manage Server permission for this.");
        insta::assert_snapshot!(command(town, "member", "link-user remove", json!({})).await, @"✅ <@member> is not linked any more.");
        insta::assert_snapshot!(command(town, "member", "link-user remove", json!({})).await, @"<@member> was not linked.");
        insta::assert_snapshot!(command(town, "admin", "link-user remove", json!({ "member": "approver" })).await, @"✅ <@approver> is not linked any more.");
        assert_eq!(town.count("SELECT count(*) FROM upstream_link").await, 0);
    })
    .await;
}

async fn offered(town: &Town, who: &str, typed: &str) -> Vec<String> {
    let typing = json!({ "as": who, "do": "autocomplete", "channel": "ops", "name": "link-user set",
        "options": { "upstream": typed }, "focused": "upstream" });
    let offered = town.discord.act(typing).await;
    offered["choices"].as_array().unwrap().iter().filter_map(|c| Some(c["name"].as_str()?.to_owned())).collect()
}

#[tokio::test]
async fn a_user_is_chosen_from_those_that_xtsystems_has() {
    run(async |town| {
        assert_eq!(offered(town, "admin", "A").await, ["ada · ada@signal-town.example", "grace · grace@signal-town.example", "linus · linus@signal-town.example"]);
        assert_eq!(offered(town, "member", "A").await, ["ada", "grace"]);
        assert!(offered(town, "member", "@signal").await.is_empty(), "nobody is told addresses");
        insta::assert_snapshot!(command(town, "admin", "link-user set", json!({ "upstream": "nobody" })).await, @"XTSystems has no user nobody, or several. Choose one of those that are offered, or give the exact e-mail address.");
    })
    .await;
}

#[tokio::test]
async fn xtsystems_is_away_and_it_is_said() {
    run(async |town| {
        town.xt.mode(Mode::status(503));
        insta::assert_snapshot!(command(town, "admin", "link-user set", json!({ "upstream": "ada" })).await, @"XTSystems has a fault of its own (503: Internal Server Error). Try again later");
    })
    .await;
}

#[tokio::test]
async fn who_is_unlinked_cannot_assign_any_more() {
    run(async |town| {
        opened(town).await;
        linked(town, "admin", "ada").await;
        assert_eq!(press(town, "admin", "assign").await, "");
        command(town, "admin", "link-user remove", json!({})).await;
        insta::assert_snapshot!(press(town, "admin", "assign").await, @"Signalbox does not know who you are in XTSystems, so nothing was assigned. Say it with /link-user set.");
        assert!(upstream(town).assigned_to.is_some());
    })
    .await;
}
