//! Components as a person uses them: finding one in a message, filling a modal.

use serde_json::{Map, Value, json};

/// The component with this custom id, however deep.
pub fn find<'v>(components: &'v Value, custom_id: &str) -> Option<&'v Value> {
    let all = components.as_array()?;
    all.iter().find_map(|one| {
        let own = one["custom_id"] == custom_id;
        let accessory = &one["accessory"];
        if own {
            return Some(one);
        }
        if accessory["custom_id"] == custom_id {
            return Some(accessory);
        }
        find(&one["components"], custom_id)
    })
}

pub fn custom_ids(components: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for one in components.as_array().into_iter().flatten() {
        for at in [one, &one["accessory"], &one["component"]] {
            found.extend(at["custom_id"].as_str().map(str::to_owned));
        }
        found.extend(custom_ids(&one["components"]));
    }
    found
}

/// The value of a string select's option, given its value or its label.
pub fn option(select: &Value, text: &str) -> Result<String, String> {
    let options = select["options"].as_array().into_iter().flatten();
    let options: Vec<&Value> = options.collect();
    let chosen = options.iter().find(|o| o["value"] == text || o["label"] == text);
    let chosen = chosen.and_then(|o| o["value"].as_str()).map(str::to_owned);
    chosen.ok_or_else(|| {
        let known: Vec<&Value> = options.iter().map(|o| &o["value"]).collect();
        format!("{text:?} is not an option; there are {}", json!(known))
    })
}

/// What a submitted modal carries, shaped as it was opened: rows with text inputs, or labels with a component.
pub fn filled(modal: &Value, values: &Map<String, Value>) -> Result<Vec<Value>, String> {
    let known = custom_ids(&modal["components"]);
    if let Some(stranger) = values.keys().find(|key| !known.contains(*key)) {
        return Err(format!("the modal has no field {stranger:?}; it has {known:?}"));
    }
    let mut filled = Vec::new();
    for (n, top) in modal["components"].as_array().into_iter().flatten().enumerate() {
        let id = top["id"].as_u64().unwrap_or(u64::try_from(n).unwrap_or(0) * 2 + 1);
        match top["type"].as_u64() {
            Some(18) => {
                let one = fill(&top["component"], values)?;
                filled.push(json!({"type": 18, "id": id, "component": one}));
            }
            Some(1) => {
                let inner = top["components"].as_array().into_iter().flatten();
                let inner: Result<Vec<Value>, String> = inner.map(|one| fill(one, values)).collect();
                filled.push(json!({"type": 1, "id": id, "components": inner?}));
            }
            _ => filled.push(json!({"type": top["type"], "id": id})),
        }
    }
    Ok(filled)
}

fn fill(input: &Value, values: &Map<String, Value>) -> Result<Value, String> {
    let key = input["custom_id"].as_str().unwrap_or_default().to_owned();
    let given = values.get(&key);
    let required = input["required"] != false;
    if input["type"] != 4 {
        let list = match given {
            Some(Value::Array(list)) => list.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        if list.is_empty() && required {
            return Err(format!("the field {key:?} is required"));
        }
        return Ok(
            json!({"type": input["type"], "id": input["id"].as_u64().unwrap_or(2), "custom_id": key, "values": list}),
        );
    }
    // Not given at all: what the field was opened with.
    let text = match given {
        Some(Value::String(text)) => text.clone(),
        Some(other) => return Err(format!("the field {key:?} must be a text, not {other}")),
        None => input["value"].as_str().unwrap_or_default().to_owned(),
    };
    let len = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    if text.is_empty() && required {
        return Err(format!("the field {key:?} is required"));
    }
    if let Some(min) = input["min_length"].as_u64().filter(|min| len < *min && len > 0) {
        return Err(format!("the field {key:?} needs at least {min} characters"));
    }
    if let Some(max) = input["max_length"].as_u64().or(Some(4000)).filter(|max| len > *max) {
        return Err(format!("the field {key:?} takes at most {max} characters"));
    }
    Ok(json!({"type": 4, "id": input["id"].as_u64().unwrap_or(2), "custom_id": key, "value": text}))
}
