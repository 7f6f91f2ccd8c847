//! A person at a terminal: the program's input and its questions are a real one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<String>>,
    read: usize,
}

impl Terminal {
    pub fn start(directory: &PathBuf, arguments: &[&str], env: &[(String, String)]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = || {
            let path = PathBuf::from(name.to_str().unwrap());
            Stdio::from(File::options().read(true).write(true).open(path).unwrap())
        };
        let child = Command::new(env!("CARGO_BIN_EXE_signalbox"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(env.iter().map(|(name, value)| (name, value)))
            .current_dir(directory)
            .stdin(theirs())
            .stdout(theirs())
            .stderr(theirs())
            .spawn()
            .expect("the program can be run");
        let (keyboard, screen) = (File::from(ours.try_clone().unwrap()), Arc::new(Mutex::new(String::new())));
        let shown = screen.clone();
        std::thread::spawn(move || show(ours, &shown));
        Self { child, keyboard, screen, read: 0 }
    }

    /// Waits for these words after what was read before, then types an answer.
    pub async fn answer(&mut self, question: &str, answer: &str) {
        for _ in 0..3000 {
            let found = self.screen.lock().unwrap()[self.read..].find(question);
            if let Some(at) = found {
                self.read += at + question.len();
                // A question is asked before its input is awaited; what is typed early is kept by the terminal.
                self.keyboard.write_all(format!("{answer}\n").as_bytes()).unwrap();
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never asked {question:?}:\n{}", self.screen.lock().unwrap());
    }

    /// Its end: the exit code, and everything that stood on the screen.
    pub async fn ends(mut self) -> (Option<i32>, String) {
        for _ in 0..6000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                return (status.code(), self.screen.lock().unwrap().replace("\r\n", "\n"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let _ = self.child.kill();
        panic!("it still runs:\n{}", self.screen.lock().unwrap());
    }
}

/// Until the program's side is closed.
fn show(ours: OwnedFd, screen: &Mutex<String>) {
    let mut ours = File::from(ours);
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = ours.read(&mut buffer) {
        screen.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}
