//! Definitions of application commands.
//!
//! <https://discord.com/developers/docs/interactions/application-commands>

use serde_json::Value;

use crate::discord::refusal::{Problems, Refusal};

pub fn check_command(command: &Value) -> Result<(), Refusal> {
    let mut problems = Problems::new();
    one(command, &mut problems);
    problems.into_result()
}

/// A bulk overwrite: each command, no name twice for the same type, and how many there may be of each type.
pub fn check_commands(commands: &[Value]) -> Result<(), Refusal> {
    let mut problems = Problems::new();
    let mut names = Vec::new();
    for (n, command) in commands.iter().enumerate() {
        problems.at(n, |p| {
            one(command, p);
            let key = (kind(command), &command["name"]);
            if names.contains(&key) {
                p.at("name", |p| {
                    p.add("APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique");
                });
            }
            names.push(key);
        });
    }
    // "100 global CHAT_INPUT commands", 15 USER and 15 MESSAGE: registering a command.
    for (of, most) in [(1, 100), (2, 15), (3, 15)] {
        if names.iter().filter(|(kind, _)| *kind == of).count() > most {
            let text = format!("Maximum number of application commands reached ({most}).");
            problems.add("APPLICATION_COMMAND_TOO_MANY", text);
        }
    }
    problems.into_result()
}

fn one(command: &Value, p: &mut Problems) {
    let kind = kind(command);
    check_name(command, kind == 1, p);
    if kind == 1 {
        p.required_text(command, "description", 100);
    } else if command["description"].as_str().is_some_and(|d| !d.is_empty()) {
        // "Description for CHAT_INPUT commands, 1-100 characters. Empty string for USER and MESSAGE commands".
        let text = "Context menu commands cannot have description";
        p.at("description", |p| p.add("APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", text));
    }
    if kind != 1 && options(command).next().is_some() {
        let text = "Context menu commands cannot have options";
        p.at("options", |p| p.add("APPLICATION_COMMAND_CONTEXT_MENU_OPTIONS", text));
    }
    match &command["default_member_permissions"] {
        Value::Null => {}
        Value::String(bits) if bits.parse::<u64>().is_ok() => {}
        _ => p.at("default_member_permissions", |p| {
            let text = "Value must be a string of decimal digits.";
            p.add("NUMBER_TYPE_COERCE", text);
        }),
    }
    check_options(command, 0, p);
    // "a limit of 8000 characters combined name, description, and value properties", longest localisation each.
    if weight(command) > 8000 {
        let text = "Command exceeds maximum size (8000)";
        p.add("APPLICATION_COMMAND_TOO_LARGE", text);
    }
}

