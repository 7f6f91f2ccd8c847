//! Templates by REST: seen with what came, added, replaced and removed by a program.

use serde_json::{Value, json};

use crate::support::api::{Answer, any_key, ask};
use crate::support::town::{Town, run};

async fn put(town: &Town, key: &str, what: &str, body: &Value) -> Answer {
    let answer = ask(town, key, what).json(body).send().await;
    town.settle().await;
    answer
}

fn short() -> Value {
    json!({ "name": "short", "title": "{{ data.source }}: {{ data.message }}", "fields": [{ "name": "How bad", "value": "{{ severity }}" }] })
}

#[tokio::test]
async fn a_template_is_seen_added_used_replaced_and_removed() {
    run(async |town| {
        let key = any_key(town).await;
        town.alert("disk full").await;
        assert_eq!(town.lines("alerts"), "disk full");
        let sample = json!({ "template": short(), "kind": "alert.triggered" });
        insta::assert_snapshot!(put(town, &key, "POST /templates/preview", &sample).await.read(), @r#"
        200
        {
          "examples": [
            {
              "content": "",
              "embed": {
                "color": 16711680,
                "fields": [
                  {
                    "inline": false,
                    "name": "How bad",
                    "value": "critical"
                  }
                ],
                "footer": {
                  "text": "XTSystems · alert.triggered"
                },
                "timestamp": "2026-01-02T10:00:00Z",
                "title": "web-07: disk full"
              },
              "error": null,
              "event_id": "ID-1",
              "kind": "alert.triggered"
            }
          ],
          "tried": 1,
          "warnings": []
        }
        "#);
        let added = put(town, &key, "POST /templates", &short()).await;
        insta::assert_snapshot!(added.read(), @r#"
        201
        etag: "TAG"
        location: /api/v1/templates/ID-1
        {
          "color": "",
          "content": "",
          "description": "",
          "fields": [
            {
              "inline": false,
              "name": "How bad",
              "value": "{{ severity }}"
            }
          ],
          "id": "ID-1",
          "name": "short",
          "routes": [],
          "title": "{{ data.source }}: {{ data.message }}",
          "url": ""
        }
        "#);
        let id = added.json["id"].as_str().unwrap();
        let route = json!({ "name": "mine", "pattern": "alert.*", "template_id": id, "type": "SYSTEM" });
        let route = put(town, &key, "POST /routes", &route).await;
        assert_eq!(route.status, 201, "{}", route.text);

        let kept = put(town, &key, &format!("DELETE /templates/{id}"), &json!({})).await;
        assert_eq!(
            (kept.status, &kept.json["detail"]),
            (409, &json!("It is used by mine. Give them another look first."))
        );
        let (what, tag) = (format!("PUT /templates/{id}"), &added.headers["etag"]);
        let other = json!({ "name": "short", "content": "{{ data.message }}" });
        let replaced = ask(town, &key, &what).header("If-Match", tag).json(&other).send().await;
        assert_eq!(
            (&replaced.json["title"], &replaced.json["routes"]),
            (&json!(""), &json!(["mine"])),
            "{}",
            replaced.text
        );
        assert_eq!(ask(town, &key, &what).header("If-Match", tag).json(&short()).send().await.status, 412);
        put(town, &key, &format!("DELETE /routes/{}", route.json["id"].as_str().unwrap()), &json!({})).await;
        assert_eq!(put(town, &key, &format!("DELETE /templates/{id}"), &json!({})).await.status, 204);
        assert_eq!(ask(town, &key, &format!("GET /templates/{id}")).send().await.status, 404);
        let told: Vec<String> =
            town.see("ops").lines().filter(|line| line.contains("Template")).map(str::to_owned).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        [⚙️ Template short was added]
        [⚙️ Template short was changed]
        [⚙️ Template short was removed]
        ");
    })
    .await;
}

#[tokio::test]
async fn what_a_template_cannot_be_is_told_by_its_part() {
    run(async |town| {
        let key = any_key(town).await;
        town.alert("disk full").await;
        assert_eq!(town.lines("alerts"), "disk full");
        assert_eq!(put(town, &key, "POST /templates", &short()).await.status, 201);
        let mut told = String::new();
        for body in [
            short(),
            json!({ "name": "empty" }),
            json!({ "name": "a/b", "title": "x" }),
            json!({ "name": "open", "title": "{{ data.message" }),
            json!({ "name": "second", "title": "x", "fields": [{ "name": "a", "value": "b" }, { "name": "c", "value": "{{ nothing.here }}" }] }),
            json!({ "name": "fails", "title": "{{ data.message + 1 }}" }),
        ] {
            let answer = put(town, &key, "POST /templates", &body).await;
            let error = &answer.json["errors"][0];
            told += &format!("{} {}: {}\n", answer.status, error["field"], answer.json["detail"]);
        }
        insta::assert_snapshot!(told, @r#"
        400 "name": "name: There is a template called short already."
        400 "title": "title: The template cannot be used.\ntemplate: it says nothing: give it a title, a description, fields or content."
        400 "name": "name: A template is called with letters, digits, spaces, - _ and ., up to 40 of them."
        400 "title": "title: The template cannot be used.\ntitle, line 1: {{ does not end with }}."
        400 "fields[1].value": "fields[1].value: The template cannot be used.\nfield 2 value, line 1: `nothing` is no word of an event (did you mean data.nothing?). There are id, source, type, subject, severity, time, received_at, data."
        400 null: "The template fails with the newest alert.triggered.\ntitle, line 1: invalid operation: tried to use + operator on unsupported types string and number."
        "#);
        let list = ask(town, &key, "GET /templates").send().await.json;
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        assert_eq!(town.see("ops").matches("was added").count(), 1);
    })
    .await;
}
