//! Trouble of the machine itself: a disk that is full, a clock that jumps. Nothing is lost, nothing is doubled, and it is
//! told.

use std::fs;

use crate::support::delivery::alert;
use crate::support::door::{self, knock};
use crate::support::program::Directory;
use crate::support::town::{Setup, Town, run, run_with};

fn without_a_bot() -> Setup {
    Setup { gateway: false, ..Setup::default() }
}

/// The file that a process keeps of its own is the key of the secrets.
#[tokio::test]
async fn on_a_full_disk_no_half_of_the_key_is_left() {
    run_with(without_a_bot(), async |town| {
        let home = Directory::new();
        let settings = [("ENCRYPTION_KEY", ""), ("SIGNALBOX_DATA_DIR", home.0.to_str().unwrap())];
        let mut full = town.program_on_a_full_disk(&["run", "--roles", "intake"], &settings);
        full.says("no key can be kept in the data directory").await;
        full.says("ready").await;
        full.takes("alert.triggered", &alert("on a full disk")).await;
        full.kill();
        assert_eq!(fs::read_dir(&home.0).unwrap().count(), 0, "nothing half is left");

        let mut roomy = town.program(&["run", "--roles", "intake"], &settings);
        roomy.says("ready").await;
        roomy.kill();
        let files: Vec<_> = fs::read_dir(&home.0).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        signalbox::crypto::check_key(&fs::read_to_string(&files[0]).unwrap()).unwrap();
        town.settle().await;
        assert_eq!(town.lines("alerts"), "on a full disk");
    })
    .await;
}

#[tokio::test]
async fn while_the_disk_of_the_database_is_full_senders_are_asked_to_repeat() {
    run(async |town| {
        town.alert("before").await;
        town.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$",
        )
        .await;
        town.execute("CREATE TRIGGER full_disk BEFORE INSERT ON event EXECUTE FUNCTION full_disk()").await;
        let send = || knock(town).body(door::alert("meanwhile")).send();
        assert_eq!(send().await.status, 503);
        town.execute("DROP TRIGGER full_disk ON event").await;
        assert_eq!(send().await.status, 202);
        town.settle().await;
        assert_eq!(town.lines("alerts"), "before\nmeanwhile");
    })
    .await;
}

/// From now on PostgreSQL's clock is off by so many seconds for whoever connects.
async fn with_a_clock_that_jumps(town: &Town) {
    for sql in [
        "CREATE SCHEMA jumped",
        "CREATE TABLE jumped.clock (off_by interval)",
        "INSERT INTO jumped.clock VALUES ('0')",
        "CREATE FUNCTION jumped.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
             'SELECT pg_catalog.clock_timestamp() + off_by FROM jumped.clock'",
        "DO $$ BEGIN
             EXECUTE format('ALTER DATABASE %I SET search_path = jumped, public, pg_catalog', current_database()); END $$",
    ] {
        town.execute(sql).await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_loses_nothing_and_doubles_nothing() {
    run_with(without_a_bot(), async |town| {
        with_a_clock_that_jumps(town).await;
        let mut bot = town.program(&["run", "--roles", "intake,worker,ticker"], &[("DISCORD_GATEWAY", "off")]);
        bot.says("ready").await;
        let shown = async |count: usize| town.until("it is shown", || town.messages("alerts").len() == count).await;
        bot.takes("alert.triggered", &alert("before")).await;
        shown(1).await;
        for (n, jump) in ["UPDATE jumped.clock SET off_by = '20 s'", "UPDATE jumped.clock SET off_by = '15 s'"]
            .into_iter()
            .enumerate()
        {
            town.execute(jump).await;
            bot.takes("alert.triggered", &alert(&format!("at jump {n}"))).await;
            let told = async || {
                while bot.output().matches("the clock stepped against PostgreSQL's").count() <= n {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(std::time::Duration::from_secs(20), told()).await.expect("it is told");
            shown(2 * n + 2).await;
            bot.takes("alert.triggered", &alert(&format!("after jump {n}"))).await;
            shown(2 * n + 3).await;
        }
        insta::assert_snapshot!(town.lines("alerts"), @"
        before
        at jump 0
        after jump 0
        at jump 1
        after jump 1
        ");
        bot.kill();
    })
    .await;
}
