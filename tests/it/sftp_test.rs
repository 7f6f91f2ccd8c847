//! Files of a game server on another machine: fetched over SSH each minute, each once, whatever goes wrong on the way.

use std::fs;

use chrono::TimeDelta;
use signalbox::stats::sftp::{EVERY, Looked, look_due};
use standin::ssh::{Manner, Ssh};

use crate::support::corpus;
use crate::support::game::{awards, round, round_at};
use crate::support::program::Directory;
use crate::support::sshd::{Sshd, env_of};
use crate::support::town::{Setup, Town, run_with, start};

const ROUND: &str = "2026-01-02-100000-supply-round-1.txt";

/// A town whose bot fetches from a stand-in.
async fn with_server(test: impl AsyncFnOnce(&mut Town, &Ssh)) {
    let (ssh, directory) = (Ssh::start().await.unwrap(), Directory::new());
    let env = env_of(&ssh, &directory.0);
    run_with(Setup { env, gateway: false, ..Setup::default() }, async |town| test(town, &ssh).await).await;
}

fn put(ssh: &Ssh, name: &str, text: &str) {
    ssh.put(name, text.as_bytes(), u32::try_from(start().timestamp()).unwrap());
}

/// The next look.
async fn look(town: &Town) -> Looked {
    town.clock.advance(EVERY);
    look_due(&town.app.ports).await.unwrap().expect("it is time")
}

/// Names of what is stored, versions included.
async fn stored(town: &Town) -> Vec<String> {
    town.column("SELECT name FROM stats_file ORDER BY name, received_at").await
}

