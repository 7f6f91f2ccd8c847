//! Systems that are described instead of programmed: added by a command, verified by their rules, shown as cards.

use crate::support::door::refusals;
use crate::support::senders::{Sender, added, hex_hmac, line, send};
use crate::support::town::{Setup, Town, run, run_with, told};
use chrono::TimeDelta;
use serde_json::{Value, json};

fn push(message: &str) -> Value {
    json!({
        "ref": "refs/heads/main",
        "compare": "https://github.com/octo/web/compare/1f0c...9b1d",
        "commits": [{ "message": message, "author": { "name": "Ada" } }, { "message": "Fix *it*\n\nlong story" }],
        "repository": { "full_name": "octo/web", "html_url": "https://github.com/octo/web" },
        "sender": { "login": "ada" }
    })
}

fn pull_request(action: &str, state: &str, merged: bool) -> Value {
    json!({
        "action": action,
        "number": 7,
        "pull_request": {
            "number": 7, "title": "Doors that close", "state": state, "merged": merged, "body": "They did not.",
            "html_url": "https://github.com/octo/web/pull/7", "updated_at": "2026-01-02T10:00:00Z", "head": { "ref": "doors" }
        },
        "repository": { "full_name": "octo/web", "html_url": "https://github.com/octo/web" },
        "sender": { "login": "ada" }
    })
}

async fn told_by(town: &Town, command: &str, options: Value) -> String {
    let outcome = town.command("admin", command, options).await;
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    told(&outcome)
}

