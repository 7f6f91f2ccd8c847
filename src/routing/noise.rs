//! What a route holds back so that a place stays calm: quiet hours, digests, repeats of a group, what is too much at
//! once, what is late. Pure: times in, until when out.

pub mod judge;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::duration::{parse_span, span};
use super::filter::unknown_word;
use super::silence::must_be_named;
use super::view::EventView;
use crate::event::{Event, Severity};

/// Paths of a group, and characters of its key.
const PATHS: usize = 5;
const DAY_MINUTES: u32 = 24 * 60;

/// The options of a route about noise; all off by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noise {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// One message lists what came in so many minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
    /// Paths such as `data.source`: events that have the same there are one group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<String>,
    /// Of a group one message in so many minutes; the others are told of together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<Late>,
}

/// From one time of the day to another, as the clocks of a place show it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quiet {
    /// Minutes since midnight.
    pub from: u16,
    pub to: u16,
    pub zone: Tz,
    /// It names no place of its own: `zone` is that of its server, as it was when the route was saved.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_server: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// So many messages in so many minutes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throttle {
    pub count: u32,
    pub minutes: u32,
}

/// What is done with an event that is older than this when it is planned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Late {
    pub minutes: u32,
    pub how: LateHow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateHow {
    /// It is named in the message that tells of all that were late.
    Summarise,
    /// It is counted there.
    Drop,
}

impl Noise {
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it takes the time zone of its server.
    pub fn needs_place(&self) -> bool {
        self.quiet.is_some_and(|quiet| quiet.by_server)
    }

    /// The time zone of its server, for what has none of its own.
    pub fn place(&mut self, zone: Tz) {
        if let Some(quiet) = self.quiet.as_mut().filter(|quiet| quiet.by_server) {
            quiet.zone = zone;
        }
    }

    /// Whether an event is held back for its age.
    pub fn is_late(&self, occurred_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Late> {
        self.late.filter(|late| now - occurred_at > TimeDelta::minutes(late.minutes.into()))
    }

    /// When the next digest is, by the clock: those of an hour are at the full hour.
    pub fn digest_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let every = i64::from(self.digest_minutes?) * 60;
        DateTime::from_timestamp((now.timestamp() / every + 1) * every, 0)
    }

    /// What tells groups apart. `None`: repeats are not looked at.
    pub fn group(&self, view: &EventView<'_>) -> Option<String> {
        self.repeat_minutes?;
        let parts: Vec<String> = self.group_by.iter().map(|path| view.text(path)).collect();
        Some(parts.join("\u{1f}"))
    }

    /// As somebody would ask for what is set.
    pub fn wish(&self) -> NoiseWish {
        let minutes = |minutes: u32| span(TimeDelta::minutes(minutes.into()));
        NoiseWish {
            quiet_hours: self.quiet.map(|quiet| quiet.words()),
            digest: self.digest_minutes.map(minutes),
            throttle: self.throttle.map(|t| format!("{} per {}", t.count, minutes(t.minutes))),
            group_by: (!self.group_by.is_empty()).then(|| self.group_by.join(", ")),
            repeat: self.repeat_minutes.map(minutes),
            when_late: self.late.map(|late| late.words()),
        }
    }

    /// In the order of the options, with their names; those that are off are left out.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let wish = self.wish();
        let all = [
            ("quiet hours", wish.quiet_hours),
            ("digest", wish.digest.map(|every| format!("every {every}"))),
            ("throttle", wish.throttle),
            ("grouped by", wish.group_by),
            ("repeated after", wish.repeat),
            ("when late", wish.when_late),
        ];
        all.into_iter().filter_map(|(name, words)| Some((name, words?))).collect()
    }
}

/// What goes through whatever a route holds back: what is critical, and what somebody has to decide or to mend.
pub fn is_urgent(event: &Event) -> bool {
    event.severity == Severity::Critical || must_be_named(&event.kind)
}

