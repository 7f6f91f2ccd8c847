//! The awards that scripts are known to give (Facts 6), and how they are grouped when they are shown.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    Combat,
    Deaths,
    Skills,
    Weapons,
    Teamwork,
    Objectives,
    Timing,
    /// Awards that are not known; they are kept all the same.
    Other,
}

use Category::{Combat, Deaths, Objectives, Skills, Teamwork, Timing, Weapons};

pub const KNOWN: [(&str, Category); 51] = [
    ("Most damage given", Combat),
    ("Most damage received", Deaths),
    ("Most team damage given", Teamwork),
    ("Most team damage received", Teamwork),
    ("Most teamkills", Teamwork),
    ("Most selfkills", Deaths),
    ("Most deaths", Deaths),
    ("Most kills per minute", Combat),
    ("Quickest multikill w/ light weapons", Skills),
    ("Farthest riflenade kill", Skills),
    ("Most light weapon kills", Weapons),
    ("Most pistol kills", Weapons),
    ("Most rifle kills", Weapons),
    ("Most riflenade kills", Weapons),
    ("Most sniper kills", Weapons),
    ("Most knife kills", Weapons),
    ("Most air support kills", Weapons),
    ("Most mine kills", Weapons),
    ("Most grenade kills", Weapons),
    ("Most panzer kills", Weapons),
    ("Most mortar kills", Weapons),
    ("Most panzer deaths", Deaths),
    ("Mortarmagnet", Deaths),
    ("Most multikills", Skills),
    ("Most MG42 kills", Weapons),
    ("Most MG42 deaths", Deaths),
    ("Most revives", Teamwork),
    ("Most revived", Teamwork),
    ("Best K/D ratio", Combat),
    ("Most dynamites planted", Objectives),
    ("Most dynamites defused", Objectives),
    ("Most doublekills", Skills),
    ("Longest killing spree", Combat),
    ("Longest death spree", Deaths),
    ("Most objectives stolen", Objectives),
    ("Most objectives returned", Objectives),
    ("Most corpse gibs", Combat),
    ("Most kill assists", Teamwork),
    ("Most killsteals", Combat),
    ("Most headshot kills", Skills),
    ("Most damage per minute", Combat),
    ("Tank/Meatshield (Refuses to die)", Deaths),
    ("Most useful kills (>Half respawn time left)", Timing),
    ("Full respawn king", Timing),
    ("Least time dead (What spawn?)", Timing),
    ("Most playtime denied", Timing),
    ("Most useless kills", Timing),
    ("Highest light weapons accuracy", Skills),
    ("Highest headshot accuracy", Skills),
    ("Most headshots", Skills),
    ("Most bullets fired", Combat),
];

/// `None` for an award that is not known.
pub fn category_of(name: &str) -> Option<Category> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, category)| *category)
}
