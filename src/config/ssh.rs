//! The game server's machine, where statistics are fetched over SSH: the keys ETLEGACY_SSH_*, all of them or none.

use std::path::PathBuf;

use super::reader::Reader;
use super::value::{integer, path};
use super::variable::{Section, Variable};

/// How to get to a directory of another machine.
#[derive(Clone, Debug)]
pub struct SshConfig {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub key_file: PathBuf,
    pub known_hosts: PathBuf,
    /// The directory there.
    pub path: String,
}

const HOST: &str = "ETLEGACY_SSH_HOST";
const PORT: &str = "ETLEGACY_SSH_PORT";
const USER: &str = "ETLEGACY_SSH_USER";
const KEY_FILE: &str = "ETLEGACY_SSH_KEY_FILE";
const KNOWN_HOSTS: &str = "ETLEGACY_SSH_KNOWN_HOSTS";
const PATH: &str = "ETLEGACY_SSH_PATH";
/// All that has to be there when one of them is.
const NEEDED: [&str; 5] = [HOST, USER, KEY_FILE, KNOWN_HOSTS, PATH];

pub(super) static SECTION: Section = Section {
    title: "ET:Legacy over SSH",
    about: "Fetches the files of a game server on another machine. Needs DISCORD_GUILD_ID, to which they belong.",
    variables: &[
        Variable::new(
            HOST,
            "The machine of the game server, from which files are fetched over SSH each minute. All of ETLEGACY_SSH_* or none.",
            "game.example.org",
        ),
        Variable::new(PORT, "The port of its SSH server.", "22").default("22"),
        Variable::new(USER, "As whom to log in; reading the directory is all that is needed.", "et"),
        Variable::new(
            KEY_FILE,
            "A private key without a passphrase, Ed25519 or ECDSA (ssh-keygen -t ed25519).",
            "/etc/signalbox/game_server_key",
        ),
        Variable::new(
            KNOWN_HOSTS,
            "The file with the server's key (ssh-keyscan -t ed25519 game.example.org); nothing is sent to another one.",
            "/etc/signalbox/known_hosts",
        ),
        Variable::new(
            PATH,
            "The directory there into which the game server writes.",
            "/home/et/etlegacy/legacy/gamestats",
        ),
    ],
};

/// `Some(None)`: not set. `None`: a problem was noted.
pub(super) fn read(r: &mut Reader) -> Option<Option<SshConfig>> {
    let set = SECTION.variables.iter().map(|variable| variable.name).find(|name| r.is_set(name));
    let Some(first) = set else { return Some(None) };
    let origin = r.origin(first);
    for name in NEEDED.into_iter().filter(|name| !r.is_set(name)).collect::<Vec<_>>() {
        r.refuse(name, format!("is required because {first} is set ({origin})"));
    }
    if !r.is_set("DISCORD_GUILD_ID") {
        r.refuse(
            "DISCORD_GUILD_ID",
            format!("is required because {first} is set ({origin}): the files belong to one server"),
        );
    }
    let host = r.optional(HOST, host);
    let port = r.value(PORT, integer(1..=u16::MAX));
    let user = r.optional(USER, word);
    let key_file = r.optional(KEY_FILE, path);
    let known_hosts = r.optional(KNOWN_HOSTS, path);
    let directory = r.optional(PATH, |text| Ok(text.to_owned()));
    Some(Some(SshConfig {
        host: host?,
        port: port?,
        user: user?,
        key_file: key_file?,
        known_hosts: known_hosts?,
        path: directory?,
    }))
}

fn host(text: &str) -> Result<String, String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    if text.chars().all(letter) {
        return Ok(text.to_owned());
    }
    Err("should be a name or an address alone, such as game.example.org".into())
}

fn word(text: &str) -> Result<String, String> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("should be one word".into());
    }
    Ok(text.to_owned())
}
