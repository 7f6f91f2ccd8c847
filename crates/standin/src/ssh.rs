//! A machine with a game server, reached over SSH: a directory of files, read over SFTP (draft-ietf-secsh-filexfer-02, which
//! OpenSSH speaks), and whatever can go wrong on the way there.

mod sftp;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Where the files are.
pub const DIRECTORY: &str = "/home/et/gamestats";
pub const USER: &str = "et";
/// Bytes between the network and the server.
const PIPE: usize = 64 * 1024;

/// How it behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    Ok,
    /// Takes the connection and says nothing.
    Silent,
    /// Takes the connection and ends it.
    HangUp,
    /// Is something else than an SSH server.
    Http,
    /// Believes no key.
    RefuseKeys,
    /// Offers no SFTP.
    NoSftp,
    /// Stops answering in the middle of the listing.
    StallList,
    /// Stops answering after so many bytes of a file.
    StallRead(usize),
    /// Ends the connection after so many bytes of a file.
    CutRead(usize),
    /// Says after so many bytes that the file ends there.
    Truncate(usize),
    /// Refuses to open files (SSH_FX_PERMISSION_DENIED).
    Forbidden,
    /// The files grow with each look.
    Grows,
}

#[derive(Clone)]
pub struct Ssh {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    /// For how many connections; `None`: until it is changed.
    manner: (Manner, Option<u32>),
    host_key: PrivateKey,
    client_key: PrivateKey,
    files: BTreeMap<String, Stored>,
    /// What was asked for: `connect`, `list`, `read <name>`.
    log: Vec<String>,
}

#[derive(Clone)]
struct Stored {
    bytes: Vec<u8>,
    changed: u32,
}

impl Ssh {
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let inner = Inner {
            manner: (Manner::Ok, None),
            host_key: new_key()?,
            client_key: new_key()?,
            files: BTreeMap::new(),
            log: Vec::new(),
        };
        let inner = Arc::new(Mutex::new(inner));
        let there = inner.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, there.clone()));
            }
        });
        Ok(Self { address, inner })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The private key that it believes, as `ssh-keygen` writes one.
    pub fn client_key(&self) -> String {
        self.lock().client_key.to_openssh(LineEnding::LF).map(|text| text.to_string()).unwrap_or_default()
    }

    /// The line of a known hosts file, as `ssh-keyscan` writes it.
    pub fn known_hosts_line(&self) -> String {
        let key = self.lock().host_key.public_key().to_openssh().unwrap_or_default();
        format!("[{}]:{} {key}\n", self.address.ip(), self.address.port())
    }

    /// As after a new installation.
    pub fn change_host_key(&self) -> io::Result<()> {
        self.lock().host_key = new_key()?;
        Ok(())
    }

    /// Writes a file; `changed` in seconds.
    pub fn put(&self, name: &str, bytes: &[u8], changed: u32) {
        self.lock().files.insert(name.to_owned(), Stored { bytes: bytes.to_vec(), changed });
    }

    pub fn remove(&self, name: &str) {
        self.lock().files.remove(name);
    }

    pub fn set(&self, manner: Manner) {
        self.lock().manner = (manner, None);
    }

    /// As usual again after so many connections.
    pub fn set_for(&self, manner: Manner, times: u32) {
        self.lock().manner = (manner, Some(times));
    }

    /// What was asked for since the last look.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().log)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    fn next_manner(&mut self) -> Manner {
        let manner = self.manner.0.clone();
        match &mut self.manner.1 {
            None => {}
            Some(left) if *left > 1 => *left -= 1,
            Some(_) => self.manner = (Manner::Ok, None),
        }
        manner
    }
}

fn new_key() -> io::Result<PrivateKey> {
    let mut seed = [0; 32];
    rand::fill(&mut seed).map_err(|_| io::Error::other("no randomness"))?;
    Ok(Ed25519Keypair::from_seed(&seed).into())
}

async fn serve(mut stream: TcpStream, inner: Arc<Mutex<Inner>>) {
    let (manner, host_key) = {
        let mut inner = lock(&inner);
        inner.log.push("connect".to_owned());
        (inner.next_manner(), inner.host_key.clone())
    };
    match manner {
        Manner::HangUp => return,
        Manner::Silent => std::future::pending::<()>().await,
        Manner::Http => {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            return;
        }
        _ => {}
    }
    let config = Config {
        keys: vec![host_key],
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        ..Config::default()
    };
    // Between the network and the server, so that the connection can be cut whatever the server does.
    let (mut ours, theirs) = tokio::io::duplex(PIPE);
    let cut = Arc::new(Notify::new());
    let door = Door { inner, manner, cut: cut.clone(), channel: None };
    let session = async { russh::server::run_stream(Arc::new(config), theirs, door).await.ok()?.await.ok() };
    tokio::select! {
        _ = copy_bidirectional(&mut stream, &mut ours) => {}
        () = cut.notified() => {}
        () = async { session.await; std::future::pending::<()>().await } => {}
    }
}

/// One connection.
struct Door {
    inner: Arc<Mutex<Inner>>,
    manner: Manner,
    cut: Arc<Notify>,
    channel: Option<Channel<Msg>>,
}

impl Handler for Door {
    type Error = russh::Error;

    /// RFC 4252, section 7.
    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let known: PublicKey = lock(&self.inner).client_key.public_key().clone();
        let same = known.key_data() == key.public_key.key_data();
        let is_believed = self.manner != Manner::RefuseKeys && user == USER && same;
        Ok(if is_believed { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channel = Some(channel);
        reply.accept().await;
        Ok(())
    }

    /// RFC 4254, section 6.5.
    async fn subsystem_request(&mut self, id: ChannelId, name: &str, session: &mut Session) -> Result<(), Self::Error> {
        match self.channel.take().filter(|_| name == "sftp" && self.manner != Manner::NoSftp) {
            Some(channel) => {
                session.channel_success(id)?;
                let sftp = sftp::Sftp::new(self.inner.clone(), self.manner.clone(), self.cut.clone());
                russh_sftp::server::run(channel.into_stream(), sftp).await;
            }
            None => {
                session.channel_failure(id)?;
                session.close(id)?;
            }
        }
        Ok(())
    }
}
