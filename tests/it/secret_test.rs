//! Secrets: encrypted in the database, replaced keys, wrong keys, and nowhere in what people or logs get to see.

use crate::support::delivery::alert;
use crate::support::program::Directory;
use crate::support::town::{ENCRYPTION_KEY, SECRET, Setup, Town, run, run_with, told};
use serde_json::json;
use signalbox::crypto::Keyring;
use signalbox::store::Store;
use signalbox::store::secret::Reseal;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

const OTHER_KEY: &str = "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyb3Q=";

/// All columns of all tables as text: `table.column: value`.
pub async fn everything(town: &Town) -> Vec<String> {
    let mut connection = PgConnection::connect(&town.database_url).await.unwrap();
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut all = Vec::new();
    for (table, column) in columns {
        // Bytes as the text that they may be.
        let text = format!(
            "SELECT CASE WHEN pg_typeof(\"{column}\") = 'bytea'::regtype
                 THEN encode(\"{column}\"::text::bytea, 'escape') ELSE \"{column}\"::text END
             FROM \"{table}\" WHERE \"{column}\" IS NOT NULL"
        );
        let values: Vec<String> = sqlx::query_scalar(AssertSqlSafe(text)).fetch_all(&mut connection).await.unwrap();
        all.extend(values.into_iter().map(|value| format!("{table}.{column}: {}", unescaped(&value))));
    }
    all
}

/// `\x6869` as `hi`, where it is text.
fn unescaped(value: &str) -> String {
    let bytes = value.trim_start_matches('\\').strip_prefix('x').and_then(|hex| hex::decode(hex).ok());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| value.to_owned())
}

fn keys(list: &[&str]) -> Keyring {
    let list: Vec<secrecy::SecretString> = list.iter().map(|key| (*key).into()).collect();
    Keyring::new(&list).unwrap()
}

fn without_secret() -> Setup {
    Setup { registered: false, env: vec![("WEBHOOK_SECRET", String::new())], ..Setup::default() }
}

/// A webhook as a destination, and a secret made by `/register-webhook`: (token, secret).
async fn with_secrets(town: &Town) -> (String, String) {
    let (id, token, _) = town.discord.create_webhook(town.discord.channel_id("stream"), "Relay").unwrap();
    town.route_to_webhook("alert.*", id, &token).await;
    town.command("admin", "register-webhook", json!({})).await;
    let secret = town.store().find_setting(guild(town), "xtsystems.secret").await.unwrap().unwrap();
    assert_eq!(secret.len(), 64);
    (token, secret)
}

fn guild(town: &Town) -> signalbox::id::GuildId {
    signalbox::id::GuildId::from(town.discord.guild_id())
}

#[tokio::test]
async fn no_secret_stands_in_the_database() {
    run_with(without_secret(), async |town| {
        let (token, secret) = with_secrets(town).await;
        town.xt.send("alert.triggered", alert("disk full")).await;
        town.settle().await;
        assert_eq!(town.lines("stream"), "disk full", "the token works");
        let all = everything(town).await;
        assert!(all.iter().any(|line| line.starts_with("setting.value: enc:v1:")), "there is something to look at");
        let bot_token = town.env.iter().find(|(name, _)| name == "DISCORD_TOKEN").unwrap().1.clone();
        for known in [&token, &secret, &bot_token, &town.xt.api_key().to_owned(), &ENCRYPTION_KEY.to_owned()] {
            let found: Vec<&String> = all.iter().filter(|line| line.contains(known.as_str())).collect();
            assert!(found.is_empty(), "{known}: {found:#?}");
        }
    })
    .await;
}

/// As a release before encryption has left it.
async fn plain(town: &Town, token: &str, secret: &str) {
    let mut connection = PgConnection::connect(&town.database_url).await.unwrap();
    let statements = format!(
        "UPDATE destination SET webhook_token = '{token}' WHERE webhook_id IS NOT NULL;
        UPDATE setting SET value = '{secret}' WHERE key = 'xtsystems.secret'"
    );
    connection.execute(AssertSqlSafe(statements)).await.unwrap();
}

