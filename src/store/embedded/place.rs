//! Where the private PostgreSQL lives: the account it runs as, its directories, its socket, and what
//! this machine's environment says about them. The only reader of the environment outside `config/`,
//! because none of it is a setting of the program.

#![allow(clippy::disallowed_methods)]

use super::LauncherCommand;
use super::error::EmbeddedError;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Socket paths are limited to 108 bytes on Linux, 104 elsewhere, the final zero included.
const SOCKET_PATH_MAX: usize = 103;
/// What PostgreSQL calls its socket on [`super::PORT`].
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// All that the children see of our environment: no token of ours is among it.
const KEPT_VARIABLES: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "TMPDIR", "LLVM_PROFILE_FILE"];

/// `/var/lib/signalbox` for root, the user's data directory otherwise.
pub fn default_data_dir() -> PathBuf {
    if is_root() {
        return PathBuf::from("/var/lib/signalbox");
    }
    let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
    let data = if cfg!(target_os = "macos") {
        home.join("Library/Application Support")
    } else {
        absolute_variable("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"))
    };
    data.join("signalbox")
}

/// This program again, at the hidden step that ends in `postgres`.
pub(super) fn default_launcher() -> LauncherCommand {
    // The link is followed by the child itself, so that it works from a home directory that the account
    // of the child may not enter, and for a program that was replaced while it ran.
    let program = if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().unwrap_or_else(|_| PathBuf::from("signalbox"))
    };
    LauncherCommand { program, args: vec![OsString::from(super::EXEC_COMMAND)] }
}

/// `PG_BIN_DIR`, where a person says which PostgreSQL to use.
pub(super) fn bin_dir() -> Option<PathBuf> {
    std::env::var_os("PG_BIN_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

/// The directories of `PATH`.
pub(super) fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// The account PostgreSQL runs as; it refuses root.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// Set when the children have to change to it.
    change_to: Option<String>,
    uid: u32,
    gid: u32,
}

impl Account {
    /// Ourselves, or `postgres`, or `nobody`.
    pub(super) fn choose() -> Result<Self, EmbeddedError> {
        if !is_root() {
            return Ok(Self {
                change_to: None,
                uid: rustix::process::geteuid().as_raw(),
                gid: rustix::process::getegid().as_raw(),
            });
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "_postgres", "nobody"]
            .into_iter()
            .find_map(|name| {
                let (uid, gid) = find_in_passwd(&passwd, name)?;
                Some(Self { change_to: Some(name.to_owned()), uid, gid })
            })
            .ok_or(EmbeddedError::NoUser)
    }

    /// A command that runs as this account, in `dir`, without our environment.
    pub(super) fn command(&self, program: &Path, dir: &Path) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(program);
        command.current_dir(dir).env_clear();
        for name in KEPT_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("LC_ALL", "C").env("TZ", "UTC");
        if self.change_to.is_some() {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Hands a file or directory that we have just made to this account.
    pub(super) fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        match self.change_to {
            Some(_) => chown(path, Some(self.uid), Some(self.gid)).map_err(EmbeddedError::io("hand over", path)),
            None => Ok(()),
        }
    }

    /// Makes sure that `dir` is a directory of this account that nobody else may enter.
    pub(super) fn private_dir(&self, dir: &Path) -> Result<(), EmbeddedError> {
        match fs::DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) => self.own(dir)?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(EmbeddedError::io("create", dir)(error)),
        }
        let read = || fs::symlink_metadata(dir).map_err(EmbeddedError::io("read", dir));
        let mut metadata = read()?;
        if metadata.is_dir() && metadata.uid() == 0 && is_empty(dir) {
            self.own(dir)?; // made by an earlier run that was killed before it came to this line
            metadata = read()?;
        }
        if !metadata.is_dir() || metadata.uid() != self.uid {
            return Err(EmbeddedError::Foreign { dir: dir.to_owned(), owner: metadata.uid(), expected: self.uid });
        }
        if metadata.mode() & 0o777 != 0o700 {
            fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(EmbeddedError::io("close", dir))?;
        }
        Ok(())
    }

    /// Makes `dir` when it is missing. As root it may not lie behind a directory that is closed to the
    /// account: only what is ours alone is ever handed over or changed.
    pub(super) fn data_dir(&self, dir: &Path) -> Result<PathBuf, EmbeddedError> {
        let dir = std::path::absolute(dir).map_err(EmbeddedError::io("find", dir))?;
        let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
        let existing = dir.ancestors().nth(missing.len()).unwrap_or(Path::new("/"));
        self.check_passable(&dir, existing)?;
        let mode = if self.change_to.is_some() { 0o755 } else { 0o700 };
        for made in missing.into_iter().rev() {
            fs::create_dir(made).map_err(EmbeddedError::io("create", made))?;
            fs::set_permissions(made, Permissions::from_mode(mode)) // whatever the umask says
                .map_err(EmbeddedError::io("open", made))?;
        }
        dir.canonicalize().map_err(EmbeddedError::io("find", &dir))
    }

    fn check_passable(&self, dir: &Path, existing: &Path) -> Result<(), EmbeddedError> {
        let Some(user) = &self.change_to else {
            return Ok(());
        };
        let existing = existing.canonicalize().map_err(EmbeddedError::io("find", existing))?;
        for ancestor in existing.ancestors() {
            let metadata = fs::metadata(ancestor).map_err(EmbeddedError::io("read", ancestor))?;
            let bit = if metadata.uid() == self.uid {
                0o100
            } else if metadata.gid() == self.gid {
                0o010
            } else {
                0o001
            };
            if metadata.mode() & bit == 0 {
                return Err(EmbeddedError::Closed {
                    dir: dir.to_owned(),
                    closed: ancestor.to_owned(),
                    user: user.clone(),
                });
            }
        }
        Ok(())
    }

    /// The directory of the socket: inside `home`, or a private one with a short name when that path
    /// would be too long for a socket.
    pub(super) fn socket_dir(&self, home: &Path) -> Result<PathBuf, EmbeddedError> {
        let inside = home.join("run");
        let dir = if inside.join(SOCKET_NAME).as_os_str().len() <= SOCKET_PATH_MAX {
            inside
        } else {
            let parent = match &self.change_to {
                Some(_) => PathBuf::from("/tmp"),
                None => absolute_variable("XDG_RUNTIME_DIR").unwrap_or_else(|| "/tmp".into()),
            };
            parent.join(format!("signalbox-{:016x}", fingerprint(home)))
        };
        self.private_dir(&dir)?;
        Ok(dir)
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

fn absolute_variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn find_in_passwd(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some((uid, gid))
    })
}

/// FNV-1a: the same directory has the same name at every start.
fn fingerprint(path: &Path) -> u64 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
