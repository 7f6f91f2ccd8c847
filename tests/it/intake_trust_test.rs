//! Whom the intake believes: secrets, separators, budgets, proxies; and what admins see of refusals.

use crate::support::door::{alert, knock, notices, refusals};
use crate::support::town::{SECRET, Setup, run, run_with};
use chrono::TimeDelta;

fn with(env: Vec<(&'static str, &str)>) -> Setup {
    Setup::with(&env)
}

#[tokio::test]
async fn two_secrets_are_live_during_a_rotation() {
    run_with(with(vec![("WEBHOOK_SECRET", "the-new-one"), ("WEBHOOK_SECRET_PREVIOUS", SECRET)]), async |town| {
        assert_eq!(knock(town).body(alert("old")).send().await.line(), "202");
        assert_eq!(knock(town).body(alert("new")).secret("the-new-one").send().await.line(), "202");
        assert_eq!(knock(town).body(alert("none")).secret("a-third").send().await.line(), "401 Invalid signature");
        town.settle().await;
        town.see("alerts");
    })
    .await;
}

#[tokio::test]
async fn without_a_secret_everything_is_refused() {
    run_with(with(vec![("WEBHOOK_SECRET", "")]), async |town| {
        assert_eq!(knock(town).send().await.line(), "401 Invalid signature");
        assert_eq!(knock(town).secret("").send().await.line(), "401 Invalid signature", "the empty secret is none");
        assert_eq!(knock(town).secret("default-secret").send().await.line(), "401 Invalid signature");
        insta::assert_snapshot!(refusals(town).await.lines().next().unwrap(), @"No webhook secret is configured here, so every request is refused: set WEBHOOK_SECRET.");
    })
    .await;
}

#[tokio::test]
async fn a_separator_can_be_configured() {
    run_with(with(vec![("WEBHOOK_SIGNATURE_SEPARATOR", ".")]), async |town| {
        assert_eq!(knock(town).separator(".").send().await.line(), "202");
        assert_eq!(knock(town).send().await.line(), "401 Invalid signature");
        insta::assert_snapshot!(refusals(town).await, @"The signature does not match the request under any live secret. ↳ It matches with nothing between timestamp and body: set the separator accordingly.");
        town.settle().await;
        town.see("alerts");
    })
    .await;
}

#[tokio::test]
async fn webhook_status_names_the_rule_and_what_would_have_matched() {
    run(async |town| {
        knock(town).separator(":").send().await;
        town.advance(TimeDelta::minutes(1)).await;
        knock(town).skew(-3600).send().await;
        let seen = town.command("admin", "webhook-status", serde_json::json!({})).await;
        let fields = seen["message"]["embeds"][0]["fields"].as_array().unwrap();
        let refused = fields.iter().find(|field| field["name"] == "Refused requests").unwrap();
        insta::assert_snapshot!(refused["value"].as_str().unwrap(), @r#"
        2 in the last 24 h
        <t:1767348060:R> The request's timestamp is 1 h old; 5 minutes are allowed.
          ↳ The signature itself is right: compare both servers' clocks (NTP), or it is an old request sent again.
        <t:1767348000:R> The signature does not match the request under any live secret.
          ↳ It matches with ":" between timestamp and body: set the separator accordingly.
        "#);
    })
    .await;
}

#[tokio::test]
async fn repeats_are_told_together() {
    run(async |town| {
        for second in 0..12 {
            knock(town).skew(-3600 - 61 * second).send().await;
        }
        knock(town).unsigned().header("x-hub-signature-256", "sha256=00").send().await;
        let seen = town.command("admin", "webhook-status", serde_json::json!({})).await;
        let fields = seen["message"]["embeds"][0]["fields"].as_array().unwrap();
        let refused = fields.iter().find(|field| field["name"] == "Refused requests").unwrap();
        insta::assert_snapshot!(refused["value"].as_str().unwrap(), @"
        13 in the last 24 h
        <t:1767348000:R> The X-XTSystems-Signature header is missing. XTSystems signs only when the webhook has a secret: register it again with one.
          ↳ It carries X-Hub-Signature-256, as GitHub signs: this is another system's webhook, which belongs to another address.
        12× <t:1767348000:R> The request's timestamp is 1 h 11 min old; 5 minutes are allowed.
          ↳ The signature itself is right: compare both servers' clocks (NTP), or it is an old request sent again.
        ");
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_forgeries_is_limited_and_the_genuine_sender_passes() {
    run(async |town| {
        for n in 0..100 {
            assert_eq!(knock(town).secret("forged").send().await.status, 401, "{n}");
        }
        let limited = knock(town).secret("forged").send().await;
        assert_eq!((limited.line().as_str(), limited.retry_after), ("429 Too many requests", Some(9)));
        let large = knock(town).body(vec![b'x'; 1 << 21]).send().await;
        assert_eq!(large.status, 429, "a body over the limit is a refusal, too");
        assert_eq!(knock(town).send().await.line(), "202", "the same address, a right signature");
        assert_eq!(town.count("SELECT count(*) FROM refusal").await, 100);
        town.advance(TimeDelta::seconds(9)).await;
        assert_eq!(knock(town).secret("forged").send().await.status, 401);
        assert_eq!(knock(town).secret("forged").send().await.status, 429);
        town.advance(TimeDelta::minutes(15)).await;
        assert_eq!(knock(town).secret("forged").send().await.status, 401);
        town.see("alerts");
    })
    .await;
}

#[tokio::test]
async fn a_verified_sender_has_a_budget_of_its_own() {
    run_with(with(vec![("WEBHOOK_VERIFIED_PER_MIN", "3")]), async |town| {
        for n in 0..3 {
            assert_eq!(knock(town).body(alert(&n.to_string())).send().await.line(), "202");
        }
        let limited = knock(town).body(alert("3")).send().await;
        assert_eq!((limited.line().as_str(), limited.retry_after), ("429 Too many requests", Some(20)));
        town.advance(TimeDelta::seconds(20)).await;
        assert_eq!(knock(town).body(alert("3")).send().await.line(), "202");
        town.settle().await;
        assert_eq!(notices(town, "alerts").len(), 4);
    })
    .await;
}

#[tokio::test]
async fn strangers_cannot_name_their_own_address() {
    run_with(with(vec![("WEBHOOK_UNVERIFIED_PER_15_MIN", "2")]), async |town| {
        let forged = |client| knock(town).secret("forged").header("x-forwarded-for", client).send();
        assert_eq!(forged("1.1.1.1").await.status, 401);
        assert_eq!(forged("2.2.2.2").await.status, 401);
        assert_eq!(forged("3.3.3.3").await.status, 429, "they are one and the same client");
    })
    .await;
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client() {
    let env = vec![("WEBHOOK_UNVERIFIED_PER_15_MIN", "1"), ("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")];
    run_with(with(env), async |town| {
        let forged = |hops| knock(town).secret("forged").header("x-forwarded-for", hops).send();
        assert_eq!(forged("1.1.1.1").await.status, 401);
        assert_eq!(forged("1.1.1.1").await.status, 429);
        assert_eq!(forged("2.2.2.2").await.status, 401, "another client behind the proxy");
        assert_eq!(forged("9.9.9.9, 1.1.1.1, 10.0.0.3").await.status, 429, "what stands left may be made up");
    })
    .await;
}

#[tokio::test]
async fn refusals_are_kept_without_secrets_and_bounded() {
    run_with(with(vec![("WEBHOOK_UNVERIFIED_PER_15_MIN", "1000")]), async |town| {
        for n in 0..205 {
            knock(town).body(alert(&format!("password-{n}"))).secret("forged").send().await;
        }
        assert_eq!(town.count("SELECT count(*) FROM refusal").await, 200);
        let kept = town.column("SELECT row_to_json(refusal)::text FROM refusal").await.join("\n");
        for hidden in ["password", "forged", SECRET, "sha256="] {
            assert!(!kept.contains(hidden), "{hidden} is in the log");
        }
        assert_eq!(town.count("SELECT count(*) FROM quarantine").await, 0, "nothing of a stranger is kept whole");
        town.advance(TimeDelta::days(31)).await;
        town.app.purge_due().await.unwrap();
        assert_eq!(town.count("SELECT count(*) FROM refusal").await, 0, "nor for ever");
    })
    .await;
}
