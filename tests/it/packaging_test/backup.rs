//! The dump that `packaging/backup` makes, restored by the commands of `packaging/UPGRADE.md`, and run.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{both, find, packaging, read, succeeds};
use crate::support::delivery::ticket;
use crate::support::program::Directory;
use crate::support::servers;
use crate::support::town::{Setup, run_with};
use standin::discord::Limits;

/// The commands below a heading of the guide, block by block.
fn commands(heading: &str) -> Vec<String> {
    let guide = read("UPGRADE.md");
    let section = guide.split("\n## ").find(|section| section.starts_with(heading)).expect("there is such a heading");
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned());
    blocks.collect()
}

/// A shell that finds PostgreSQL's programs.
fn shell(directory: &Path) -> Command {
    let programs = find("pg_restore").expect("it comes with the server of these tests");
    let path = format!("{}:{}", programs.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-eu"]).current_dir(directory).env("PATH", path);
    bash
}

fn backup(directory: &Path, url: &str) -> Command {
    let mut bash = shell(directory);
    bash.arg(packaging().join("backup")).env("DATABASE_URL", url).env("BACKUP_DIR", directory);
    bash
}

fn dumps(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("signalbox-")).collect();
    names.sort();
    names
}

/// The URL of another database on the same server.
fn beside(url: &str, database: &str) -> String {
    let mut url = url::Url::parse(url).unwrap();
    url.set_path(database);
    url.into()
}

#[tokio::test]
async fn what_was_dumped_is_restored_and_goes_on() {
    // The programs go by the system's clock, and the stand-in's stands still: its windows would never end.
    run_with(Setup { gateway: false, limits: Limits::Off, ..Setup::default() }, async |town| {
        let mut before = town.program(&["run"], &[]);
        before.says("connected to Discord").await;
        before.takes("ticket.created", &ticket("1", "open")).await;
        town.until("the ticket is shown", || town.see("tickets").contains("Open")).await;
        let directory = Directory::new();
        // While it runs, by the script and by the command of the guide.
        let words = succeeds(backup(&directory.0, &town.database_url).arg("once"));
        assert!(words.starts_with("wrote "), "{words}");
        let dump = &commands("Back up")[0];
        succeeds(shell(&directory.0).args(["-c", dump]).env("DATABASE_URL", &town.database_url));
        before.ask_to_stop();
        assert_eq!(before.ends_within(15).await.code, Some(0));

        let name = format!("restored_{}", std::process::id());
        let restored = beside(&town.database_url, &name);
        let restore = commands("Restore")[0].replace("signalbox_restored", &name);
        let made = [dumps(&directory.0)[0].clone(), "signalbox.dump".to_owned()];
        for (from, (status, shown)) in made.iter().zip([("waiting", "Waiting"), ("closed", "Closed")]) {
            let restore = restore.replace("signalbox.dump", from);
            let mut bash = shell(&directory.0);
            bash.args(["-c", &restore]).env("MAINTENANCE_URL", servers::postgres()).env("RESTORED_URL", &restored);
            succeeds(&mut bash);
            let mut after = town.program(&["run"], &[("DATABASE_URL", &restored)]);
            after.says("connected to Discord").await;
            after.takes("ticket.updated", &ticket("1", status)).await;
            town.until("the same card is current", || town.see("tickets").contains(shown)).await;
            assert_eq!(town.messages("tickets").len(), 1, "{}", town.see("tickets"));
            after.ask_to_stop();
            assert_eq!(after.ends_within(15).await.code, Some(0));
            let drop = format!("dropdb --maintenance-db='{}' {name}", servers::postgres());
            succeeds(shell(&directory.0).args(["-c", &drop]));
        }
    })
    .await;
}

#[tokio::test]
async fn the_private_database_is_dumped_as_the_guide_says() {
    run_with(Setup { gateway: false, limits: Limits::Off, ..Setup::default() }, async |town| {
        let directory = Directory::new();
        let place = directory.0.to_str().unwrap();
        let mut program = town.program(&["run"], &[("DATABASE_URL", ""), ("SIGNALBOX_DATA_DIR", place)]);
        program.says("connected to Discord").await;
        let dump = &commands("Back up")[1];
        succeeds(shell(&directory.0).args(["-c", dump]).env("SIGNALBOX_DATA_DIR", place));
        let list = succeeds(shell(&directory.0).args(["-c", "pg_restore --list signalbox.dump"]));
        assert!(list.contains("TABLE DATA public audit"), "{list}");
        program.ask_to_stop();
        assert_eq!(program.ends_within(15).await.code, Some(0));
    })
    .await;
}

#[tokio::test]
async fn the_newest_dumps_are_kept_and_half_a_dump_is_none() {
    let database = servers::copy_of("empty", async |_| {}).await;
    let directory = Directory::new();
    for day in 1..=4 {
        fs::write(directory.0.join(format!("signalbox-2026010{day}T000000Z.dump")), "").unwrap();
    }
    succeeds(backup(&directory.0, &database.url).arg("once").env("BACKUP_KEEP", "3"));
    let kept = dumps(&directory.0);
    assert_eq!(kept[..2], ["signalbox-20260103T000000Z.dump", "signalbox-20260104T000000Z.dump"]);
    assert_eq!(kept.len(), 3);
    succeeds(backup(&directory.0, &database.url).arg("check"));

    let elsewhere = Directory::new();
    let output = backup(&elsewhere.0, &beside(&database.url, "no_such_database")).arg("once").output().unwrap();
    assert!(!output.status.success() && both(&output).contains("no_such_database"), "{}", both(&output));
    assert!(dumps(&elsewhere.0).iter().all(|name| !name.ends_with(".dump")));
    let check = backup(&elsewhere.0, &database.url).arg("check").output().unwrap();
    assert!(!check.status.success(), "a container without a dump is not healthy");
}
