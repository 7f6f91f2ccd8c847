//! The rules of the source tree. The tables at the top are the rules; the rest reads files.

mod files;
mod scan;

pub use files::files_below;
use files::{SourceFile, all_files, program_files, root};
use scan::Scan;
use std::fs;
use std::path::Path;

/// Lower layers first: a module names modules of its own layer and of those above it in this table.
/// The longest entry that fits a module counts.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &["id", "clock", "error", "config", "telemetry", "lifecycle", "crash", "crypto", "event::kind"]),
    (
        CORE,
        &[
            "event",
            "routing",
            "source",
            "picture",
            "delivery::classify",
            "delivery::limit",
            "delivery::retry",
            "community::money",
            "community::proof",
            "community::schedule",
            "community::words",
            "matches::differential",
            "matches::elapsed",
            "matches::identity",
            "matches::leaderboard",
            "matches::outcome",
            "matches::pair",
            "matches::rate",
            "matches::rating",
            "matches::record",
            "matches::report",
            "matches::score",
            "matches::session",
            "matches::sum",
            "matches::team",
        ],
    ),
    ("ports", &["store", "bus", "upstream", "ports"]),
    (
        "flows",
        &[
            "api_key",
            "source::ingest",
            "source::subscribe",
            "source::notice",
            "source::pulse",
            "source::catch_up",
            "source::generic::live",
            "source::generic::manage",
            "source::kick::live",
            "source::kick::stream",
            "source::panel::live",
            "source::party::live",
            "source::xtsystems::live",
            "source::xtsystems::rotation",
            "delivery",
            "outbound",
            "approval",
            "community",
            "privacy",
            "setup",
            "doctor",
            "kick",
            "ticket",
            "routes",
            "community",
            "matches",
            "notifier",
            "stats",
        ],
    ),
    (EDGES, &["discord", "web"]),
    (ROOT, &["main", "lib", "cli", "app"]),
];
/// Computes and touches nothing outside.
const CORE: &str = "core";
/// What they share is a use case in a flow: they do not name each other.
const EDGES: &str = "edges";
/// Puts everything together, and so may name everything.
const ROOT: &str = "app";

/// What the core does not name, however pure the rest of it is.
const OUTSIDE: &[&str] = &["tokio", "sqlx", "std::fs", "std::net", "std::process"];

struct Owner {
    /// Paths and all below them; a `*` at the end stands for the rest of a name.
    what: &'static [&'static str],
    /// The only files and directories of `src/` that may name them.
    only_in: &'static [&'static str],
    /// Whether the composition root may, too.
    root: bool,
    why: &'static str,
}

const OWNERS: &[Owner] = &[
    Owner {
        what: &["sqlx::query*", "sqlx::raw_sql", "sqlx::QueryBuilder", "sqlx::migrate*", "sqlx::AssertSqlSafe"],
        only_in: &["store"],
        root: false,
        why: "every SQL statement is in src/store",
    },
    Owner {
        what: &["reqwest"],
        only_in: &["upstream"],
        root: true,
        why: "outbound HTTP belongs to the clients in src/upstream",
    },
    Owner {
        what: &[
            "crate::upstream::http::builder",
            "reqwest::ClientBuilder::new",
            "reqwest::Client::new",
            "reqwest::Client::builder",
        ],
        only_in: &["upstream::guard", "upstream::http"],
        root: true,
        why: "a client is made with the guard that says where it may go",
    },
    Owner {
        what: &["serenity", "poise"],
        only_in: &["discord"],
        root: true,
        why: "the framework stays in src/discord",
    },
    Owner {
        what: &["redis"],
        only_in: &["bus"],
        root: true,
        why: "the rest of the program does not know which bus it has",
    },
    Owner { what: &["axum"], only_in: &["web"], root: true, why: "requests are read and answered in src/web" },
    Owner {
        what: &["std::env"],
        only_in: &["config", "store::embedded::place"],
        root: true,
        why: "settings are read in one place, so that all problems are reported together; the second place \
              asks what this machine has, not what the program shall do",
    },
    Owner {
        what: &[
            "chrono::Utc::now",
            "chrono::Local::now",
            "std::time::SystemTime::now",
            "std::time::Instant::now",
            "rand",
            "fastrand",
            "getrandom",
            "aws_lc_rs::rand",
            "uuid::Uuid::new_v4",
            "uuid::Uuid::now_v*",
        ],
        only_in: &["clock"],
        root: false,
        why: "tests drive one clock and one source of chance",
    },
    Owner {
        what: &["tokio::spawn", "tokio::task::spawn", "tokio::task::spawn_local"],
        only_in: &["lifecycle"],
        root: false,
        why: "every task is known to the shutdown",
    },
];

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "common", "manager", "core", "types"];
/// Whatever is meant by them is done, or is an issue.
const MARKERS: &[&str] = &["TODO", "FIXME", "XXX"];
const UNFINISHED_MACROS: &[&str] = &["todo", "unimplemented"];
const LONGEST_FILE: usize = 600;
/// Statements take the time from the program's clock.
const SQL_CLOCKS: &[&str] =
    &["now()", "current_timestamp", "localtimestamp", "statement_timestamp()", "transaction_timestamp()"];

