//! Roles that multiply what watching earns: from when on, for whom, and that what was paid stays paid.

use chrono::TimeDelta;
use serde_json::json;
use standin::discord::{Fault, What};

use crate::support::town::{Town, run};
use crate::support::viewers::none;

/// The role is set in the first hour of the test, and counts from the second one on.
async fn set(town: &Town) {
    town.channel().await;
    town.stream(0, Some(400)).await;
    town.asks("admin", "community multiplier", json!({ "role": "Approver", "percent": 150 })).await;
}

fn hold(town: &Town, held: bool) {
    town.discord.set_role(town.discord.user_id("approver"), town.discord.role_id("Approver"), held);
}

/// What everybody has.
async fn points(town: &Town) -> String {
    let all = "SELECT v.username || ' ' || COALESCE(a.balance, 0) FROM viewer v
         LEFT JOIN point_account a ON a.person_id = v.person_id ORDER BY 1";
    town.column(all).await.join(", ")
}

/// How often Discord was asked for the roles of the member.
fn asked_of(town: &Town) -> usize {
    let end = format!("/members/{}", town.discord.user_id("approver"));
    let all = town.discord.requests();
    all.iter().filter(|r| r["method"] == "GET" && r["path"].as_str().unwrap().ends_with(&end)).count()
}

