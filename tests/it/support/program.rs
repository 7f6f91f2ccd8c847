//! The program itself, as a person or a supervisor starts it: arguments and environment in, output and
//! exit code out.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::town::{SECRET, sign};

/// A running program. Dropping it kills it.
pub struct Program {
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    readers: [JoinHandle<()>; 2],
}

/// How it ended.
#[derive(Debug)]
pub struct End {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Program {
    /// In an empty directory, with this environment and no more than is needed to run programs.
    pub fn start(arguments: &[&str], env: &[(String, String)]) -> Self {
        Self::start_in(&Directory::new().0, arguments, env)
    }

    pub fn start_in(directory: &PathBuf, arguments: &[&str], env: &[(String, String)]) -> Self {
        Self::run(env!("CARGO_BIN_EXE_signalbox"), directory, arguments, env)
    }

    /// By way of another program, such as one that confines it.
    pub fn start_other(program: &str, arguments: &[&str], env: &[(String, String)]) -> Self {
        Self::run(program, &Directory::new().0, arguments, env)
    }

    fn run(program: &str, directory: &PathBuf, arguments: &[&str], env: &[(String, String)]) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be run");
        let (out, out_reader) = gather(child.stdout.take().expect("it is piped"));
        let (err, err_reader) = gather(child.stderr.take().expect("it is piped"));
        Self { child, out, err, readers: [out_reader, err_reader] }
    }

    /// Everything it wrote so far.
    pub fn output(&self) -> String {
        format!("{}{}", self.out.lock().unwrap(), self.err.lock().unwrap())
    }

    /// The value of `name=` in its log, such as the address that it listens on.
    pub fn value(&self, name: &str) -> String {
        let output = self.output();
        let (text, json) = (format!("{name}="), format!("\"{name}\":\""));
        let after = output.split(&text).nth(1).or_else(|| output.split(&json).nth(1));
        let after = after.unwrap_or_else(|| panic!("no {name} in {output}"));
        after.split(|c: char| c.is_whitespace() || c == '"').next().unwrap_or_default().to_owned()
    }

    /// An event of XTSystems, signed, on the system's clock.
    pub fn event(&self, kind: &str, data: &Value) -> reqwest::RequestBuilder {
        let now = chrono::Utc::now();
        let body = json!({ "event_type": kind, "timestamp": now.to_rfc3339(), "company_id": "c", "data": data });
        let timestamp = now.timestamp().to_string();
        let signature = sign(SECRET, &timestamp, body.to_string().as_bytes());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(format!("http://{}/webhooks/xtsystems", self.value("address")));
        let request = request.header("x-xtsystems-timestamp", timestamp).header("x-xtsystems-signature", signature);
        request.body(body.to_string())
    }

    /// Sends it, which has to succeed.
    pub async fn takes(&self, kind: &str, data: &Value) {
        assert_eq!(self.event(kind, data).send().await.unwrap().status(), 202, "{kind}");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn ask_to_stop(&self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
    }

    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its words without holding up the world around it.
    pub async fn says(&mut self, words: &str) {
        for _ in 0..3000 {
            if self.output().contains(words) {
                return;
            }
            if self.child.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never said {words:?}:\n{}", self.output());
    }

    /// Waits for its end; the test fails when that takes longer than `seconds`.
    pub async fn ends_within(mut self, seconds: u64) -> End {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(seconds) {
            if let Some(status) = self.child.try_wait().unwrap() {
                let took = began.elapsed();
                // The last words may still be in the pipe; a server that it started may keep the pipe open.
                for _ in 0..200 {
                    if self.readers.iter().all(JoinHandle::is_finished) {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                let (out, err) = (self.out.lock().unwrap().clone(), self.err.lock().unwrap().clone());
                return End { code: status.code(), signal: status.signal(), out, err, took };
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it still runs after {seconds} s:\n{}", self.output());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gather(mut pipe: impl std::io::Read + Send + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let text = Arc::new(Mutex::new(String::new()));
    let all = text.clone();
    let reader = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            all.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    });
    (text, reader)
}

/// A directory for one program, gone with the test servers at the latest.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = super::servers::directory().join(format!("program-{}-{number}", std::process::id()));
        super::servers::create_anew(&path);
        Self(path)
    }
}