/// What somebody wants of these options; what is `None` stays as it is, `none` takes it away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NoiseWish {
    pub quiet_hours: Option<String>,
    pub digest: Option<String>,
    pub throttle: Option<String>,
    pub group_by: Option<String>,
    pub repeat: Option<String>,
    pub when_late: Option<String>,
}

/// What is wrong with a wish, and with which part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseFault {
    pub option: &'static str,
    pub words: String,
}

impl NoiseWish {
    /// The options with the wish in them, or what is wrong with it.
    pub fn apply(&self, noise: &mut Noise) -> Result<(), NoiseFault> {
        let time = |text: &str, what: &str| {
            minutes(text).ok_or_else(|| format!("{what} is written as 30m, 1h or 1d: from a minute to a week."))
        };
        set("quiet_hours", &self.quiet_hours, &mut noise.quiet, Quiet::parse)?;
        set("digest", &self.digest, &mut noise.digest_minutes, |text| time(text, "How often a digest comes"))?;
        set("throttle", &self.throttle, &mut noise.throttle, Throttle::parse)?;
        set("repeat", &self.repeat, &mut noise.repeat_minutes, |text| time(text, "After how long it may repeat"))?;
        set("when_late", &self.when_late, &mut noise.late, Late::parse)?;
        let mut group = Some(std::mem::take(&mut noise.group_by)).filter(|paths| !paths.is_empty());
        set("group_by", &self.group_by, &mut group, parse_group)?;
        noise.group_by = group.unwrap_or_default();
        let fault = |option, words: &str| Err(NoiseFault { option, words: words.to_owned() });
        match (noise.group_by.is_empty(), noise.repeat_minutes) {
            (false, None) => {
                fault("repeat", "Say for how long a group is quiet after its first message: repeat, such as 30m.")
            }
            (true, Some(_)) => fault("group_by", "Say what makes events the same: group_by, such as data.source."),
            _ => Ok(()),
        }
    }
}

fn set<T>(
    name: &'static str,
    wish: &Option<String>,
    option: &mut Option<T>,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<(), NoiseFault> {
    let Some(wish) = wish.as_deref().map(str::trim) else { return Ok(()) };
    *option = if wish.is_empty() || wish.eq_ignore_ascii_case("none") {
        None
    } else {
        Some(read(wish).map_err(|words| NoiseFault { option: name, words })?)
    };
    Ok(())
}

impl Quiet {
    /// `22:00-07:00 Europe/Berlin`; without a place by the clocks of the server, which [`Noise::place`] tells.
    pub fn parse(text: &str) -> Result<Self, String> {
        let why = || {
            "Quiet hours are written as 22:00-07:00 Europe/Berlin; without a place they are by the clocks of the server."
                .to_owned()
        };
        let text = text.trim().replace(['–', '—'], "-");
        let (hours, zone) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
        let (from, to) = hours.split_once('-').ok_or_else(why)?;
        let minute = |text: &str| {
            let time = NaiveTime::parse_from_str(text.trim(), "%H:%M").map_err(|_| why())?;
            u16::try_from(minute_of(time)).map_err(|_| why())
        };
        let (from, to) = (minute(from)?, minute(to)?);
        if from == to {
            return Err("Quiet hours end at another time than they begin.".to_owned());
        }
        let by_server = zone.trim().is_empty();
        Ok(Self { from, to, zone: if by_server { Tz::UTC } else { time_zone(zone)? }, by_server })
    }

    /// When they are over; `None` when it is not quiet.
    pub fn until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let here = now.with_timezone(&self.zone);
        let minute = minute_of(here.time());
        let (from, to) = (u32::from(self.from), u32::from(self.to));
        let is_quiet = if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to };
        if !is_quiet {
            return None;
        }
        let today = here.date_naive();
        let day = if minute < to { today } else { today.checked_add_days(Days::new(1))? };
        let end = day.and_time(NaiveTime::from_num_seconds_from_midnight_opt(to * 60, 0)?);
        // A time that the clocks skip is that of an hour later.
        let local = self.zone.from_local_datetime(&end).earliest();
        let end = local.or_else(|| self.zone.from_local_datetime(&(end + TimeDelta::hours(1))).earliest())?;
        Some(end.with_timezone(&Utc)).filter(|end| *end > now)
    }

    pub fn words(&self) -> String {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let hours = format!("{}-{}", clock(self.from), clock(self.to));
        if self.by_server { hours } else { format!("{hours} {}", self.zone.name()) }
    }
}

