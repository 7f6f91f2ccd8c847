//! What people see of a round, a map, awards and a session; and how a correction is told.

use chrono_tz::Europe::Berlin;
use serde_json::Value;
use signalbox::event::{Event, Severity};
use signalbox::id::GuildId;
use signalbox::matches::record::{Record, Round, record};
use signalbox::matches::report::{self, Context, History, Told, correction};
use signalbox::routing::embed::{Embed, FIELD_VALUE, MessageBody, TOTAL};
use signalbox::routing::etlegacy;
use signalbox::routing::subject::SubjectState;
use signalbox::source::etlegacy::file_name::{FileName, parse};
use signalbox::source::etlegacy::{awards, stats_file};
use uuid::Uuid;

use crate::support::evening::{File, awards_of, evening};

fn read(file: &File) -> Round {
    let Ok(FileName::Round(told)) = parse(&file.name) else { panic!("{}", file.name) };
    let read = stats_file::parse(file.text.as_bytes()).unwrap().into_owned();
    let (name, stem, at) = (file.name.clone(), told.stem.to_owned(), told.instant(Berlin, None));
    Round { name, stem, at, surrendered: None, file: read }
}

fn recorded(files: &[File]) -> Record {
    record(files.iter().map(read).collect())
}

fn event<T: Told>(report: &T, corrected: Vec<String>, second: u32) -> Event {
    let at = "2026-01-10T20:00:00Z".parse().unwrap();
    Event {
        id: Uuid::from_u128(second.into()),
        source_id: Uuid::nil(),
        guild_id: GuildId(1),
        kind: T::KIND.to_owned(),
        subject: Some(report::subject::<T>(&report.key())),
        occurred_at: at,
        received_at: at + chrono::TimeDelta::seconds(second.into()),
        severity: Severity::Info,
        dedup_key: String::new(),
        data: report::data(report, corrected).unwrap(),
    }
}

fn card(events: &[Event]) -> MessageBody {
    let mut state = SubjectState::default();
    events.iter().for_each(|event| state.apply(event));
    let body = etlegacy::card(&state);
    assert!(body.embeds.iter().map(Embed::len).sum::<usize>() + 100 <= TOTAL);
    assert!(body.embeds[0].fields.iter().all(|field| field.value.chars().count() <= FIELD_VALUE));
    body
}

fn shown(body: &MessageBody) -> String {
    let embed = &body.embeds[0];
    let mut lines = vec![format!("{} #{:06X}", embed.title, embed.color), embed.description.clone()];
    lines.extend(embed.fields.iter().map(|field| format!("[{}]\n{}", field.name, field.value)));
    lines.push(embed.footer.text.clone());
    lines.extend(body.buttons.iter().map(|button| format!("({})", button.label)));
    lines.join("\n")
}

fn of<T: Told>(report: &T) -> String {
    shown(&card(&[event(report, Vec::new(), 1)]))
}

#[test]
fn a_round_and_its_second() {
    let record = recorded(&evening("2026-01-10"));
    let context = Context::default();
    insta::assert_snapshot!(of(&report::round(&record, 0, &context)), @"");
    insta::assert_snapshot!(of(&report::round(&record, 1, &context)), @"");
}

#[test]
fn a_map() {
    let record = recorded(&evening("2026-01-10"));
    let report = report::map(&record, 0, 2, &Context::default()).unwrap();
    insta::assert_snapshot!(of(&report), @"");
}

#[test]
fn a_session_after_another() {
    let mut files = evening("2026-01-10");
    files.extend(evening("2026-01-09"));
    let record = recorded(&files);
    assert_eq!(record.sessions.len(), 2);
    let history = History::of(&record.rounds[record.sessions[0].rounds.clone()]);
    let names = [("1A2B3C01".to_owned(), "Ada Lovelace".to_owned())].into();
    let report = report::session(&record, 1, &Context { history, names }, true);
    insta::assert_snapshot!(of(&report), @"");
}

#[test]
fn awards_and_who_killed_whom() {
    let files = evening("2026-01-10");
    let (record, file) = (recorded(&files), awards_of(&files[1]));
    let read = awards::parse(file.text.as_bytes()).unwrap();
    let report = report::awards(&record.rounds[1], &read, &Context::default());
    insta::assert_snapshot!(of(&report), @"");
}

#[test]
fn a_late_first_round_corrects_its_second() {
    let files = evening("2026-01-10");
    let context = Context::default();
    let orphan = report::round(&recorded(&files[1..2]), 0, &context);
    let mended = report::round(&recorded(&files[..2]), 1, &context);
    let corrected = correction::round(&orphan, &mended);
    let card = shown(&card(&[event(&orphan, Vec::new(), 1), event(&mended, corrected, 2)]));
    let before = of(&orphan);
    let lines = |text: &str| text.lines().take(7).map(str::to_owned).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(lines(&before), @"");
    insta::assert_snapshot!(lines(&card), @"");
    assert_eq!(correction::round(&mended, &mended), Vec::<String>::new());
}

#[test]
fn a_session_that_grows_is_not_corrected() {
    let files = evening("2026-01-10");
    let context = Context::default();
    let until = |rounds: usize| report::session(&recorded(&files[..rounds]), 0, &context, false);
    for (before, after) in [(1, 2), (2, 3), (2, 6), (3, 5)] {
        assert_eq!(correction::session(&until(before), &until(after)), Vec::<String>::new(), "{before} {after}");
    }
    let mut other = files.clone();
    other[1].text = other[1].text.replacen("\\9:13\\8:21", "\\9:13\\9:13", 1).replacen("\\2\\1\\2\\", "\\2\\1\\1\\", 1);
    let after = report::session(&recorded(&other), 0, &context, true);
    assert_eq!(correction::session(&until(6), &after), ["the score was 1–5"]);
}

/// As many players as a server takes, with names and numbers as long as they can be.
#[test]
fn a_full_server_fits() {
    let mut file = evening("2026-01-10").remove(0);
    let line = file.text.lines().nth(1).unwrap().to_owned();
    for n in 0..58 {
        file.text += &line.replacen("1A2B3C01\\^1ada^7*", &format!("{n:08X}\\{}", "_*`|".repeat(8)), 1);
        file.text += "\n";
    }
    let report = report::round(&recorded(&[file]), 0, &Context::default());
    assert_eq!(report.players.len(), 64);
    let body = card(&[event(&report, Vec::new(), 1)]);
    assert!(body.embeds[0].fields.iter().any(|field| field.name.ends_with("(cont.)")));
    assert!(shown(&body).contains("Round Summary"), "{}", shown(&body));
}

#[test]
fn what_cannot_be_read_has_its_name() {
    let record = recorded(&evening("2026-01-10"));
    let mut event = event(&report::round(&record, 0, &Context::default()), Vec::new(), 1);
    event.data["report"] = Value::from("of another release");
    insta::assert_snapshot!(shown(&card(&[event])), @"");
}