#[tokio::test]
async fn a_push_to_github_is_shown() {
    run(async |town| {
        let github = added(town, "github", "ci").await;
        let answer = github.github(town, "push", "d-1", &push("Close the door")).await;
        assert_eq!(line(&answer), "202");
        insta::assert_snapshot!(town.see("ops"), @r"
        [🔵 2 commits pushed to main]
        • Close the door
        • Fix \*it\*
        Repository: octo/web
        By: ada
        -- ci · github.push
        ");
        assert_eq!(town.messages("ops")[0]["embeds"][0]["url"], "https://github.com/octo/web/compare/1f0c...9b1d");
    })
    .await;
}

#[tokio::test]
async fn the_same_delivery_again_is_a_duplicate() {
    run(async |town| {
        let github = added(town, "github", "ci").await;
        github.github(town, "push", "d-1", &push("Close the door")).await;
        let again = github.github(town, "push", "d-1", &push("Close the door")).await;
        assert_eq!(line(&again), "200 duplicate");
        assert_eq!(town.messages("ops").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_pull_request_lives_on_one_card() {
    run(async |town| {
        let github = added(town, "github", "ci").await;
        github.github(town, "pull_request", "d-1", &pull_request("opened", "open", false)).await;
        insta::assert_snapshot!(town.see("ops"), @"
        [🔵 Pull request #7: Doors that close]
        They did not.
        Repository: octo/web
        By: ada
        Branch: doors
        State: Open
        Timeline: <+0s> pull request
        -- ci · github.pull_request
        (Silence)
        ");
        town.advance(TimeDelta::minutes(5)).await;
        let mut merged = pull_request("closed", "closed", true);
        merged["pull_request"]["updated_at"] = json!("2026-01-02T10:05:00Z");
        github.github(town, "pull_request", "d-2", &merged).await;
        insta::assert_snapshot!(town.see("ops"), @"
        [✅ Pull request #7: Doors that close]
        They did not.
        Repository: octo/web
        By: ada
        Branch: doors
        State: Merged
        Timeline: <+0s> pull request
        <+300s> pull request
        -- ci · github.pull_request
        ");
    })
    .await;
}

#[tokio::test]
async fn anything_that_signs_as_standard_webhooks_asks() {
    run(async |town| {
        let deploys = added(town, "standard", "deploys").await;
        let body = json!({
            "type": "deploy.finished", "timestamp": "2026-01-02T09:59:00Z",
            "data": { "title": "web 1.4.2 is live", "text": "Took 3 minutes.", "url": "https://ci.example.org/7", "environment": "production" }
        });
        assert_eq!(line(&deploys.standard(town, "msg_1", &body).await), "202");
        assert_eq!(line(&deploys.standard(town, "msg_1", &body).await), "200 duplicate");
        insta::assert_snapshot!(town.see("ops"), @"
        [🔵 web 1.4.2 is live]
        Took 3 minutes.
        Details: environment: production
        -- deploys · deploy.finished
        ");
    })
    .await;
}

#[tokio::test]
async fn a_stranger_learns_nothing_and_the_admins_learn_why() {
    run(async |town| {
        let github = added(town, "github", "ci").await;
        let forged = Sender { path: github.path.clone(), secret: "another secret altogether".into() };
        assert_eq!(line(&forged.github(town, "push", "d-1", &push("x")).await), "401 Invalid signature");
        let body = push("x").to_string();
        let bare = [("x-hub-signature-256", hex_hmac(&github.secret, &body))];
        assert_eq!(line(&send(town, &github.path, &bare, &body).await), "401 Invalid signature");
        assert_eq!(line(&send(town, &github.path, &[], &body).await), "401 Missing signature or credentials");
        insta::assert_snapshot!(refusals(town).await, @"
        The signature does not match the request under any live secret.
        The signature's header is not written as this source's rules say. ↳ It matches when it is read as hex with nothing in front: set encoding and prefix accordingly.
        The X-Hub-Signature-256 header is missing.
        ");
        assert!(town.messages("ops").is_empty());
    })
    .await;
}

#[tokio::test]
async fn addresses_that_are_nobodys() {
    run(async |town| {
        let github = added(town, "github", "ci").await;
        for path in ["nonsense", "01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8057/key"] {
            assert_eq!(line(&send(town, path, &[], "{}").await), "404 No such address", "{path}");
        }
        let outcome = town.command("admin", "source remove", json!({ "name": "ci" })).await;
        let form = outcome["modal"]["custom_id"].as_str().unwrap().to_owned();
        let told_first = told(&town.submit("admin", &form, json!({ "value": "web" })).await);
        assert_eq!(told_first, "What you typed is not the source's name. Nothing was removed.");
        let outcome = town.command("admin", "source remove", json!({ "name": "ci" })).await;
        let form = outcome["modal"]["custom_id"].as_str().unwrap().to_owned();
        insta::assert_snapshot!(told(&town.submit("admin", &form, json!({ "value": "ci" })).await), @"✅ The source **ci** is removed: its address is nobody's from now on. What it sent stays.");
        assert_eq!(line(&github.github(town, "push", "d-9", &push("x")).await), "404 No such address");
        assert_eq!(town.count("SELECT count(*) FROM setting WHERE key LIKE 'source.%'").await, 0, "its secret is gone");
        added(town, "github", "ci").await;
    })
    .await;
}

#[tokio::test]
async fn a_secret_is_rotated_without_losing_a_message() {
    run(async |town| {
        let old = added(town, "github", "ci").await;
        let words = told_by(town, "source rotate", json!({ "name": "ci" })).await;
        let secret = words.split("||`").nth(1).unwrap().split('`').next().unwrap().to_owned();
        insta::assert_snapshot!(words.replace(&secret, "SECRET").replace(&old.path, "ID").replace(&town.app.address.to_string(), "HOST"), @"
        ✅ **ci** has a new secret.
        Address: `http://HOST/webhooks/in/ID`
        Secret, shown this once: ||`SECRET`||
        The one before it is accepted until <+86400s> (<+86400s>).
        ");
        let new = Sender { path: old.path.clone(), secret };
        assert_eq!(line(&old.github(town, "push", "d-1", &push("old")).await), "202");
        assert_eq!(line(&new.github(town, "push", "d-2", &push("new")).await), "202");
        town.advance(TimeDelta::hours(25)).await;
        assert_eq!(line(&old.github(town, "push", "d-3", &push("too late")).await), "401 Invalid signature");
        assert_eq!(line(&new.github(town, "push", "d-4", &push("newer")).await), "202");
        insta::assert_snapshot!(refusals(town).await, @"The signature does not match the request under any live secret. ↳ It matches a secret that was rotated out: enter the current one at the sender.");
        assert_eq!(town.messages("ops").len(), 3);
        let stored = town.column("SELECT value FROM setting WHERE key LIKE 'source.%'").await;
        assert!(stored.len() == 2 && stored.iter().all(|value| value.starts_with("enc:v1:")), "sealed");
    })
    .await;
}

#[tokio::test]
async fn who_may_and_what_is_shown() {
    run(async |town| {
        let refused = town.command("member", "source add", json!({ "preset": "github", "name": "ci" })).await;
        insta::assert_snapshot!(told(&refused), @"");
        assert_eq!(
            told_by(town, "source add", json!({ "preset": "gitlub", "name": "ci" })).await,
            "There is no preset gitlub; there are: standard, github, grafana, alertmanager, uptime-kuma, sentry."
        );
        let github = added(town, "github", "ci").await;
        github.github(town, "push", "d-1", &push("x")).await;
        send(town, &github.path, &[], "{}").await;
        let again = told_by(town, "source add", json!({ "preset": "github", "name": "CI" })).await;
        assert_eq!(again, "There is a source named ci already.");
        let shown = town.command("admin", "source show", json!({ "name": "ci" })).await;
        let seen = crate::support::town::show(&shown["message"]);
        insta::assert_snapshot!(seen.replace(&github.path, "ID").replace(&town.app.address.to_string(), "HOST"), @"
        [📥 ci]
        **ci** · GitHub · one secret, last used <+0s>
        In the repository: Settings › Webhooks › Add webhook. Enter the address as Payload URL, choose the content type application/json, enter the secret, and choose the events.
        Address: `http://HOST/webhooks/in/ID`
        Verified by: HMAC of `{body}` in `x-hub-signature-256`
        Last events: `github.push` <+0s> (1 so far)
        Refused requests: <+0s> The X-Hub-Signature-256 header is missing.
        ");
        let listed = town.command("admin", "source list", json!({})).await;
        insta::assert_snapshot!(crate::support::town::show(&listed["message"]), @"
        [📥 Sources]
        **ci** · GitHub · one secret, last used <+0s>
        ");
        let log = town.column("SELECT action || ' ' || (detail->>'name') FROM audit ORDER BY id").await;
        assert_eq!(log, ["source_added ci"]);
        assert!(!town.see("ops").is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_the_mapping_cannot_read_is_shown_as_it_came_and_told_once() {
    run(async |town| {
        let deploys = added(town, "standard", "deploys").await;
        town.execute("UPDATE source SET config = jsonb_set(config, '{mapping,title}', '\"body.data / 2\"') WHERE kind = 'generic'").await;
        town.advance(TimeDelta::seconds(11)).await;
        let body = |n: u32| json!({ "type": "deploy.finished", "data": { "title": "web 1.4.2", "number": n } });
        assert_eq!(line(&deploys.standard(town, "msg_1", &body(1)).await), "202");
        assert_eq!(line(&deploys.standard(town, "msg_2", &body(2)).await), "202");
        insta::assert_snapshot!(town.see("ops"), @r"
        [🔵 Message of deploys]
        data.number: 1
        data.title: web 1.4.2
        type: deploy.finished
        -- deploys · generic.unmapped
        [⚠️ Signalbox]
        A message of the source deploys could not be read as its mapping says, and is shown as it came. \`title\`: tried to use / operator on unsupported types map and number
        -- Signalbox · signalbox.notice

        [🔵 Message of deploys]
        data.number: 2
        data.title: web 1.4.2
        type: deploy.finished
        -- deploys · generic.unmapped
        ");
    })
    .await;
}

#[tokio::test]
async fn odd_bodies() {
    run(async |town| {
        let kuma = added(town, "uptime-kuma", "uptime").await;
        let bearer = [("authorization", format!("Bearer {}", kuma.secret))];
        for (body, answer) in [
            ("", "400 the body is empty"),
            ("{", "400 the body is malformed JSON at line 1, column 1: EOF while parsing an object"),
        ] {
            assert_eq!(line(&send(town, &kuma.path, &bearer, body).await), answer);
        }
        let url = format!("http://{}/webhooks/in/{}", town.app.address, kuma.path);
        let request = town.http.post(&url).header("authorization", format!("Bearer {}", kuma.secret));
        assert_eq!(request.body(vec![b'"', 0xff, b'"']).send().await.unwrap().status().as_u16(), 400);
        assert_eq!(town.http.post(&url).body(vec![b' '; 2_000_000]).send().await.unwrap().status().as_u16(), 413);
        assert_eq!(town.count("SELECT count(*) FROM quarantine").await, 3, "what a believed sender sent is kept");
        let github = added(town, "github", "ci").await;
        let form = "payload=%7B%22zen%22%3A%22Keep+it+simple.%22%7D";
        let signature = format!("sha256={}", hex_hmac(&github.secret, form));
        let url = format!("http://{}/webhooks/in/{}", town.app.address, github.path);
        let request = town.http.post(url).header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("x-hub-signature-256", signature).header("x-github-event", "ping");
        assert_eq!(request.body(form).send().await.unwrap().status().as_u16(), 202);
        town.settle().await;
        insta::assert_snapshot!(town.see("ops"), @"
        [🔵 GitHub is connected]
        Keep it simple.
        -- ci · github.ping
        ");
    })
    .await;
}

/// The database answers only later: what is signed rightly is asked to come again, and nothing is refused.
#[tokio::test]
async fn while_the_database_is_away_senders_are_asked_to_come_again() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        town.app.ports.store.close().await;
        let url = format!("http://{}/webhooks/in/01890a5d-ac96-774b-bcce-b302099a8057", town.app.address);
        let response = town.http.post(url).body("{}").send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    })
    .await;
}
