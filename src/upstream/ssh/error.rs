//! What can be wrong on the way to a file of another machine, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::StatusCode;

use crate::config::SshConfig;

pub const RSA: &str = "it is an RSA key, which this program does not use";

/// Where on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Connect,
    Handshake,
    LogIn,
    Sftp,
    List,
    Read,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Connect => "connecting",
            Step::Handshake => "exchanging keys",
            Step::LogIn => "logging in",
            Step::Sftp => "starting SFTP",
            Step::List => "listing the directory",
            Step::Read => "reading a file",
        })
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SshError {
    #[error("the key file {} cannot be used: {why}", file.display())]
    KeyFile { file: PathBuf, why: String },
    #[error("the known hosts file {} cannot be read: {why}", file.display())]
    KnownHosts { file: PathBuf, why: String },
    #[error("{host}:{port} cannot be reached: {why}")]
    Unreachable { host: String, port: u16, why: String },
    #[error("{host}:{port} does not answer as an SSH server that can be talked to: {why}")]
    Handshake { host: String, port: u16, why: String },
    #[error("{} knows no key of {host}:{port}; the server shows {fingerprint}", file.display())]
    HostUnknown { host: String, port: u16, file: PathBuf, fingerprint: String },
    #[error(
        "the key of {host} is another one than line {line} of {} says; it shows {fingerprint} now. Either the server was \
         set up anew, or somebody stands in between",
        file.display()
    )]
    HostChanged { host: String, file: PathBuf, line: usize, fingerprint: String },
    #[error("line {line} of {} says that this key of {host} must not be believed any more", file.display())]
    HostRevoked { host: String, file: PathBuf, line: usize },
    #[error("the server does not accept the key of {} for the user {user}", key_file.display())]
    KeyRefused { user: String, key_file: PathBuf },
    #[error("the server offers no SFTP")]
    NoSftp,
    #[error("the directory {path} does not exist there")]
    NoDirectory { path: String },
    #[error("{path} may not be read there")]
    Forbidden { path: String },
    #[error("{path} has more than {most} files")]
    TooMany { path: String, most: usize },
    #[error("{name} has more than {most} bytes")]
    TooLong { name: String, most: usize },
    /// Somebody writes it.
    #[error("{name} changed while it was read")]
    Changing { name: String },
    #[error("{name} is gone")]
    Gone { name: String },
    #[error("no answer within {seconds} s while {step}")]
    Deadline { step: Step, seconds: f32 },
    #[error("the connection was lost while {0}")]
    Lost(Step),
    #[error("the server refused while {0}: {1}")]
    Refused(Step, String),
}

impl SshError {
    /// What to do about it.
    pub fn fix(&self) -> String {
        match self {
            SshError::KeyFile { why, .. } if why == RSA => {
                "make one with ssh-keygen -t ed25519, and add its .pub to authorized_keys there".to_owned()
            }
            SshError::KeyFile { .. } => {
                "ETLEGACY_SSH_KEY_FILE has to be a private key without a passphrase that this program may read".to_owned()
            }
            SshError::KnownHosts { .. } => "correct ETLEGACY_SSH_KNOWN_HOSTS".to_owned(),
            SshError::Unreachable { .. } => {
                "check ETLEGACY_SSH_HOST and ETLEGACY_SSH_PORT, and that a firewall lets this machine through".to_owned()
            }
            SshError::Handshake { .. } => {
                "check that ETLEGACY_SSH_PORT is the port of its SSH server, and that it has an Ed25519 or ECDSA host key"
                    .to_owned()
            }
            SshError::HostUnknown { host, port, file, .. } => format!(
                "compare that fingerprint with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the server, then \
                 ssh-keyscan -p {port} -t ed25519 {host} >> {}",
                file.display()
            ),
            SshError::HostChanged { host, file, line, .. } => format!(
                "find out which; when {host} was set up anew, take line {line} out of {} and add the new key with \
                 ssh-keyscan",
                file.display()
            ),
            SshError::HostRevoked { .. } => "give the server another host key, and add it to that file".to_owned(),
            SshError::KeyRefused { user, .. } => format!("add the key's .pub to ~{user}/.ssh/authorized_keys there"),
            SshError::NoSftp => "add \"Subsystem sftp internal-sftp\" to sshd_config there".to_owned(),
            SshError::NoDirectory { .. } => "correct ETLEGACY_SSH_PATH".to_owned(),
            SshError::Forbidden { .. } => "let that user read it".to_owned(),
            SshError::TooMany { .. } => "move old files elsewhere".to_owned(),
            _ => "check the network between this machine and the server; it is tried again each minute".to_owned(),
        }
    }

    /// Whether it is about one file alone, so that the others can be read all the same.
    pub fn is_about_a_file(&self) -> bool {
        matches!(self, SshError::TooLong { .. } | SshError::Changing { .. } | SshError::Gone { .. })
    }
}

pub(super) fn of_a_key(error: &russh::keys::Error) -> &'static str {
    match error {
        russh::keys::Error::KeyIsEncrypted => "it has a passphrase",
        russh::keys::Error::UnsupportedKeyType { key_type_string, .. } if key_type_string.contains("RSA") => RSA,
        russh::keys::Error::SshKey(russh::keys::ssh_key::Error::Encrypted) => "it has a passphrase",
        _ => "it is no private key that can be read",
    }
}

pub(super) fn of_the_handshake(error: &russh::Error, config: &SshConfig) -> SshError {
    let why = match error {
        russh::Error::NoCommonAlgo { kind, .. } => format!("there is no {kind:?} algorithm that both know"),
        russh::Error::Version => "it greets otherwise".to_owned(),
        russh::Error::WrongServerSig => "its signature is wrong".to_owned(),
        _ => "the connection was closed".to_owned(),
    };
    SshError::Handshake { host: config.host.clone(), port: config.port, why }
}

pub(super) fn of_sftp(error: &SftpError, step: Step, path: &str) -> SshError {
    let name = || path.rsplit('/').next().unwrap_or(path).to_owned();
    match error {
        SftpError::Status(status) => match (status.status_code, step) {
            (StatusCode::NoSuchFile, Step::Read) => SshError::Gone { name: name() },
            (StatusCode::NoSuchFile, _) => SshError::NoDirectory { path: path.to_owned() },
            (StatusCode::PermissionDenied, _) => SshError::Forbidden { path: path.to_owned() },
            (code, _) => SshError::Refused(step, code.to_string()),
        },
        _ => SshError::Lost(step),
    }
}
