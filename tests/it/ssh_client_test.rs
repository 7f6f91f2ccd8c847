//! The SSH client: against OpenSSH's server, and against one that does everything wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use signalbox::config::SshConfig;
use signalbox::upstream::ssh::{Deadlines, RemoteFile, SshClient, SshError};
use standin::ssh::{DIRECTORY, Manner, Ssh, USER};

use crate::support::game::round;
use crate::support::program::Directory;
use crate::support::sshd::{Sshd, env_of, keygen};
use crate::support::town::{Setup, run_with};

const ROUND: &str = "2026-01-02-100000-supply-round-1.txt";

fn of_sshd(sshd: &Sshd) -> SshConfig {
    SshConfig {
        host: "127.0.0.1".into(),
        port: sshd.port,
        user: sshd.user.clone(),
        key_file: sshd.path("client"),
        known_hosts: sshd.path("known_hosts"),
        path: sshd.path("gamestats").display().to_string(),
    }
}

/// Short, because they pass in real time.
const SHORT: Deadlines = Deadlines {
    open: Duration::from_millis(2500),
    list: Duration::from_millis(2500),
    read: Duration::from_millis(2500),
    keepalive: Duration::from_millis(500),
};

/// Whatever can be read there, or what is wrong, with addresses replaced.
async fn everything(config: SshConfig) -> Result<Vec<(String, usize)>, SshError> {
    let session = SshClient::new(config).with_deadlines(SHORT).connect().await?;
    let mut files = session.list().await?;
    files.sort_by_key(|file| file.name.clone());
    let mut read = Vec::new();
    for file in files {
        read.push((file.name.clone(), session.read(&file, 1_000_000).await?.len()));
    }
    session.end().await;
    Ok(read)
}

