//! Quiet for longer than usual: what four weeks of a source look like, then silence.

use crate::support::town::{Setup, Town, run_with, show, start};
use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc};
use serde_json::json;
use signalbox::event::{Event, NewEvent, Severity, Via};
use signalbox::id::GuildId;
use signalbox::store::Store;

/// Only notices are shown, in #ops.
fn setup() -> Setup {
    // The id of #ops in every stand-in.
    let ops = standin::discord::default_channels()["ops"];
    let routes = json!({ "signalbox.notice": [ops.to_string()] }).to_string();
    Setup { env: vec![("DISCORD_WEBHOOK_CHANNELS", routes)], gateway: false, ..Setup::default() }
}

/// An hour of an office: weekdays from 8 to 18.
fn at_work(at: DateTime<Utc>) -> bool {
    at.weekday().number_from_monday() <= 5 && (8..18).contains(&at.hour())
}

async fn happened(town: &Town, store: &Store, kind: &str, at: DateTime<Utc>) {
    let event = Event {
        id: town.clock.uuid(),
        source_id: town.app.xtsystems.as_ref().unwrap().id,
        guild_id: GuildId::from(town.discord.guild_id()),
        kind: kind.into(),
        subject: None,
        occurred_at: at,
        received_at: at,
        severity: Severity::Info,
        dedup_key: format!("{kind} {at}"),
        data: json!({}),
    };
    store.insert_events(&[&NewEvent { event, raw: vec![], data_in_raw: false, via: Via::Http }]).await.unwrap();
}

/// Something of this kind ten minutes past each hour of work, for so many days up to now.
async fn days_of_work(town: &Town, kind: &str, days: i64) {
    let mut at = start() - TimeDelta::days(days) + TimeDelta::minutes(10);
    while at < start() {
        if at_work(at) {
            happened(town, town.store(), kind, at).await;
        }
        at += TimeDelta::hours(1);
    }
    town.settle().await;
}

/// Time passes while the bot listens.
async fn hours(town: &Town, count: i64) {
    for _ in 0..count {
        town.advance(TimeDelta::hours(1)).await;
    }
}

#[tokio::test]
async fn a_source_that_falls_silent_is_told_once_and_its_return_too() {
    run_with(Setup { gateway: true, ..setup() }, async |town| {
        // It is a Friday, 10 o'clock.
        days_of_work(town, "user.created", 28).await;
        hours(town, 3).await;
        assert_eq!(town.see("ops"), "", "three hours may be a coincidence");
        let (other, lifecycle) = town.another_bot().await;
        town.clock.advance(TimeDelta::hours(1));
        town.world_clock.advance(TimeDelta::hours(1));
        let (first, second) = tokio::join!(town.app.step(), other.step());
        assert!(first.is_ok() && second.is_ok());
        town.settle().await;
        insta::assert_snapshot!(town.see("ops"), @"
        [⚠️ Signalbox]
        XTSystems has been quiet for 4 h 50 min, longer than usual at this time of the week: its last event came <+-3000s>. /test-webhook shows whether events still arrive.
        -- Signalbox · signalbox.notice
        ");
        hours(town, 2).await;
        assert_eq!(town.messages("ops").len(), 1, "once");
        let status = town.command("admin", "webhook-status", json!({})).await;
        assert!(show(&status["message"]).contains("Last events: ⚠️ quiet for longer than usual\n`user.created`"));
        let doctor = show(&town.command("admin", "doctor", json!({})).await["message"]);
        let line = doctor.lines().find(|line| line.contains("Pulse")).unwrap();
        insta::assert_snapshot!(line, @"⚠️ XTSystems · Pulse: XTSystems has been quiet for 6 h 50 min, longer than usual. Fix: use /test-webhook to see whether its events still arrive");
        happened(town, town.store(), "user.created", town.clock.now()).await;
        let (first, second) = tokio::join!(town.app.step(), other.step());
        assert!(first.is_ok() && second.is_ok());
        town.advance(TimeDelta::minutes(5)).await;
        let _ = other.step().await.unwrap();
        town.settle().await;
        insta::assert_snapshot!(town.see("ops"), @"
        [⚠️ Signalbox]
        XTSystems has been quiet for 4 h 50 min, longer than usual at this time of the week: its last event came <+-3000s>. /test-webhook shows whether events still arrive.
        -- Signalbox · signalbox.notice

        [⚠️ Signalbox]
        XTSystems is back: its last event before came <+-3000s>, and now there was one <+21600s>.
        -- Signalbox · signalbox.notice
        ");
        lifecycle.shutdown(std::time::Duration::from_secs(5)).await;
        other.ports.store.close().await;
    })
    .await;
}

#[tokio::test]
async fn nights_and_weekends_are_quiet_as_usual() {
    run_with(setup(), async |town| {
        days_of_work(town, "user.created", 28).await;
        // Friday afternoon as always, and the weekend.
        for _ in 0..70 {
            if at_work(town.clock.now()) {
                happened(town, town.store(), "user.created", town.clock.now()).await;
            }
            hours(town, 1).await;
        }
        assert_eq!(town.see("ops"), "", "it is Monday, 8 o'clock");
        hours(town, 4).await;
        assert!(town.see("ops").contains("has been quiet for 2 d"), "{}", town.see("ops"));
    })
    .await;
}

#[tokio::test]
async fn one_kind_falls_silent_while_the_others_go_on() {
    run_with(setup(), async |town| {
        days_of_work(town, "user.created", 28).await;
        days_of_work(town, "company.created", 28).await;
        for _ in 0..5 {
            happened(town, town.store(), "company.created", town.clock.now()).await;
            hours(town, 1).await;
        }
        insta::assert_snapshot!(town.see("ops"), @"
        [⚠️ Signalbox]
        user.created of XTSystems has been quiet for 4 h 50 min, longer than usual at this time of the week: its last event came <+-3000s>. /test-webhook shows whether events still arrive.
        -- Signalbox · signalbox.notice
        ");
    })
    .await;
}

#[tokio::test]
async fn a_new_source_has_no_usual() {
    run_with(setup(), async |town| {
        days_of_work(town, "user.created", 6).await;
        hours(town, 9).await;
        assert_eq!(town.see("ops"), "");
    })
    .await;
}

#[tokio::test]
async fn silence_while_nobody_listened_says_nothing() {
    run_with(setup(), async |town| {
        days_of_work(town, "user.created", 28).await;
        // The bot was not there for seven hours.
        town.advance(TimeDelta::hours(7)).await;
        hours(town, 1).await;
        assert_eq!(town.see("ops"), "");
    })
    .await;
}

/// What the migration makes of events that are stored already is what would have been counted.
#[tokio::test]
async fn an_upgrade_learns_from_what_is_stored() {
    run_with(setup(), async |town| {
        days_of_work(town, "user.created", 10).await;
        days_of_work(town, "company.created", 3).await;
        let all = async || {
            let hours = "SELECT row_to_json(h)::text FROM pulse_hour h ORDER BY source_id, kind, hour";
            let kinds = "SELECT row_to_json(p)::text FROM pulse p ORDER BY source_id, kind";
            [town.column(kinds).await, town.column(hours).await].concat()
        };
        let counted = all().await;
        assert!(counted.len() > 100);
        town.execute("TRUNCATE pulse, pulse_hour").await;
        let migration = include_str!("../../migrations/0009_pulse_and_secrets.sql");
        let inserts = migration.split(';').map(str::trim_start).filter(|sql| sql.starts_with("INSERT INTO pulse"));
        for insert in inserts {
            town.execute(insert).await;
        }
        assert_eq!(all().await, counted);
    })
    .await;
}
