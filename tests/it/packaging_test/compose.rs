//! The compose file: its shape, and what every service of it keeps to. The script that prepares it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};
use signalbox::{app, config};

use super::{packaging, read, succeeds};
use crate::support::program::Directory;

fn compose() -> Value {
    let documents = Yaml::load_from_str(&read("compose.yaml")).expect("it is YAML");
    assert_eq!(documents.len(), 1);
    value_of(&documents[0])
}

fn value_of(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(yes)) => json!(yes),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(value_of).collect(),
        Yaml::Mapping(pairs) => {
            let pairs =
                pairs.iter().map(|(key, value)| (key.as_str().expect("keys are words").to_owned(), value_of(value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        other => panic!("not expected in a compose file: {other:?}"),
    }
}

/// The part of <https://github.com/compose-spec/compose-spec/blob/main/spec.md> that is used here: for each key what its
/// value may be. A key that is misspelt is in no table.
const TOP: &[(&str, &str)] =
    &[("name", "text"), ("services", "map"), ("networks", "map"), ("volumes", "map"), ("secrets", "map")];
const SERVICE: &[(&str, &str)] = &[
    ("image", "text"),
    ("build", "map"),
    ("restart", "text"),
    ("depends_on", "map"),
    ("env_file", "texts"),
    ("environment", "map of texts"),
    ("secrets", "texts"),
    ("ports", "texts"),
    ("volumes", "texts"),
    ("networks", "texts"),
    ("healthcheck", "map"),
    ("stop_grace_period", "text"),
    ("shm_size", "text"),
    ("user", "text"),
    ("read_only", "bool"),
    ("tmpfs", "texts"),
    ("cap_drop", "texts"),
    ("security_opt", "texts"),
    ("logging", "map"),
    ("command", "texts"),
    ("entrypoint", "texts"),
    ("profiles", "texts"),
];
const HEALTHCHECK: &[(&str, &str)] =
    &[("test", "texts"), ("interval", "text"), ("timeout", "text"), ("start_period", "text"), ("retries", "number")];

fn fits(value: &Value, shape: &str) -> bool {
    match shape {
        "text" => value.is_string(),
        "bool" => value.is_boolean(),
        "number" => value.is_u64(),
        "map" => value.is_object(),
        "map of texts" => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
        _ => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
    }
}

fn check(place: &str, value: &Value, table: &[(&str, &str)]) {
    for (key, value) in value.as_object().unwrap_or_else(|| panic!("{place} is a map")) {
        let shape = table.iter().find(|(name, _)| name == key).map(|(_, shape)| *shape);
        let shape = shape.unwrap_or_else(|| panic!("{place}: no such key: {key}"));
        assert!(fits(value, shape), "{place}.{key} should be {shape}: {value}");
    }
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().unwrap().iter()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn it_has_the_shape_of_the_specification_and_names_what_exists() {
    let compose = compose();
    check("the file", &compose, TOP);
    for (name, service) in services(&compose) {
        check(name, service, SERVICE);
        check(&format!("{name}.healthcheck"), &service["healthcheck"], HEALTHCHECK);
        let named = |key: &str, kind: &str| {
            for item in texts(&service[key]) {
                let item = item.split(':').next().unwrap();
                if !item.starts_with(['.', '/']) {
                    assert!(compose[kind].get(item).is_some(), "{name}.{key}: no {kind} {item}");
                }
            }
        };
        named("secrets", "secrets");
        named("networks", "networks");
        named("volumes", "volumes");
        for (other, how) in service["depends_on"].as_object().into_iter().flatten() {
            assert_eq!(how["condition"], "service_healthy", "{name} waits for {other}");
            assert!(compose["services"].get(other).is_some(), "{name} depends on {other}");
        }
        for file in texts(&service["volumes"]).iter().filter_map(|volume| volume.strip_prefix("./")) {
            assert!(packaging().join(file.split(':').next().unwrap()).is_file(), "{name}: {file}");
        }
    }
    for (name, secret) in compose["secrets"].as_object().unwrap() {
        assert_eq!(secret["file"], format!("./secrets/{name}"), "as `prepare` makes it");
    }
}

#[test]
fn every_service_is_confined_healthy_and_pinned() {
    let compose = compose();
    for (name, service) in services(&compose) {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "{name}");
        let user = service["user"].as_str().unwrap();
        assert!(!user.starts_with("0") && user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "{name}");
        assert_eq!(service["healthcheck"]["test"][0], "CMD", "{name}");
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert!(service["logging"]["options"]["max-size"].is_string(), "{name}: its log has an end");
        let image = service["image"].as_str().unwrap();
        let tag = image.trim_end_matches('}').rsplit_once(':').map(|(_, tag)| tag);
        assert!(tag.is_some_and(|tag| tag != "latest" && !tag.is_empty()), "{name}: {image}");
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let secret = ["PASSWORD", "TOKEN", "SECRET", "KEY"].iter().any(|word| variable.contains(word));
            let is_file = variable.ends_with("_FILE") && value.as_str().unwrap().starts_with("/run/secrets/");
            assert!(!secret || is_file || variable == "BACKUP_KEEP", "{name}: {variable} is a file");
        }
    }
    assert_eq!(compose["services"]["backup"]["profiles"], json!(["backup"]));
    assert_eq!(compose["networks"]["inside"]["internal"], true);
}

/// The variables of the bot are ones that it reads, and what they say is taken by it.
#[test]
fn the_bot_understands_its_environment() {
    let compose = compose();
    let directory = Directory::new();
    prepare(&directory);
    fs::write(directory.0.join("secrets/filled"), "x").unwrap();
    let environment = compose["services"]["signalbox"]["environment"].as_object().unwrap();
    let mut env: Vec<(String, String)> = Vec::new();
    for (name, value) in environment {
        let value = value.as_str().unwrap();
        let of_secret = value.strip_prefix("/run/secrets/").map(|secret| {
            let file = directory.0.join("secrets").join(secret);
            if fs::metadata(&file).unwrap().len() == 0 {
                return directory.0.join("secrets/filled").display().to_string();
            }
            file.display().to_string()
        });
        env.push((name.clone(), of_secret.unwrap_or_else(|| value.to_owned())));
    }
    // What `signalbox.env` asks for.
    let filled = [("DISCORD_GUILD_ID", "1180000000000000001"), ("XTSYSTEMS_API_URL", "https://api.xt.systems")];
    let filled = filled.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut given = config::Given::new(env.iter().cloned().chain(filled));
    for (_, path) in env.iter().filter(|(name, _)| name.ends_with("_FILE")) {
        given = given.with_file(path, fs::read_to_string(path).unwrap());
    }
    let loaded = config::load(given).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(loaded.config.web.port, 3000);
    assert!(loaded.config.store.database_url.is_some() && loaded.config.bus.redis_url.is_some());
    // The container has no place for a key of its own.
    assert!(app::keyring(&loaded.config).unwrap().has_key() && loaded.config.encryption.key.is_some());
    let grace = compose["services"]["signalbox"]["stop_grace_period"].as_str().unwrap();
    let grace: u64 = grace.trim_end_matches('s').parse().unwrap();
    assert!(grace > loaded.config.operation.shutdown_timeout.as_secs() + 5);
}

fn prepare(directory: &Directory) -> String {
    let script = directory.0.join("prepare");
    fs::copy(packaging().join("prepare"), &script).unwrap();
    succeeds(Command::new("bash").arg(&script))
}

#[test]
fn prepare_makes_the_secrets_once() {
    let directory = Directory::new();
    insta::assert_snapshot!(prepare(&directory), @"
    made     secrets/postgres_password
    made     secrets/database_url
    made     secrets/webhook_secret
    made     secrets/redis_msg_secret
    made     secrets/encryption_key
    made     secrets/discord_token
    made     secrets/xtsystems_api_key
    made     signalbox.env
    fill in  secrets/discord_token
    fill in  secrets/xtsystems_api_key
    fill in  signalbox.env
    ");
    let secret = |name: &str| fs::read_to_string(directory.0.join("secrets").join(name)).unwrap();
    let (password, url) = (secret("postgres_password"), secret("database_url"));
    assert_eq!(password.len(), 48);
    assert_eq!(url, format!("postgres://signalbox:{password}@postgres:5432/signalbox"));
    assert_ne!(password, secret("webhook_secret"));
    let mode = |name: &str| fs::metadata(directory.0.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("secrets"), mode("secrets/database_url")), (0o700, 0o444));
    insta::assert_snapshot!(prepare(&directory), @"
    fill in  secrets/discord_token
    fill in  secrets/xtsystems_api_key
    fill in  signalbox.env
    ");
    assert_eq!(secret("postgres_password"), password, "what is there stays");
}
