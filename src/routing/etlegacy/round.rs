//! The card of a round.

use super::list;
use super::look::{
    BLUE, GREY, RED, clock, counted, dpm, honours, kdg, medal, multikills, name, percent, short, side, tenths,
};
use crate::matches::elapsed::Basis;
use crate::matches::outcome::{ScoreConfidence, StopwatchState};
use crate::matches::record::{Invalid, Status};
use crate::matches::report::{PlayerLine, Remark, RoundReport};
use crate::matches::sum::Sum;
use crate::routing::embed::{Embed, Footer, TITLE, escape, fit};
use crate::source::etlegacy::Side;

/// Lines about firsts and records.
const HONOURS: usize = 6;

pub(super) fn embed(report: &RoundReport) -> Embed {
    let color = match (report.counts(), report.round) {
        (false, _) => GREY,
        (true, 1) => BLUE,
        (true, _) => RED,
    };
    let embed = Embed {
        title: fit(&format!("🎮 Round {} Complete - {}", report.round, escape(&report.map)), TITLE),
        description: description(report),
        color,
        footer: Footer { text: format!("ET:Legacy · {}", report.name), ..Footer::default() },
        ..Embed::default()
    };
    let sides = [(Some(Side::Axis), "⚔️ Axis"), (Some(Side::Allies), "🛡️ Allies"), (None, "❓ Unknown Side")];
    let embed = sides.into_iter().fold(embed, |embed, (of, heading)| {
        let here = report.players.iter().enumerate().filter(|(_, line)| line.side == of);
        let role = match report.defender {
            Some(defender) if of.is_some() => {
                if of == Some(defender) {
                    " · defended"
                } else {
                    " · attacked"
                }
            }
            _ => "",
        };
        list(embed, &format!("{heading}{role}"), here.map(|(place, line)| player(place, line)))
    });
    let embed = embed.field("📊 Round Summary", summary(report), false);
    list(embed, "🏅 Firsts and Records", honours(&report.honours, HONOURS))
}

fn description(report: &RoundReport) -> String {
    let mut lines = vec![
        format!("⏱️ **Time:** {} / {}{}", clock(report.elapsed), clock(Some(report.limit)), basis(report.basis)),
        format!("🏆 **Winner:** {} ({})", winner(report), outcome(report.state)),
        format!("🧭 **Score Confidence:** {}", confidence(report.confidence)),
        format!("🏁 **Stopwatch State:** {}", state(report)),
    ];
    if report.status == Status::OtherTimeToBeat {
        lines.push("⚠️ The time to beat is not the one that round 1 set.".to_owned());
    }
    if !report.counts() {
        let why: Vec<&str> = report.invalid.iter().map(|why| invalid(*why)).collect();
        lines.push(format!("⚠️ **Does not count:** {}", why.join("; ")));
    }
    lines.join("\n")
}

fn winner(report: &RoundReport) -> &'static str {
    side(report.winner)
}

pub(super) fn outcome(state: Option<StopwatchState>) -> &'static str {
    match state {
        Some(StopwatchState::FullHold) => "Full hold",
        Some(StopwatchState::TimeSet) => "Completed",
        None => "Unknown",
    }
}

fn state(report: &RoundReport) -> String {
    match (report.state, report.round, report.elapsed) {
        (Some(StopwatchState::FullHold), 1, _) => format!("FULL HOLD · {} to play again", clock(Some(report.limit))),
        (Some(StopwatchState::FullHold), _, _) => format!("FULL HOLD · {} was not beaten", clock(Some(report.limit))),
        (Some(StopwatchState::TimeSet), 1, Some(time)) => format!("TIME SET · {} to beat", clock(Some(time))),
        (Some(StopwatchState::TimeSet), _, Some(time)) => {
            format!("TIME SET · faster by {}", clock(Some(report.limit.saturating_sub(time))))
        }
        (Some(StopwatchState::TimeSet), _, None) => "TIME SET · the time is not known".to_owned(),
        (None, _, _) => "not known".to_owned(),
    }
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Header => "",
        Basis::Capped => " (the file says more; capped at the limit)",
        Basis::Held => " (the file says 0:00; held to the limit)",
        Basis::Playtime => " (by the measured playtime)",
        Basis::Unknown => " (the file does not say it)",
    }
}

