//! Reads a directory of another machine over SSH (SFTP): key authentication, the host's key compared with a known hosts file,
//! a deadline around every step. Nothing is written there.
//!
//! A connection serves one look and is ended after it. Keepalives find out that the other side is gone; they do not prolong
//! a step, which has its own deadline.

mod error;
pub mod known_hosts;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use russh::client::{AuthResult, Config, Handle, Handler};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{ChannelMsg, Disconnect, Preferred};
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};
use tokio::net::TcpStream;

pub use error::{SshError, Step};
use known_hosts::{Judgement, KnownHosts};

use crate::config::SshConfig;
use crate::config::address::is_of_the_host;

/// Bytes of one request for a part of a file.
const PART: u32 = 32 * 1024;
/// Files of a directory that are looked at; a server writes some hundred in a month.
const MOST_FILES: usize = 100_000;

/// What each step may take, whatever the server does meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// The connection with the exchange of keys; the log-in; the start of SFTP.
    pub open: Duration,
    pub list: Duration,
    /// One file.
    pub read: Duration,
    /// Between signs of life.
    pub keepalive: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(10),
            list: Duration::from_secs(20),
            read: Duration::from_secs(20),
            keepalive: Duration::from_secs(5),
        }
    }
}

/// How to get there. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SshClient {
    config: Arc<SshConfig>,
    deadlines: Deadlines,
}

/// A file as the listing says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    pub name: String,
    pub size: u64,
    /// Whole seconds.
    pub changed: DateTime<Utc>,
}

impl SshClient {
    pub fn new(config: SshConfig) -> Self {
        Self { config: Arc::new(config), deadlines: Deadlines::default() }
    }

    pub fn with_deadlines(self, deadlines: Deadlines) -> Self {
        Self { deadlines, ..self }
    }

    pub fn config(&self) -> &SshConfig {
        &self.config
    }

    /// Connects, compares the host's key, logs in and starts SFTP.
    pub async fn connect(&self) -> Result<Session, SshError> {
        let config = &self.config;
        let key = read_key(&config.key_file).await?;
        let known = KnownHosts::read(&config.known_hosts, &config.host, config.port).await?;
        let limit = self.deadlines.open;
        let stream = within(Step::Connect, limit, self.reach()).await??;
        let judged = Arc::new(std::sync::Mutex::new(None));
        let guard = Guard { known, config: config.clone(), refused: judged.clone() };
        let settings = Arc::new(self.settings(&guard.known));
        let shaken = within(Step::Handshake, limit, russh::client::connect_stream(settings, stream, guard)).await?;
        let mut handle = shaken.map_err(|error| {
            let refused = judged.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            refused.unwrap_or_else(|| error::of_the_handshake(&error, config))
        })?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        let login = handle.authenticate_publickey(config.user.clone(), key);
        match within(Step::LogIn, limit, login).await?.map_err(|_| SshError::Lost(Step::LogIn))? {
            AuthResult::Success => {}
            AuthResult::Failure { .. } => {
                return Err(SshError::KeyRefused { user: config.user.clone(), key_file: config.key_file.clone() });
            }
        }
        let sftp = within(Step::Sftp, limit, start_sftp(&handle)).await??;
        Ok(Session { handle, sftp, path: config.path.clone(), deadlines: self.deadlines })
    }

    /// The first address that accepts a connection, of those that may be meant.
    async fn reach(&self) -> Result<TcpStream, SshError> {
        let (host, port) = (self.config.host.as_str(), self.config.port);
        let unreachable = |why: String| SshError::Unreachable { host: host.to_owned(), port, why };
        let found = tokio::net::lookup_host((host, port)).await;
        let found = found.map_err(|_| unreachable("the name cannot be resolved".to_owned()))?;
        let found: Vec<SocketAddr> = found.filter(|at| !is_of_the_host(at.ip())).collect();
        let mut last = "the name leads to no address that may be used".to_owned();
        for at in found {
            match TcpStream::connect(at).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(unreachable(last))
    }

    fn settings(&self, known: &KnownHosts) -> Config {
        // A host that is known by one kind of key shall show that one.
        let all = algorithms();
        let of_the_host: Vec<Algorithm> = all.iter().filter(|one| known.has(one.as_str())).cloned().collect();
        let key = if of_the_host.is_empty() { all } else { of_the_host };
        Config {
            preferred: Preferred { key: Cow::Owned(key), ..Preferred::DEFAULT },
            keepalive_interval: Some(self.deadlines.keepalive),
            keepalive_max: 3,
            nodelay: true,
            ..Config::default()
        }
    }
}

/// Those that this program can check.
fn algorithms() -> Vec<Algorithm> {
    let ecdsa = |curve| Algorithm::Ecdsa { curve };
    vec![Algorithm::Ed25519, ecdsa(EcdsaCurve::NistP256), ecdsa(EcdsaCurve::NistP384), ecdsa(EcdsaCurve::NistP521)]
}

async fn read_key(file: &PathBuf) -> Result<PrivateKey, SshError> {
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|error| SshError::KeyFile { file: file.clone(), why: error.to_string() })?;
    let key = russh::keys::decode_secret_key(&text, None);
    let key = key.map_err(|error| SshError::KeyFile { file: file.clone(), why: error::of_a_key(&error).to_owned() })?;
    if key.algorithm().is_rsa() {
        return Err(SshError::KeyFile { file: file.clone(), why: error::RSA.to_owned() });
    }
    Ok(key)
}