/// Error and advice as an operator reads them.
async fn wrong(config: SshConfig, replace: &[(&str, &str)]) -> String {
    let error = everything(config).await.expect_err("something is wrong");
    let text = format!("{error}. Fix: {}", error.fix());
    let text = replace.iter().fold(text, |text, (what, by)| text.replace(what, by));
    let words = text.split(' ').map(|word| if word.starts_with("SHA256:") { "SHA256:…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_an_openssh_server_are_listed_and_read() {
    let sshd = Sshd::start().await;
    fs::write(sshd.file(ROUND), round()).unwrap();
    let large = "x".repeat(300_000);
    fs::write(sshd.file("2026-01-02-100001-supply-round-1.txt"), &large).unwrap();
    fs::write(sshd.file("with \u{fc}mlaut.txt"), "").unwrap();
    fs::create_dir(sshd.file("directory.txt")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", sshd.file("link.txt")).unwrap();
    for number in 0..300 {
        fs::write(sshd.file(&format!("z{number:03}")), "z").unwrap();
    }
    let all = everything(of_sshd(&sshd)).await.unwrap();
    assert_eq!(all.len(), 303, "no directory, and not what a link leads to");
    let sizes: Vec<usize> = all[..3].iter().map(|(_, size)| *size).collect();
    assert_eq!(sizes, [round().len(), 300_000, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_with_an_openssh_server_is_named() {
    let mut sshd = Sshd::start().await;
    let (directory, port, user) = (sshd.directory.0.display().to_string(), sshd.port.to_string(), sshd.user.clone());
    let replace = [(directory.as_str(), "DIR"), (port.as_str(), "PORT"), (user.as_str(), "USER")];
    let config = of_sshd(&sshd);
    keygen(&sshd.path("other"), &["-t", "ed25519", "-N", ""]);
    keygen(&sshd.path("secret"), &["-t", "ed25519", "-N", "a passphrase"]);
    keygen(&sshd.path("rsa"), &["-t", "rsa", "-b", "2048", "-N", ""]);
    fs::write(sshd.path("empty"), "").unwrap();
    let mut told = Vec::new();
    for key in ["missing", "empty", "secret", "rsa", "other"] {
        told.push(wrong(SshConfig { key_file: sshd.path(key), ..config.clone() }, &replace).await);
    }
    for known_hosts in ["missing", "empty"] {
        told.push(wrong(SshConfig { known_hosts: sshd.path(known_hosts), ..config.clone() }, &replace).await);
    }
    told.push(wrong(SshConfig { path: "/nowhere".into(), ..config.clone() }, &replace).await);
    told.push(wrong(SshConfig { host: "host.invalid".into(), ..config.clone() }, &replace).await);
    sshd.new_host_key();
    told.push(wrong(config.clone(), &replace).await);
    sshd.start_again().await;
    told.push(wrong(config.clone(), &replace).await);
    insta::assert_snapshot!(told.join("\n"), @"
    the key file DIR/missing cannot be used: No such file or directory (os error 2). Fix: ETLEGACY_SSH_KEY_FILE has to be a private key without a passphrase that this program may read
    the key file DIR/empty cannot be used: it is no private key that can be read. Fix: ETLEGACY_SSH_KEY_FILE has to be a private key without a passphrase that this program may read
    the key file DIR/secret cannot be used: it has a passphrase. Fix: ETLEGACY_SSH_KEY_FILE has to be a private key without a passphrase that this program may read
    the key file DIR/rsa cannot be used: it is an RSA key, which this program does not use. Fix: make one with ssh-keygen -t ed25519, and add its .pub to authorized_keys there
    the server does not accept the key of DIR/other for the user USER. Fix: add the key's .pub to ~USER/.ssh/authorized_keys there
    the known hosts file DIR/missing cannot be read: No such file or directory (os error 2). Fix: correct ETLEGACY_SSH_KNOWN_HOSTS
    DIR/empty knows no key of 127.0.0.1:PORT; the server shows SHA256:… Fix: compare that fingerprint with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the server, then ssh-keyscan -p PORT -t ed25519 127.0.0.1 >> DIR/empty
    the directory /nowhere does not exist there. Fix: correct ETLEGACY_SSH_PATH
    host.invalid:PORT cannot be reached: the name cannot be resolved. Fix: check ETLEGACY_SSH_HOST and ETLEGACY_SSH_PORT, and that a firewall lets this machine through
    127.0.0.1:PORT cannot be reached: Connection refused (os error 111). Fix: check ETLEGACY_SSH_HOST and ETLEGACY_SSH_PORT, and that a firewall lets this machine through
    the key of 127.0.0.1 is another one than line 1 of DIR/known_hosts says; it shows SHA256:… now. Either the server was set up anew, or somebody stands in between. Fix: find out which; when 127.0.0.1 was set up anew, take line 1 out of DIR/known_hosts and add the new key with ssh-keyscan
    ");
    sshd.learn_host_key();
    assert_eq!(everything(config).await, Ok(vec![]));
}

/// The keys that people have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ecdsa_keys_of_users_and_hosts_are_used() {
    let mut sshd = Sshd::start().await;
    sshd.stop();
    for name in ["host", "host.pub", "client", "client.pub"] {
        fs::remove_file(sshd.path(name)).unwrap();
    }
    keygen(&sshd.path("host"), &["-t", "ecdsa", "-b", "384", "-N", ""]);
    keygen(&sshd.path("client"), &["-t", "ecdsa", "-b", "256", "-N", ""]);
    fs::copy(sshd.path("client.pub"), sshd.path("authorized_keys")).unwrap();
    sshd.learn_host_key();
    sshd.start_again().await;
    assert_eq!(everything(of_sshd(&sshd)).await, Ok(vec![]));
    // `ssh-keygen -H`
    assert!(
        std::process::Command::new("ssh-keygen")
            .args(["-q", "-H", "-f"])
            .arg(sshd.path("known_hosts"))
            .status()
            .unwrap()
            .success()
    );
    assert!(fs::read_to_string(sshd.path("known_hosts")).unwrap().starts_with("|1|"));
    assert_eq!(everything(of_sshd(&sshd)).await, Ok(vec![]));
}

/// The stand-in, with its key and its line in files.
fn of_standin(ssh: &Ssh, directory: &Path) -> SshConfig {
    let (key_file, known_hosts) = (directory.join("key"), directory.join("known_hosts"));
    fs::write(&key_file, ssh.client_key()).unwrap();
    fs::write(&known_hosts, ssh.known_hosts_line()).unwrap();
    let (host, port) = (ssh.address().ip().to_string(), ssh.address().port());
    SshConfig { host, port, user: USER.into(), key_file, known_hosts, path: DIRECTORY.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mishap_is_an_error_that_is_named_in_time() {
    let (ssh, directory) = (Ssh::start().await.unwrap(), Directory::new());
    ssh.put(ROUND, round().as_bytes(), 1_767_348_000);
    let config = of_standin(&ssh, &directory.0);
    let (port, place) = (ssh.address().port().to_string(), directory.0.display().to_string());
    let mut told = String::new();
    for manner in [
        Manner::HangUp,
        Manner::Silent,
        Manner::Http,
        Manner::RefuseKeys,
        Manner::NoSftp,
        Manner::StallList,
        Manner::StallRead(20),
        Manner::CutRead(20),
        Manner::Truncate(20),
        Manner::Forbidden,
        Manner::Grows,
    ] {
        ssh.set_for(manner.clone(), 1);
        let began = Instant::now();
        let words = wrong(config.clone(), &[(&port, "PORT"), (&place, "DIR")]).await;
        assert!(began.elapsed() < Duration::from_secs(9), "{manner:?}");
        let words = words.split(". Fix: ").next().unwrap();
        told += &format!("{manner:?}: {words}\n");
    }
    insta::assert_snapshot!(told, @"
    HangUp: 127.0.0.1:PORT does not answer as an SSH server that can be talked to: the connection was closed
    Silent: no answer within 2.5 s while exchanging keys
    Http: 127.0.0.1:PORT does not answer as an SSH server that can be talked to: the connection was closed
    RefuseKeys: the server does not accept the key of DIR/key for the user et
    NoSftp: the server offers no SFTP
    StallList: no answer within 2.5 s while listing the directory
    StallRead(20): no answer within 2.5 s while reading a file
    CutRead(20): the connection was lost while reading a file
    Truncate(20): 2026-01-02-100000-supply-round-1.txt changed while it was read
    Forbidden: /home/et/gamestats/2026-01-02-100000-supply-round-1.txt may not be read there
    Grows: 2026-01-02-100000-supply-round-1.txt changed while it was read
    ");
    let size = round().len() + 1;
    assert_eq!(everything(config).await, Ok(vec![(ROUND.to_owned(), size)]), "and none of them lasts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_too_long_is_not_read_to_its_end() {
    let (ssh, directory) = (Ssh::start().await.unwrap(), Directory::new());
    ssh.put(ROUND, &[b'x'; 200_000], 1_767_348_000);
    let session = SshClient::new(of_standin(&ssh, &directory.0)).connect().await.unwrap();
    let files = session.list().await.unwrap();
    let told = session.read(&files[0], 100_000).await.unwrap_err();
    assert_eq!(told, SshError::TooLong { name: ROUND.into(), most: 100_000 });
    // Others can be read in the same session.
    ssh.put("2026-01-02-100001-supply-round-1.txt", b"whole", 1_767_348_001);
    let other = session.list().await.unwrap().into_iter().find(|file: &RemoteFile| file.size == 5).unwrap();
    assert_eq!(session.read(&other, 100_000).await.unwrap(), b"whole");
}

/// What the doctor says about the game server's machine.
async fn doctor(env: &[(&'static str, String)]) -> String {
    let mut said = String::new();
    run_with(Setup { env: env.to_vec(), gateway: false, ..Setup::default() }, async |town| {
        let end = town.program(&["doctor"], &[]).ends_within(30).await;
        let lines = end.out.lines().filter(|line| line.contains("ET:Legacy · SSH"));
        said = lines.collect::<Vec<_>>().join("\n");
    })
    .await;
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_looks_at_the_game_server() {
    let (ssh, directory) = (Ssh::start().await.unwrap(), Directory::new());
    let env = env_of(&ssh, &directory.0);
    let (port, place) = (ssh.address().port().to_string(), directory.0.display().to_string());
    let mut told = vec![doctor(&env).await];
    ssh.put(ROUND, round().as_bytes(), 1_767_348_000);
    told.push(doctor(&env).await);
    ssh.set_for(Manner::Forbidden, 1);
    told.push(doctor(&env).await);
    ssh.set_for(Manner::Silent, 1);
    told.push(doctor(&env).await);
    ssh.change_host_key().unwrap();
    told.push(doctor(&env).await);
    let told = told.join("\n").replace(&port, "PORT").replace(&place, "DIR");
    let words = told.split(' ').map(|word| if word.starts_with("SHA256:") { "SHA256:…" } else { word });
    insta::assert_snapshot!(words.collect::<Vec<_>>().join(" "), @"
    ⚠️ ET:Legacy · SSH: et@127.0.0.1 can be read, and there is no file of statistics in /home/et/gamestats. Fix: correct ETLEGACY_SSH_PATH, unless no round was played yet: the game server writes into legacy/gamestats or legacy/stats
    ✅ ET:Legacy · SSH: et@127.0.0.1:PORT is the known host and accepts the key; 1 file of statistics in /home/et/gamestats, the newest 2026-01-02-100000-supply-round-1.txt
    ❌ ET:Legacy · SSH: /home/et/gamestats/2026-01-02-100000-supply-round-1.txt may not be read there. Fix: let that user read it
    ❌ ET:Legacy · SSH: no answer within 2 s while exchanging keys. Fix: check the network between this machine and the server; it is tried again each minute
    ❌ ET:Legacy · SSH: the key of 127.0.0.1 is another one than line 1 of DIR/known_hosts says; it shows SHA256:… now. Either the server was set up anew, or somebody stands in between. Fix: find out which; when 127.0.0.1 was set up anew, take line 1 out of DIR/known_hosts and add the new key with ssh-keyscan
    ");
}

#[tokio::test]
async fn settings_of_ssh_are_all_there_or_none() {
    let (ssh, directory) = (Ssh::start().await.unwrap(), Directory::new());
    let mut env: Vec<(String, String)> =
        env_of(&ssh, &directory.0).into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
    env.retain(|(name, _)| !name.ends_with("USER") && !name.ends_with("PATH"));
    env.push(("ETLEGACY_SSH_HOST".to_owned(), "et@game.example.org".to_owned()));
    env.push(("DISCORD_TOKEN".to_owned(), "x".to_owned()));
    let problems = signalbox::config::load(signalbox::config::Given::new(env)).unwrap_err();
    insta::assert_snapshot!(problems, @"
    The configuration has 4 problems:
      - ETLEGACY_SSH_USER: is required because ETLEGACY_SSH_HOST is set (environment)
      - ETLEGACY_SSH_PATH: is required because ETLEGACY_SSH_HOST is set (environment)
      - DISCORD_GUILD_ID: is required because ETLEGACY_SSH_HOST is set (environment): the files belong to one server
      - ETLEGACY_SSH_HOST (environment): should be a name or an address alone, such as game.example.org
    Every variable is explained in .env.example.
    ");
}

/// The stand-in is what OpenSSH's own client takes it for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssh_reads_from_the_stand_in() {
    let _sshd = Sshd::start().await;
    let (ssh, directory) = (Ssh::start().await.unwrap(), Directory::new());
    ssh.put(ROUND, round().as_bytes(), 1_767_348_000);
    let config = of_standin(&ssh, &directory.0);
    fs::set_permissions(&config.key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let (copy, batch) = (directory.0.join("copy"), directory.0.join("batch"));
    fs::write(&batch, format!("ls -1 {DIRECTORY}\nget {DIRECTORY}/{ROUND} {}\n", copy.display())).unwrap();
    let output = tokio::process::Command::new("sftp")
        .args(["-q", "-F", "none", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes", "-o"])
        .arg(format!("UserKnownHostsFile={}", config.known_hosts.display()))
        .args(["-P", &config.port.to_string(), "-b"])
        .arg(batch)
        .arg("-i")
        .arg(&config.key_file)
        .arg(format!("{USER}@127.0.0.1"))
        .output()
        .await
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && words.contains(ROUND), "{words}");
    assert_eq!(fs::read_to_string(copy).unwrap(), round());
}
