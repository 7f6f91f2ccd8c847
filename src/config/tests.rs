//! The configuration as a person meets it: what they set, and what they are told.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;
use crate::id::{ChannelId, GuildId, RoleId};

const GUILD: &str = "914986636629143562";
const CHANNEL: &str = "914986636629143563";

/// The least that starts.
fn minimal() -> Given {
    Given::new([("DISCORD_TOKEN", "a-token")])
}

fn config(source: Given) -> Config {
    load(source).unwrap_or_else(|problems| panic!("{problems}")).config
}

fn problems(source: Given) -> Vec<String> {
    load(source).expect_err("this is wrong").0.iter().map(ToString::to_string).collect()
}

fn warnings(source: Given) -> Vec<String> {
    load(source).unwrap_or_else(|problems| panic!("{problems}")).warnings
}

#[test]
fn a_token_is_enough() {
    let config = config(minimal());
    assert!(!config.discord.is_elsewhere() && !config.discord.is_loopback());
    assert_eq!(config.web.port, 3000);
    assert!(config.web.bind.is_loopback());
    assert_eq!(config.web.max_body_bytes, 1_048_576);
    assert_eq!(config.bus.prefix, "signalbox");
    assert!(config.store.run_migrations && config.delivery.webhook_priors);
    assert_eq!(config.delivery.retry_schedule, [5, 30, 120, 600, 3600, 21_600].map(Duration::from_secs));
    assert!(config.xtsystems.is_none() && config.routing.seeds.is_empty());
    assert_eq!(config.telemetry.format, LogFormat::Text);
}

