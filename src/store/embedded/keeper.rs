//! Keeps the server running: starts it again when somebody else ended it, until it is told to stop.

use super::cluster::{Log, await_end_of_earlier_server, open_log, ready_server};
use super::error::EmbeddedError;
use super::place::Account;
use super::{LauncherCommand, STOP_LIMIT, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// After an unclean stop of the machine the server first replays its log.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How often it is looked whether the server still runs.
const LOOK: Duration = Duration::from_millis(250);
/// Between attempts to start it again.
const AGAIN: Duration = Duration::from_secs(2);

/// All that is needed to start the server on its data.
pub(super) struct Launch {
    pub launcher: LauncherCommand,
    pub server: PathBuf,
    pub settings: Vec<(&'static str, String)>,
    pub account: Account,
    pub home: PathBuf,
    pub cluster: PathBuf,
}

/// The thread that is the parent of the server. The kernel tells the server to end when this *thread*
/// ends, so nobody else may start it.
#[derive(Debug)]
pub(super) struct Keeper {
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Returns when the server accepts connections.
    pub fn start(launch: Launch) -> Result<Self, EmbeddedError> {
        let (started, outcome) = channel();
        let (stop, stopped) = channel();
        let server = launch.server.clone();
        let thread = std::thread::Builder::new()
            .name("private postgresql".to_owned())
            .spawn(move || keep(&launch, &started, &stopped))
            .map_err(EmbeddedError::io("start", &server))?;
        let gone = || io::Error::other("the thread that starts it ended");
        outcome.recv().unwrap_or_else(|_| Err(EmbeddedError::io("start", &server)(gone())))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // A thread that is gone has nothing left to stop.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep(launch: &Launch, started: &Sender<Result<(), EmbeddedError>>, stopped: &Receiver<()>) {
    let mut server = match launch.start() {
        Ok(server) => server,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let _ = started.send(Ok(()));
    while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let Ok(Some(status)) = server.child.try_wait() else { continue };
        tracing::warn!(%status, "the private PostgreSQL was ended by somebody else; it is started again");
        server = loop {
            match launch.start() {
                Ok(server) => break server,
                Err(error) => tracing::error!(%error, "the private PostgreSQL could not be started again"),
            }
            if stopped.recv_timeout(AGAIN) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        };
        tracing::info!("the private PostgreSQL accepts connections again");
    }
    if let Err(error) = server.end() {
        tracing::warn!(%error, "the private PostgreSQL could not be stopped");
    }
}

impl Launch {
    fn start(&self) -> Result<Server, EmbeddedError> {
        await_end_of_earlier_server(&self.cluster)?;
        let mut starting = Starting { child: None, log: open_log(&self.account, &self.home)? };
        let mut command = self.account.command(&self.launcher.program, &self.home);
        command
            .args(&self.launcher.args)
            .arg(std::process::id().to_string())
            .arg(&self.server)
            .arg("-D")
            .arg(&self.cluster);
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(starting.log.handle()?)
            .stderr(starting.log.handle()?)
            .spawn()
            .map_err(EmbeddedError::io("start", &self.launcher.program))?;
        starting.child = Some(child);
        starting.await_ready(&self.cluster)
    }
}

/// A server that accepts connections.
struct Server {
    child: Child,
    pid: Pid,
}

impl Server {
    /// Asks ever more firmly until the process is gone.
    fn end(&mut self) -> io::Result<()> {
        for (signal, limit) in [(Signal::INT, STOP_LIMIT), (Signal::QUIT, Duration::from_secs(5))] {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            kill_process(self.pid, signal)?;
            let child = &mut self.child;
            if wait_until(limit, || child.try_wait().is_ok_and(|status| status.is_some())) {
                return Ok(());
            }
            tracing::warn!(?signal, seconds = limit.as_secs(), "PostgreSQL is still running");
        }
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

/// A server between its start and its readiness; dropped on the way, it ends.
struct Starting {
    child: Option<Child>,
    log: Log,
}

impl Starting {
    fn await_ready(&mut self, cluster: &Path) -> Result<Server, EmbeddedError> {
        let mut ended = None;
        let mut ready = None;
        let child = self.child.as_mut().expect("it was set when it was spawned");
        wait_until(START_LIMIT, || {
            ended = child.try_wait().ok().flatten();
            ready = ready_server(cluster, child.id());
            ended.is_some() || ready.is_some()
        });
        match (ended, ready) {
            (Some(status), _) => Err(self.log.failure(format!("it ended with {status}"))),
            (None, Some(pid)) => {
                let child = self.child.take().expect("it was set when it was spawned");
                Ok(Server { child, pid })
            }
            (None, None) => Err(self.log.failure(format!("not ready after {} s", START_LIMIT.as_secs()))),
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = kill_process(Pid::from_child(&child), Signal::QUIT);
            let _ = child.wait();
        }
    }
}
