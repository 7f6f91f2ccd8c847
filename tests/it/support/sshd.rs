//! A real SSH server of this machine: OpenSSH's, with a configuration, a host key, a port and a directory of its own. Who logs
//! in is the account that runs the tests, which needs no rights.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::port;
use super::program::Directory;

const PROGRAM: &str = "/usr/sbin/sshd";

pub struct Sshd {
    child: Child,
    pub directory: Directory,
    pub port: u16,
    pub user: String,
}

impl Sshd {
    /// A test that needs it fails where it is not installed.
    pub async fn start() -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "{PROGRAM} is missing: scripts/test installs it, or install OpenSSH's server (Debian: openssh-server)"
        );
        if rustix::process::geteuid().is_root() {
            // Where its own unit would make it.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let directory = Directory::new();
        for key in ["host", "client"] {
            keygen(&directory.0.join(key), &["-t", "ed25519", "-N", ""]);
        }
        fs::copy(directory.0.join("client.pub"), directory.0.join("authorized_keys")).unwrap();
        fs::create_dir(directory.0.join("gamestats")).unwrap();
        let port = port::free_port();
        let user = Command::new("id").arg("-un").output().unwrap();
        let user = String::from_utf8(user.stdout).unwrap().trim().to_owned();
        let child = launch(&directory.0, port);
        let sshd = Self { child, directory, port, user };
        sshd.until_it_listens().await;
        sshd.learn_host_key();
        sshd
    }

    /// Ends it; it may be started again at the same port.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub async fn start_again(&mut self) {
        self.child = launch(&self.directory.0, self.port);
        self.until_it_listens().await;
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.0.join(name)
    }

    /// A file of the game server.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path("gamestats").join(name)
    }

    /// As an administrator does it, with `ssh-keyscan`'s format.
    pub fn learn_host_key(&self) {
        let key = fs::read_to_string(self.path("host.pub")).unwrap();
        fs::write(self.path("known_hosts"), format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
    }

    pub fn new_host_key(&mut self) {
        self.stop();
        for name in ["host", "host.pub"] {
            fs::remove_file(self.path(name)).unwrap();
        }
        keygen(&self.path("host"), &["-t", "ed25519", "-N", ""]);
    }

    /// `ETLEGACY_SSH_*` for it.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let shown = |name: &str| self.path(name).display().to_string();
        vec![
            ("ETLEGACY_SSH_HOST", "127.0.0.1".to_owned()),
            ("ETLEGACY_SSH_PORT", self.port.to_string()),
            ("ETLEGACY_SSH_USER", self.user.clone()),
            ("ETLEGACY_SSH_KEY_FILE", shown("client")),
            ("ETLEGACY_SSH_KNOWN_HOSTS", shown("known_hosts")),
            ("ETLEGACY_SSH_PATH", shown("gamestats")),
        ]
    }

    async fn until_it_listens(&self) {
        for _ in 0..1000 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("sshd does not listen: {}", fs::read_to_string(self.path("log")).unwrap_or_default());
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn launch(directory: &Path, port: u16) -> Child {
    let path = |name: &str| directory.join(name).display().to_string();
    let settings = [
        format!("Port {port}"),
        "ListenAddress 127.0.0.1".to_owned(),
        format!("HostKey {}", path("host")),
        format!("AuthorizedKeysFile {}", path("authorized_keys")),
        "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no"
            .to_owned(),
        "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n".to_owned(),
    ];
    fs::write(directory.join("sshd_config"), settings.join("\n")).unwrap();
    let config = path("sshd_config");
    let log = fs::File::create(directory.join("log")).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["-D", "-e", "-f", &config]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().expect("sshd can be run")
}

pub fn keygen(file: &Path, arguments: &[&str]) {
    let made = Command::new("ssh-keygen").arg("-q").args(arguments).arg("-f").arg(file).status();
    assert!(made.expect("ssh-keygen comes with sshd").success());
}

/// `ETLEGACY_SSH_*` for a stand-in, with its key and its line of a known hosts file in this directory.
pub fn env_of(ssh: &standin::ssh::Ssh, directory: &Path) -> Vec<(&'static str, String)> {
    let (key, known_hosts) = (directory.join("key"), directory.join("known_hosts"));
    fs::write(&key, ssh.client_key()).unwrap();
    fs::write(&known_hosts, ssh.known_hosts_line()).unwrap();
    vec![
        ("ETLEGACY_SSH_HOST", ssh.address().ip().to_string()),
        ("ETLEGACY_SSH_PORT", ssh.address().port().to_string()),
        ("ETLEGACY_SSH_USER", standin::ssh::USER.to_owned()),
        ("ETLEGACY_SSH_KEY_FILE", key.display().to_string()),
        ("ETLEGACY_SSH_KNOWN_HOSTS", known_hosts.display().to_string()),
        ("ETLEGACY_SSH_PATH", standin::ssh::DIRECTORY.to_owned()),
    ]
}
