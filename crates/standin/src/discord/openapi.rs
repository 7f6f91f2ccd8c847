//! Discord's own description of its API as a second judge of request bodies.
//!
//! It misses rules (see `check.rs`) and is wrong in places: "follow the docs, not the spec", says its README.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use super::hub::lock;

pub struct OpenApi {
    document: Value,
    /// Built when first needed, by method and path template.
    built: Mutex<HashMap<String, Option<Arc<Validator>>>>,
}

impl OpenApi {
    pub fn load(path: &Path) -> Result<OpenApi> {
        let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let document = serde_json::from_slice(&bytes).context("parse Discord's API description")?;
        let built = Mutex::default();
        Ok(OpenApi { document, built })
    }

    /// What is wrong with the body by the description; `path` is without `/api` and version.
    pub fn problems(&self, method: &str, path: &str, body: &Value) -> Vec<String> {
        let Some(template) = self.template(method, path) else {
            return Vec::new();
        };
        let Some(validator) = self.validator(method, &template) else {
            return Vec::new();
        };
        let body = tolerated(body.clone());
        let errors = validator.iter_errors(&body);
        errors.map(|e| format!("{} at {}", e, e.instance_path())).take(5).collect()
    }

    /// The description's template that fits the path best: the one with the fewest placeholders.
    fn template(&self, method: &str, path: &str) -> Option<String> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let paths = self.document["paths"].as_object()?;
        let fits = paths.iter().filter(|(template, operations)| {
            let wanted: Vec<&str> = template.trim_matches('/').split('/').collect();
            operations.get(method.to_lowercase()).is_some()
                && wanted.len() == parts.len()
                && wanted.iter().zip(&parts).all(|(t, p)| t.starts_with('{') || t == p)
        });
        fits.map(|(template, _)| template).min_by_key(|t| t.matches('{').count()).cloned()
    }

    fn validator(&self, method: &str, template: &str) -> Option<Arc<Validator>> {
        let mut built = lock(&self.built);
        let key = format!("{method} {template}");
        let validator = built.entry(key).or_insert_with(|| {
            let operation = &self.document["paths"][template][method.to_lowercase()];
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if schema.is_null() {
                return None;
            }
            // The components beside the body's schema, so that `#/components/schemas/…` resolves.
            let mut root = schema.clone();
            root["components"] = self.document["components"].clone();
            let options = jsonschema::options().with_draft(Draft::Draft202012);
            match options.build(&root) {
                Ok(validator) => Some(Arc::new(validator)),
                Err(error) => {
                    tracing::error!("no validator for {method} {template}: {error}");
                    None
                }
            }
        });
        validator.clone()
    }
}

/// Known faults of the description: `default_member_permissions` is documented (and sent) as a string, it says integer;
/// the id of a new attachment is documented as its index, it says snowflake.
fn tolerated(mut body: Value) -> Value {
    match &mut body {
        Value::Array(commands) => commands.iter_mut().for_each(tolerate),
        Value::Object(_) => tolerate(&mut body),
        _ => {}
    }
    body
}

fn tolerate(one: &mut Value) {
    let bits = one.get("default_member_permissions").and_then(Value::as_str);
    if let Some(bits) = bits.and_then(|b| b.parse::<u64>().ok()) {
        one["default_member_permissions"] = json!(bits);
    }
    for path in ["/attachments", "/data/attachments", "/message/attachments"] {
        let list = one.pointer_mut(path).and_then(Value::as_array_mut);
        for attachment in list.into_iter().flatten() {
            if attachment["id"].is_u64() {
                attachment["id"] = json!(attachment["id"].to_string());
            }
        }
    }
}
