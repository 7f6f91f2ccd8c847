//! The units of systemd, judged by systemd itself.

use std::fs;
use std::process::Command;

use super::{has, read, succeeds};
use crate::support::program::Directory;

const UNITS: [&str; 3] = [NOTIFIER, "signalbox.service", "signalbox@.service"];
const NOTIFIER: &str = "signalbox-notify.service";

/// The value of a setting that stands once.
fn value<'a>(unit: &'a str, name: &str) -> &'a str {
    let mut found = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = found.next().unwrap_or_else(|| panic!("{name} is not set"));
    assert_eq!(found.next(), None, "{name} stands once");
    value
}

#[test]
fn systemd_finds_nothing_wrong_with_them() {
    if !has("systemd-analyze") {
        return;
    }
    let directory = Directory::new();
    for name in UNITS {
        // Installed, as far as systemd looks: with the program at its place.
        let unit =
            read(&format!("systemd/{name}")).replace("/usr/local/bin/signalbox", env!("CARGO_BIN_EXE_signalbox"));
        let path = directory.0.join(name);
        fs::write(&path, unit).unwrap();
        let words = succeeds(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path));
        assert_eq!(words, "", "{name}");
    }
}

/// 10 is a unit without any protection; what systemd calls "OK" ends at 2.
#[test]
fn they_leave_little_to_an_intruder() {
    if !has("systemd-analyze") {
        return;
    }
    let directory = Directory::new();
    for name in UNITS {
        let path = directory.0.join(name);
        fs::write(&path, read(&format!("systemd/{name}"))).unwrap();
        succeeds(
            Command::new("systemd-analyze")
                .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
                .arg(&path),
        );
    }
}

#[test]
fn they_agree_with_the_program() {
    for name in UNITS.into_iter().filter(|name| *name != NOTIFIER) {
        let unit = read(&format!("systemd/{name}"));
        assert_eq!(value(&unit, "Type"), "notify");
        // `discord::Fatal::exit_code` and what a wrong configuration ends with.
        assert_eq!(value(&unit, "RestartPreventExitStatus"), "77 78");
        assert!(value(&unit, "ExecStart").ends_with("/signalbox run"));
        let seconds = |name: &str| match value(&unit, name) {
            time if time.ends_with("min") => time.trim_end_matches("min").parse::<u64>().unwrap() * 60,
            time => time.trim_end_matches('s').parse().unwrap(),
        };
        assert!(seconds("TimeoutStopSec") > 15 + 5, "{name}: more than SHUTDOWN_TIMEOUT and what follows it");
        // Where there is no directory for a key, it has to be given.
        let optional = if unit.contains("\nStateDirectory=") { "-" } else { "" };
        let line = format!("\nEnvironmentFile={optional}/etc/signalbox/encryption.env\n");
        assert!(unit.contains(&line), "{name}: the encryption key");
        assert!(seconds("WatchdogSec") > 60, "{name}: more than the longest piece of work");
    }
    // A private PostgreSQL is the program's to stop; without one there is nothing to spare.
    assert_eq!(value(&read("systemd/signalbox.service"), "KillMode"), "mixed");
}

#[test]
fn the_notifiers_agrees_with_it() {
    let unit = read(&format!("systemd/{NOTIFIER}"));
    assert_eq!(value(&unit, "Type"), "notify");
    assert_eq!(value(&unit, "RestartPreventExitStatus"), "78");
    assert!(value(&unit, "ExecStart").ends_with("/signalbox notify-stats"));
    // Where it keeps what it told is where systemd lets it write.
    let state = format!("/var/lib/{}", value(&unit, "StateDirectory"));
    assert_eq!(value(&unit, "Environment"), format!("STATE_DIR={state}"));
    // A request's deadline, and the watchdog's, are longer than a request.
    assert_eq!((value(&unit, "TimeoutStopSec"), value(&unit, "WatchdogSec")), ("30s", "2min"));
    assert_eq!(value(&unit, "ProtectHome"), "read-only", "game servers are in home directories");
}

/// What the unit says that a machine needs: nothing but the system's C library and OpenSSL.
#[test]
fn the_program_needs_no_other_library() {
    if !cfg!(target_os = "linux") || !has("ldd") {
        return;
    }
    let words = succeeds(Command::new("ldd").arg(env!("CARGO_BIN_EXE_signalbox")));
    let libraries = words.lines().filter_map(|line| line.split_whitespace().next());
    let known =
        ["linux-vdso.so", "ld-linux", "ld-musl", "libc.", "libm.", "libgcc_s.", "libssl.so.3", "libcrypto.so.3"];
    let other = |library: &&str| {
        let name = library.rsplit('/').next().unwrap_or(library);
        !known.iter().any(|known| name.starts_with(known))
    };
    assert_eq!(libraries.filter(other).collect::<Vec<_>>(), Vec::<&str>::new(), "{words}");
}