/// A module's tests stand outside of the program, as those in `tests/` do.
fn is_test(file: &SourceFile) -> bool {
    file.path.ends_with("/tests.rs")
}

#[test]
fn modules_name_only_what_is_below_them() {
    report(program_files().iter().filter(|file| !is_test(file)).flat_map(layer_faults));
}

#[test]
fn each_library_and_each_source_of_surprise_has_one_owner() {
    report(program_files().iter().filter(|file| !is_test(file)).flat_map(owner_faults));
}

#[test]
fn statements_take_the_time_as_a_parameter() {
    let in_store = program_files().into_iter().filter(|file| file.module.get(1).is_some_and(|name| name == "store"));
    let statements = in_store.flat_map(|file| {
        let strings = file.scan().strings;
        strings.into_iter().map(move |(text, line)| (format!("{}:{line}", file.path), text)).collect::<Vec<_>>()
    });
    let sql_files = files_below("migrations", "sql").into_iter().chain(files_below("src", "sql"));
    let sql_files = sql_files.flat_map(|path| {
        let text = fs::read_to_string(root().join(&path)).expect("it was just listed");
        let timed = if path.starts_with("migrations") { functions_and_defaults(&text) } else { vec![text] };
        timed.into_iter().map(move |text| (path.clone(), text))
    });
    report(statements.chain(sql_files).flat_map(|(place, text)| {
        sql_clocks_in(&text).into_iter().map(move |clock| format!("{place}: `{clock}` in SQL; take $now"))
    }));
}

#[test]
fn files_are_short_named_well_and_say_what_they_are_for() {
    report(all_files().iter().flat_map(file_faults));
}

#[test]
fn nothing_is_left_for_later() {
    report(all_files().iter().flat_map(leftover_faults));
}

#[test]
fn the_stand_in_does_not_know_the_program() {
    let sources = all_files().into_iter().filter(|file| file.path.starts_with("crates/standin"));
    let mut faults: Vec<String> = sources
        .flat_map(|file| {
            let names = file.scan().tokens.into_iter().filter(|(token, _)| token == "signalbox");
            names.map(|(_, line)| format!("{}:{line}: the stand-in names signalbox", file.path)).collect::<Vec<_>>()
        })
        .collect();
    let manifest = fs::read_to_string(root().join("crates/standin/Cargo.toml")).expect("the stand-in has a manifest");
    faults.extend(
        manifest
            .lines()
            .filter(|line| line.starts_with("signalbox"))
            .map(|line| format!("Cargo.toml of the stand-in: {line}")),
    );
    report(faults.into_iter());
}

