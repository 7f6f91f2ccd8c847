//! The control face: what people, machines and bad days do to the platform, by HTTP. No key; loopback only.
//!
//! - `POST …/send` `{"event_type","data"}` or `{"do":"register_machine"|"open_ticket"|"update_ticket"|"close_ticket"|"alert"|
//!   "decide"|"resend"|"offline"|"lost"}` with the fields of `Deed`; fields that are left out get plausible values. Answers
//!   `{"deliveries":[…]}` plus the thing, or `{"pending":true}` when the receiver takes longer than 5 s.
//! - `POST …/mode` `{"mode":"ok"|"refuse"|"status"|"timeout"|"already_decided"|"effect_then_status"|"effect_then_hang",
//!   "where":"approve"|"deny"|"webhooks"|"deliveries"|"tickets"|"any","times":n}`
//! - `GET …/state` machines, tickets, webhooks (without secrets), the last 500 deliveries and calls, modes.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Delivery, Mode, TicketChange, Webhook, XtSystems, catalogue, lock, triggers::Refused};

const PATIENCE: Duration = Duration::from_secs(5);
/// How many calls and deliveries `state` shows.
const SHOWN: usize = 500;

/// The platform's own origin: `/_standin/{send,mode,state}`.
pub(super) fn own_router(xt: XtSystems) -> Router {
    Router::new()
        .route("/_standin/send", post(send))
        .route("/_standin/mode", post(mode))
        .route("/_standin/state", get(state))
        .with_state(xt)
}