async fn fault(town: &Town) -> String {
    town.column("SELECT coalesce(fault, '') FROM stats_cursor").await.concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_new_is_fetched_once() {
    with_server(async |town, ssh| {
        put(ssh, ROUND, &round());
        put(ssh, "2026-01-02-100000-supply-round-1-endstats.txt", &awards());
        put(ssh, "2026-01-02-100000-supply-round-1_ws.txt", "whatever");
        put(ssh, "notes.txt", "whatever");
        assert_eq!(look(town).await.fetched, 2);
        assert_eq!(look_due(&town.app.ports).await.unwrap(), None, "not before a minute is over");
        ssh.take_log();
        assert_eq!(look(town).await.fetched, 0);
        assert_eq!(ssh.take_log(), ["connect", "list"]);
        let next = "2026-01-02-101500-supply-round-2.txt";
        put(ssh, next, &round().replace("\\1\\1\\2\\", "\\2\\1\\2\\"));
        assert_eq!(look(town).await.fetched, 1);
        assert_eq!(ssh.take_log(), ["connect", "list", &format!("read {next}")]);
        assert_eq!(stored(town).await.len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_the_next_look_makes_it_good() {
    for manner in [
        Manner::HangUp,
        Manner::RefuseKeys,
        Manner::NoSftp,
        Manner::CutRead(40),
        Manner::Truncate(40),
        Manner::Forbidden,
        Manner::Grows,
    ] {
        with_server(async |town, ssh| {
            put(ssh, ROUND, &round());
            ssh.set_for(manner.clone(), 1);
            assert_eq!(look(town).await.fetched, 0, "{manner:?}");
            assert_eq!(stored(town).await, Vec::<String>::new(), "no half of it: {manner:?}");
            assert_eq!(look(town).await.fetched, 1, "{manner:?}");
            assert_eq!(
                (stored(town).await.as_slice(), fault(town).await.as_str()),
                ([ROUND.to_owned()].as_slice(), "")
            );
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_kept_for_the_status() {
    with_server(async |town, ssh| {
        put(ssh, ROUND, &round());
        ssh.change_host_key().unwrap();
        assert_eq!(look(town).await.fetched, 0);
        let fault = fault(town).await;
        assert!(fault.starts_with("the key of 127.0.0.1 is another one than line 1 of "), "{fault}");
        assert!(fault.contains("somebody stands in between"), "{fault}");
    })
    .await;
}

/// Somebody is writing it, or never will again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_whole_is_waited_for_and_then_taken_as_it_is() {
    with_server(async |town, ssh| {
        put(ssh, ROUND, &round()[..60]);
        assert_eq!(look(town).await.fetched, 0);
        put(ssh, ROUND, &round()[..80]);
        assert_eq!(look(town).await.fetched, 0);
        assert_eq!(look(town).await.fetched, 1, "it has not changed since");
        assert_eq!(town.column("SELECT state FROM stats_file").await, ["quarantined"]);
        put(ssh, ROUND, &round());
        assert_eq!(look(town).await.fetched, 1, "and when it is whole, it is a corrected file");
        assert_eq!(stored(town).await.len(), 2);
    })
    .await;
}

/// The position is lost, or another process goes on without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_position_the_stored_files_say_what_is_new() {
    with_server(async |town, ssh| {
        for minutes in 0..30 {
            put(ssh, &round_at(start() - TimeDelta::minutes(minutes)), &round());
        }
        assert_eq!(look(town).await.fetched, 30);
        town.execute("DELETE FROM stats_cursor").await;
        ssh.take_log();
        put(ssh, "2026-01-02-101500-supply-round-2.txt", &round());
        assert_eq!(look(town).await.fetched, 1);
        assert_eq!(ssh.take_log().len(), 3, "connect, list, one file");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_files_come_in_several_looks_without_a_pause() {
    with_server(async |town, ssh| {
        for minutes in 0..250 {
            put(ssh, &round_at(start() - TimeDelta::minutes(minutes)), &round());
        }
        // A look takes 200 at most, and fewer where they do not come within its time.
        let first = look(town).await;
        assert!(first.more && (1..=200).contains(&first.fetched), "{first:?}");
        let mut fetched = first.fetched;
        while fetched < 250 {
            let looked: Looked = look_due(&town.app.ports).await.unwrap().expect("it is due at once");
            assert!((1..=200).contains(&looked.fetched), "{looked:?}");
            fetched += looked.fetched;
        }
        assert_eq!(stored(town).await.len(), 250);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_one_look() {
    with_server(async |town, ssh| {
        put(ssh, ROUND, &round());
        let (other, stop) = town.another_bot().await;
        town.clock.advance(EVERY);
        let (first, second) = tokio::join!(look_due(&town.app.ports), look_due(&other.ports));
        assert_eq!([first, second].into_iter().filter(|looked| matches!(looked, Ok(Some(_)))).count(), 1);
        assert_eq!(stored(town).await, [ROUND]);
        stop.stop();
    })
    .await;
}

/// Whatever the genuine files say, they arrive from OpenSSH as they are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evening_comes_from_an_openssh_server() {
    let Some(genuine) = corpus::path("etlegacy/stats") else { return };
    let sshd = Sshd::start().await;
    let mut names = Vec::new();
    for entry in fs::read_dir(genuine).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name().into_string().unwrap());
        if name.starts_with("2025-10-14") {
            fs::write(sshd.file(&name), fs::read(path).unwrap()).unwrap();
            names.push(name);
        }
    }
    names.sort();
    run_with(Setup { env: sshd.env(), gateway: false, ..Setup::default() }, async |town| {
        assert_eq!(look(town).await.fetched, names.len());
        assert_eq!(stored(town).await, names);
        let sizes: i64 = names.iter().map(|name| fs::metadata(sshd.file(name)).unwrap().len() as i64).sum();
        assert_eq!(town.count("SELECT sum(octet_length(bytes))::bigint FROM stats_file").await, sizes);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admins_hear_of_it_when_it_fails_for_long_and_when_it_works_again() {
    let told = |town: &Town| town.see("ops").matches("Match statistics: the game server's directory").count();
    with_server(async |town, ssh| {
        put(ssh, ROUND, &round());
        ssh.set(Manner::HangUp);
        for _ in 0..10 {
            assert_eq!(look(town).await.fetched, 0);
        }
        town.settle().await;
        assert_eq!(town.see("ops"), "", "not yet");
        for _ in 0..20 {
            look(town).await;
        }
        town.settle().await;
        let fails = town.see("ops");
        assert_eq!(fails.matches("fetched over SSH, cannot be read since <+60s>").count(), 1, "once: {fails}");
        assert!(fails.contains("It is tried again all the time"), "{fails}");
        // Whoever looks next, it is the same trouble.
        let (other, stop) = town.another_bot().await;
        town.clock.advance(EVERY);
        look_due(&other.ports).await.unwrap().expect("it is time");
        ssh.set(Manner::Ok);
        town.clock.advance(EVERY);
        assert_eq!(look_due(&other.ports).await.unwrap().unwrap().fetched, 1);
        look(town).await;
        town.settle().await;
        let back = town.see("ops");
        assert_eq!(back.matches("can be read again, which it could not since <+60s>").count(), 1, "{back}");
        assert_eq!(told(town), 2);
        stop.stop();
        // What is over soon nobody hears of.
        ssh.set_for(Manner::HangUp, 5);
        for _ in 0..20 {
            look(town).await;
        }
        town.settle().await;
        assert_eq!(told(town), 2);
    })
    .await;
}

/// Killed before and after each step: the file is there once, and is not fetched again when it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_file_is_handed_over() {
    for (point, left_to_fetch) in [("stats.storing", 1), ("stats.stored", 0), ("sftp.arrived", 0)] {
        with_server(async |town, ssh| {
            put(ssh, ROUND, &round());
            let env = [("SIGNALBOX_CRASH_AT", point), ("SIGNALBOX_ROLES", "intake")];
            let end = town.program(&["run"], &env).ends_within(60).await;
            assert_eq!(end.signal, Some(9), "{point}: {}", end.out);
            // The program's clock is another one.
            town.execute("UPDATE stats_cursor SET looked_at = '2020-01-01'").await;
            assert_eq!(look(town).await.fetched, left_to_fetch, "{point}");
            assert_eq!(stored(town).await, [ROUND], "{point}");
        })
        .await;
    }
}
