//! Actions on the cards of described sources: a press is posted back, signed, once.

use crate::support::actions::{Ci, LEAVE, actions, buttons, edit, status};
use crate::support::api::{any_key, ask};
use crate::support::machines::{audit, form, freeze_cards, heard, second_approver};
use crate::support::senders::{added, hex_hmac, line, send};
use crate::support::tickets::heard_later;
use crate::support::town::{Setup, Town, run, run_with, show, told};
use chrono::TimeDelta;
use serde_json::json;
use standin::receiver::{Manner, Receiver};

async fn in_town(test: impl AsyncFnOnce(&mut Town)) {
    run_with(Setup::with(&[LEAVE]), test).await;
}

#[tokio::test]
async fn a_press_is_posted_signed_and_confirmed_on_the_card() {
    in_town(async |town| {
        let ci = Ci::new(town).await;
        ci.deploy(town, "msg_1", "failed").await;
        insta::assert_snapshot!(town.see("ops"), @"
        [🔵 web 1.4.2]
        Details: run: 7
        version: 1.4.1
        State: Failed
        Timeline: <+0s> changed
        -- ci · deploy.changed
        (Roll back) (Promote) (Silence)
        ");
        assert_eq!(told(&town.press("approver", "ops", "Roll back").await), "");
        let requests = ci.receiver.requests();
        assert_eq!(requests.len(), 1);
        assert!(ci.is_signed(&requests[0]) && requests[0].method == "POST");
        let event = town.column("SELECT id::text FROM event WHERE kind = 'deploy.changed'").await.remove(0);
        insta::assert_snapshot!(format!("{:#}", requests[0].json()).replace(&event, "EVENT"), @r#"
        {
          "data": {
            "action": "rollback",
            "approvals": 1,
            "event": "EVENT",
            "fields": {
              "ref": "v1.4.1",
              "run": "7"
            },
            "kind": "deploy.changed",
            "reason": null,
            "source": "ci",
            "subject": "deploy/7",
            "title": "web 1.4.2"
          },
          "timestamp": "2026-01-02T10:00:00Z",
          "type": "action.pressed"
        }
        "#);
        insta::assert_snapshot!(status(town), @"
        ✅ Roll back by <@approver> <+0s>, confirmed by ci <+0s>
        ");
        assert_eq!(buttons(town), "");
        insta::assert_snapshot!(audit(town).await, @"
        source_added by admin
        source_changed by admin
        source_changed by admin
        requested
        decided rollback by approver
        confirmed approve  by approver
        ");
    })
    .await;
}

#[tokio::test]
async fn what_the_other_system_refuses_is_told_in_its_words() {
    in_town(async |town| {
        let ci = Ci::new(town).await;
        ci.deploy(town, "msg_1", "failed").await;
        ci.receiver.set_for(Manner::Refuse { status: 422, text: "run 7 is *locked*".into() }, 1);
        let pressed = town.press("approver", "ops", "Roll back").await;
        assert_eq!(heard_later(town, &pressed), r"⚠️ ci refused (Roll back, web 1.4.2): run 7 is \*locked\*");
        let card = town.messages("ops").pop().unwrap()["id"].as_str().unwrap().to_owned();
        let why = async || show(&town.command("admin", "why", json!({ "message": card })).await["message"]);
        let refused = why().await;
        insta::assert_snapshot!(refused.lines().find(|line| line.contains("refused")).unwrap_or_default(), @r"⚠️ What was decided on it was refused once, the last time by ci: run 7 is \*locked\*");
        insta::assert_snapshot!(status(town), @r"
        ⚠️ ci refused: Roll back (asked for by <@approver> <+0s>)
        > run 7 is \*locked\*
        ");
        assert_eq!(buttons(town), "(Retry Roll back) (Promote)");
        town.press("approver", "ops", "Retry Roll back").await;
        insta::assert_snapshot!(status(town), @"
        ✅ Roll back by <@approver> <+0s>, confirmed by ci <+0s>
        ");
        let ids = ci.ids();
        assert!(ids.len() == 2 && ids[0] != ids[1], "a new decision has an id of its own: {ids:?}");
        assert!(why().await.contains("What was decided on it was refused once."), "{}", why().await);
        assert_eq!(town.count("SELECT count(*) FROM approval_reply").await, 0, "nothing is kept once it is settled");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_that_comes_too_late_is_on_the_card_alone() {
    in_town(async |town| {
        let ci = Ci::new(town).await;
        ci.deploy(town, "msg_1", "failed").await;
        ci.receiver.set(Manner::Refuse { status: 503, text: "later".into() });
        let pressed = town.press("approver", "ops", "Roll back").await;
        town.advance(TimeDelta::minutes(14)).await;
        assert_eq!(town.count("SELECT count(*) FROM approval_reply").await, 1);
        town.advance(TimeDelta::minutes(2)).await;
        ci.receiver.set(Manner::Refuse { status: 422, text: "no".into() });
        town.advance(TimeDelta::minutes(30)).await;
        assert!(status(town).contains("ci refused"), "{}", status(town));
        assert_eq!(heard_later(town, &pressed), "");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_known_is_repeated_under_the_same_id() {
    in_town(async |town| {
        let ci = Ci::new(town).await;
        ci.deploy(town, "msg_1", "failed").await;
        ci.receiver.set_for(Manner::EffectThenStatus(500), 2);
        town.press("approver", "ops", "Roll back").await;
        insta::assert_snapshot!(status(town), @"❔ Roll back asked for by <@approver> <+0s>. ci has not said whether it was done; asking again (1 so far)");
        town.advance(TimeDelta::seconds(3)).await;
        town.advance(TimeDelta::seconds(15)).await;
        insta::assert_snapshot!(status(town), @"
        ✅ Roll back by <@approver> <+0s>, confirmed by ci <+18s>
        ");
        let requests = ci.receiver.requests();
        assert_eq!(requests.len(), 3);
        assert!(requests.iter().all(|r| r.id == requests[0].id && r.body == requests[0].body && ci.is_signed(r)));
        assert_eq!(ci.receiver.done().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn each_action_has_its_own_people() {
    in_town(async |town| {
        let ci = Ci::new(town).await;
        ci.deploy(town, "msg_1", "failed").await;
        let press = async |who: &str, label: &str| heard(town, &town.press(who, "ops", label).await);
        assert_eq!(press("member", "Roll back").await, "Only members with <@&Approver> may decide this.");
        assert!(press("approver", "Promote").await.starts_with("Only members with <@&"));
        assert!(ci.receiver.requests().is_empty());
        assert_eq!(press("admin", "Promote").await, "");
        assert_eq!(ci.receiver.done()[0]["data"]["action"], "promote");
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn pressed_twice_it_is_done_once() {
    in_town(async |town| {
        let ci = Ci::new(town).await;
        ci.deploy(town, "msg_1", "failed").await;
        let (message, rollback) = town.button("ops", "Roll back").unwrap();
        freeze_cards(town);
        town.only_press("approver", &message, &rollback).await;
        let again = heard(town, &town.only_press("approver", &message, &rollback).await);
        insta::assert_snapshot!(again, @"<@approver> already pressed Roll back. Waiting for ci to confirm; the card will show it.");
        town.settle().await;
        let again = heard(town, &town.only_press("approver", &message, &rollback).await);
        insta::assert_snapshot!(again, @"<@approver> already pressed Roll back, and ci has done it.");
        town.discord.clear_faults();
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(ci.receiver.requests().len(), 1);
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn where_two_are_needed_each_action_has_its_own_votes() {
    let env = [LEAVE, ("APPROVALS_NEEDED", "1,ci=2")];
    run_with(Setup::with(&env), async |town| {
        let receiver = Receiver::start().await.unwrap();
        let mut all = actions(&receiver.url(), "1");
        all[1]["roles"] = json!([]);
        let ci = Ci::with(town, receiver, all).await;
        ci.deploy(town, "msg_1", "failed").await;
        let second = second_approver(town);
        town.press("approver", "ops", "Roll back").await;
        town.press(second, "ops", "Promote").await;
        insta::assert_snapshot!(status(town), @"
        Roll back: 1 of 2: <@approver> <+0s>
        Promote: 1 of 2: <@member> <+0s>
        ");
        assert!(ci.receiver.requests().is_empty());
        town.press(second, "ops", "Roll back").await;
        insta::assert_snapshot!(status(town), @"
        ✅ Roll back by <@approver> <+0s>, <@member> <+0s>, confirmed by ci <+0s>
        ");
        assert_eq!(ci.receiver.done()[0]["data"]["approvals"], 2);
    })
    .await;
}

#[tokio::test]
async fn a_reason_and_the_typed_label() {
    in_town(async |town| {
        let receiver = Receiver::start().await.unwrap();
        let mut all = actions(&receiver.url(), "1");
        (all[0]["confirm"], all[0]["reason"], all[0]["method"]) = (json!(true), json!(true), json!("PUT"));
        let ci = Ci::with(town, receiver, all).await;
        ci.deploy(town, "msg_1", "failed").await;
        let opened = town.press("approver", "ops", "Roll back").await;
        let wrong = json!({ "title": "Roll", "reason": "it burns" });
        insta::assert_snapshot!(told(&town.submit("approver", form(&opened), wrong).await), @"What you typed is not Roll back. Nothing was done.");
        let opened = town.press("approver", "ops", "Roll back").await;
        town.submit("approver", form(&opened), json!({ "title": "roll back", "reason": "it burns" })).await;
        let request = ci.receiver.requests().remove(0);
        assert_eq!((request.method.as_str(), &request.json()["data"]["reason"]), ("PUT", &json!("it burns")));
        insta::assert_snapshot!(status(town), @"
        ✅ Roll back by <@approver> <+0s>, confirmed by ci <+0s>
        ");
    })
    .await;
}

/// The message says an address, actions and an approval's facts of its own: they are no more than text.
#[tokio::test]
async fn no_message_chooses_where_a_press_goes() {
    in_town(async |town| {
        let (ci, evil) = (Ci::new(town).await, Receiver::start().await.unwrap());
        let offers = json!([{ "id": "rollback", "label": "Free money", "url": evil.url() }]);
        let data = json!({
            "subject": "deploy/7", "title": "web", "state": "failed", "run": evil.url(), "version": "1", "url": evil.url(),
            "actions": offers, "call": { "to": "source.action", "url": evil.url() }
        });
        let body = json!({ "type": "deploy.changed", "data": data, "actions": offers, "signal_source": "other" });
        ci.sender.standard(town, "msg_1", &body).await;
        assert_eq!(buttons(town), "(Roll back) (Promote)");
        town.press("approver", "ops", "Roll back").await;
        assert_eq!((ci.receiver.done().len(), evil.requests().len()), (1, 0));
        assert_eq!(ci.receiver.done()[0]["data"]["fields"], json!({ "run": evil.url(), "ref": "v1" }));
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    in_town(async |town| {
        let (ci, evil) = (Ci::new(town).await, Receiver::start().await.unwrap());
        ci.deploy(town, "msg_1", "failed").await;
        ci.receiver.set(Manner::Redirect(evil.url()));
        town.press("approver", "ops", "Roll back").await;
        insta::assert_snapshot!(status(town), @"
        ⚠️ ci refused: Roll back (asked for by <@approver> <+0s>)
        > it answered 302, and redirects are not followed
        ");
        assert!(evil.requests().is_empty());
    })
    .await;
}

#[tokio::test]
async fn addresses_that_lead_inside_are_refused_when_they_are_set() {
    run(async |town| {
        added(town, "standard", "ci").await;
        let mut said = String::new();
        for url in [
            "https://10.0.0.7/x",
            "https://localhost/x",
            "http://example.org/x",
            "https://u:p@example.org/",
            "nonsense",
        ] {
            said += &edit(town, "actions", |all| *all = json!([{ "id": "go", "label": "Go", "url": url }])).await;
            said += "\n";
        }
        for wrong in [
            json!([{ "id": "Go!", "label": "Go", "url": "https://example.org/" }]),
            json!([{ "id": "go", "label": "", "url": "https://example.org/" }]),
            json!([{ "id": "go", "label": "Go", "url": "https://example.org/", "roles": ["Admin"] }]),
            json!([{ "id": "go", "label": "Go", "url": "https://example.org/", "token": "x" }]),
        ] {
            said += &edit(town, "actions", |all| *all = wrong).await;
            said += "\n";
        }
        said += &edit(town, "mapping", |mapping| mapping["actions"] = json!([{ "action": "go" }])).await;
        insta::assert_snapshot!(said, @"
        The address of the action go cannot be used: 10.0.0.7 leads to this machine or its network; nothing is sent there.
        The address of the action go cannot be used: localhost leads to this machine or its network; nothing is sent there.
        The address of the action go cannot be used: the address has to begin with https://.
        The address of the action go cannot be used: the address may not hold a user name or password.
        • action go: url should be an address such as https://example.org/hook
        • an action's id is up to 32 lower-case letters, digits, dashes and underscores
        • action go: the label should have 1 to 40 characters
        • action go: roles should be up to 10 ids of roles
        This is not what actions should be: unknown field `token`, expected one of `id`, `label`, `style`, `roles`, `confirm`, `reason`, `method`, `url`. Nothing was changed.
        • the mapping offers an action go that there is not
        ");
    })
    .await;
}

#[tokio::test]
async fn each_message_says_anew_what_can_be_done() {
    in_town(async |town| {
        let ci = Ci::new(town).await;
        ci.deploy(town, "msg_1", "failed").await;
        let (message, rollback) = town.button("ops", "Roll back").unwrap();
        ci.deploy(town, "msg_2", "failed").await;
        assert_eq!(town.button("ops", "Roll back").unwrap().1, rollback, "the same on offer: nothing changes");
        town.advance(TimeDelta::seconds(5)).await;
        freeze_cards(town);
        ci.deploy(town, "msg_3", "canary").await;
        let late = heard(town, &town.only_press("approver", &message, &rollback).await);
        insta::assert_snapshot!(late, @"ci has said something newer about this, so this button does nothing any more. Use those that the card has now.");
        town.discord.clear_faults();
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(buttons(town), "(Promote)");
        town.advance(TimeDelta::seconds(5)).await;
        ci.deploy(town, "msg_4", "live").await;
        assert_eq!(buttons(town), "");
        assert_eq!(status(town), "");
        assert!(ci.receiver.requests().is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_action_that_was_taken_away_is_not_sent() {
    in_town(async |town| {
        let ci = Ci::new(town).await;
        ci.deploy(town, "msg_1", "failed").await;
        edit(town, "mapping", |mapping| mapping["actions"] = json!([])).await;
        let words = edit(town, "actions", |all| *all = json!([])).await;
        assert_eq!(words, "✅ **ci** is described anew.");
        town.press("approver", "ops", "Roll back").await;
        insta::assert_snapshot!(status(town), @"
        ⚠️ ci refused: Roll back (asked for by <@approver> <+0s>)
        > the source has no such action any more; nothing was sent
        ");
        assert!(ci.receiver.requests().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_new_secret_and_the_one_before_it_sign_together_for_a_day() {
    in_town(async |town| {
        let ci = Ci::new(town).await;
        let words = told(&town.command("admin", "source rotate", json!({ "name": "ci", "of_actions": true })).await);
        let secret = words.split("||`").nth(1).unwrap().split('`').next().unwrap().to_owned();
        let newer = Ci { secret, sender: ci.sender, receiver: ci.receiver.clone() };
        let older = Ci {
            secret: ci.secret,
            sender: crate::support::senders::Sender {
                path: newer.sender.path.clone(),
                secret: newer.sender.secret.clone(),
            },
            receiver: ci.receiver,
        };
        newer.deploy(town, "msg_1", "failed").await;
        town.press("approver", "ops", "Roll back").await;
        let both = newer.receiver.requests().remove(0);
        assert!(older.is_signed(&both) && newer.is_signed(&both));
        town.advance(TimeDelta::hours(25)).await;
        newer.deploy(town, "msg_2", "failed").await;
        town.press("approver", "ops", "Roll back").await;
        let one = newer.receiver.requests().remove(1);
        assert!(!older.is_signed(&one) && newer.is_signed(&one));
        let stored = town.column("SELECT value FROM setting WHERE key LIKE 'source.%action%'").await;
        assert!(stored.len() == 2 && stored.iter().all(|value| value.starts_with("enc:v1:")));
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn a_source_is_described_over_the_interface() {
    in_town(async |town| {
        let receiver = Receiver::start().await.unwrap();
        added(town, "standard", "ci").await;
        let key = any_key(town).await;
        let listed = ask(town, &key, "GET /sources").send().await;
        let id = listed.json["items"].as_array().unwrap().iter().find(|s| s["name"] == "ci").unwrap()["id"].clone();
        let path = format!("/sources/{}", id.as_str().unwrap());
        let shown = ask(town, &key, &format!("GET {path}")).send().await;
        let mut config = shown.json["config"].clone();
        config["actions"] = actions("https://10.0.0.7/", "1");
        let put = async |tag: &str, config: &serde_json::Value| {
            ask(town, &key, &format!("PUT {path}/config")).header("if-match", tag).json(config).send().await
        };
        let refused = put("*", &config).await;
        assert_eq!((refused.status, &refused.json["errors"][0]["field"]), (400, &json!("config")));
        config["actions"] = actions(&receiver.url(), "1");
        let made = put(&shown.headers["etag"], &config).await;
        assert_eq!(made.status, 200, "{}", made.text);
        assert!(made.json["action_secret"].as_str().unwrap().starts_with("whsec_"));
        assert_eq!(put(&shown.headers["etag"], &config).await.status, 412);
        let again = put(&made.headers["etag"], &config).await;
        assert_eq!((again.status, &again.json["action_secret"]), (200, &json!(null)));
        config["surprise"] = json!(1);
        assert_eq!(put("*", &config).await.status, 400);
        let seen = town.command("admin", "source show", json!({ "name": "ci" })).await;
        let seen = crate::support::town::show(&seen["message"]);
        assert!(seen.contains("Actions: **Roll back** (`rollback`) by approvers → 127.0.0.1"), "{seen}");
    })
    .await;
}

/// GitHub signs the body alone: whoever has seen a request cannot make another event of it with another id.
#[tokio::test]
async fn what_github_signed_once_is_never_another_event() {
    run(async |town| {
        let github = added(town, "github", "web").await;
        let body =
            json!({ "action": "created", "repository": { "full_name": "octo/web" }, "sender": { "login": "ada" } });
        assert_eq!(line(&github.github(town, "star", "d-1", &body).await), "202");
        town.advance(TimeDelta::days(30)).await;
        assert_eq!(line(&github.github(town, "star", "another-id", &body).await), "200 duplicate");
        let text = body.to_string();
        let bare = [("x-hub-signature-256", format!("sha256={}", hex_hmac(&github.secret, &text)))];
        assert_eq!(line(&send(town, &github.path, &bare, &text).await), "200 duplicate");
        assert_eq!(town.messages("ops").len(), 1);
    })
    .await;
}