#[tokio::test]
async fn a_role_multiplies_from_the_next_hour_on_and_every_entry_says_so() {
    run(async |town| {
        town.channel().await;
        town.stream(0, Some(400)).await;
        let vip = json!({ "role": "Approver", "percent": 150 });
        insta::assert_snapshot!(town.asks("admin", "community multiplier", vip).await, @"
        []
        From <+3600s> on:
        Watching earns **1** points in 5 minutes, subscribers **2**.
        Linked members with a role earn more of it: <@&Approver> **×1.5**; the highest counts.
        A message counts for **2 min**, when **2** people have written within 5 min; **18 h 00 min** a day at most.
        Following earns **10** once, subscribing **100**, each gifted subscription **100**, 100 kicks **10**.
        ");
        town.link_kick("approver", "ada").await;
        town.advance(TimeDelta::minutes(30)).await;
        town.chatter(["ada", "bob"], 5..25).await;
        town.advance(TimeDelta::minutes(45)).await;
        assert_eq!(points(town).await, "ada 4, bob 4", "not in this hour yet");
        town.chatter(["ada", "bob"], 60..80).await;
        town.advance(TimeDelta::minutes(60)).await;
        assert_eq!(points(town).await, "ada 10, bob 8");
        insta::assert_snapshot!(town.asks("approver", "points statement", none()).await, @"
        [Points: statement]
        `#3` <+8100s> **+6** watching → 10
        `#1` <+4500s> **+4** watching → 4
        ");
        let newest = json!({ "entry": newest_multiplied(town).await });
        let why = town.asks("approver", "points why", newest).await;
        insta::assert_snapshot!(why.split("\n-# Cause").next().unwrap(), @"
        []
        `#3` <+8100s> **+6** watching → 10
        For watching: 42 min were counted by then.
        Multiplied in it:
        <+3600s> 21 min ×1.5 as <@&Approver>
        The rest is not multiplied, unless it corrects an hour of more than two days before. /watchtime why lists the hours.
        ");
        insta::assert_snapshot!(town.asks("approver", "watchtime why", none()).await, @"
        []
        <+3600s> Grace: **21 min** counted of 21 present, ×1.5 as <@&Approver>
        -# present :00–:20
        <+0s> Grace: **21 min** counted of 21 present
        -# present :05–:25
        -# A message counts for 2 min, while the channel is live and 2 people have written within 5 min; 18 h 00 min a day at most.
        ");
        insta::assert_snapshot!(town.asks("admin", "community rules", none()).await, @"
        []
        Watching earns **1** points in 5 minutes, subscribers **2**.
        Linked members with a role earn more of it: <@&Approver> **×1.5**; the highest counts.
        A message counts for **2 min**, when **2** people have written within 5 min; **18 h 00 min** a day at most.
        Following earns **10** once, subscribing **100**, each gifted subscription **100**, 100 kicks **10**.
        ");
    })
    .await;
}

async fn newest_multiplied(town: &Town) -> i64 {
    let newest = town.column("SELECT max(id)::text FROM ledger WHERE detail ? 'hours'").await;
    newest[0].parse().unwrap()
}

/// Too little of an hour for an entry of its own is paid with the next one, which may be multiplied otherwise.
#[tokio::test]
async fn an_entry_for_several_hours_names_each_that_is_multiplied() {
    run(async |town| {
        set(town).await;
        town.link_kick("approver", "ada").await;
        town.advance(TimeDelta::minutes(65)).await;
        town.chatter(["ada", "bob"], 60..61).await;
        town.asks("admin", "community multiplier", json!({ "role": "Approver", "percent": 200 })).await;
        town.advance(TimeDelta::minutes(60)).await;
        assert_eq!(points(town).await, "ada 0, bob 0");
        town.chatter(["ada", "bob"], 120..121).await;
        town.advance(TimeDelta::minutes(60)).await;
        assert_eq!(points(town).await, "ada 1, bob 0");
        let why = async || {
            let newest = json!({ "entry": newest_multiplied(town).await });
            let why = town.asks("approver", "points why", newest).await;
            why.split("\n-# Cause").next().unwrap().to_owned()
        };
        insta::assert_snapshot!(why().await, @"
        []
        `#1` <+11100s> **+1** watching → 1
        For watching: 4 min were counted by then.
        Multiplied in it:
        <+7200s> 2 min ×2 as <@&Approver>
        <+3600s> 2 min ×1.5 as <@&Approver>
        The rest is not multiplied, unless it corrects an hour of more than two days before. /watchtime why lists the hours.
        ");
        // What was named once is not named again.
        town.chatter(["ada", "bob"], 180..185).await;
        town.advance(TimeDelta::minutes(60)).await;
        insta::assert_snapshot!(why().await, @"
        []
        `#2` <+14700s> **+2** watching → 3
        For watching: 10 min were counted by then.
        Multiplied in it:
        <+10800s> 6 min ×2 as <@&Approver>
        The rest is not multiplied, unless it corrects an hour of more than two days before. /watchtime why lists the hours.
        ");
    })
    .await;
}

#[tokio::test]
async fn what_an_hour_was_multiplied_by_stays_whatever_becomes_of_the_role() {
    run(async |town| {
        set(town).await;
        town.link_kick("approver", "ada").await;
        town.advance(TimeDelta::minutes(80)).await;
        town.chatter(["ada", "bob"], 60..80).await;
        town.advance(TimeDelta::minutes(60)).await;
        assert_eq!(points(town).await, "ada 6, bob 4");
        let asked = asked_of(town);
        assert_eq!(asked, 1, "once for the hour");
        // The role goes; the hour is counted again, as the stream turns out to have ended earlier and then later.
        hold(town, false);
        for end in [70, 400] {
            town.stream(0, Some(end)).await;
            town.advance(TimeDelta::minutes(2)).await;
        }
        assert_eq!((points(town).await.as_str(), asked_of(town)), ("ada 6, bob 4", asked));
        // The next hour is without it.
        town.chatter(["ada", "bob"], 125..140).await;
        town.advance(TimeDelta::minutes(60)).await;
        assert_eq!((points(town).await.as_str(), asked_of(town)), ("ada 9, bob 7", asked + 1));
    })
    .await;
}

#[tokio::test]
async fn while_discord_does_not_answer_watching_earns_and_the_rest_follows() {
    run(async |town| {
        set(town).await;
        town.link_kick("approver", "ada").await;
        town.discord.fault(Fault::new("get_member", What::Status(500, false)).times(1000));
        town.advance(TimeDelta::minutes(80)).await;
        town.chatter(["ada", "bob"], 60..80).await;
        town.advance(TimeDelta::minutes(41)).await;
        assert_eq!(points(town).await, "ada 4, bob 4");
        town.discord.clear_faults();
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(points(town).await, "ada 6, bob 4");
    })
    .await;
}

#[tokio::test]
async fn only_linked_members_earn_by_roles_and_everybodys_role_is_none() {
    run(async |town| {
        set(town).await;
        town.advance(TimeDelta::minutes(80)).await;
        town.chatter(["ada", "bob"], 60..80).await;
        town.advance(TimeDelta::minutes(60)).await;
        // Whoever links when the hour is over earns by the role from the next one on.
        town.link_kick("approver", "ada").await;
        town.stream(0, Some(401)).await;
        town.advance(TimeDelta::minutes(2)).await;
        assert_eq!((points(town).await.as_str(), asked_of(town)), ("ada 4, bob 4", 0));
        let everyone = json!({ "role": town.discord.guild_id().to_string(), "percent": 200 });
        insta::assert_snapshot!(town.asks("admin", "community multiplier", everyone).await, @"Everybody has that role: set the points of five minutes with /community rules instead.");
        let no_longer = json!({ "role": "Approver", "percent": 100 });
        assert!(!town.asks("admin", "community multiplier", no_longer).await.contains("Approver"));
    })
    .await;
}
