//! Components of messages and modals: rows, buttons, selects, text inputs, and the second generation.
//!
//! <https://discord.com/developers/docs/components/reference>

use serde_json::Value;

use crate::discord::refusal::{Problems, Refusal};

/// Components of a message. `v2`: the message has the IS_COMPONENTS_V2 flag.
pub fn check_components(components: &Value, v2: bool, p: &mut Problems) {
    let list = match components {
        Value::Null => return,
        Value::Array(list) => list,
        _ => {
            return p.at("components", |p| {
                p.add("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
            });
        }
    };
    let mut seen = Vec::new();
    p.at("components", |p| {
        if v2 {
            // "Up to 40 total components" (nested ones included), text displays 4000 characters in all.
            let (count, text) = list.iter().fold((0, 0), |(c, t), one| {
                let (count, text) = weigh(one);
                (c + count, t + text)
            });
            if count > 40 {
                let text = "Components in a message must be 40 or fewer";
                p.add("COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", text);
            }
            if text > 4000 {
                let text = "The total text length must be 4000 or fewer";
                p.add("COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", text);
            }
        } else if list.len() > 5 {
            // "you can have up to 5 action rows per message" (legacy message component behaviour).
            p.length(list.len(), 0, 5);
        }
        for (n, one) in list.iter().enumerate() {
            p.at(n, |p| check_top(one, v2, &mut seen, p));
        }
    });
}

fn check_top(one: &Value, v2: bool, seen: &mut Vec<String>, p: &mut Problems) {
    match (kind(one), v2) {
        (1, _) => check_row(one, seen, p),
        (9, true) => {
            let texts = one["components"].as_array().map_or(0, Vec::len);
            p.at("components", |p| p.length(texts, 1, 3));
            if one["accessory"].is_null() {
                p.at("accessory", Problems::required);
            } else if kind(&one["accessory"]) == 2 {
                p.at("accessory", |p| check_button(&one["accessory"], seen, p));
            }
        }
        (10, true) => p.required_text(one, "content", 4000),
        (12, true) => {
            let items = one["items"].as_array().map_or(0, Vec::len);
            p.at("items", |p| p.length(items, 1, 10));
        }
        (13 | 14, true) => {}
        (17, true) => {
            let inner = one["components"].as_array().map_or(&[][..], Vec::as_slice);
            p.at("components", |p| {
                for (n, one) in inner.iter().enumerate() {
                    p.at(n, |p| check_top(one, true, seen, p));
                }
            });
        }
        (_, _) => p.at("type", |p| {
            let allowed = if v2 { "(1, 9, 10, 12, 13, 14, 17)" } else { "(1,)" };
            p.add("BASE_TYPE_CHOICES", format!("Value must be one of {allowed}."));
        }),
    }
}

/// "up to 5 contextually grouped buttons, or a single select".
fn check_row(row: &Value, seen: &mut Vec<String>, p: &mut Problems) {
    let inner = row["components"].as_array().map_or(&[][..], Vec::as_slice);
    p.at("components", |p| {
        p.length(inner.len(), 1, 5);
        let selects = inner.iter().filter(|c| is_select(c)).count();
        if selects > 0 && inner.len() > 1 {
            let text = "A select menu must be the only component of its row";
            p.add("COMPONENT_LAYOUT_WIDTH_EXCEEDED", text);
        }
        for (n, one) in inner.iter().enumerate() {
            p.at(n, |p| match kind(one) {
                2 => check_button(one, seen, p),
                3 | 5..=8 => check_select(one, seen, p),
                _ => p.at("type", |p| {
                    let text = "Value must be one of (2, 3, 5, 6, 7, 8).";
                    p.add("BASE_TYPE_CHOICES", text);
                }),
            });
        }
    });
}

/// <https://discord.com/developers/docs/components/reference#button>
fn check_button(button: &Value, seen: &mut Vec<String>, p: &mut Problems) {
    p.text(button, "label", 0, 80);
    let style = button["style"].as_u64();
    match style {
        None => p.at("style", Problems::required),
        Some(5) => {
            match button["url"].as_str() {
                None | Some("") => p.at("url", Problems::required),
                Some(url) => {
                    p.at("url", |p| p.length(url.chars().count(), 0, 512));
                    let known = ["http://", "https://", "discord://"];
                    if !known.iter().any(|scheme| url.starts_with(scheme)) {
                        let text = "Scheme must be one of ('http', 'https', 'discord').";
                        p.at("url", |p| p.add("URL_TYPE_INVALID_SCHEME", text));
                    }
                }
            }
            if !button["custom_id"].is_null() {
                let text = "A custom id and url cannot both be specified";
                p.at("custom_id", |p| p.add("BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", text));
            }
        }
        Some(6) => {
            if button["sku_id"].is_null() {
                p.at("sku_id", Problems::required);
            }
        }
        Some(1..=4) => {
            check_custom_id(button, seen, p);
            if !button["url"].is_null() {
                let text = "A custom id and url cannot both be specified";
                p.at("url", |p| p.add("BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", text));
            }
        }
        Some(_) => p.at("style", |p| {
            p.add("BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3, 4, 5, 6).");
        }),
    }
    let labelled = button["label"].as_str().is_some_and(|l| !l.trim().is_empty());
    if !labelled && button["emoji"].is_null() && style != Some(6) {
        p.at("label", |p| {
            p.add("BUTTON_COMPONENT_INVALID_LABEL", "A button must have a label or an emoji");
        });
    }
}

/// <https://discord.com/developers/docs/components/reference#string-select>
fn check_select(select: &Value, seen: &mut Vec<String>, p: &mut Problems) {
    check_custom_id(select, seen, p);
    p.text(select, "placeholder", 0, 150);
    let min = select["min_values"].as_u64().unwrap_or(1);
    let max = select["max_values"].as_u64().unwrap_or(1);
    if min > 25 {
        p.at("min_values", |p| p.add("NUMBER_TYPE_MAX", "int value should be less than or equal to 25."));
    }
    if max > 25 || max == 0 {
        p.at("max_values", |p| p.add("NUMBER_TYPE_MAX", "int value should be between 1 and 25."));
    }
    if min > max {
        p.at("min_values", |p| {
            p.add("SELECT_COMPONENT_INVALID_MIN_VALUES", "min_values must not exceed max_values");
        });
    }
    if kind(select) != 3 {
        return;
    }
    let options = select["options"].as_array().map_or(&[][..], Vec::as_slice);
    let mut values = Vec::new();
    p.at("options", |p| {
        p.length(options.len(), 1, 25);
        for (n, option) in options.iter().enumerate() {
            p.at(n, |p| {
                p.required_text(option, "label", 100);
                p.required_text(option, "value", 100);
                p.text(option, "description", 0, 100);
                if values.contains(&&option["value"]) {
                    let text = "The specified option value is already used";
                    p.at("value", |p| p.add("SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", text));
                }
            });
            values.push(&option["value"]);
        }
    });
    if max > 1 && usize::try_from(max).is_ok_and(|max| max > options.len()) {
        p.at("max_values", |p| {
            p.add("SELECT_COMPONENT_INVALID_MAX_VALUES", "max_values exceeds the number of options");
        });
    }
}

/// "1-100 characters" and "must be unique per component": custom id section of the reference.
fn check_custom_id(one: &Value, seen: &mut Vec<String>, p: &mut Problems) {
    p.required_text(one, "custom_id", 100);
    let Some(id) = one["custom_id"].as_str() else {
        return;
    };
    if seen.iter().any(|other| other == id) {
        p.at("custom_id", |p| {
            p.add("COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated");
        });
    }
    seen.push(id.to_owned());
}

/// <https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-modal>
pub fn check_modal(data: &Value) -> Result<(), Refusal> {
    let mut problems = Problems::new();
    let mut seen = Vec::new();
    problems.at("data", |p| {
        p.required_text(data, "custom_id", 100);
        p.required_text(data, "title", 45);
        let list = data["components"].as_array().map_or(&[][..], Vec::as_slice);
        p.at("components", |p| {
            p.length(list.len(), 1, 5);
            for (n, one) in list.iter().enumerate() {
                p.at(n, |p| match kind(one) {
                    1 => p.at("components", |p| {
                        let inner = one["components"].as_array().map_or(&[][..], Vec::as_slice);
                        p.length(inner.len(), 1, 1);
                        for (n, input) in inner.iter().enumerate() {
                            p.at(n, |p| {
                                p.required_text(input, "label", 45);
                                check_input(input, &mut seen, p);
                            });
                        }
                    }),
                    18 => {
                        p.required_text(one, "label", 45);
                        p.text(one, "description", 0, 100);
                        p.at("component", |p| match kind(&one["component"]) {
                            4 => check_input(&one["component"], &mut seen, p),
                            _ => check_select(&one["component"], &mut seen, p),
                        });
                    }
                    10 => p.required_text(one, "content", 4000),
                    _ => p.at("type", |p| {
                        p.add("BASE_TYPE_CHOICES", "Value must be one of (1, 10, 18).");
                    }),
                });
            }
        });
    });
    problems.into_result()
}

/// <https://discord.com/developers/docs/components/reference#text-input>
fn check_input(input: &Value, seen: &mut Vec<String>, p: &mut Problems) {
    if kind(input) != 4 {
        return p.at("type", |p| p.add("BASE_TYPE_CHOICES", "Value must be one of (4,)."));
    }
    check_custom_id(input, seen, p);
    p.text(input, "placeholder", 0, 100);
    p.text(input, "value", 0, 4000);
    if !matches!(input["style"].as_u64(), Some(1 | 2)) {
        p.at("style", |p| p.add("BASE_TYPE_CHOICES", "Value must be one of (1, 2)."));
    }
    let min = input["min_length"].as_u64().unwrap_or(0);
    let max = input["max_length"].as_u64().unwrap_or(4000);
    if min > 4000 {
        p.at("min_length", |p| p.add("NUMBER_TYPE_MAX", "int value should be less than or equal to 4000."));
    }
    if max > 4000 || max == 0 || min > max {
        p.at("max_length", |p| p.add("NUMBER_TYPE_MAX", "int value should be between 1 and 4000."));
    }
}

/// Whether something in it can be pressed or chosen (anything but link buttons).
pub fn has_interactive(components: &Value) -> bool {
    let list = components.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().any(|one| match kind(one) {
        2 => one["style"] != 5,
        3 | 5..=8 => true,
        _ => has_interactive(&one["components"]) || kind(&one["accessory"]) == 2 && one["accessory"]["style"] != 5,
    })
}

/// Components and characters of text in it, nested ones included.
fn weigh(one: &Value) -> (usize, usize) {
    let own = match kind(one) {
        10 => one["content"].as_str().map_or(0, |t| t.chars().count()),
        _ => 0,
    };
    let inner = one["components"].as_array().map_or(&[][..], Vec::as_slice);
    let accessory = one.get("accessory").into_iter();
    inner.iter().chain(accessory).fold((1, own), |(c, t), one| {
        let (count, text) = weigh(one);
        (c + count, t + text)
    })
}

fn kind(one: &Value) -> u64 {
    one["type"].as_u64().unwrap_or(0)
}

fn is_select(one: &Value) -> bool {
    matches!(kind(one), 3 | 5..=8)
}
