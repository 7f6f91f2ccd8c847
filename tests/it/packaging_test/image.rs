//! The image: its recipe, and the program in a file system of the same kind: read-only, without a shell,
//! as an account without a name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{has, read, succeeds};
use crate::support::port::free_port;
use crate::support::program::{Directory, Program};
use crate::support::town::{Setup, run_with};
use standin::discord::Limits;

const PROGRAM: &str = env!("CARGO_BIN_EXE_signalbox");

/// The libraries that the program is linked with: name and place.
fn libraries() -> Vec<(String, PathBuf)> {
    let words = succeeds(Command::new("ldd").arg(PROGRAM));
    let lines = words.lines().map(str::trim).filter(|line| !line.starts_with("linux-vdso"));
    let place = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    lines.map(|line| (line.split_whitespace().next().unwrap().to_owned(), place(line).expect("it is found"))).collect()
}

/// The last stage of the recipe, without comments.
fn last_stage() -> String {
    let recipe = read("Dockerfile");
    let lines = recipe.lines().filter(|line| !line.trim_start().starts_with('#'));
    let lines = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    lines.rsplit_once("\nFROM ").unwrap().1.to_owned()
}

#[test]
fn the_recipe_makes_a_small_image_of_an_account_without_rights() {
    let stage = last_stage();
    assert!(stage.starts_with("debian:bookworm-slim"), "nothing of the build is in it");
    let user = stage.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert!(user.split(':').all(|id| id.parse::<u32>().unwrap() >= 1000), "{user}");
    assert!(stage.contains("CMD [\"signalbox\", \"healthcheck\"]"));
    assert!(stage.contains("ENTRYPOINT [\"signalbox\"]") && stage.contains("STOPSIGNAL SIGTERM"));
    for line in read("Dockerfile").lines().filter(|line| line.starts_with("FROM ")) {
        assert!(line.contains("-slim") && line.contains(':') && !line.contains("latest"), "{line}");
    }
    let toolchain = read("Dockerfile").split("FROM rust:").nth(1).unwrap().split('-').next().unwrap().to_owned();
    assert!(fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap().contains("rust-version"));
    assert!(toolchain.parse::<f32>().unwrap() >= 1.94, "{toolchain}");
}

/// What the program is linked with comes with the base image or is installed by the recipe.
#[test]
fn the_recipe_installs_every_library() {
    let stage = last_stage();
    for (name, _) in libraries() {
        let base = ["libc.so", "libm.so", "libgcc_s.so", "libdl.so", "libpthread.so", "librt.so", "/lib"];
        let of_base = base.iter().any(|library| name.starts_with(library));
        let of_openssl = name.starts_with("libssl.so.3") || name.starts_with("libcrypto.so.3");
        assert!(of_base || of_openssl && stage.contains("libssl3"), "{name} is not in the image");
    }
    assert!(stage.contains("ca-certificates"), "the authorities by which Discord is known");
}

/// A file system with the program, its libraries and the certificates, and no more.
fn file_system() -> Directory {
    let directory = Directory::new();
    let root = &directory.0;
    for dir in ["usr/local/bin", "usr/lib", "etc", "tmp", "proc", "dev"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    let link_or_copy = |from: &Path, to: PathBuf| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let real = from.canonicalize().unwrap();
        fs::hard_link(&real, &to).or_else(|_| fs::copy(&real, &to).map(drop)).unwrap();
    };
    link_or_copy(Path::new(PROGRAM), root.join("usr/local/bin/signalbox"));
    symlink("usr/lib", root.join("lib")).unwrap();
    symlink("usr/lib", root.join("lib64")).unwrap();
    for (_, library) in libraries() {
        let name = library.file_name().unwrap();
        link_or_copy(&library, root.join("usr/lib").join(name));
    }
    for file in ["etc/ssl/certs/ca-certificates.crt", "etc/resolv.conf"] {
        let from = Path::new("/").join(file);
        if from.exists() {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::copy(&from, root.join(file)).unwrap();
        }
    }
    fs::write(root.join("etc/nsswitch.conf"), "hosts: files dns\n").unwrap();
    // The account of the image: everybody may pass, nobody may write.
    succeeds(Command::new("chmod").args(["-R", "a+rX,go-w"]).arg(root));
    directory
}

/// Runs what follows in the file system, read-only but for `/tmp`, as account 10001.
const ENTER: &str = r#"
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777,size=16m tmpfs "$root/tmp"
exec chroot --userspec=10001:10001 "$root" "$@"
"#;

fn enter(root: &Path, arguments: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = ["--mount", "--ipc", "--uts", "sh", "-euc", ENTER, "sh"].map(str::to_owned).into();
    all.push(root.display().to_string());
    all.push("/usr/local/bin/signalbox".to_owned());
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    all
}

/// Only root may change the file system that a process sees.
fn may_enter() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("NOT RUN: entering another file system takes root");
    }
    is_root && has("unshare") && has("chroot")
}

#[tokio::test]
async fn the_program_works_in_a_read_only_file_system_without_rights() {
    if !may_enter() {
        return;
    }
    run_with(Setup { gateway: false, limits: Limits::Off, ..Setup::default() }, async |town| {
        let directory = file_system();
        let root = &directory.0;
        let port = free_port().to_string();
        let mut env = town.env.clone();
        env.retain(|(name, _)| name != "DATABASE_URL" && name != "WEBHOOK_PORT");
        for (name, value) in
            [("DATABASE_URL", "postgres://nobody@127.0.0.1:1/x"), ("WEBHOOK_PORT", &port), ("WEBHOOK_BIND", "0.0.0.0")]
        {
            env.push((name.to_owned(), value.to_owned()));
        }
        let run = |arguments: &[&str]| {
            let all = enter(root, arguments);
            Program::start_other("unshare", &all.iter().map(String::as_str).collect::<Vec<_>>(), &env)
        };
        let end = run(&["--version"]).ends_within(20).await;
        assert_eq!(
            (end.code, end.out.as_str()),
            (Some(0), concat!("signalbox ", env!("CARGO_PKG_VERSION"), "\n")),
            "{}",
            end.err
        );

        let mut program = run(&["run"]);
        program.says("PostgreSQL cannot be reached").await;
        let live = run(&["healthcheck", "--live"]).ends_within(20).await;
        assert_eq!((live.code, live.out.as_str()), (Some(0), "ok\n"), "{}", live.err);
        let ready = run(&["healthcheck"]).ends_within(20).await;
        assert_eq!(ready.code, Some(1), "{}", ready.out);
        let status = fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
        let uids = status.lines().find(|line| line.starts_with("Uid:")).unwrap().to_owned();
        assert_eq!(uids.split_whitespace().collect::<Vec<_>>(), ["Uid:", "10001", "10001", "10001", "10001"]);
        program.ask_to_stop();
        assert_eq!(program.ends_within(20).await.code, Some(0));

        env.push(("LOG_DIR".to_owned(), "/logs".to_owned()));
        let all = enter(root, &["run"]);
        let refused = Program::start_other("unshare", &all.iter().map(String::as_str).collect::<Vec<_>>(), &env);
        let end = refused.ends_within(20).await;
        assert_eq!(end.code, Some(1));
        assert!(end.err.contains("Read-only file system"), "{}", end.err);
    })
    .await;
}