#[test]
fn all_problems_are_told_at_once() {
    let source = Given::new([("WEBHOOK_PORT", "70000"), ("DATABASE_URL", "mysql://root:hunter2@db/x")])
        .with_env_file(
            "DISCORD_TOKEN=Bot hunter2\n\
             # mistyped\n\
             WEBHOOK_SECERT=hunter2\n\
             XTSYSTEMS_API_AUTH=basic\n\
             DISCORD_WEBHOOK_CHANNELS={\"ticket.craeted\": [\"914986636629143563\"], \"default\": [\"#general\"]}\n\
             LOG_LEVEL=inof\n",
        )
        .with("DISCORD_TOKEN_FILE", "/run/secrets/token");
    let report = load(source).unwrap_err().to_string();
    assert!(!report.contains("hunter2"), "{report}");
    insta::assert_snapshot!(report, @r##"
    The configuration has 10 problems:
      - .env:1: cannot be read; a value with spaces, quotes, # or $ goes in single quotes: NAME='the value'
      - WEBHOOK_SECERT (.env:3): is not a variable of Signalbox (did you mean WEBHOOK_SECRET?)
      - DISCORD_TOKEN_FILE (environment): names the file /run/secrets/token, which cannot be read: entity not found
      - WEBHOOK_PORT (environment): should be a whole number from 0 to 65535
      - DATABASE_URL (environment): should be an address such as postgres://user:password@host:5432/signalbox (characters such as @ / : in the password are written as %40 %2F %3A)
      - DISCORD_GUILD_ID: is required because XTSYSTEMS_API_AUTH is set (.env:4): what XTSystems sends belongs to one server. Right-click the server's name in Discord, "Copy Server ID"
      - XTSYSTEMS_API_AUTH (.env:4): should be bearer or raw
      - DISCORD_WEBHOOK_CHANNELS (.env:5): names the event "ticket.craeted", which nothing sends (did you mean ticket.created?)
      - DISCORD_WEBHOOK_CHANNELS (.env:5): has "#general" as channel 1 of "default"; a channel id has 15 to 19 digits, such as 914986636629143562
      - LOG_LEVEL (.env:6): should be one of off, error, warn, info, debug, trace (did you mean info?)
    Every variable is explained in .env.example.
    "##);
}

#[test]
fn each_line_of_the_file_is_read_once() {
    let source = Given::default().with_env_file(
        "DISCORD_TOKEN='a token'\nDISCORD_TOKEN=b\nnonsense\nWEBHOOK_PROT=\nDATABASE_URI=postgres://x\nLUNCH=1\n",
    );
    insta::assert_snapshot!(problems(source).join("\n"), @r"
    .env:3: should be NAME=value, or a comment that begins with #
    DISCORD_TOKEN (.env:2): is set a second time; it stands in .env:1 already
    WEBHOOK_PROT (.env:4): is not a variable of Signalbox (did you mean WEBHOOK_PORT?)
    DATABASE_URI (.env:5): is not a variable of Signalbox (did you mean DATABASE_URL?)
    LUNCH (.env:6): is not a variable of Signalbox
    DISCORD_TOKEN (.env:1): should be one word as Discord shows it, without spaces or line breaks
    ");
}

#[test]
fn the_environment_wins_over_the_file_as_a_whole() {
    let source =
        minimal().with_env_file("DISCORD_TOKEN_FILE=/nowhere\nWEBHOOK_PORT=4000\n").with("WEBHOOK_PORT", "5000");
    let config = config(source);
    assert_eq!(config.discord.token.expose_secret(), "a-token");
    assert_eq!(config.web.port, 5000);
}

#[test]
fn an_empty_value_is_no_value() {
    let source = minimal().with("WEBHOOK_PORT", "").with("DATABASE_URL", "  ").with_env_file("WEBHOOK_PORT=4000\n");
    let config = config(source);
    assert_eq!(config.web.port, 4000);
    assert!(config.store.database_url.is_none());
}

#[test]
fn a_secret_may_lie_in_a_file() {
    let given = Given::new([("DISCORD_TOKEN_FILE", "/run/secrets/token")]);
    let read = config(given.clone().with_file("/run/secrets/token", "a-token\n"));
    assert_eq!(read.discord.token.expose_secret(), "a-token");

    insta::assert_snapshot!(problems(given.clone()).join("\n"), @"DISCORD_TOKEN_FILE (environment): names the file /run/secrets/token, which cannot be read: entity not found");
    insta::assert_snapshot!(problems(given.clone().with_file("/run/secrets/token", "\n")).join("\n"), @"DISCORD_TOKEN_FILE (environment): names the file /run/secrets/token, which is empty");
    let both = given.with("DISCORD_TOKEN", "b").with_file("/run/secrets/token", "a-token");
    insta::assert_snapshot!(problems(both).join("\n"), @"DISCORD_TOKEN_FILE (environment): is set and so is DISCORD_TOKEN (environment); keep one of the two");
}

#[test]
fn a_port_is_not_a_secret_and_has_no_file() {
    assert_eq!(
        problems(minimal().with_env_file("WEBHOOK_PORT_FILE=/x\n")),
        ["WEBHOOK_PORT_FILE (.env:1): is not a variable of Signalbox"]
    );
}

#[test]
fn names_of_the_original_bots_are_named_once() {
    let source =
        minimal().with("GITHUB_TOKEN", "x").with_env_file("REPO_OWNER=x\nKICK_CHANNEL=x\nTZ=UTC\nGITHUB_TOKEN=y\n");
    assert_eq!(warnings(source), ["set, but not used by this program: GITHUB_TOKEN, KICK_CHANNEL, REPO_OWNER"]);
}

#[test]
fn a_typing_error_in_the_environment_is_a_warning() {
    let told = ["WEBHOOK_PROT (environment): has no effect; did you mean WEBHOOK_PORT?"];
    assert_eq!(warnings(minimal().with("WEBHOOK_PROT", "1")), told);
    assert!(warnings(minimal().with("WEBHOOK_PROT", "1").with("WEBHOOK_PORT", "1")).is_empty());
    assert!(warnings(minimal().with("SOMETHING_ELSE", "1")).is_empty());
}

#[test]
fn xtsystems_needs_a_server() {
    let source = minimal().with_env_file("WEBHOOK_SECRET=0123456789abcdef\n");
    insta::assert_snapshot!(problems(source).join("\n"), @r#"DISCORD_GUILD_ID: is required because WEBHOOK_SECRET is set (.env:1): what XTSystems sends belongs to one server. Right-click the server's name in Discord, "Copy Server ID""#);
}

#[test]
fn xtsystems_takes_two_secrets_and_no_default() {
    let set = minimal().with("DISCORD_GUILD_ID", GUILD).with("WEBHOOK_SECRET", "0123456789abcdef");
    let set = set.with("WEBHOOK_SECRET_PREVIOUS", "the-one-before").with("XTSYSTEMS_APPROVER_ROLES", CHANNEL);
    let section = config(set).xtsystems.unwrap();
    let secrets: Vec<&str> = section.secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(secrets, ["0123456789abcdef", "the-one-before"]);
    assert_eq!((section.path.as_str(), section.separator.as_str()), ("/webhooks/xtsystems", ""));
    assert_eq!(section.approver_roles, [RoleId(914_986_636_629_143_563)]);
    assert_eq!((section.auth, section.allow_machine), (ApiAuth::Bearer, None));

    let none = minimal().with("DISCORD_GUILD_ID", GUILD).with("WEBHOOK_PATH", "/hook");
    assert!(config(none.clone()).xtsystems.unwrap().secrets.is_empty());
    assert_eq!(
        warnings(none),
        ["WEBHOOK_SECRET is not set: webhooks of XTSystems are refused until signalbox setup xtsystems, or \
             /register-webhook, has generated one"]
    );

    let published = minimal().with("DISCORD_GUILD_ID", GUILD).with("WEBHOOK_SECRET", "default-secret");
    assert!(problems(published)[0].contains("published default"));
    for path in ["hook", "/a b", "/health", "/{id}", "//x"] {
        let source = minimal().with("DISCORD_GUILD_ID", GUILD).with("WEBHOOK_PATH", path);
        assert_eq!(problems(source).len(), 1, "{path}");
    }
}

#[test]
fn kick_needs_both_halves_of_its_credentials() {
    assert!(config(minimal()).kick.is_none());
    let id = minimal().with("KICK_CLIENT_ID", "an-id");
    assert_eq!(problems(id.clone()), ["KICK_CLIENT_SECRET: is required because KICK_CLIENT_ID is set (environment)"]);
    let both = id.with("KICK_CLIENT_SECRET", "a-secret");
    let kick = config(both.clone()).kick.unwrap();
    assert_eq!((kick.webhooks, kick.webhook_path, kick.public_key), (true, None, None));
    assert_eq!(kick.api_url.as_str(), "https://api.kick.com/");
    let wrong = both.with("KICK_PUBLIC_KEY", "MIIB");
    assert_eq!(problems(wrong), ["KICK_PUBLIC_KEY (environment): should be an RSA public key in PEM"]);
}

fn seeds(json: &str) -> Vec<(String, Vec<i64>)> {
    let seeds = config(minimal().with("DISCORD_WEBHOOK_CHANNELS", json)).routing.seeds;
    seeds.into_iter().map(|s| (s.pattern, s.channels.into_iter().map(|ChannelId(id)| id).collect())).collect()
}

#[test]
fn routes_take_every_spelling_of_the_original() {
    let id = 914_986_636_629_143_563;
    let json = r#"{"ticket_created": ["914986636629143563"], "machine.registered": 914986636629143563,
                   "alert.*": "914986636629143563", "asset_*": [914986636629143563], "user.created": []}"#;
    let expected = [
        ("ticket.created", vec![id]),
        ("machine.registered", vec![id]),
        ("alert.*", vec![id]),
        ("asset.*", vec![id]),
        ("user.created", vec![]),
    ];
    assert_eq!(seeds(json), expected.map(|(pattern, ids)| (pattern.to_owned(), ids)));
}

#[test]
fn monitor_channels_are_the_default_when_there_is_none() {
    let monitor = minimal().with("MONITOR_CHANNELS", format!("{CHANNEL}, {GUILD}"));
    let routing = config(monitor.clone()).routing;
    assert_eq!(routing.seeds.len(), 1);
    assert_eq!((routing.seeds[0].pattern.as_str(), routing.seeds[0].channels.len()), ("default", 2));
    let both = monitor.with("DISCORD_WEBHOOK_CHANNELS", format!(r#"{{"default": "{CHANNEL}"}}"#));
    assert_eq!(config(both).routing.seeds[0].channels.len(), 1);
}

#[test]
fn wrong_routes_say_where_and_how() {
    let told = |json: &str| problems(minimal().with("DISCORD_WEBHOOK_CHANNELS", json)).join("\n");
    insta::assert_snapshot!(told("{\"ticket.created\": [\"1\"\n \"default\": 2}"), @r#"DISCORD_WEBHOOK_CHANNELS (environment): is not valid JSON (line 2 column 2 of the value). Example: {"ticket.created": ["914986636629143562"], "default": ["914986636629143563"]}"#);
    insta::assert_snapshot!(told("{ticket.created:[914986636629143563]}"), @r#"DISCORD_WEBHOOK_CHANNELS (environment): is not valid JSON (line 1 column 2 of the value). It holds no double quotes: in .env and in a shell put it in single quotes. Example: {"ticket.created": ["914986636629143562"], "default": ["914986636629143563"]}"#);
    insta::assert_snapshot!(told("[1]"), @r#"DISCORD_WEBHOOK_CHANNELS (environment): should be a JSON object. Example: {"ticket.created": ["914986636629143562"], "default": ["914986636629143563"]}"#);
    insta::assert_snapshot!(told(r#"{"tickets.*": [], "machine_registred": [], "lunch": [], "*": []}"#), @r#"
    DISCORD_WEBHOOK_CHANNELS (environment): names the event "tickets.*", which nothing sends (did you mean ticket.*?)
    DISCORD_WEBHOOK_CHANNELS (environment): names the event "machine_registred", which nothing sends (did you mean machine.registered?)
    DISCORD_WEBHOOK_CHANNELS (environment): has the key "*"; everything else is called "default"
    "#);
    insta::assert_snapshot!(told(r#"{"ticket_created": ["914986636629143563"], "ticket.created": [true, 1.5e18, "your_channel_id"]}"#), @r#"
    DISCORD_WEBHOOK_CHANNELS (environment): has "true" as channel 1 of "ticket.created"; a channel id has 15 to 19 digits, such as 914986636629143562
    DISCORD_WEBHOOK_CHANNELS (environment): has "1.5e+18" as channel 2 of "ticket.created"; a channel id has 15 to 19 digits, such as 914986636629143562
    DISCORD_WEBHOOK_CHANNELS (environment): has "your_channel_id" as channel 3 of "ticket.created"; a channel id has 15 to 19 digits, such as 914986636629143562
    "#);
    insta::assert_snapshot!(told(r#"{"ticket_created": [], "ticket.created": []}"#), @"DISCORD_WEBHOOK_CHANNELS (environment): has the event ticket.created twice; put its channels in one list");
}

#[test]
fn a_real_token_goes_to_discord_only() {
    let real =
        Given::new([("DISCORD_TOKEN", "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789AB")]);
    let proxy = real.clone().with("DISCORD_API_URL", "http://proxy.internal:8080");
    insta::assert_snapshot!(problems(proxy.clone()).join("\n"), @"DISCORD_API_URL (environment): is neither Discord's address nor on this machine, and DISCORD_TOKEN looks like a real token, which would be sent there; for a proxy of your own set DISCORD_API_ALLOW_PROXY=true");
    assert!(config(proxy.with("DISCORD_API_ALLOW_PROXY", "true")).discord.is_elsewhere());
    assert!(config(real.clone().with("DISCORD_API_URL", "http://127.0.0.1:4000")).discord.is_loopback());
    assert_eq!(problems(real.with("DISCORD_GATEWAY_URL", "wss://gateway.example")).len(), 1);
    assert!(config(minimal().with("DISCORD_API_URL", "http://standin:4000")).discord.is_elsewhere());
    assert_eq!(problems(minimal().with("DISCORD_API_URL", "https://discord.com/api/v10")).len(), 1);
}

#[test]
fn priors_are_off_only_on_this_machine() {
    assert_eq!(
        problems(minimal().with("DELIVERY_PRIORS", "off")),
        ["DELIVERY_PRIORS (environment): may be off only while DISCORD_API_URL is on this machine"]
    );
    let local = minimal().with("DELIVERY_PRIORS", "off").with("DISCORD_API_URL", "http://localhost:4000");
    assert!(!config(local).delivery.webhook_priors);
}

#[test]
fn shapes_are_checked() {
    for (name, wrong) in [
        ("WEBHOOK_BIND", "localhost"),
        ("WEBHOOK_PORT", "-1"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("PUBLIC_URL", "bot.example.org"),
        ("DISCORD_GUILD_ID", "my server"),
        ("DISCORD_CLIENT_ID", "0"),
        ("RUN_MIGRATIONS", "perhaps"),
        ("DATABASE_URL", "host=/tmp"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_PREFIX", "a b"),
        ("DELIVERY_RETRY_SCHEDULE", "5,30"),
        ("DELIVERY_RETRY_SCHEDULE", ","),
        ("RAW_BODY_DAYS", "90"),
        ("LOG_FORMAT", "xml"),
    ] {
        let told = problems(minimal().with(name, wrong));
        assert_eq!(told.len(), 1, "{name}={wrong}: {told:?}");
        assert!(told[0].starts_with(&format!("{name} (environment): should ")), "{}", told[0]);
    }
    assert_eq!(config(minimal().with("WEBHOOK_PORT", " 0 ")).web.port, 0);
    let debug = config(minimal().with("LOG_LEVEL", "info,signalbox::delivery=debug"));
    assert_eq!(debug.telemetry.filter, "info,signalbox::delivery=debug");
    assert_eq!(
        config(minimal().with("DISCORD_GUILD_ID", GUILD)).discord.guild_id,
        Some(GuildId(914_986_636_629_143_562))
    );
}

#[test]
fn showing_masks_secrets_and_names_origins() {
    let source =
        Given::new([("DATABASE_URL", "postgres://signalbox:hunter2@db/signalbox"), ("GITHUB_TOKEN", "hunter2")])
            .with("DISCORD_TOKEN_FILE", "/run/secrets/token")
            .with_file("/run/secrets/token", "hunter2")
            .with_env_file("WEBHOOK_PORT=4000\n");
    let loaded = load(source).unwrap();
    assert!(!format!("{loaded:?}").contains("hunter2"));
    insta::assert_snapshot!(show(&loaded), @r"
    # Discord
    DISCORD_TOKEN=******** (file /run/secrets/token, named in environment)
    DISCORD_GUILD_ID (not set)
    DISCORD_CLIENT_ID (not set)
    DISCORD_API_URL=https://discord.com (default)
    DISCORD_GATEWAY_URL (not set)
    DISCORD_SHARDS=auto (default)
    DISCORD_PUBLIC_KEY (not set)
    DISCORD_INTERACTIONS_PATH=/interactions (default)
    DISCORD_GATEWAY=on (default)
    DISCORD_API_ALLOW_PROXY=false (default)

    # Web server
    WEBHOOK_BIND=127.0.0.1 (default)
    WEBHOOK_PORT=4000 (.env:1)
    PUBLIC_URL (not set)
    TRUSTED_PROXIES (not set)
    WEBHOOK_UNVERIFIED_PER_15_MIN=100 (default)
    WEBHOOK_VERIFIED_PER_MIN=6000 (default)

    # Storage
    DATABASE_URL=******** (environment)
    DATABASE_MAX_CONNECTIONS=10 (default)
    RUN_MIGRATIONS=true (default)
    SIGNALBOX_DATA_DIR (not set)
    PG_BIN_DIR (not set)
    RAW_BODY_DAYS=7 (default)
    EVENT_DAYS=30 (default)
    CARD_DAYS=365 (default)
    AUDIT_DAYS (not set)

    # Encryption
    ENCRYPTION_KEY (not set)
    ENCRYPTION_KEYS_OLD (not set)

    # Event bus
    REDIS_URL (not set)
    REDIS_MSG_SECRET (not set)
    REDIS_PREFIX=signalbox (default)

    # XTSystems
    XTSYSTEMS_API_URL (not set)
    XTSYSTEMS_API_KEY (not set)
    XTSYSTEMS_API_AUTH=bearer (default)
    XTSYSTEMS_COMPANY_ID (not set)
    XTSYSTEMS_APPROVER_ROLES (not set)
    XTSYSTEMS_TICKET_ROLES (not set)
    XTSYSTEMS_ALLOW_MACHINE (not set)
    WEBHOOK_SECRET (not set)
    WEBHOOK_SECRET_PREVIOUS (not set)
    WEBHOOK_PATH=/webhooks/xtsystems (default)
    WEBHOOK_SIGNATURE_SEPARATOR= (default)

    # Kick
    KICK_CLIENT_ID (not set)
    KICK_CLIENT_SECRET (not set)
    KICK_REDIRECT_URI (not set)
    KICK_WEBHOOK_PATH (not set)
    USE_KICK_WEBHOOKS=true (default)
    KICK_API_URL=https://api.kick.com (default)
    KICK_OAUTH_URL=https://id.kick.com (default)
    KICK_PUBLIC_KEY (not set)

    # Stream community
    RAFFLE_BEACON_URL=https://api.drand.sh (default)
    CLIP_SERVICE_URL (not set)
    CLIP_SERVICE_KEY (not set)

    # ET:Legacy
    ETLEGACY_STATS_PATH (not set)
    ETLEGACY_TIME_ZONE=Europe/Berlin (default)
    ETLEGACY_FILLER_MAPS=mp_sillyctf (default)
    ETLEGACY_TEAM_NAMES (not set)
    ETLEGACY_BOT_NAMES=^\[BOT\] (default)
    ETLEGACY_UPLOAD_SECRET (not set)
    ETLEGACY_TRIGGER_CHANNEL_ID (not set)
    ETLEGACY_TRIGGER_WEBHOOKS (not set)
    ETLEGACY_TRIGGER_USERNAME=ET:Legacy Stats (default)

    # Approvals
    APPROVALS_NEEDED (not set)
    APPROVALS_REQUESTER_MAY_APPROVE (not set)
    APPROVALS_REASON (not set)
    APPROVALS_CONFIRM_HOSTNAMES (not set)
    APPROVALS_UNDO_SECONDS (not set)
    APPROVALS_EXPIRE_AFTER (not set)
    APPROVALS_REMIND_AFTER (not set)
    APPROVALS_ESCALATE_AFTER (not set)
    APPROVALS_ESCALATE_ROLE (not set)

    # Routes
    DISCORD_WEBHOOK_CHANNELS (not set)
    MONITOR_CHANNELS (not set)

    # LAN party
    PARTY_LOOPBACK=off (default)

    # Delivery
    DELIVERY_RETRY_SCHEDULE=5s,30s,2m,10m,1h,6h (default)
    DELIVERY_BATCH_WINDOW=500ms (default)
    DELIVERY_GLOBAL_PER_SECOND=50 (default)
    DELIVERY_PRIORS=on (default)

    # Outbound webhooks
    OUTBOUND_ALLOWED_NETWORKS (not set)

    # Process
    SIGNALBOX_ROLES=intake,bot,worker,ticker (default)

    # Log
    LOG_LEVEL=info (default)
    LOG_FORMAT=text (default)
    LOG_DIR (not set)

    # Operation
    METRICS_BIND (not set)
    METRICS_ALLOWED_NETWORKS=127.0.0.0/8,::1 (default)
    METRICS_USERNAME (not set)
    METRICS_PASSWORD (not set)
    OTEL_EXPORTER_OTLP_ENDPOINT (not set)
    OTEL_EXPORTER_OTLP_HEADERS (not set)
    OTEL_SERVICE_NAME=signalbox (default)
    SHUTDOWN_TIMEOUT=15s (default)

    # ET:Legacy over SSH
    ETLEGACY_SSH_HOST (not set)
    ETLEGACY_SSH_PORT=22 (default)
    ETLEGACY_SSH_USER (not set)
    ETLEGACY_SSH_KEY_FILE (not set)
    ETLEGACY_SSH_KNOWN_HOSTS (not set)
    ETLEGACY_SSH_PATH (not set)

    # Notifier on the game server
    STATS_PATH (not set)
    STATS_UPLOAD_URL (not set)
    STATS_UPLOAD_SECRET (not set)
    DISCORD_WEBHOOK_URL (not set)
    STATE_DIR=. (default)

    warning: set, but not used by this program: GITHUB_TOKEN
    ");
}

#[test]
fn the_tables_are_in_order() {
    let names: Vec<&str> = variable::all().map(|v| v.name).collect();
    for (i, name) in names.iter().enumerate() {
        assert!(!names[..i].contains(name), "{name} stands twice");
        assert!(!variable::is_not_used(name) && !variable::is_foreign(name), "{name} is used");
        assert!(variable::get(name).summary.ends_with('.'), "{name}");
    }
}

const EXAMPLE_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example");

/// After a change of the tables: `cargo test --lib write_env_example -- --ignored`.
#[test]
#[ignore = "writes .env.example"]
fn write_env_example() {
    std::fs::write(EXAMPLE_FILE, env_example()).unwrap();
}

#[test]
fn the_example_is_up_to_date() {
    let committed = std::fs::read_to_string(EXAMPLE_FILE).unwrap_or_default();
    assert!(committed == env_example(), "run: cargo test --lib write_env_example -- --ignored");
}

#[test]
fn the_example_is_a_configuration() {
    // As it is, only the token is missing …
    let told = problems(Given::default().with_env_file(env_example()));
    assert!(told.len() == 1 && told[0].starts_with("DISCORD_TOKEN: is required"), "{told:?}");
    // … and with every line live, each value has the right shape.
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_uppercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    let live: Vec<String> = env_example().lines().map(uncomment).collect();
    let loaded = load(minimal().with_env_file(live.join("\n"))).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.config.xtsystems.is_some());
    assert_eq!(loaded.config.routing.seeds.len(), 2);
}

const KEY: &str = "9d1cc5b8dffd6d0ee0a9d1c0c4a8a06b7a8bb9ef3c1bd0b3d6bdc4ff0c2ab1e5";

#[test]
fn interactions_may_come_by_http_alone() {
    let discord = config(minimal().with("DISCORD_PUBLIC_KEY", KEY).with("DISCORD_GATEWAY", "off")).discord;
    assert_eq!((discord.gateway, discord.shards, discord.interactions_path.as_str()), (false, None, "/interactions"));
    assert_eq!(discord.public_key.unwrap()[..2], [0x9d, 0x1c]);
    assert_eq!(config(minimal().with("DISCORD_SHARDS", "3")).discord.shards, Some(3));
    let wrong = minimal()
        .with("DISCORD_GATEWAY", "off")
        .with("DISCORD_SHARDS", "0")
        .with("DISCORD_INTERACTIONS_PATH", "/health");
    insta::assert_snapshot!(problems(wrong).join("\n"), @"
    DISCORD_SHARDS (environment): should be auto or a whole number from 1 to 4096
    DISCORD_INTERACTIONS_PATH (environment): is the path of another page of this server; take one such as /interactions
    DISCORD_GATEWAY (environment): is off, so interactions must come by HTTP: set DISCORD_PUBLIC_KEY
    ");
    let twice =
        minimal().with("DISCORD_PUBLIC_KEY", KEY).with("DISCORD_GUILD_ID", GUILD).with("WEBHOOK_PATH", "/interactions");
    insta::assert_snapshot!(problems(twice).join("\n"), @"DISCORD_INTERACTIONS_PATH: is the same as WEBHOOK_PATH; choose another");
    insta::assert_snapshot!(problems(minimal().with("DISCORD_PUBLIC_KEY", &KEY[2..])).join("\n"), @r#"DISCORD_PUBLIC_KEY (environment): should be the 64 hexadecimal digits that Discord shows as "Public Key""#);
}

#[test]
fn a_process_may_play_some_of_the_roles() {
    assert_eq!(config(minimal()).roles, Roles::ALL);
    let database = ("DATABASE_URL", "postgres://signalbox@db/signalbox");
    // Who does not talk to Discord needs no token.
    let roles = config(Given::new([database, ("SIGNALBOX_ROLES", "ticker, intake")])).roles;
    assert_eq!(roles.names(), ["intake", "ticker"]);
    insta::assert_snapshot!(problems(Given::new([database, ("SIGNALBOX_ROLES", "worker")])).join("\n"), @"DISCORD_TOKEN: is required. The bot's token.");
    insta::assert_snapshot!(problems(minimal().with("SIGNALBOX_ROLES", "bot")).join("\n"), @"SIGNALBOX_ROLES (environment): names some of the parts only, and the others need the same database: set DATABASE_URL");
    insta::assert_snapshot!(problems(minimal().with("SIGNALBOX_ROLES", "bot,cook")).join("\n"), @"SIGNALBOX_ROLES (environment): should be a list of intake, bot, worker and ticker, separated by commas");
}
