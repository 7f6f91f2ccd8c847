//! Weapons and what a player did with them: the list before the first TAB of a player's line (Facts 3).

use serde::{Deserialize, Serialize};

use super::note::{Note, Notes};
use super::place::{ParseError, Piece};

/// The bit of a weapon in the mask of a player's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Weapon(u8);

/// By bit.
const NAMES: [&str; 28] = [
    "KNIFE",
    "KNIFE_KBAR",
    "LUGER",
    "COLT",
    "MP40",
    "THOMPSON",
    "STEN",
    "FG42",
    "PANZERFAUST",
    "BAZOOKA",
    "FLAMETHROWER",
    "GRENADE",
    "MORTAR",
    "MORTAR2",
    "DYNAMITE",
    "AIRSTRIKE",
    "ARTILLERY",
    "SATCHEL",
    "GRENADELAUNCHER",
    "LANDMINE",
    "MG42",
    "BROWNING",
    "CARBINE",
    "KAR98",
    "GARAND",
    "K43",
    "MP34",
    "SYRINGE",
];

impl Weapon {
    pub const KNIFE: Weapon = Weapon(0);
    pub const KNIFE_KBAR: Weapon = Weapon(1);
    pub const SYRINGE: Weapon = Weapon(27);

    /// A mask has 64 bits.
    pub fn new(bit: u8) -> Option<Weapon> {
        (bit < 64).then_some(Weapon(bit))
    }

    pub fn bit(self) -> u8 {
        self.0
    }

    /// `None` for a weapon that newer scripts may have.
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(usize::from(self.0)).copied()
    }

    pub fn is_knife(self) -> bool {
        self == Weapon::KNIFE || self == Weapon::KNIFE_KBAR
    }

    /// Hand-held, and one bullet is one shot: pistols, submachine guns, rifles and the FG42. Not the mounted and heavy
    /// machine guns, and nothing that explodes, burns, stabs or heals.
    pub fn is_light(self) -> bool {
        matches!(self.0, 2..=7 | 22..=26)
    }
}

/// What a player did with a weapon. With the syringe hits are revives and shots are uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub hits: u32,
    pub shots: u32,
    pub kills: u32,
    /// By this weapon.
    pub deaths: u32,
    /// Hits in the head.
    pub headshots: u32,
}

impl Counts {
    pub fn is_empty(&self) -> bool {
        *self == Counts::default()
    }

    pub fn plus(self, other: Counts) -> Counts {
        Counts {
            hits: self.hits.saturating_add(other.hits),
            shots: self.shots.saturating_add(other.shots),
            kills: self.kills.saturating_add(other.kills),
            deaths: self.deaths.saturating_add(other.deaths),
            headshots: self.headshots.saturating_add(other.headshots),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeaponUse {
    pub weapon: Weapon,
    pub counts: Counts,
}

/// The mask and five numbers for each of its bits, lowest bit first.
pub fn read(list: Piece<'_>, notes: &mut Notes) -> Result<Vec<WeaponUse>, ParseError> {
    let mut words = list.words();
    let first = words.next().ok_or_else(|| list.error("a mask of weapons"))?;
    let mask: u64 = first.whole_in("a mask of weapons")?;
    let mut uses = Vec::with_capacity(mask.count_ones() as usize);
    for bit in (0..64).filter(|bit| mask >> bit & 1 == 1) {
        let mut next = || -> Result<u32, ParseError> {
            let wanted = || format!("five numbers for each of {} weapons", mask.count_ones());
            words.next().ok_or_else(|| list.behind().error(wanted()))?.count(notes)
        };
        let counts = Counts { hits: next()?, shots: next()?, kills: next()?, deaths: next()?, headshots: next()? };
        if usize::from(bit) >= NAMES.len() {
            notes.add(Note::UnknownWeapon { line: list.line, bit });
        }
        uses.push(WeaponUse { weapon: Weapon(bit), counts });
    }
    match words.next() {
        Some(more) => Err(more.error(format!("the end of the {} weapons", mask.count_ones()))),
        None => Ok(uses),
    }
}