/// The names of all time zones.
pub fn time_zones() -> impl Iterator<Item = &'static str> + Clone {
    chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name())
}

/// A time zone by its name, however it is capitalised.
pub fn time_zone(name: &str) -> Result<Tz, String> {
    let name = name.trim();
    let found = time_zones().find(|known| known.eq_ignore_ascii_case(name)).and_then(|known| known.parse().ok());
    found.ok_or_else(|| {
        let near = crate::config::did_you_mean(name, time_zones());
        format!("There is no time zone of this name{near}. They are called Europe/Berlin, America/New_York, UTC.")
    })
}

fn minute_of(time: NaiveTime) -> u32 {
    use chrono::Timelike as _;
    time.num_seconds_from_midnight() / 60
}

impl Throttle {
    /// `10 per 5m`
    pub fn parse(text: &str) -> Result<Self, String> {
        let why = || "A throttle is written as 10 per 5m: so many messages in so much time.".to_owned();
        let text = text.trim().to_lowercase();
        let (count, time) = text.split_once("per").or_else(|| text.split_once('/')).ok_or_else(why)?;
        let count = count.trim().parse().ok().filter(|n| (1..=1000).contains(n)).ok_or_else(why)?;
        Ok(Self { count, minutes: minutes(time).ok_or_else(why)? })
    }
}

impl Late {
    /// `summarise after 30m`, `drop after 1h`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let why = || {
            "What is late is written as summarise after 30m or drop after 1h; none delivers it all the same.".to_owned()
        };
        let text = text.trim().to_lowercase();
        let (how, time) = text.split_once("after").ok_or_else(why)?;
        let how = match how.trim() {
            "summarise" | "summarize" => LateHow::Summarise,
            "drop" => LateHow::Drop,
            _ => return Err(why()),
        };
        Ok(Self { how, minutes: minutes(time).ok_or_else(why)? })
    }

    fn words(&self) -> String {
        let how = match self.how {
            LateHow::Summarise => "summarise",
            LateHow::Drop => "drop",
        };
        format!("{how} after {}", span(TimeDelta::minutes(self.minutes.into())))
    }
}

/// Whole minutes up to a day; a week at most where `parse_span` says more.
pub fn minutes(text: &str) -> Option<u32> {
    let span = parse_span(text)?.num_minutes();
    u32::try_from(span).ok().filter(|minutes| (1..=7 * DAY_MINUTES).contains(minutes))
}

