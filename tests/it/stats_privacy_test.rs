//! Whoever deletes what is stored about them is no player of the game any more, and nobody who named others.

use serde_json::json;

use crate::support::evening::evening;
use crate::support::game_server::{DAY, by_upload};
use crate::support::machines::form;
use crate::support::town::{Town, run_with, told};
use crate::support::viewers::none;

async fn deletes(town: &mut Town, who: &str) {
    let asked = town.command(who, "privacy delete", none()).await;
    let outcome = town.submit(who, form(&asked), json!({ "word": "DELETE" })).await;
    assert!(told(&outcome).starts_with("Deleted."), "{outcome:#}");
}

/// Rows that still lead to somebody: who is linked, who linked them, whose name, who set it.
async fn traces(town: &Town) -> [i64; 4] {
    [
        town.count("SELECT count(*) FROM stats_link JOIN person ON person.id = member_id").await,
        town.count("SELECT count(*) FROM stats_link JOIN person ON person.id = linked_by_id").await,
        town.count("SELECT count(*) FROM stats_name JOIN person ON person.id = owner_id").await,
        town.count("SELECT count(*) FROM stats_name JOIN person ON person.id = set_by_id").await,
    ]
}

#[tokio::test]
async fn nothing_is_left_of_who_was_linked_and_of_who_named_them() {
    run_with(by_upload(), async |town| {
        for file in evening(DAY) {
            assert_eq!(town.only_upload(&file).await.0, 202);
        }
        town.settle().await;
        town.messages("matches");
        town.asks("admin", "stats link", json!({ "player": "di", "member": "member" })).await;
        town.press("member", "ops", "Yes, that is me").await;
        town.asks("member", "stats name", json!({ "name": "Dido" })).await;
        town.asks("admin", "stats name", json!({ "name": "Eve!", "player": "1A2B3C05" })).await;
        assert_eq!(traces(town).await, [1, 1, 1, 2]);

        deletes(town, "member").await;
        assert_eq!(traces(town).await, [0, 0, 0, 1]);
        deletes(town, "admin").await;
        assert_eq!(traces(town).await, [0; 4]);
        let named = town.column("SELECT name FROM stats_name").await;
        assert_eq!(named, ["Eve!"], "what others are called stays, without who said so");
        town.see("ops");
    })
    .await;
}
