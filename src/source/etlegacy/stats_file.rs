//! The file of a round: a header and a line for each player, in no order (Facts 3). Texts stay in the bytes that were
//! read; `into_owned` is for who keeps them.

use super::file_name::RoundFile;
use super::header::{self, Header};
use super::note::{Note, Notes};
use super::place::{ParseError, Piece, end_of_file, lines, too_long};
use super::player::{self, Player};

/// Genuine files have a few kilobytes.
pub const MOST_BYTES: usize = 1024 * 1024;
/// A server has 64 places.
const MOST_PLAYERS: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsFile<'a> {
    pub header: Header<'a>,
    pub players: Vec<Player<'a>>,
    pub notes: Notes,
}

impl StatsFile<'_> {
    pub fn into_owned(self) -> StatsFile<'static> {
        StatsFile {
            header: self.header.into_owned(),
            players: self.players.into_iter().map(Player::into_owned).collect(),
            notes: self.notes,
        }
    }

    /// Notes what the file's own name says differently.
    pub fn compare_with(&mut self, name: &RoundFile<'_>) {
        let header = &self.header;
        let differs = |field, name: String, file: String| Note::NameDiffers { field, name, file };
        let map = (header.map != name.map).then(|| differs("map", name.map.to_owned(), header.map.to_string()));
        let round = (header.round.get() != name.round)
            .then(|| differs("round", name.round.to_string(), header.round.to_string()));
        map.into_iter().chain(round).for_each(|note| self.notes.add(note));
    }
}

pub fn parse(bytes: &[u8]) -> Result<StatsFile<'_>, ParseError> {
    if bytes.len() > MOST_BYTES {
        return Err(too_long(bytes.len(), MOST_BYTES));
    }
    let mut notes = Notes::default();
    let lines = lines(bytes, &mut notes)?;
    let Some((first, rest)) = lines.split_first() else { return Err(end_of_file(Piece::line(1, &[]), "a header")) };
    let header = header::read(*first, &mut notes)?;
    let mut players = Vec::with_capacity(rest.len());
    let mut seen: Vec<(&[u8], u32)> = Vec::with_capacity(rest.len());
    for line in rest {
        if line.is_empty() {
            notes.add(Note::BlankLine { line: line.line });
            continue;
        }
        if players.len() == MOST_PLAYERS {
            return Err(line.error(format!("at most {MOST_PLAYERS} players")));
        }
        let player = player::read(*line, &mut notes)?;
        note_shared_guid(*line, &player, &mut seen, &mut notes);
        players.push(player);
    }
    if players.is_empty() {
        notes.add(Note::NoPlayers);
    }
    Ok(StatsFile { header, players, notes })
}

fn note_shared_guid<'a>(line: Piece<'a>, player: &Player<'_>, seen: &mut Vec<(&'a [u8], u32)>, notes: &mut Notes) {
    let guid = line.split_once(b'\\').map_or(line.bytes(), |(guid, _)| guid.bytes());
    match seen.iter().find(|(other, _)| *other == guid) {
        Some((_, first)) if !player.is_bot() => notes.add(Note::SharedGuid { line: line.line, first: *first }),
        _ => seen.push((guid, line.line)),
    }
}
