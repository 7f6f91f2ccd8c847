//! Ports for programs that tests start, kill and start again.

use std::fs::File;
use std::net::TcpListener;
use std::sync::Mutex;

/// A port that nobody else takes while the program that it is for is down: below those that the system chooses from
/// for outgoing connections, and kept from other tests by a locked file until this process ends.
pub fn free_port() -> u16 {
    static OURS: Mutex<Vec<File>> = Mutex::new(Vec::new());
    loop {
        let port = 12_000 + u16::from_le_bytes(signalbox::clock::random_bytes::<2>()) % 18_000;
        let path = super::servers::directory().join(format!("port-{port}"));
        let file = File::options().create(true).append(true).open(path).expect("the directory of the servers is ours");
        if file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            OURS.lock().unwrap().push(file);
            return port;
        }
    }
}
