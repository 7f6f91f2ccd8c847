//! About the machine of a game server.

use crate::config::SshConfig;
use crate::doctor::report::Finding;
use crate::upstream::ssh::SshError;

const SSH: &str = "SSH";

pub fn good(config: &SshConfig, files: usize, newest: &str) -> Finding {
    let SshConfig { user, host, port, path, .. } = config;
    let many = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    Finding::good(
        SSH,
        format!(
            "{user}@{host}:{port} is the known host and accepts the key; {many} of statistics in {path}, the newest {newest}"
        ),
    )
}

pub fn nothing_there(config: &SshConfig) -> Finding {
    let SshConfig { user, host, path, .. } = config;
    Finding::warning(
        SSH,
        format!("{user}@{host} can be read, and there is no file of statistics in {path}"),
        "correct ETLEGACY_SSH_PATH, unless no round was played yet: the game server writes into legacy/gamestats or legacy/stats",
    )
}

pub fn wrong(error: &SshError) -> Finding {
    Finding::problem(SSH, error.to_string(), error.fix())
}