/// `data.source, type`
pub fn parse_group(text: &str) -> Result<Vec<String>, String> {
    let paths: Vec<String> =
        text.split(',').map(|path| path.trim().to_owned()).filter(|path| !path.is_empty()).collect();
    let plain = |path: &String| path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    if paths.is_empty() || paths.len() > PATHS || !paths.iter().all(plain) {
        return Err(format!("A group is named by up to {PATHS} paths, such as data.source or type, data.host."));
    }
    match unknown_word(&paths) {
        Some(unknown) => Err(unknown),
        None => Ok(paths),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn quiet_hours_follow_the_clocks_of_their_place() {
        let quiet = Quiet::parse("22:00-07:00 europe/berlin").unwrap();
        assert_eq!(quiet.words(), "22:00-07:00 Europe/Berlin");
        assert_eq!(quiet.until(at("2026-01-02T20:59:59Z")), None);
        assert_eq!(quiet.until(at("2026-01-02T21:00:00Z")), Some(at("2026-01-03T06:00:00Z")));
        assert_eq!(quiet.until(at("2026-01-03T05:59:59Z")), Some(at("2026-01-03T06:00:00Z")));
        assert_eq!(quiet.until(at("2026-01-03T06:00:00Z")), None);
        assert_eq!(quiet.until(at("2026-03-28T22:30:00Z")), Some(at("2026-03-29T05:00:00Z")), "the clocks go forward");
        let noon = Quiet::parse("12:00–13:30").unwrap();
        assert_eq!(noon.until(at("2026-01-02T12:10:00Z")), Some(at("2026-01-02T13:30:00Z")));
        assert_eq!(noon.until(at("2026-01-02T13:30:00Z")), None);
        let skipped = Quiet::parse("01:00-02:30 Europe/Berlin").unwrap();
        assert_eq!(skipped.until(at("2026-03-29T00:30:00Z")), Some(at("2026-03-29T01:30:00Z")));
    }

    #[test]
    fn digests_are_by_the_clock() {
        let hourly = Noise { digest_minutes: Some(60), ..Noise::default() };
        assert_eq!(hourly.digest_at(at("2026-01-02T10:00:00Z")), Some(at("2026-01-02T11:00:00Z")));
        assert_eq!(hourly.digest_at(at("2026-01-02T10:59:59Z")), Some(at("2026-01-02T11:00:00Z")));
    }

    #[test]
    fn faults_say_how_to_mend_them() {
        for (fault, words) in [
            (Quiet::parse("22-7").unwrap_err(), "are written as 22:00-07:00 Europe/Berlin"),
            (Quiet::parse("22:00-22:00").unwrap_err(), "end at another time"),
            (Quiet::parse("22:00-07:00 Europe/Berln").unwrap_err(), "did you mean Europe/Berlin?"),
            (Throttle::parse("many").unwrap_err(), "is written as 10 per 5m"),
            (Throttle::parse("0 per 5m").unwrap_err(), "is written as 10 per 5m"),
            (Late::parse("forget after 1h").unwrap_err(), "summarise after 30m or drop after 1h"),
            (parse_group("data.source == 1").unwrap_err(), "up to 5 paths"),
            (parse_group("source, host").unwrap_err(), "`host` is no word of an event"),
        ] {
            assert!(fault.contains(words), "{fault}");
        }
        assert_eq!(Throttle::parse("10/5m"), Ok(Throttle { count: 10, minutes: 5 }));
        assert_eq!(Late::parse("drop after 1h").unwrap().words(), "drop after 1 h");
    }

    #[test]
    fn it_is_stored_as_what_is_set() {
        assert_eq!(serde_json::to_string(&Noise::default()).unwrap(), "{}");
        let noise = Noise { quiet: Some(Quiet::parse("22:00-07:00").unwrap()), ..Noise::default() };
        let stored = serde_json::to_string(&noise).unwrap();
        assert_eq!(stored, r#"{"quiet":{"from":1320,"to":420,"zone":"UTC","by_server":true}}"#);
        assert_eq!(serde_json::from_str::<Noise>(&stored).unwrap(), noise);
        let older = r#"{"quiet":{"from":1320,"to":420,"zone":"Europe/Berlin"}}"#;
        let older: Noise = serde_json::from_str(older).unwrap();
        assert_eq!(older.quiet, Some(Quiet::parse("22:00-07:00 Europe/Berlin").unwrap()));
    }
    #[test]
    fn what_is_set_can_be_asked_for_again() {
        let all = NoiseWish {
            quiet_hours: Some("22:00-07:00 Europe/Berlin".into()),
            digest: Some("90m".into()),
            throttle: Some("10 per 5m".into()),
            group_by: Some("type, data.source".into()),
            repeat: Some("1d".into()),
            when_late: Some("summarise after 30m".into()),
        };
        let (mut noise, mut again) = (Noise::default(), Noise::default());
        all.apply(&mut noise).unwrap();
        noise.wish().apply(&mut again).unwrap();
        assert_eq!(again, noise);
        assert_eq!(Noise::default().wish(), NoiseWish::default());
    }
}
