//! `/metrics`, as Prometheus reads it.

use serde_json::json;

use crate::support::api::{any_key, ask};
use crate::support::delivery::{alert, ticket};
use crate::support::door::{self, knock};
use crate::support::servers;
use crate::support::town::{Setup, Town, run, run_with};

fn measured(more: &[(&'static str, &str)]) -> Setup {
    Setup::with(&[&[("METRICS_BIND", "127.0.0.1:0")], more].concat())
}

fn page(town: &Town) -> reqwest::RequestBuilder {
    town.http.get(format!("http://{}/metrics", town.app.metrics_address.unwrap()))
}

/// The values that begin so, one per line; latencies only by their number.
async fn scrape(town: &Town, beginnings: &[&str]) -> String {
    let answer = page(town).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    let is_told = |line: &&str| {
        !line.starts_with('#')
            && !line.contains("_bucket")
            && !line.contains("_sum")
            && beginnings.iter().any(|b| line.starts_with(b))
    };
    let mut lines: Vec<String> = text.lines().filter(is_told).map(str::to_owned).collect();
    lines.sort();
    lines.join("\n").replace(&town.discord.guild_id().to_string(), "GUILD")
}

#[tokio::test]
async fn what_happens_is_counted_where_it_happens() {
    run_with(measured(&[]), async |town| {
        town.machine("web-07").await;
        let (message, id) = town.button("machines", "Approve").unwrap();
        town.press_id("member", &message, &id).await;
        town.press_id("approver", &message, &id).await;
        knock(town).body(door::alert("one")).send().await;
        knock(town).body(door::alert("one")).send().await;
        knock(town).body(door::alert("one")).secret("wrong").send().await;
        town.fault_for("create_message", "429:shared", 1, Some(1000));
        town.settle().await;
        town.advance(chrono::TimeDelta::seconds(2)).await;
        town.messages("machines");
        town.messages("alerts");
        insta::assert_snapshot!(scrape(town, &["signalbox_"]).await, @r#"
        signalbox_database_up 1
        signalbox_destinations 4
        signalbox_destinations_disabled 0
        signalbox_discord_rate_limited_total{scope="shared"} 1
        signalbox_event_visible_seconds_count 2
        signalbox_events_total{source="xtsystems",kind="alert.triggered",via="http"} 1
        signalbox_events_total{source="xtsystems",kind="machine.approved",via="http"} 1
        signalbox_events_total{source="xtsystems",kind="machine.registered",via="http"} 1
        signalbox_events_unplanned 0
        signalbox_gateway_connections_total{what="identified"} 1
        signalbox_lanes_leased 0
        signalbox_lanes_waiting 0
        signalbox_outbox_messages{state="dead"} 0
        signalbox_outbox_messages{state="queued"} 0
        signalbox_outbox_oldest_due_age_seconds 0
        signalbox_presses_total{feature="approval",outcome="done"} 1
        signalbox_presses_total{feature="approval",outcome="told"} 1
        signalbox_quarantined 0
        signalbox_send_seconds_count{action="create"} 3
        signalbox_send_seconds_count{action="edit"} 2
        signalbox_sends_total{action="create",verdict="done"} 2
        signalbox_sends_total{action="create",verdict="wait"} 1
        signalbox_sends_total{action="edit",verdict="done"} 2
        signalbox_sends{state="in_doubt"} 0
        signalbox_sends{state="open"} 0
        signalbox_sends{state="set_aside"} 0
        signalbox_sends{state="unresolved"} 0
        signalbox_source_last_event_age_seconds{source="xtsystems",guild_id="GUILD"} 2
        signalbox_upstream_call_seconds_count{upstream="xtsystems"} 3
        signalbox_upstream_calls_total{upstream="xtsystems",outcome="success"} 3
        signalbox_webhook_requests_total{source="xtsystems",outcome="accepted"} 3
        signalbox_webhook_requests_total{source="xtsystems",outcome="duplicate"} 1
        signalbox_webhook_requests_total{source="xtsystems",outcome="signature_refused"} 1
        "#);
    })
    .await;
}

#[tokio::test]
async fn what_waits_and_what_needs_somebody_is_shown() {
    run_with(measured(&[]), async |town| {
        town.machine("web-07").await;
        town.fault("create_message", "status:400", 1);
        town.send("alert.triggered", alert("refused for what it is")).await;
        town.fault("create_message", "status:500", 1);
        town.send("ticket.created", ticket("1", "open")).await;
        town.clock.advance(chrono::TimeDelta::seconds(40));
        town.messages("machines");
        insta::assert_snapshot!(scrape(town, &["signalbox_"]).await, @r#"
        signalbox_approvals_open{state="requested"} 1
        signalbox_database_up 1
        signalbox_destinations 4
        signalbox_destinations_disabled 0
        signalbox_event_visible_seconds_count 1
        signalbox_events_total{source="xtsystems",kind="alert.triggered",via="http"} 1
        signalbox_events_total{source="xtsystems",kind="machine.registered",via="http"} 1
        signalbox_events_total{source="xtsystems",kind="ticket.created",via="http"} 1
        signalbox_events_unplanned 0
        signalbox_gateway_connections_total{what="identified"} 1
        signalbox_lanes_leased 0
        signalbox_lanes_waiting 0
        signalbox_outbox_messages{state="dead"} 1
        signalbox_outbox_messages{state="queued"} 0
        signalbox_outbox_oldest_due_age_seconds 40
        signalbox_quarantined 0
        signalbox_send_seconds_count{action="create"} 3
        signalbox_sends_total{action="create",verdict="done"} 1
        signalbox_sends_total{action="create",verdict="rejected"} 1
        signalbox_sends_total{action="create",verdict="unknown"} 1
        signalbox_sends{state="in_doubt"} 0
        signalbox_sends{state="open"} 1
        signalbox_sends{state="set_aside"} 0
        signalbox_sends{state="unresolved"} 0
        signalbox_source_last_event_age_seconds{source="xtsystems",guild_id="GUILD"} 40
        signalbox_upstream_call_seconds_count{upstream="xtsystems"} 4
        signalbox_upstream_calls_total{upstream="xtsystems",outcome="success"} 4
        signalbox_webhook_requests_total{source="xtsystems",outcome="accepted"} 3
        "#);
    })
    .await;
}

#[tokio::test]
async fn without_the_database_the_counters_are_still_told() {
    let mut postgres = tokio::task::spawn_blocking(servers::private_postgres).await.unwrap();
    let setup = Setup { database_url: Some(postgres.url.clone()), ..measured(&[]) };
    run_with(setup, async |town| {
        town.send("alert.triggered", alert("one")).await;
        town.messages("alerts");
        postgres.stop();
        insta::assert_snapshot!(scrape(town, &["signalbox_database", "signalbox_events", "signalbox_outbox"]).await, @r#"
        signalbox_database_up 0
        signalbox_events_total{source="xtsystems",kind="alert.triggered",via="http"} 1
        "#);
        postgres.start();
        insta::assert_snapshot!(scrape(town, &["signalbox_database", "signalbox_outbox"]).await, @r#"
        signalbox_database_up 1
        signalbox_outbox_messages{state="dead"} 0
        signalbox_outbox_messages{state="queued"} 0
        signalbox_outbox_oldest_due_age_seconds 0
        "#);
    })
    .await;
}

#[tokio::test]
async fn only_those_may_read_who_are_meant_to() {
    run_with(measured(&[("METRICS_ALLOWED_NETWORKS", "10.0.0.0/8")]), async |town| {
        assert_eq!(page(town).send().await.unwrap().status(), 403);
    })
    .await;
    let setup = measured(&[("METRICS_USERNAME", "prometheus"), ("METRICS_PASSWORD", "open sesame")]);
    run_with(setup, async |town| {
        assert_eq!(page(town).send().await.unwrap().status(), 401);
        assert_eq!(page(town).basic_auth("prometheus", Some("guess")).send().await.unwrap().status(), 401);
        assert_eq!(page(town).basic_auth("prometheus", Some("open sesame")).send().await.unwrap().status(), 200);
    })
    .await;
}

#[tokio::test]
async fn nothing_listens_unless_it_is_asked_for() {
    run(async |town| {
        assert_eq!(town.app.metrics_address, None);
        let answer = town.http.get(format!("http://{}/metrics", town.app.address)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "the web server of the webhooks does not have it");
    })
    .await;
}

#[tokio::test]
async fn requests_to_the_api_are_counted_by_their_kind_alone() {
    run_with(measured(&[]), async |town| {
        let key = any_key(town).await;
        for what in
            ["GET /events", "GET /events?limit=0", "GET /routes/nothing", "GET /nowhere", "POST /routes/7/pause"]
        {
            ask(town, &key, what).send().await;
        }
        ask(town, "", "PUT /events").send().await;
        insta::assert_snapshot!(scrape(town, &["signalbox_api"]).await, @r#"
        signalbox_api_requests_total{method="GET",route="/api/v1/events",class="2xx"} 1
        signalbox_api_requests_total{method="GET",route="/api/v1/events",class="4xx"} 1
        signalbox_api_requests_total{method="GET",route="/api/v1/routes/{id}",class="4xx"} 1
        signalbox_api_requests_total{method="GET",route="other",class="4xx"} 1
        signalbox_api_requests_total{method="POST",route="/api/v1/routes/{id}/pause",class="4xx"} 1
        signalbox_api_requests_total{method="PUT",route="/api/v1/events",class="4xx"} 1
        "#);
    })
    .await;
}

/// Whatever a sender invents, the page does not grow with it.
#[tokio::test]
async fn labels_have_bounds() {
    run_with(measured(&[]), async |town| {
        for n in 0..20 {
            town.send(&format!("invented.kind{n}"), json!({ "id": n })).await;
        }
        for channel in town.discord.state()["channels"].as_array().unwrap() {
            town.messages(channel["name"].as_str().unwrap());
        }
        insta::assert_snapshot!(scrape(town, &["signalbox_events_total"]).await, @r#"signalbox_events_total{source="xtsystems",kind="other",via="http"} 20"#);
    })
    .await;
}