#[test]
fn the_rules_find_what_they_forbid() {
    for (path, source, expected) in [
        (
            "src/web/api.rs",
            "//! x\nuse crate::{store::Store, discord::{self, render}};",
            "src/web/api.rs:2: web names discord",
        ),
        ("src/delivery/limit.rs", "//! x\nuse super::worker::Step;", "core names delivery::worker::Step of flows"),
        ("src/source/kick/parse.rs", "//! x\nuse crate::event::Event;", ""),
        ("src/source/kick/parse.rs", "//! x\nuse crate::source::ingest;", "core names source::ingest of flows"),
        ("src/source/ingest.rs", "//! x\nuse crate::store::Store; use super::kick::parse;", ""),
        ("src/routing/card.rs", "//! x\nmod tests { use super::*; use super::super::filter; }", ""),
        (
            "src/routing/card.rs",
            "//! x\nasync fn f() { tokio::time::sleep(d).await }",
            "the core is pure and names tokio",
        ),
        ("src/weather.rs", "//! x\n", "src/weather.rs: in no layer"),
        ("src/app.rs", "//! x\nuse crate::{web, discord, store};", ""),
        ("src/matches/store.rs", "//! x\nlet r = sqlx::query_as!(Row, \"SELECT 1\");", "sqlx::query*"),
        ("src/web/api.rs", "//! x\nuse sqlx::{PgPool, query_scalar as q};", "sqlx::query*"),
        ("src/store/lane.rs", "//! x\nuse sqlx::query; fn f() { query(\"\") }", ""),
        ("src/web/api.rs", "//! x\nuse std::env; fn f() { env::var(\"HOME\") }", "std::env"),
        ("src/web/api.rs", "//! x\nconst D: &str = env!(\"CARGO_MANIFEST_DIR\"); // std::env::var", ""),
        ("src/web/api.rs", "//! x\nuse std::time::Instant; fn f() { Instant::now() }", "std::time::Instant::now"),
        ("src/web/api.rs", "//! x\nuse tokio::time::Instant; fn f() { Instant::now() }", ""),
        ("src/web/api.rs", "//! x\nfn f() { chrono::Utc::now() }", "chrono::Utc::now"),
        ("src/web/api.rs", "//! x\nuse poise::serenity_prelude as serenity; fn f(c: serenity::Context) {}", "poise"),
        ("src/bus.rs", "//! x\nmod redis; use redis::Redis;", ""),
        ("src/web.rs", "//! x\nmod redis; fn f() { redis::connect() }", ""),
        ("src/web/api.rs", "//! x\nfn f() { use tokio::task; task::spawn(g()) }", "tokio::task::spawn"),
        ("src/web/api.rs", "//! x\nfn f() { tokio::task::spawn_blocking(g) }", ""),
        ("src/upstream/public.rs", "//! x\nfn f() { super::http::builder() }", "the guard that says"),
        ("src/upstream/public.rs", "//! x\nuse reqwest::Client; fn f() { Client::new() }", "the guard that says"),
        ("src/upstream/guard.rs", "//! x\nfn f() { super::http::builder() }", ""),
        ("src/web/utils.rs", "//! x\n", "says nothing"),
        ("src/web/mod.rs", "//! x\n", "mod.rs"),
        ("src/web/api.rs", "use x;\n", "opens with"),
        ("src/web/api.rs", "//! x\nfn f() { let q = '\"'; todo!() } // \"", "unfinished"),
        ("src/web/api.rs", "//! x\n// TO\u{44}O: later", "left for later"),
        ("src/web/api.rs", "//! x\nconst S: &str = r#\"todo!() \" std::env::var\"#; fn f<'a>(s: &'a str) {}", ""),
    ] {
        let file = SourceFile::new(path.to_owned(), source.to_owned());
        let rules = [layer_faults, owner_faults, file_faults, leftover_faults];
        let faults: Vec<String> = rules.iter().flat_map(|rule| rule(&file)).collect();
        match expected {
            "" => assert!(faults.is_empty(), "{path}: {source}\n{faults:?}"),
            _ => assert!(faults.iter().any(|fault| fault.contains(expected)), "{path}: {source}\n{faults:?}"),
        }
    }
    assert_eq!(sql_clocks_in("SELECT NOW(), known()"), ["now()"]);
    let migration = "-- now()\nCREATE TABLE a (at timestamptz DEFAULT now());\nUPDATE a SET at = now();";
    assert_eq!(functions_and_defaults(migration).len(), 1);
}

fn layer_faults(file: &SourceFile) -> Vec<String> {
    let Some(layer) = layer_of(&file.module[1..]) else {
        return vec![format!("{}: in no layer of the table in tests/it/tidy.rs", file.path)];
    };
    if LAYERS[layer].0 == ROOT {
        return Vec::new();
    }
    let name = LAYERS[layer].0;
    let mut faults = Vec::new();
    for (path, line) in file.scan().paths {
        let place = format!("{}:{line}", file.path);
        let path_text = path.join("::");
        if let [first, target @ ..] = path.as_slice()
            && (first == "crate" || first == "signalbox")
            && let Some(other) = layer_of(target)
        {
            if other > layer {
                faults.push(format!("{place}: {name} names {} of {}", target.join("::"), LAYERS[other].0));
            }
            if name == EDGES && other == layer && target[0] != file.module[1] {
                faults.push(format!("{place}: {} names {}; what edges share is a flow", file.module[1], target[0]));
            }
        } else if name == CORE && OUTSIDE.iter().any(|outside| is_below(&path, outside)) {
            faults.push(format!("{place}: the core is pure and names {path_text}"));
        }
    }
    faults
}

