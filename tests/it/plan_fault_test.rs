//! An event that cannot be planned: the database refuses what it says. The others go on, and it is told.

use crate::support::delivery::ticket;
use crate::support::town::{Town, run};
use chrono::TimeDelta;

/// Some number of tickets, of which the database refuses those that end in 13.
async fn refusing_13(town: &Town) {
    town.execute("ALTER TABLE subject ADD CONSTRAINT no_13 CHECK (key NOT LIKE '%13')").await;
    town.expect_error("could not be planned");
}

async fn tickets(town: &Town, ids: impl Iterator<Item = u32>) {
    for id in ids {
        town.xt.send("ticket.created", ticket(&id.to_string(), "open")).await;
    }
    // The channel's limit.
    for _ in 0..3 {
        town.advance(TimeDelta::minutes(1)).await;
    }
}

/// References are other ones each time.
fn plain(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches([':', ')']);
        if bare.len() == 9 && bare.contains('-') { word.replace(bare, "REF") } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn one_of_a_batch_cannot_be_planned_and_the_others_are_shown() {
    run(async |town| {
        refusing_13(town).await;
        tickets(town, 10..20).await;
        assert_eq!(town.lines("tickets").lines().count(), 9);
        assert!(town.has_logged("an event could not be planned"));
        insta::assert_snapshot!(plain(&town.lines("ops")), @r"An event ticket.created could not be planned and was set aside; nobody sees it: the database refuses what it says: rule no\_13 of subject. The others go on. Ref REF: the log has more, and what else fails today for the same reason.");
        let notes = town.column("SELECT plan_note FROM event WHERE plan_note LIKE 'set aside%'").await;
        insta::assert_snapshot!(plain(&notes.join("\n")), @"set aside: the database refuses what it says: rule no_13 of subject (Ref REF)");
    })
    .await;
}

#[tokio::test]
async fn several_are_set_aside_and_told_once() {
    run(async |town| {
        refusing_13(town).await;
        tickets(town, [13, 1, 113, 2, 213].into_iter()).await;
        tickets(town, [3, 313].into_iter()).await;
        assert_eq!(town.lines("tickets").lines().count(), 3);
        assert_eq!(town.lines("ops").lines().count(), 1, "{}", town.lines("ops"));
        assert_eq!(town.count("SELECT count(*) FROM event WHERE plan_note LIKE 'set aside%'").await, 4);
        town.execute("ALTER TABLE subject DROP CONSTRAINT no_13").await;
        town.send("ticket.updated", ticket("13", "open")).await;
        assert_eq!(town.lines("tickets").lines().count(), 4, "what comes later is planned");
    })
    .await;
}

/// What is wrong with the database would be wrong with every event: nothing is set aside.
#[tokio::test]
async fn a_fault_of_the_database_sets_nothing_aside() {
    run(async |town| {
        town.execute("ALTER TABLE card RENAME TO card_away").await;
        town.xt.send("ticket.created", ticket("1", "open")).await;
        town.app.step().await.unwrap_err();
        assert_eq!(town.count("SELECT count(*) FROM event WHERE planned_at IS NULL").await, 1);
        town.execute("ALTER TABLE card_away RENAME TO card").await;
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(town.lines("tickets").lines().count(), 1);
    })
    .await;
}
