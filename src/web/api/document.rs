//! The OpenAPI document: what the handlers say of themselves, and what every route answers.

use serde_json::{Map, Value, json};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::problem::{FieldError, MEDIA_TYPE, Problem};
use super::{BASE, text};

/// Names of the two ways to show a key.
pub const BEARER: &str = "bearer";
pub const HEADER: &str = "header";

/// The whole document from that of the resources.
pub fn json(resources: OpenApi) -> String {
    let info = InfoBuilder::new()
        .title(text::API_TITLE)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(text::api_description()));
    let mut document = OpenApiBuilder::new().info(info).build().nest(BASE, resources);
    add_components(document.components.get_or_insert_default());
    let mut value = serde_json::to_value(&document).unwrap_or_default();
    let paths = value.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut().filter(|_| method != "parameters") {
                name(path, operation);
                complete(method, operation);
            }
        }
    }
    format!("{value:#}\n")
}

fn add_components(components: &mut Components) {
    components.schemas.insert(Problem::name().into(), Problem::schema());
    components.schemas.insert(FieldError::name().into(), FieldError::schema());
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    components.add_security_scheme(HEADER, SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))));
}

/// Names an operation by its resource and its handler: `events_list`.
fn name(path: &str, operation: &mut Map<String, Value>) {
    let resource = path.trim_start_matches(BASE).split('/').find(|part| !part.is_empty()).unwrap_or_default();
    let handler = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
    operation.insert("operationId".to_owned(), format!("{resource}_{handler}").into());
}

/// Adds what the layers around every handler ask for and answer.
fn complete(method: &str, operation: &mut Map<String, Value>) {
    let writes = method != "get";
    let has_body = operation.contains_key("requestBody");
    let has_id = has_path_parameter(operation);
    if writes {
        let parameter = json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The request is carried out once in 24 hours, however often it is sent with this key.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
        });
        add_parameter(operation, parameter);
    }
    let answers = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(answers) = answers.as_object_mut() else { return };
    let mut add = |status: &str, title: &str| {
        let content = json!({ MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } });
        let answer = answers.entry(status).or_insert_with(|| json!({ "description": title }));
        answer["content"] = content;
    };
    for (status, title) in [
        ("400", text::INVALID),
        ("401", text::UNAUTHORIZED),
        ("403", text::FORBIDDEN),
        ("429", text::TOO_MANY),
        ("500", text::FAILED),
        ("503", text::UNAVAILABLE),
    ] {
        add(status, title);
    }
    if has_id {
        add("404", text::NOT_FOUND);
    }
    if has_body {
        add("413", text::TOO_LARGE);
        add("415", text::NOT_JSON);
    }
    if writes {
        add("409", text::CONFLICT);
        add("413", text::TOO_LARGE);
        add("422", text::KEY_REUSED);
    }
}

fn has_path_parameter(operation: &Map<String, Value>) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters.is_some_and(|all| all.iter().any(|parameter| parameter["in"] == "path"))
}

fn add_parameter(operation: &mut Map<String, Value>, parameter: Value) {
    if let Value::Array(all) = operation.entry("parameters").or_insert_with(|| json!([])) {
        all.push(parameter);
    }
}