/// The index of the layer of a module, by the longest entry that fits.
fn layer_of(module: &[String]) -> Option<usize> {
    let entries =
        LAYERS.iter().enumerate().flat_map(|(index, (_, entries))| entries.iter().map(move |entry| (index, *entry)));
    entries.filter(|(_, entry)| is_below(module, entry)).max_by_key(|(_, entry)| entry.len()).map(|(index, _)| index)
}

fn owner_faults(file: &SourceFile) -> Vec<String> {
    let is_root = layer_of(&file.module[1..]).is_some_and(|layer| LAYERS[layer].0 == ROOT);
    let may_name =
        |owner: &Owner| owner.root && is_root || owner.only_in.iter().any(|place| is_below(&file.module[1..], place));
    let bound = OWNERS.iter().filter(|owner| !may_name(owner));
    let paths = file.scan().paths;
    bound
        .flat_map(|owner| {
            paths.iter().filter_map(|(path, line)| {
                let what = owner.what.iter().find(|what| is_below(path, what))?;
                Some(format!("{}:{line}: {what} only in {}: {}", file.path, owner.only_in.join(", "), owner.why))
            })
        })
        .collect()
}

/// Whether the path is the pattern or goes on behind it.
fn is_below(path: &[String], pattern: &str) -> bool {
    let pattern: Vec<&str> = pattern.split("::").collect();
    path.len() >= pattern.len()
        && path.iter().zip(&pattern).all(|(name, wanted)| match wanted.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => name == wanted,
        })
}

fn file_faults(file: &SourceFile) -> Vec<String> {
    let path = Path::new(&file.path);
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("{}: {what}", file.path));
    if !file.source.starts_with("//! ") {
        fault("a file opens with `//! ` and what it is for".to_owned());
    }
    let lines = file.source.lines().count();
    if lines > LONGEST_FILE {
        fault(format!("{lines} lines, and {LONGEST_FILE} are the most; is it one job?"));
    }
    // Cargo takes every file directly below `tests/` for a test of its own: what they share has to be a directory.
    let shared_by_tests = file.path.starts_with("crates/standin/tests/");
    if path.file_name().is_some_and(|name| name == "mod.rs") && !shared_by_tests {
        fault("foo.rs and foo/, not foo/mod.rs".to_owned());
    }
    let names = path.iter().map(|part| part.to_string_lossy().trim_end_matches(".rs").to_owned());
    for name in names.filter(|name| EMPTY_NAMES.contains(&name.as_str())) {
        fault(format!("`{name}` says nothing about what is in it"));
    }
    faults
}

fn leftover_faults(file: &SourceFile) -> Vec<String> {
    let Scan { comments, tokens, .. } = file.scan();
    let is_marked = |text: &str| {
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        words.any(|word| MARKERS.contains(&word))
    };
    let in_comments = comments.iter().filter(|(text, _)| is_marked(text));
    let in_comments = in_comments.map(|(text, line)| format!("{}:{line}: left for later: {text}", file.path));
    let macros = tokens.windows(2).filter(|pair| UNFINISHED_MACROS.contains(&pair[0].0.as_str()) && pair[1].0 == "!");
    let macros = macros.map(|pair| format!("{}:{}: unfinished: {}!", file.path, pair[0].1, pair[0].0));
    in_comments.chain(macros).collect()
}

fn sql_clocks_in(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let named = |clock: &&&str| {
        text.match_indices(**clock)
            .any(|(at, found)| !text[..at].ends_with(is_word) && !text[at + found.len()..].starts_with(is_word))
    };
    SQL_CLOCKS.iter().filter(named).copied().collect()
}

/// The parts of a migration that go on working after it: the bodies of its functions and the defaults of
/// its columns. A backfill runs once, and may ask the server for the time.
fn functions_and_defaults(sql: &str) -> Vec<String> {
    let lines = sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    let code = lines.collect::<Vec<_>>().join("\n").to_lowercase();
    let bodies = code.split("$$").skip(1).step_by(2).map(str::to_owned);
    let defaults =
        code.split("default ").skip(1).map(|rest| rest.split([',', '\n', ';']).next().unwrap_or("").to_owned());
    bodies.chain(defaults).collect()
}

fn report(faults: impl Iterator<Item = String>) {
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
