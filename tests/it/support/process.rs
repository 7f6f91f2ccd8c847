//! Processes that tests start: this test binary again, at one of its ignored tests.

use signalbox::store::embedded::LauncherCommand;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// This binary with the arguments that run just the ignored test `name`, its output shown.
pub fn this_binary_at(name: &str) -> LauncherCommand {
    let program = if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe") // also from a directory that the account of the child may not enter
    } else {
        std::env::current_exe().expect("the test binary has a path")
    };
    let args = ["--exact", name, "--ignored", "--nocapture"];
    LauncherCommand { program, args: args.into_iter().map(OsString::from).collect() }
}

/// The step before a server: see `exec_postgres`, which serves any program.
pub fn launcher() -> LauncherCommand {
    let mut launcher = this_binary_at("support::process::step_before_a_server");
    launcher.args.push("--".into());
    launcher
}

#[test]
#[ignore = "a step in the start of a server, not a test"]
fn step_before_a_server() {
    let args: Vec<OsString> = std::env::args_os().skip_while(|arg| arg != "--").skip(1).collect();
    if args.is_empty() {
        return;
    }
    let error = signalbox::store::embedded::exec_postgres(args).expect_err("it returns on failure only");
    panic!("the server could not be run: {error}");
}

/// A child that a test talks with: it says lines that begin with [`Actor::MARK`], and ends when its
/// input is closed. Dropping it kills it.
pub struct Actor {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Actor {
    /// What the lines meant for the test contain; the test runner writes lines of its own.
    pub const MARK: &str = "@says@ ";
    const PATIENCE: Duration = Duration::from_secs(60);

    pub fn start(name: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let this = this_binary_at(name);
        let mut command = Command::new(this.program);
        command.args(this.args).stdin(Stdio::piped()).stdout(Stdio::piped());
        prepare(&mut command);
        let mut child = command.spawn().expect("the test binary can be run");
        let output = child.stdout.take().expect("it is piped");
        Self { child, lines: read_marked_lines(output) }
    }

    /// The next line it says.
    pub fn hear(&self) -> String {
        self.lines.recv_timeout(Self::PATIENCE).expect("the child process says something before it ends")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(mut self) {
        self.kill_now();
    }

    fn kill_now(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be awaited");
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.kill_now();
    }
}

fn read_marked_lines(output: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some((_, said)) = line.split_once(Actor::MARK)
                && sender.send(said.to_owned()).is_err()
            {
                break;
            }
        }
    });
    lines
}

/// Said by the child itself.
pub fn say(what: impl std::fmt::Display) {
    println!("{}{what}", Actor::MARK);
}

/// In the child: waits until the test closes its input, or is gone.
pub fn wait_for_end_of_input() {
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("the input can be read");
}

/// Whether there is such a process and it has not ended.
pub fn is_running(pid: u32) -> bool {
    if cfg!(target_os = "linux") {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        return !matches!(state, None | Some('Z'));
    }
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

pub fn kill_9(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("a process id"), rustix::process::Signal::KILL)
        .expect("the process is there");
}

/// Looks until it is so; the test fails when that takes longer than `seconds`.
pub fn eventually(what: &str, seconds: u32, mut is_so: impl FnMut() -> bool) {
    for _ in 0..seconds * 50 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not so after {seconds} s: {what}");
}