/// For a page of another origin, to be nested under `/_standin`: `/xt/{send,mode,state}`.
pub(super) fn panel_router(xt: XtSystems) -> Router {
    Router::new()
        .route("/xt/send", post(send))
        .route("/xt/mode", post(mode))
        .route("/xt/state", get(state))
        .with_state(xt)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Order {
    Deed(Deed),
    Event { event_type: String, data: Value },
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Deed {
    RegisterMachine {
        hostname: Option<String>,
        ip: Option<String>,
        os: Option<String>,
    },
    OpenTicket(Box<TicketChange>),
    /// Without `id`: the newest ticket that is not closed.
    UpdateTicket {
        id: Option<String>,
        #[serde(flatten)]
        change: Box<TicketChange>,
    },
    CloseTicket {
        id: Option<String>,
        resolution: Option<String>,
    },
    Alert {
        alert_type: Option<String>,
        severity: Option<String>,
        source: Option<String>,
        message: Option<String>,
        details: Option<String>,
    },
    /// Without `asset_id`: the newest pending machine.
    Decide {
        asset_id: Option<String>,
        approve: bool,
        who: Option<String>,
    },
    /// A duplicate of a logged delivery; without `id`: of the newest.
    Resend {
        id: Option<String>,
    },
    /// From now on everything is logged as given up and nothing is sent, or sent again.
    Offline {
        on: bool,
    },
    /// One event is logged as given up.
    Lost {
        event_type: String,
        data: Value,
    },
}

async fn send(State(xt): State<XtSystems>, Json(order): Json<Order>) -> Response {
    match act(&xt, order).await {
        Ok(answer) => Json(answer).into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn mode(State(xt): State<XtSystems>, Json(mode): Json<Mode>) -> Json<Value> {
    xt.mode(mode);
    Json(json!({"modes": lock(&xt.inner.modes).list()}))
}

async fn state(State(xt): State<XtSystems>) -> Json<Value> {
    let webhooks: Vec<Value> = xt.webhooks().iter().map(masked).collect();
    Json(json!({
        "machines": xt.machines(), "tickets": xt.tickets(), "webhooks": webhooks,
        "deliveries": newest(xt.deliveries()), "calls": newest(xt.calls()), "modes": lock(&xt.inner.modes).list(),
        "offline": xt.is_offline(), "statuses": catalogue::STATUSES, "priorities": catalogue::PRIORITIES,
        "events": catalogue::EVENTS,
    }))
}

/// The last ones, oldest first.
fn newest<T>(mut all: Vec<T>) -> Vec<T> {
    all.split_off(all.len().saturating_sub(SHOWN))
}

fn masked(webhook: &Webhook) -> Value {
    let mut view = webhook.view();
    view["secret"] = webhook.secret.as_ref().map_or(Value::Null, |_| json!("***"));
    view
}

async fn act(xt: &XtSystems, order: Order) -> Result<Value, Refused> {
    let deed = match order {
        Order::Event { event_type, data } => {
            return Ok(patiently(xt, &event_type, data).await);
        }
        Order::Deed(deed) => deed,
    };
    match deed {
        Deed::RegisterMachine { hostname, ip, os } => {
            let hostname = hostname.unwrap_or_else(|| new_hostname(xt));
            let ip = ip.unwrap_or_else(|| format!("192.168.20.{}", 10 + xt.machines().len() % 240));
            let (machine, event) = xt.registered(&hostname, &ip, os.as_deref().unwrap_or("Windows 11 Pro"));
            Ok(with(patiently(xt, event.0, event.1).await, "machine", json!(machine)))
        }
        Deed::OpenTicket(mut change) => {
            change.title.get_or_insert_with(|| "Printer on floor 2 is offline".to_owned());
            change.created_by.get_or_insert_with(|| "ada@signal-town.example".to_owned());
            let (ticket, event) = xt.ticket_opened(*change)?;
            Ok(with(patiently(xt, event.0, event.1).await, "ticket", json!(ticket)))
        }
        Deed::UpdateTicket { id, mut change } => {
            let id = id.map_or_else(|| newest_open(xt), Ok)?;
            change.updated_by.get_or_insert_with(|| "grace@signal-town.example".to_owned());
            let (ticket, event) = xt.ticket_changed(&id, *change)?;
            Ok(with(patiently(xt, event.0, event.1).await, "ticket", json!(ticket)))
        }
        Deed::CloseTicket { id, resolution } => {
            let id = id.map_or_else(|| newest_open(xt), Ok)?;
            let change = TicketChange {
                status: Some("Closed".to_owned()),
                resolution: Some(resolution.unwrap_or_else(|| "Fixed".to_owned())),
                updated_by: Some("grace@signal-town.example".to_owned()),
                ..TicketChange::default()
            };
            let (ticket, event) = xt.ticket_changed(&id, change)?;
            Ok(with(patiently(xt, event.0, event.1).await, "ticket", json!(ticket)))
        }
        Deed::Alert { alert_type, severity, source, message, details } => {
            let or = |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_owned());
            let data = json!({
                "id": super::world::new_id(),
                "alert_type": or(alert_type, "disk"),
                "severity": or(severity, "critical"),
                "source": or(source, "SRV-FILES-01"),
                "message": or(message, "Disk D: 96 % full"),
                "details": or(details, "14 GB of 400 GB are free"),
            });
            Ok(patiently(xt, "alert.triggered", data).await)
        }
        Deed::Decide { asset_id, approve, who } => {
            let asset_id = asset_id.map_or_else(|| newest_pending(xt), Ok)?;
            let who = who.as_deref().unwrap_or("grace@signal-town.example");
            let (machine, event) = xt.decided(&asset_id, approve, who)?;
            let sent = match event {
                Some(event) => patiently(xt, event.0, event.1).await,
                None => json!({"deliveries": []}),
            };
            Ok(with(sent, "machine", json!(machine)))
        }
        Deed::Resend { id } => {
            let newest = || xt.deliveries().last().map(|d| d.id.clone());
            let id = id.or_else(newest).ok_or(Refused::NotFound("Delivery not found"))?;
            let again = xt.resend(&id).await.ok_or(Refused::NotFound("Delivery not found"))?;
            Ok(json!({"deliveries": [again]}))
        }
        Deed::Offline { on } => {
            xt.offline(on);
            Ok(json!({"offline": on}))
        }
        Deed::Lost { event_type, data } => {
            let lost: Vec<Delivery> = xt.trigger_offline(&event_type, data).await;
            Ok(json!({"deliveries": lost}))
        }
    }
}

/// Sends and waits for the outcome, but not longer than a person would.
async fn patiently(xt: &XtSystems, event_type: &str, data: Value) -> Value {
    let sending = xt.send_soon(event_type, data);
    match tokio::time::timeout(PATIENCE, sending).await {
        Ok(Ok(deliveries)) => json!({"deliveries": deliveries}),
        _ => json!({"pending": true}),
    }
}

fn newest_open(xt: &XtSystems) -> Result<String, Refused> {
    let closed = |status: &str| catalogue::STATUSES.iter().any(|s| s.is_closed && s.name == status);
    let tickets = xt.tickets();
    let newest = tickets.iter().rev().find(|t| !closed(&t.status));
    newest.map(|t| t.id.clone()).ok_or(Refused::NotFound("There is no open ticket"))
}

fn newest_pending(xt: &XtSystems) -> Result<String, Refused> {
    let machines = xt.machines();
    let newest = machines.iter().rev().find(|m| m.status == "pending");
    newest.map(|m| m.asset_id.clone()).ok_or(Refused::NotFound("No machine waits for a decision"))
}

fn new_hostname(xt: &XtSystems) -> String {
    format!("DESKTOP-{:03}", xt.machines().len() + 1)
}

fn with(mut answer: Value, key: &str, thing: Value) -> Value {
    answer[key] = thing;
    answer
}
