//! Templates as admins write them: a form, a preview with what came, and what is posted.

use crate::support::machines::heard;
use crate::support::town::{Town, run, show};
use chrono::TimeDelta;
use serde_json::{Value, json};

fn form() -> Value {
    json!({
        "title": "Alarm: {{ data.alert_type|title }}",
        "description": "{{ data.message }}",
        "fields": "+ Where: `{{ data.source }}`\nGone: {{ data.gone }}",
        "look": "{% if data.severity == 'high' %}red{% else %}blue{% endif %}\nhttps://status.example/{{ data.source }}",
        "content": "{{ data.source }} needs somebody",
    })
}

/// Opens the form of a new template and sends it.
async fn write(town: &Town, name: &str, form: Value) -> Value {
    let opened = town.command("admin", "template add", json!({ "name": name })).await;
    let modal = opened["modal"]["custom_id"].as_str().unwrap_or_else(|| panic!("{opened:#}"));
    town.submit("admin", modal, form).await
}

async fn press_save(town: &Town, preview: &Value) -> String {
    let message = preview["message"]["id"].as_str().unwrap_or_else(|| panic!("{preview:#}"));
    let button = preview["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
    heard(town, &town.press_id("admin", message, button).await)
}

async fn route_with(town: &Town, template: &str) {
    let options = json!({ "name": "alarms", "type": "alert.*", "to": "party", "template": template });
    let preview = town.command("admin", "route add", options).await;
    press_save(town, &preview).await;
}

async fn alert(town: &Town, data: Value) {
    town.advance(TimeDelta::seconds(10)).await;
    town.send("alert.triggered", data).await;
}

fn disk() -> Value {
    json!({ "alert_type": "disk", "message": "*full* <@7> @everyone", "severity": "high", "source": "db_01" })
}

#[tokio::test]
async fn a_template_is_previewed_saved_and_used() {
    run(async |town| {
        alert(town, disk()).await;
        let preview = write(town, "alarm", form()).await;
        insta::assert_snapshot!(show(&preview["message"]), @r"
        🎨 New template alarm. Nothing is saved until you press Save.
        db\_01 needs somebody
        ⚠️ none of the recent events has `data.gone`
        [Alarm: Disk]
        \*full\* <@7\> @everyone
        Where: `db_01`
        -- XTSystems
        (Save)
        ");
        insta::assert_snapshot!(press_save(town, &preview).await, @"✅ Template alarm was added. The change is shown in the admins' channel, with Undo.");
        route_with(town, "alarm").await;
        alert(town, disk()).await;
        let posted = town.messages("party");
        insta::assert_snapshot!(show(&posted[0]), @r"
        db\_01 needs somebody
        [Alarm: Disk]
        \*full\* <@7\> @everyone
        Where: `db_01`
        -- XTSystems · alert.triggered
        ");
        assert_eq!(posted[0]["embeds"][0]["url"], "https://status.example/db_01");
        assert_eq!(posted[0]["embeds"][0]["color"], 0xE7_4C_3C);
        let used =
            town.column("SELECT plan->'templates'->0->>'name' FROM event WHERE plan->'templates' IS NOT NULL").await;
        assert_eq!(used, ["alarm"]);
        town.see("ops");
        town.see("alerts");
    })
    .await;
}

#[tokio::test]
async fn one_that_fails_gives_way_to_the_built_in_look() {
    run(async |town| {
        let preview = write(town, "picky", json!({ "title": "{{ data.count + 1 }}" })).await;
        press_save(town, &preview).await;
        route_with(town, "picky").await;
        alert(town, json!({ "alert_type": "disk", "message": "one", "count": 1 })).await;
        alert(town, json!({ "alert_type": "disk", "message": "two", "count": "many" })).await;
        alert(town, json!({ "alert_type": "disk", "message": "three", "count": [] })).await;
        insta::assert_snapshot!(town.lines("party"), @"
        2
        two
        three
        ");
        let told: Vec<String> =
            town.lines("ops").lines().filter(|line| line.contains("built-in")).map(str::to_owned).collect();
        insta::assert_snapshot!(told.join("\n"), @"The template picky failed, and the built-in look stands in for it: title, line 1: invalid operation: tried to use + operator on unsupported types string and number. Mend it with /template edit.");
    })
    .await;
}

#[tokio::test]
async fn faults_are_named_before_anything_is_saved() {
    run(async |town| {
        alert(town, disk()).await;
        let mut words = Vec::new();
        for form in [
            json!({ "description": "one\n{{ data.mesage|uper }}" }),
            json!({ "title": "{% set a = 'x' %}" }),
            json!({ "look": "red" }),
            json!({ "title": "{{ data.message + 1 }}" }),
        ] {
            words.push(heard(town, &write(town, "bad", form).await));
        }
        insta::assert_snapshot!(words.join("\n"), @"
        The template cannot be used.
        description, line 2: there is no filter of this name: filter uper is unknown (did you mean upper?). There are lower, upper, title, capitalize, trim, length, count, items, dictsort, reverse, default, d, round, abs, int, float, first, last, min, max, sort, unique, list, string, bool, split, lines, selectattr, rejectattr, join, replace, truncate, times, map, sum, relative, raw.
        The template cannot be used.
        title, line 1: {% set %} is not part of the language; there are if and for.
        The template cannot be used.
        template: it says nothing: give it a title, a description, fields or content.
        The template fails with the newest alert.triggered.
        title, line 1: invalid operation: tried to use + operator on unsupported types string and number.
        ");
        let odd = write(town, "odd", json!({ "title": "x{{ data.mesage }}" })).await;
        insta::assert_snapshot!(show(&odd["message"]), @"
        🎨 New template odd. Nothing is saved until you press Save.
        ⚠️ none of the recent events has `data.mesage` (did you mean data.message?)
        [x]
        -- XTSystems
        (Save)
        ");
        assert_eq!(town.count("SELECT count(*) FROM template").await, 0);
        town.see("alerts");
    })
    .await;
}

#[tokio::test]
async fn a_template_is_changed_listed_removed_and_restored() {
    run(async |town| {
        alert(town, disk()).await;
        press_save(town, &write(town, "alarm", form()).await).await;
        route_with(town, "alarm").await;
        let opened = town.command("admin", "template edit", json!({ "template": "alarm" })).await;
        let standing = &opened["modal"]["components"][2]["components"][0]["value"];
        assert_eq!(standing, "+ Where: `{{ data.source }}`\nGone: {{ data.gone }}");
        let modal = opened["modal"]["custom_id"].as_str().unwrap().to_owned();
        let mut changed = form();
        changed["title"] = json!("Now: {{ data.alert_type }}");
        let preview = town.submit("admin", &modal, changed).await;
        insta::assert_snapshot!(show(&preview["message"]), @r"
        🎨 Change of the template alarm. Nothing is saved until you press Save.
        **title** `Alarm: {{ data.alert_type|title }}` → `Now: {{ data.alert_type }}`

        db\_01 needs somebody
        ⚠️ none of the recent events has `data.gone`
        [Now: disk]
        \*full\* <@7\> @everyone
        Where: `db_01`
        -- XTSystems
        (Save)
        ");
        press_save(town, &preview).await;
        let list = town.command("admin", "template list", json!({})).await;
        insta::assert_snapshot!(show(&list["message"]), @"
        [🎨 Templates]
        ▫️ **alarm** used by alarms
        ");
        let shown = town.command("admin", "template preview", json!({ "template": "alarm" })).await;
        assert!(show(&shown["message"]).contains("[Now: disk]"), "{shown:#}");
        let refused = town.command("admin", "template remove", json!({ "template": "alarm" })).await;
        assert_eq!(heard(town, &refused), "It is used by alarms. Give them another look first.");
        town.command("admin", "route remove", json!({ "route": "alarms" })).await;
        town.command("admin", "template remove", json!({ "template": "alarm" })).await;
        town.settle().await;
        town.press("admin", "ops", "Undo").await;
        assert_eq!(town.column("SELECT title FROM template").await, ["Now: {{ data.alert_type }}"]);
        town.see("ops");
        town.see("alerts");
    })
    .await;
}
