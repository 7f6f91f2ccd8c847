//! What of a lane's queued notices goes into one message. Pure.
//!
//! The first notice after a silence goes at once; then the lane rests for the window of its destination, and what has
//! come until then goes together. As long as it fits, every embed stays as it is. What is too much becomes a list that
//! names every event, over several messages if need be: nothing is cut off, nothing is told twice.

use crate::routing::embed::{DESCRIPTION, EMBEDS, Embed, Footer, TOTAL, fit};

/// Characters that the mark adds to each footer.
pub const MARK: usize = 11;
/// Queued notices that are looked at; a list of more than these does not fit into one message anyway.
pub const LOOK: usize = 100;
/// The colour of a list.
const GREY: u32 = 0x75_7575;
/// Characters of a line that say what the event was about: more when there are few.
const EXCERPT: std::ops::RangeInclusive<usize> = 60..=600;
/// Left for titles, times and separators when excerpts share a description.
const EXCERPTS: usize = 2400;

/// How many of the notices, from the first on, the next message takes, and its embeds. Never none of some.
/// `lists`: whether too many may become a list; otherwise the rest waits for the next message.
pub fn pack(notices: &[Embed], lists: bool) -> (usize, Vec<Embed>) {
    let whole = fitting(notices);
    if whole == notices.len() || !lists || notices.len() < 2 {
        return (whole, notices[..whole].to_vec());
    }
    list(notices)
}

/// The leading notices that fit into one message as they are; at least one.
fn fitting(notices: &[Embed]) -> usize {
    let mut total = 0;
    let fits = notices.iter().take(EMBEDS).take_while(|embed| {
        total += embed.len() + MARK;
        total <= TOTAL
    });
    fits.count().max(1).min(notices.len())
}

/// One embed with a line for each event, as many as it holds.
fn list(notices: &[Embed]) -> (usize, Vec<Embed>) {
    let excerpt = (EXCERPTS / notices.len()).clamp(*EXCERPT.start(), *EXCERPT.end());
    let (mut lines, mut length) = (Vec::new(), 0);
    for notice in notices {
        let line = line(notice, excerpt);
        length += line.chars().count() + 1;
        if length > DESCRIPTION && !lines.is_empty() {
            break;
        }
        lines.push(line);
    }
    let count = lines.len();
    let embed = Embed {
        title: format!("📋 {count} Events"),
        description: fit(&lines.join("\n"), DESCRIPTION),
        color: GREY,
        footer: common_footer(&notices[..count]),
        timestamp: notices[..count].iter().filter_map(|notice| notice.timestamp).max(),
        ..Embed::default()
    };
    (count, vec![embed])
}

fn line(notice: &Embed, excerpt: usize) -> String {
    let about = if notice.description.trim().is_empty() {
        notice.fields.iter().map(|field| format!("{}: {}", field.name, field.value)).collect::<Vec<_>>().join(" · ")
    } else {
        notice.description.clone()
    };
    let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
    let at = notice.timestamp.map(|at| format!(" <t:{}:T>", at.timestamp())).unwrap_or_default();
    let title = if notice.title.is_empty() { "Event" } else { &notice.title };
    if about.is_empty() {
        return format!("• {title}{at}");
    }
    format!("• {title} — {}{at}", fit(&about, excerpt))
}

/// The system that all of them are from.
fn common_footer(notices: &[Embed]) -> Footer {
    let system = |embed: &Embed| embed.footer.text.split(" · ").next().unwrap_or_default().to_owned();
    let first = notices.first().map(system).unwrap_or_default();
    let same = notices.iter().all(|embed| system(embed) == first);
    Footer { text: if same { first } else { "Signalbox".to_owned() }, icon_url: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::embed::Field;
    use chrono::DateTime;
    use proptest::prelude::*;

    fn notice(n: usize, description: &str) -> Embed {
        Embed {
            title: format!("👋 Peer-{n} joined"),
            description: description.to_owned(),
            color: n as u32,
            footer: Footer { text: "LANrage".into(), icon_url: None },
            timestamp: DateTime::from_timestamp(1_767_348_000 + n as i64, 0),
            ..Embed::default()
        }
    }

    #[test]
    fn ten_keep_everything_and_eleven_are_a_list() {
        let ten: Vec<Embed> = (0..10).map(|n| notice(n, "Welcome!")).collect();
        assert_eq!(pack(&ten, true), (10, ten.clone()));
        let eleven: Vec<Embed> = (0..11).map(|n| notice(n, "Welcome to **Friday**!")).collect();
        let (count, embeds) = pack(&eleven, true);
        assert_eq!((count, embeds.len()), (11, 1));
        assert_eq!(embeds[0].title, "📋 11 Events");
        assert_eq!(
            embeds[0].description.lines().next(),
            Some("• 👋 Peer-0 joined — Welcome to **Friday**! <t:1767348000:T>")
        );
        assert_eq!(pack(&eleven, false).0, 10);
    }

    #[test]
    fn without_a_description_the_fields_say_what_it_was() {
        let field = |name: &str| Field { name: name.into(), value: "x\ny".into(), inline: true };
        let one = Embed { fields: vec![field("A"), field("B")], ..notice(1, " ") };
        assert_eq!(line(&one, 60), "• 👋 Peer-1 joined — A: x y · B: x y <t:1767348001:T>");
    }

    proptest! {
        #[test]
        fn every_event_is_told_once_within_the_limits(
            lengths in proptest::collection::vec(0usize..4000, 1..80),
            lists in any::<bool>(),
        ) {
            let all: Vec<Embed> = lengths.iter().enumerate().map(|(n, len)| notice(n, &"d".repeat(*len))).collect();
            let (mut told, mut rest, mut messages) = (Vec::new(), &all[..], 0);
            while !rest.is_empty() {
                let (count, embeds) = pack(&rest[..rest.len().min(LOOK)], lists);
                prop_assert!(count >= 1 && embeds.len() <= EMBEDS);
                prop_assert!(embeds.iter().map(|e| e.len() + MARK).sum::<usize>() <= TOTAL);
                prop_assert!(embeds.iter().all(|e| e.description.chars().count() <= DESCRIPTION));
                let text: String = embeds.iter().map(|e| format!("{}\n{}\n", e.title, e.description)).collect();
                for n in told.len()..told.len() + count {
                    let name = format!("Peer-{n} joined");
                    prop_assert_eq!(text.matches(&name).count(), 1, "{}", name);
                    told.push(n);
                }
                rest = &rest[count..];
                messages += 1;
            }
            prop_assert_eq!(told.len(), all.len());
            prop_assert!(!lists || messages <= all.len().div_ceil(10).max(1) * 10);
        }
    }
}