#[tokio::test]
async fn what_an_older_release_stored_is_encrypted_at_the_next_start() {
    run_with(without_secret(), async |town| {
        let (token, secret) = with_secrets(town).await;
        plain(town, &token, &secret).await;
        town.restart().await;
        assert!(!everything(town).await.iter().any(|line| line.contains(&token) || line.contains(&secret)));
        town.alert("still there").await;
        assert_eq!(town.lines("stream"), "still there");
        // Two processes, and one that was interrupted, do it once.
        plain(town, &token, &secret).await;
        let other = Store::open(&town.database_url, 2).unwrap().with_keys(keys(&[ENCRYPTION_KEY]));
        let (one, two) = tokio::join!(town.store().reseal(Reseal::Plain), other.reseal(Reseal::Plain));
        assert_eq!(one.unwrap().1 + two.unwrap().1, 2);
        assert_eq!(town.store().find_setting(guild(town), "xtsystems.secret").await.unwrap(), Some(secret));
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_key_is_replaced() {
    run_with(without_secret(), async |town| {
        let (token, secret) = with_secrets(town).await;
        let new = [("ENCRYPTION_KEY", OTHER_KEY), ("ENCRYPTION_KEYS_OLD", ENCRYPTION_KEY)];
        let end = town.program(&["secrets", "rotate"], &new).ends_within(20).await;
        assert_eq!(end.code, Some(0), "{}", end.err);
        insta::assert_snapshot!(end.out, @"3 secrets, 3 encrypted anew. Every other one had the newest key already.");
        // The old key is not needed any more.
        let store = Store::open(&town.database_url, 2).unwrap().with_keys(keys(&[OTHER_KEY]));
        assert_eq!(store.find_setting(guild(town), "xtsystems.secret").await.unwrap(), Some(secret));
        let destinations = store.list_destinations(guild(town)).await.unwrap();
        assert!(destinations.iter().any(|d| matches!(&d.target,
            signalbox::store::destination::Target::Webhook { token: open, .. } if *open == token)));
        assert!(!format!("{destinations:?}").contains(&token), "Debug shows no token");
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_wrong_key_is_told_with_the_row_and_the_fix_and_nothing_is_lost() {
    run_with(without_secret(), async |town| {
        let (token, secret) = with_secrets(town).await;
        let before = everything(town).await;
        let program = town.program(&["run"], &[("ENCRYPTION_KEY", OTHER_KEY)]);
        let end = program.ends_within(20).await;
        assert_eq!(end.code, Some(1), "{}", end.out);
        let guild_id = town.discord.guild_id().to_string();
        insta::assert_snapshot!(end.err.replace(&guild_id, "GUILD"), @"signalbox: setting:GUILD/xtsystems.secret:value was encrypted with another key. Put the key that it was encrypted with into ENCRYPTION_KEY, or into ENCRYPTION_KEYS_OLD when it was replaced; nothing was changed");
        let doctor = town.program(&["doctor"], &[("ENCRYPTION_KEY", OTHER_KEY)]).ends_within(30).await;
        assert!(doctor.out.contains("was encrypted with another key"), "{}", doctor.out);
        let after = everything(town).await;
        let secrets = |all: &[String]| all.iter().filter(|l| l.contains("enc:v1:")).cloned().collect::<Vec<_>>();
        assert_eq!(secrets(&before), secrets(&after));
        assert!(!end.err.contains(&token) && !end.err.contains(&secret));
        // The running bot, with its own key, is not disturbed.
        town.alert("still here").await;
        assert_eq!(town.lines("stream"), "still here");
    })
    .await;
}

#[tokio::test]
async fn a_value_copied_into_another_row_does_not_open_there() {
    run_with(without_secret(), async |town| {
        with_secrets(town).await;
        let mut connection = PgConnection::connect(&town.database_url).await.unwrap();
        let copy = "INSERT INTO setting SELECT 7, key, value, updated_at FROM setting WHERE key = 'xtsystems.secret'";
        connection.execute(copy).await.unwrap();
        let elsewhere = town.store().find_setting(signalbox::id::GuildId(7), "xtsystems.secret").await;
        let words = elsewhere.unwrap_err().to_string();
        insta::assert_snapshot!(words, @"setting:7/xtsystems.secret:value is not what was encrypted: it was altered, or moved from another row; nothing was changed");
    })
    .await;
}

#[tokio::test]
async fn without_a_key_one_is_kept_in_the_data_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let directory = Directory::new();
        let place = directory.0.to_str().unwrap();
        let variables = [("ENCRYPTION_KEY", ""), ("SIGNALBOX_DATA_DIR", place)];
        let mut program = town.program(&["run"], &variables);
        program.says("ready").await;
        assert!(program.output().contains("ENCRYPTION_KEY is not set"), "{}", program.output());
        let file = directory.0.join("encryption.key");
        let key = std::fs::read_to_string(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!program.output().contains(key.trim()), "the key is not logged");
        program.ask_to_stop();
        program.ends_within(15).await;
        let mut again = town.program(&["run"], &variables);
        again.says("ready").await;
        assert_eq!(std::fs::read_to_string(&file).unwrap(), key);
    })
    .await;
}

#[tokio::test]
async fn no_secret_is_shown_to_people_or_logged() {
    const TOKEN: &str = "MTE4MDAwMDAwMDAwMDAwMDAwMg.Gabc12.a-token-that-nobody-may-see";
    let secrets = [
        ("DISCORD_TOKEN", TOKEN),
        ("DATABASE_URL", "postgres://bot:hush-database@127.0.0.1:1/signalbox"),
        ("REDIS_URL", "redis://:hush-redis@127.0.0.1:1/0"),
        ("REDIS_MSG_SECRET", "hush-stream"),
        ("WEBHOOK_SECRET", "hush-webhook"),
        ("XTSYSTEMS_API_URL", "http://127.0.0.1:1"),
        ("XTSYSTEMS_API_KEY", "hush-api-key"),
        ("ENCRYPTION_KEY", ENCRYPTION_KEY),
        ("ENCRYPTION_KEYS_OLD", OTHER_KEY),
        ("DISCORD_API_URL", "http://127.0.0.1:1"),
        ("DISCORD_GUILD_ID", "1180000000000000001"),
        ("WEBHOOK_PORT", "0"),
        ("LOG_LEVEL", "trace"),
    ];
    let hidden = |text: &str| {
        for word in [TOKEN, "hush-", ENCRYPTION_KEY, OTHER_KEY] {
            assert!(!text.contains(word), "{word} in: {text}");
        }
    };
    let variables: Vec<(String, String)> = secrets.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
    let shown = crate::support::program::Program::start(&["config", "show"], &variables).ends_within(20).await;
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    assert!(shown.out.contains("ENCRYPTION_KEY=******** (environment)"), "{}", shown.out);
    hidden(&format!("{}{}", shown.out, shown.err));
    // Every secret in the table of variables is masked, whichever are added.
    for variable in signalbox::config::SECTIONS.iter().flat_map(|s| s.variables).filter(|v| v.secret) {
        let line = shown.out.lines().find(|line| line.starts_with(variable.name)).unwrap();
        assert!(line.contains("********") || line.ends_with("(not set)"), "{line}");
    }
    let loaded = signalbox::config::load(signalbox::config::Given::new(variables.clone())).unwrap();
    hidden(&format!("{loaded:?}"));
    // At the most talkative level, with nothing reachable.
    let mut program = crate::support::program::Program::start(&["run"], &variables);
    program.says("PostgreSQL cannot be reached").await;
    hidden(&program.output());
    program.ask_to_stop();
    hidden(&program.ends_within(20).await.err);
}

#[tokio::test]
async fn commands_show_no_secret() {
    run(async |town| {
        for name in ["webhook-status", "webhook-config", "about", "help", "privacy show"] {
            let outcome = town.command("admin", name, json!({})).await.to_string();
            assert!(!outcome.contains(SECRET) && !outcome.contains(town.xt.api_key()), "{name}: {outcome}");
        }
        assert!(!told(&town.command("admin", "register-webhook", json!({})).await).contains(SECRET));
    })
    .await;
}

#[tokio::test]
async fn a_key_of_the_wrong_shape_is_a_problem_of_the_configuration() {
    let variables = [("DISCORD_TOKEN", "standin"), ("ENCRYPTION_KEY", "short")];
    let variables: Vec<(String, String)> = variables.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
    let problems = signalbox::config::load(signalbox::config::Given::new(variables)).unwrap_err();
    insta::assert_snapshot!(problems.to_string(), @"
    The configuration has a problem:
      - ENCRYPTION_KEY (environment): should be 32 random bytes in base64, as `openssl rand -base64 32` prints them
    Every variable is explained in .env.example.
    ");
}