fn confidence(confidence: ScoreConfidence) -> &'static str {
    match confidence {
        ScoreConfidence::VerifiedHeader => "✅ verified: header and time agree",
        ScoreConfidence::TimeFallback => "🟡 told from the time alone",
        ScoreConfidence::Ambiguous => "🟠 ambiguous: header and time disagree",
        ScoreConfidence::Missing => "⚪ missing: nothing says it",
    }
}

fn invalid(why: Invalid) -> &'static str {
    match why {
        Invalid::FillerMap => "a filler map",
        Invalid::Bots => "bots played",
        Invalid::Orphan => "round 1 is missing, so these numbers may hold both rounds; mended as soon as it arrives",
        Invalid::Replaced => "the round was played again",
    }
}

/// Two lines.
fn player(place: usize, line: &PlayerLine) -> String {
    let sum = &line.sum;
    let bot = if line.is_bot { " 🤖" } else { "" };
    let first = format!(
        "{} **{}**{bot} `{}` {} DPM {}⬆/{}⬇ ACC {} (all {}) {} HS Rev {}↑/{}↓",
        medal(place),
        name(&line.name),
        kdg(sum),
        dpm(sum),
        short(sum.damage_given),
        short(sum.damage_received),
        percent(sum.accuracy()),
        percent(sum.accuracy_of_all()),
        sum.headshots(),
        sum.revives_given,
        sum.times_revived,
    );
    format!("{first}\n{}", second(sum, &line.remarks))
}

fn second(sum: &Sum, remarks: &[Remark]) -> String {
    let share = |part: u32, whole: u32| {
        let percent = (u64::from(part) * 100).checked_div(whole.into());
        percent.map(|percent| format!("({percent}%)")).unwrap_or_default()
    };
    let mut words = vec![
        format!("TmDmg {}", short(sum.team_damage_given)),
        format!("⏱{}", tenths(sum.played)),
        format!("💀{}{}", tenths(sum.dead), share(sum.dead, sum.played)),
        format!("⏳{}s{}", sum.denied_seconds, share(sum.denied_seconds, sum.played.saturating_mul(6))),
    ];
    let multikills = multikills(sum);
    words.extend((!multikills.is_empty()).then(|| multikills.trim_start().to_owned()));
    words.extend(remarks.iter().map(|remark| super::round::remark(*remark).to_owned()));
    format!("⠀ {}", words.join(" "))
}

pub(super) fn remark(remark: Remark) -> &'static str {
    match remark {
        Remark::Reconnected => "· *reconnected: counted from there*",
        Remark::CameLate => "· *came in round 2*",
        Remark::Clamped => "· *capped*",
        Remark::Changed => "· *played in both teams*",
    }
}

fn summary(report: &RoundReport) -> String {
    let total = report.total();
    let count = report.players.len();
    let average = |number: u32| format!("{:.1}", f64::from(number) / count.max(1) as f64);
    let dpms: Vec<f64> = report.players.iter().filter_map(|line| line.sum.dpm()).collect();
    let mean =
        if dpms.is_empty() { "–".to_owned() } else { format!("{:.0}", dpms.iter().sum::<f64>() / dpms.len() as f64) };
    format!(
        "**Total:** {} · {} kills · {} deaths · {} damage · {} HS · {} revives · {} gibs\n\
         **Average:** {} kills · {} deaths · {mean} DPM · ACC {}",
        counted(count, "player"),
        total.kills(),
        total.deaths(),
        short(total.damage_given),
        total.headshots(),
        total.revives_given,
        total.gibs,
        average(total.kills()),
        average(total.deaths()),
        percent(total.accuracy()),
    )
}
