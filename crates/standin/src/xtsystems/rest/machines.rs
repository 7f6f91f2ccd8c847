//! `/v1/machine/…` and the machines of a company.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{super::triggers::Refused, parse};
use crate::xtsystems::{COMPANY_ID, KEY_OWNER, Machine, XtSystems};

pub(super) fn routes() -> Router<XtSystems> {
    Router::new()
        .route("/v1/machine/register", post(register))
        .route("/v1/machine/approve", post(approve))
        .route("/v1/machine/deny", post(deny))
        .route("/v1/machine/status", get(status))
        .route("/v1/companies/{id}/machines", get(of_company))
}

#[derive(Deserialize)]
struct Registration {
    company_id: String,
    hostname: String,
    #[serde(default)]
    device_data: Value,
}

/// `allow_machine` may come as a query; it changes nothing that a bot could see.
#[derive(Deserialize)]
struct Decision {
    asset_id: String,
    company_id: String,
}

#[derive(Deserialize)]
struct Filter {
    status: Option<String>,
    asset_id: Option<String>,
}

async fn register(State(xt): State<XtSystems>, body: Bytes) -> Result<Json<Value>, Refused> {
    let wanted: Registration = parse(&body)?;
    own_company(&wanted.company_id)?;
    let text = |key: &str| wanted.device_data[key].as_str().unwrap_or("unknown").to_owned();
    let (machine, event) = xt.registered(&wanted.hostname, &text("ip_address"), &text("operating_system"));
    xt.send_soon(event.0, event.1);
    Ok(Json(json!({"asset_id": machine.asset_id, "status": machine.status})))
}

async fn approve(State(xt): State<XtSystems>, body: Bytes) -> Result<Json<Value>, Refused> {
    decide(&xt, &body, true)
}

async fn deny(State(xt): State<XtSystems>, body: Bytes) -> Result<Json<Value>, Refused> {
    decide(&xt, &body, false)
}

fn decide(xt: &XtSystems, body: &Bytes, approve: bool) -> Result<Json<Value>, Refused> {
    let wanted: Decision = parse(body)?;
    // Whoever signs events with the shared secret speaks for the platform: a machine that was announced that
    // way exists for it, though nobody registered it here.
    xt.adopt(&wanted.asset_id, &wanted.company_id);
    let (machine, event) = xt.decided(&wanted.asset_id, approve, KEY_OWNER)?;
    if let Some(event) = event {
        xt.send_soon(event.0, event.1);
    }
    Ok(Json(json!({"success": true, "asset_id": machine.asset_id, "status": machine.status})))
}

async fn status(State(xt): State<XtSystems>, Query(filter): Query<Filter>) -> Result<Json<Machine>, Refused> {
    let machines = xt.machines();
    let found = machines.into_iter().find(|m| Some(&m.asset_id) == filter.asset_id.as_ref());
    found.map(Json).ok_or(Refused::NotFound("Machine not found"))
}

async fn of_company(
    State(xt): State<XtSystems>,
    Path(id): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Json<Vec<Machine>>, Refused> {
    own_company(&id)?;
    let mut machines = xt.machines();
    machines.retain(|m| filter.status.as_ref().is_none_or(|wanted| *wanted == m.status));
    Ok(Json(machines))
}

fn own_company(id: &str) -> Result<(), Refused> {
    if id == COMPANY_ID { Ok(()) } else { Err(Refused::NotFound("Company not found")) }
}