/// `^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$` with lower case where there is one; menus may have spaces and upper case.
fn check_name(of: &Value, strict: bool, p: &mut Problems) {
    p.required_text(of, "name", 32);
    check_localised(of, strict, p);
    let Some(name) = of["name"].as_str() else {
        return;
    };
    if strict && !is_command_name(name) {
        p.at("name", |p| {
            p.add("APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
        });
    }
}

fn check_localised(of: &Value, strict: bool, p: &mut Problems) {
    for (key, max) in [("name_localizations", 32), ("description_localizations", 100)] {
        let Some(map) = of[key].as_object() else {
            continue;
        };
        p.at(key, |p| {
            for (locale, text) in map {
                let text = text.as_str().unwrap_or_default();
                p.at(locale, |p| {
                    p.length(text.chars().count(), 1, max);
                    if strict && max == 32 && !is_command_name(text) {
                        p.add("APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
                    }
                });
            }
        });
    }
}

fn is_command_name(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '\'');
    name.chars().all(allowed) && name.to_lowercase() == name
}

fn check_options(of: &Value, depth: usize, p: &mut Problems) {
    let all: Vec<&Value> = options(of).collect();
    let mut names = Vec::new();
    let mut optional = false;
    p.at("options", |p| {
        p.length(all.len(), 0, 25);
        let subs = all.iter().filter(|o| matches!(kind(o), 1 | 2)).count();
        if subs > 0 && subs < all.len() {
            let text = "Sub-command and sub-command group option types are mutually exclusive to all other types";
            p.add("APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", text);
        }
        for (n, option) in all.iter().enumerate() {
            p.at(n, |p| {
                if option["type"].is_null() {
                    p.at("type", Problems::required);
                }
                check_name(option, true, p);
                p.required_text(option, "description", 100);
                if names.contains(&&option["name"]) {
                    let text = "Option names must be unique within a command";
                    p.at("name", |p| p.add("APPLICATION_COMMAND_OPTIONS_NAME_INVALID", text));
                }
                names.push(&option["name"]);
                // "Required options must be listed before optional options".
                let required = option["required"] == true;
                if required && optional {
                    let text = "Required options must be placed before non-required options";
                    p.add("APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", text);
                }
                optional |= !required && !matches!(kind(option), 1 | 2);
                match kind(option) {
                    1 if depth > 1 => {
                        p.at("type", |p| p.add("BASE_TYPE_CHOICES", "Sub-commands nest at most two deep"))
                    }
                    2 if depth > 0 => p.at("type", |p| p.add("BASE_TYPE_CHOICES", "A group cannot contain a group")),
                    1 | 2 => check_options(option, depth + 1, p),
                    3..=11 => check_choices(option, p),
                    _ => p.at("type", |p| p.add("BASE_TYPE_CHOICES", "Value must be one of (1, ..., 11).")),
                }
            });
        }
    });
}

fn check_choices(option: &Value, p: &mut Problems) {
    let choices = option["choices"].as_array().map_or(&[][..], Vec::as_slice);
    if option["autocomplete"] == true {
        // "autocomplete may not be set to true if choices are present"; only for strings and numbers.
        if !choices.is_empty() || !matches!(kind(option), 3 | 4 | 10) {
            let text = "Autocomplete is not possible with choices or this option type";
            p.at("autocomplete", |p| p.add("APPLICATION_COMMAND_OPTION_AUTOCOMPLETE_INVALID", text));
        }
    }
    p.at("choices", |p| {
        p.length(choices.len(), 0, 25);
        for (n, choice) in choices.iter().enumerate() {
            p.at(n, |p| {
                p.required_text(choice, "name", 100);
                let fits = match kind(option) {
                    3 => choice["value"].as_str().is_some_and(|v| v.chars().count() <= 100),
                    4 => choice["value"].is_i64() || choice["value"].is_u64(),
                    10 => choice["value"].is_number(),
                    _ => false,
                };
                if !fits {
                    p.at("value", |p| {
                        p.add(
                            "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE_INVALID",
                            "Choice value does not fit the option",
                        )
                    });
                }
            });
        }
    });
}

fn options(of: &Value) -> impl Iterator<Item = &Value> {
    of["options"].as_array().into_iter().flatten()
}

fn weight(of: &Value) -> usize {
    let longest = |key: &str| {
        let own = of[key].as_str().map_or(0, |t| t.chars().count());
        let localised = of[format!("{key}_localizations")].as_object();
        let localised = localised.into_iter().flat_map(serde_json::Map::values);
        let lens = localised.filter_map(Value::as_str).map(|t| t.chars().count());
        lens.max().unwrap_or(0).max(own)
    };
    let choices = of["choices"].as_array().into_iter().flatten();
    let choices: usize = choices.map(weight).sum();
    let inner: usize = options(of).map(weight).sum();
    let value = of["value"].as_str().map_or(0, |t| t.chars().count());
    longest("name") + longest("description") + value + choices + inner
}

/// 1 slash command (the default), 2 user menu, 3 message menu; for an option its own type.
fn kind(of: &Value) -> u64 {
    of["type"].as_u64().unwrap_or(1)
}
