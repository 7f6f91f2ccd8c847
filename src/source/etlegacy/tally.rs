//! The fields behind the first TAB of a player's line: 38 in the newest layout, fewer in older ones (Facts 3).

use super::note::{Note, Notes};
use super::place::{ParseError, Piece};

/// Fewer fields than any script wrote: the line is cut off.
pub const FEWEST: usize = 20;
/// What scripts have written so far: since April 2024, January 2025, May 2025, October 2025.
pub const LAYOUTS: [usize; 4] = [33, 36, 37, 38];

/// What a field is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Seconds,
    /// A number with one decimal, kept as ten times that.
    Tenths,
}

/// How the file of the second round goes on from that of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carry {
    /// It has both rounds: what was in the first is subtracted.
    Cumulative,
    /// It has the second round alone.
    PerRound,
    /// It is of the whole map and no sum: neither subtracted nor added.
    OfMatch,
    /// Worth less than what is computed from other fields.
    Derived,
}

macro_rules! fields {
    ($($field:ident $name:literal $unit:ident $carry:ident,)*) => {
        /// A field by its place in the line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Field { $($field,)* }

        impl Field {
            /// In the order of the line.
            pub const ALL: [Field; 38] = [$(Field::$field,)*];

            /// As it is stored and exported.
            pub fn name(self) -> &'static str {
                match self { $(Field::$field => $name,)* }
            }

            pub fn unit(self) -> Unit {
                match self { $(Field::$field => Unit::$unit,)* }
            }

            pub fn carry(self) -> Carry {
                match self { $(Field::$field => Carry::$carry,)* }
            }
        }
    };
}

fields! {
    DamageGiven "damage_given" Count Cumulative,
    DamageReceived "damage_received" Count Cumulative,
    TeamDamageGiven "team_damage_given" Count Cumulative,
    TeamDamageReceived "team_damage_received" Count Cumulative,
    Gibs "gibs" Count Cumulative,
    SelfKills "selfkills" Count Cumulative,
    TeamKills "teamkills" Count Cumulative,
    TeamGibs "teamgibs" Count Cumulative,
    TimePlayedPercent "time_played_pct" Tenths OfMatch,
    // The only count that may be below zero.
    Xp "xp" Count PerRound,
    KillingSpree "killing_spree" Count PerRound,
    DeathSpree "death_spree" Count PerRound,
    KillAssists "kill_assists" Count PerRound,
    KillSteals "kill_steals" Count PerRound,
    // Kills by a shot in the head; the weapons count hits.
    HeadshotKills "headshot_kills" Count PerRound,
    ObjectivesStolen "objectives_stolen" Count PerRound,
    ObjectivesReturned "objectives_returned" Count PerRound,
    DynamitesPlanted "dynamites_planted" Count PerRound,
    DynamitesDefused "dynamites_defused" Count PerRound,
    TimesRevived "times_revived" Count PerRound,
    // The shots of all weapons in files with 38 fields; in older ones something 30 to 100 times as much.
    BulletsFired "bullets_fired" Count Derived,
    Dpm "dpm" Tenths Derived,
    // Minutes on a team.
    TimePlayed "time_played_minutes" Tenths Cumulative,
    TankMeatshield "tank_meatshield" Tenths OfMatch,
    TimeDeadRatio "time_dead_ratio" Tenths Derived,
    // Minutes; may exceed what was played.
    TimeDead "time_dead_minutes" Tenths PerRound,
    KillDeathRatio "kd" Tenths Derived,
    UsefulKills "useful_kills" Count PerRound,
    DeniedPlaytime "denied_playtime" Seconds PerRound,
    DoubleKills "multikill_2" Count PerRound,
    TripleKills "multikill_3" Count PerRound,
    QuadKills "multikill_4" Count PerRound,
    PentaKills "multikill_5" Count PerRound,
    HexaKills "multikill_6" Count PerRound,
    UselessKills "useless_kills" Count PerRound,
    FullSelfKills "full_selfkills" Count PerRound,
    Repairs "repairs" Count PerRound,
    RevivesGiven "revives_given" Count PerRound,
}

/// The fields of one player. What the script did not write is not there, which is not the same as 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    values: [Option<i32>; 38],
}

impl Tally {
    pub fn empty() -> Tally {
        Tally { values: [None; 38] }
    }

    /// In the field's unit.
    pub fn get(&self, field: Field) -> Option<i32> {
        self.values[field as usize]
    }

    /// In the field's unit, 0 for what was not recorded; for sums.
    pub fn or_zero(&self, field: Field) -> i32 {
        self.get(field).unwrap_or_default()
    }

    pub fn set(&mut self, field: Field, value: Option<i32>) {
        self.values[field as usize] = value;
    }
}

/// Each field behind a TAB; `line` begins behind the first one.
pub fn read(line: Piece<'_>, notes: &mut Notes) -> Result<Tally, ParseError> {
    let mut tally = Tally::empty();
    let mut fields = 0;
    for piece in line.split(b'\t') {
        // What is behind the known ones is left alone, so that a newer script does not stop the import.
        if let Some(field) = Field::ALL.get(fields) {
            tally.set(*field, value(*field, piece, notes)?);
        }
        fields += 1;
    }
    if fields < FEWEST {
        return Err(line.behind().error(format!("at least {FEWEST} fields, and there are {fields}")));
    }
    if fields > Field::ALL.len() {
        notes.add(Note::MoreFields { line: line.line, fields });
    } else if !LAYOUTS.contains(&fields) {
        notes.add(Note::UnknownLayout { line: line.line, fields });
    }
    Ok(tally)
}

fn value(field: Field, piece: Piece<'_>, notes: &mut Notes) -> Result<Option<i32>, ParseError> {
    match field.unit() {
        Unit::Tenths => {
            let tenths = piece.tenths(notes)?;
            Ok(tenths.map(|tenths| below_zero(tenths, piece, notes)))
        }
        Unit::Count if field == Field::Xp => piece.whole_in("a whole number").map(Some),
        Unit::Count | Unit::Seconds => piece.count(notes).map(|count| i32::try_from(count).ok()),
    }
}

fn below_zero(tenths: i32, piece: Piece<'_>, notes: &mut Notes) -> i32 {
    if tenths < 0 {
        notes.add(Note::Negative { line: piece.line, column: piece.column(), value: i64::from(tenths) / 10 });
    }
    tenths.max(0)
}