async fn start_sftp(handle: &Handle<Guard>) -> Result<RawSftpSession, SshError> {
    let lost = |_| SshError::Lost(Step::Sftp);
    let mut channel = handle.channel_open_session().await.map_err(|error| match error {
        russh::Error::ChannelOpenFailure(_) => SshError::NoSftp,
        _ => SshError::Lost(Step::Sftp),
    })?;
    channel.request_subsystem(true, "sftp").await.map_err(lost)?;
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => break,
            Some(ChannelMsg::Failure | ChannelMsg::Eof | ChannelMsg::Close) => return Err(SshError::NoSftp),
            Some(_) => {}
            None => return Err(SshError::Lost(Step::Sftp)),
        }
    }
    let sftp = RawSftpSession::new(channel.into_stream());
    sftp.init().await.map_err(|_| SshError::NoSftp)?;
    Ok(sftp)
}

/// Compares the host's key while the connection is made.
struct Guard {
    known: KnownHosts,
    config: Arc<SshConfig>,
    /// Why it was refused.
    refused: Arc<std::sync::Mutex<Option<SshError>>>,
}

impl Handler for Guard {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let bytes = key.to_bytes()?;
        let config = &self.config;
        let (host, port, file) = (config.host.clone(), config.port, config.known_hosts.clone());
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let refused = match self.known.judge(key.algorithm().as_str(), &bytes) {
            Judgement::Known => return Ok(true),
            Judgement::Changed { line } => SshError::HostChanged { host, file, line, fingerprint },
            Judgement::Revoked { line } => SshError::HostRevoked { host, file, line },
            Judgement::Unknown => SshError::HostUnknown { host, port, file, fingerprint },
        };
        *self.refused.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(refused);
        Ok(false)
    }
}

/// Whether the connection is still there.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A log-in at the server, with its directory.
pub struct Session {
    handle: Handle<Guard>,
    sftp: RawSftpSession,
    path: String,
    deadlines: Deadlines,
}

impl Session {
    /// Every ordinary file of the directory.
    pub async fn list(&self) -> Result<Vec<RemoteFile>, SshError> {
        self.while_open(Step::List, self.deadlines.list, self.list_all()).await
    }

    async fn list_all(&self) -> Result<Vec<RemoteFile>, SshError> {
        let wrong = |error: SftpError| error::of_sftp(&error, Step::List, &self.path);
        let handle = self.sftp.opendir(self.path.clone()).await.map_err(wrong)?.handle;
        let mut files = Vec::new();
        let end = loop {
            match self.sftp.readdir(handle.clone()).await {
                Ok(found) => {
                    files.extend(found.files.into_iter().filter_map(|file| remote(file.filename, &file.attrs)))
                }
                Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => break Ok(()),
                Err(error) => break Err(wrong(error)),
            }
            if files.len() > MOST_FILES {
                break Err(SshError::TooMany { path: self.path.clone(), most: MOST_FILES });
            }
        };
        let _ = self.sftp.close(handle).await;
        end.map(|()| files)
    }

    /// A whole file of the directory. One that changes while it is read, or is longer than `most` bytes, is an error.
    pub async fn read(&self, file: &RemoteFile, most: usize) -> Result<Vec<u8>, SshError> {
        self.while_open(Step::Read, self.deadlines.read, self.read_all(file, most)).await
    }

    async fn read_all(&self, file: &RemoteFile, most: usize) -> Result<Vec<u8>, SshError> {
        let path = format!("{}/{}", self.path.trim_end_matches('/'), file.name);
        let wrong = |error: SftpError| error::of_sftp(&error, Step::Read, &path);
        let opened = self.sftp.open(path.clone(), OpenFlags::READ, FileAttributes::empty()).await;
        let handle = opened.map_err(wrong)?.handle;
        let read = async {
            let mut bytes = Vec::with_capacity(usize::try_from(file.size).unwrap_or(most).min(most));
            loop {
                match self.sftp.read(handle.clone(), bytes.len() as u64, PART).await {
                    Ok(part) if part.data.is_empty() => break,
                    Ok(part) => bytes.extend_from_slice(&part.data),
                    Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => break,
                    Err(error) => return Err(wrong(error)),
                }
                if bytes.len() > most {
                    return Err(SshError::TooLong { name: file.name.clone(), most });
                }
            }
            let after = self.sftp.fstat(handle.clone()).await.map_err(wrong)?.attrs;
            let same = after.size == Some(bytes.len() as u64) && after.size == Some(file.size);
            if same { Ok(bytes) } else { Err(SshError::Changing { name: file.name.clone() }) }
        };
        let outcome = read.await;
        let _ = self.sftp.close(handle).await;
        outcome
    }

    /// Work in the session is not told when the connection is gone: it would wait for its answer until the deadline.
    async fn while_open<T>(
        &self,
        step: Step,
        limit: Duration,
        work: impl Future<Output = Result<T, SshError>>,
    ) -> Result<T, SshError> {
        let closed = async {
            while !self.handle.is_closed() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            biased;
            outcome = within(step, limit, work) => outcome?,
            () = closed => Err(SshError::Lost(step)),
        }
    }

    /// Says goodbye; without it the connection is dropped, which does as well.
    pub async fn end(self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "en");
        let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    }
}

/// `None` for what is no ordinary file.
fn remote(name: String, about: &FileAttributes) -> Option<RemoteFile> {
    let changed = DateTime::from_timestamp(i64::from(about.mtime?), 0)?;
    (about.is_regular() && !about.is_symlink()).then(|| RemoteFile { name, size: about.size.unwrap_or(0), changed })
}

async fn within<T>(step: Step, limit: Duration, work: impl Future<Output = T>) -> Result<T, SshError> {
    tokio::time::timeout(limit, work).await.map_err(|_| SshError::Deadline { step, seconds: limit.as_secs_f32() })
}
