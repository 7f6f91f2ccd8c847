//! What the service manager is told over its socket: `Type=notify` and the watchdog.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use sqlx::Connection as _;

use crate::support::program::Directory;
use crate::support::town::{Setup, run_with};

/// The service manager's end of the socket.
struct Manager(UnixDatagram);

impl Manager {
    fn new(directory: &Directory) -> Self {
        let socket = UnixDatagram::bind(directory.0.join("notify")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self(socket)
    }

    /// What it has been told since it last looked.
    fn told(&self) -> Vec<String> {
        let mut buffer = [0; 256];
        let mut told = Vec::new();
        while let Ok(length) = self.0.recv(&mut buffer) {
            told.extend(String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned));
        }
        told
    }

    async fn hears(&self, words: &str) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..2000 {
            all.extend(self.told());
            if all.iter().any(|line| line == words) {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never told {words}: {all:?}");
    }
}

#[tokio::test]
async fn systemd_hears_that_it_is_ready_lives_and_stops() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let directory = Directory::new();
        let manager = Manager::new(&directory);
        let socket = directory.0.join("notify");
        let notify = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "1500000")];
        let mut program = town.program(&["run"], &notify);
        let first = manager.hears("READY=1").await;
        assert!(!first.iter().any(|line| line == "STOPPING=1"), "{first:?}");
        program.says("ready").await;
        manager.hears("WATCHDOG=1").await;
        manager.hears("WATCHDOG=1").await;

        // A planner that waits for a lock makes no progress, and the watchdog is to know.
        let mut connection = sqlx::PgConnection::connect(&town.database_url).await.unwrap();
        let mut lock = connection.begin().await.unwrap();
        sqlx::query("LOCK TABLE event IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
        program.says("the watchdog is no longer fed").await;
        manager.told();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(manager.told(), Vec::<String>::new(), "silence while nothing moves");
        lock.rollback().await.unwrap();
        manager.hears("WATCHDOG=1").await;

        program.ask_to_stop();
        manager.hears("STOPPING=1").await;
        assert_eq!(program.ends_within(15).await.code, Some(0));
    })
    .await;
}

#[tokio::test]
async fn without_a_service_manager_nothing_is_missed() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let mut program = town.program(&["run"], &[("NOTIFY_SOCKET", "/nowhere/at/all")]);
        program.says("ready").await;
        program.ask_to_stop();
        assert_eq!(program.ends_within(15).await.code, Some(0));
    })
    .await;
}
