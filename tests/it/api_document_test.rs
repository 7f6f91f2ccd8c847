//! The OpenAPI document against the program: what it lists is there, takes its scope, and is documented.

use serde_json::Value;

use crate::support::api::{any_key, ask, key};
use crate::support::town::{Setup, run_with};

fn document() -> Value {
    serde_json::from_str(signalbox::web::api::openapi_json()).unwrap()
}

/// Every operation: method, address, and what the document says of it.
fn operations() -> Vec<(String, String, Value)> {
    let document = document();
    let paths = document["paths"].as_object().unwrap().clone();
    let of_path = |(path, item): (String, Value)| {
        let operations = item.as_object().unwrap().clone();
        operations.into_iter().map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    };
    paths.into_iter().flat_map(of_path).collect()
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_has_a_name() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let names: Vec<Value> = operations().iter().map(|(_, _, operation)| operation["operationId"].clone()).collect();
    let distinct: std::collections::BTreeSet<String> = names.iter().map(Value::to_string).collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
}

/// A key without a scope gets nowhere but to `/key`, and nobody gets anywhere without a key.
#[tokio::test]
async fn every_operation_takes_a_key_and_the_scope_it_names() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let all = any_key(town).await;
        for (method, path, operation) in operations() {
            let what = format!("{method} {}", path.replace("{id}", "0").strip_prefix("/api/v1").unwrap());
            let scope = operation["security"][0]["bearer"][0].as_str();
            assert_eq!(operation["security"][1]["header"], serde_json::json!([]), "{what}");
            assert_eq!(ask(town, "", &what).send().await.status, 401, "{what}");
            let Some(scope) = scope else {
                assert_eq!(path, "/api/v1/key");
                continue;
            };
            let others: Vec<&str> =
                signalbox::api_key::Scope::ALL.iter().map(|s| s.as_str()).filter(|s| *s != scope).collect();
            let refused = ask(town, &key(town, &others).await, &what).body("application/json", "{}").send().await;
            assert_eq!(refused.status, 403, "{what}: {}", refused.text);
            assert!(refused.text.contains(scope), "{what}: {}", refused.text);
            let status = ask(town, &all, &what).send().await.status;
            assert!(operation["responses"].get(status.to_string()).is_some(), "{what}: {status} is not documented");
        }
    })
    .await;
}

#[tokio::test]
async fn it_is_served_to_everybody() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let served = ask(town, "", "GET /openapi.json").send().await;
        assert_eq!((served.status, served.text.as_str()), (200, signalbox::web::api::openapi_json()));
    })
    .await;
}

/// The same for people, without a script.
#[tokio::test]
async fn people_read_it_at_docs() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let page = town.http.get(format!("http://{}/docs", town.app.address)).send().await.unwrap();
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        let text = page.text().await.unwrap();
        for (method, path, _) in operations() {
            let heading = format!("<span class=\"method\">{method}</span> <code>{path}</code>");
            assert!(text.contains(&heading), "{heading}");
        }
        for at in text.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(text.contains(&format!("id=\"{at}\"")), "#{at}");
        }
        assert!(!text.contains("<script") && !text.contains("http://"));
    })
    .await;
}
