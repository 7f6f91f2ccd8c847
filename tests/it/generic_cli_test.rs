//! `signalbox source`: a system that no preset knows, described in a file.

use crate::support::program::Directory;
use crate::support::senders::{hex_hmac, line, send};
use crate::support::town::{Town, run};
use serde_json::{Value, json};

/// Signs `{timestamp}.{body}` in milliseconds, as nobody else here does.
fn description() -> Value {
    json!({
        "preset": "own",
        "verification": {
            "scheme": "hmac", "header": "x-shop-signature", "prefix": "v1=", "signed": "{timestamp}.{body}",
            "timestamp": { "header": "x-shop-time", "unit": "milliseconds", "tolerance_seconds": 60 }
        },
        "mapping": {
            "kind": "'shop.' ~ body.event", "title": "'Order ' ~ body.order.number", "text": "body.note",
            "severity": "'warning' if body.order.total > 100 else 'info'", "subject": "body.order.number",
            "state": "body.order.state", "resolved": "body.order.state == 'shipped'",
            "fields": [{ "name": "Total", "value": "body.order.total ~ ' €'" }]
        }
    })
}

/// The program's output, or its complaint.
async fn source(town: &Town, arguments: &[&str]) -> Result<String, String> {
    let mut all = vec!["source"];
    all.extend(arguments);
    let end = town.program(&all, &[]).ends_within(30).await;
    if end.code == Some(0) { Ok(end.out) } else { Err(end.err) }
}

#[tokio::test]
async fn a_system_that_no_preset_knows() {
    run(async |town| {
        let directory = Directory::new();
        let file = |name: &str, content: &Value| {
            let path = directory.0.join(name);
            std::fs::write(&path, content.to_string()).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let sample = json!({ "event": "paid", "note": "In a hurry", "order": { "number": "A-7", "total": 250, "state": "paid" } });
        let (config, sample_file) = (file("shop.json", &description()), file("sample.json", &sample));
        let mut wrong = description();
        wrong["mapping"]["title"] = json!("body.order / 2");
        let wrong = file("wrong.json", &wrong);
        let refused = source(town, &["add", "shop", "--config", &wrong, "--sample", &sample_file]).await.unwrap_err();
        assert!(refused.contains("`title`"), "{refused}");

        let made = source(town, &["add", "shop", "--config", &config, "--sample", &sample_file]).await.unwrap();
        let after = |word: &str| made.lines().find_map(|line| line.strip_prefix(word)).unwrap().trim().to_owned();
        let (address, secret) = (after("Address:"), after("Secret:"));
        let path = address.split("/webhooks/in/").nth(1).unwrap().to_owned();
        let text = sample.to_string();
        let at = town.clock.now().timestamp_millis();
        let signature = format!("v1={}", hex_hmac(&secret, &format!("{at}.{text}")));
        let headers = [("x-shop-time", at.to_string()), ("x-shop-signature", signature)];
        assert_eq!(line(&send(town, &path, &headers, &text).await), "202");
        assert_eq!(line(&send(town, &path, &headers, &text).await), "200 duplicate");
        town.settle().await;
        insta::assert_snapshot!(town.see("ops"), @"
        [🟡 Order A-7]
        In a hurry
        Total: 250 €
        State: Paid
        Timeline: <+0s> paid
        -- shop · shop.paid
        (Silence)
        ");
        assert!(source(town, &["list"]).await.unwrap().contains("shop"));
        let shown: Value = serde_json::from_str(&source(town, &["show", "shop"]).await.unwrap()).unwrap();
        assert_eq!(shown["mapping"]["kind"], description()["mapping"]["kind"]);
        source(town, &["remove", "shop"]).await.unwrap();
        assert!(source(town, &["show", "shop"]).await.unwrap_err().contains("no source named shop"));
    })
    .await;
}
