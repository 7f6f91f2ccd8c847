//! The real PostgreSQL and Redis of the tests. The first use starts them (see [`supervisor`]);
//! nothing has to be set, and nothing is left behind.

pub use super::database::{copy_of, fresh_database};
pub use super::private::{PrivateRedis, durable_postgres, private_postgres, private_redis};

use super::supervisor::{self, Lease};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::OnceLock;

/// The URL of the maintenance database. A test that keeps anything uses [`fresh_database`].
pub fn postgres() -> String {
    lease().postgres.clone()
}

/// The URL of the shared Redis. Tests keep apart by a key prefix of their own.
pub fn redis() -> String {
    lease().redis.clone()
}

/// A directory that disappears with the servers.
pub(super) fn directory() -> &'static Path {
    &lease().directory
}

/// One of those in there. A process that was killed, and had our number, may have left it.
pub(super) fn create_anew(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path) {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{}: {error}", path.display());
    }
    fs::create_dir(path).expect("the directory of the servers is ours");
}

fn lease() -> &'static Lease {
    static LEASE: OnceLock<Result<Lease, String>> = OnceLock::new();
    LEASE.get_or_init(supervisor::lease).as_ref().unwrap_or_else(|why| panic!("the test servers did not start: {why}"))
}
