//! How the import stands, what could not be read, what a reparse would change.

use super::frame;
use crate::routing::embed::{Embed, Footer, escape, fit, relative};
use crate::routing::etlegacy::list;
use crate::routing::etlegacy::look::grouped;
use crate::stats::reparse::Difference;
use crate::store::stats::cursor::Cursor;
use crate::store::stats::status::{ImportStatus, Quarantined};

/// Ways in that remember how far they are.
pub const PLACES: [&str; 2] = ["directory", "sftp"];
/// Changes that are shown.
const CHANGES: usize = 15;

pub fn status(status: &ImportStatus, cursors: &[Cursor]) -> Embed {
    let number = |number: i64| grouped(u64::try_from(number).unwrap_or_default());
    let files = format!(
        "{} files ({} KiB)\n{} wait · {} in quarantine · {} replaced by a corrected one",
        number(status.files),
        number(status.bytes / 1024),
        number(status.waiting),
        number(status.quarantined),
        number(status.replaced),
    );
    let rounds = format!(
        "{} rounds, {} of them count\n{} second rounds wait for their first",
        number(status.rounds),
        number(status.valid_rounds),
        number(status.orphans)
    );
    let newest = status.newest_file.as_deref().zip(status.newest_at);
    let newest = newest.map(|(file, at)| format!("`{}` {}", fit(&file.replace('`', "'"), 200), relative(at)));
    let embed = frame("📥 Import".to_owned()).field("Files", files, true).field("Rounds", rounds, true).field(
        "Newest",
        newest.unwrap_or_default(),
        false,
    );
    list(
        embed,
        "Ways in",
        cursors.iter().map(|cursor| {
            let state = match &cursor.fault {
                Some(fault) => format!("🔴 {}", escape(&fit(fault, 200))),
                None => "🟢 in order".to_owned(),
            };
            format!("**{}** {state} · looked at {}", cursor.place, relative(cursor.looked_at))
        }),
    )
}

pub fn quarantine(files: &[Quarantined], at: usize) -> Embed {
    let embed = frame("🧪 Quarantine".to_owned());
    if files.is_empty() {
        return Embed { description: "Every file could be read.".to_owned(), ..embed };
    }
    let footer = Footer { text: format!("{} · page {}", super::FOOTER, at + 1), ..Footer::default() };
    list(
        Embed { footer, ..embed },
        "Kept, and not read",
        files.iter().zip(1..).map(|(file, number)| {
            let name = fit(&file.name.replace('`', "'"), 120);
            let (way, when) = (&file.way, relative(file.received_at));
            format!("`{number}.` `{name}`\n{}\n{} bytes by {way} {when}", escape(&fit(&file.fault, 200)), file.size)
        }),
    )
}

pub fn difference(difference: &Difference) -> Embed {
    let embed = frame("♻️ Reparse: what would change".to_owned());
    let looked = format!("{} files, {} rounds looked at.", difference.files, difference.rounds);
    if difference.is_empty() {
        return Embed { description: format!("{looked} Nothing would change."), ..embed };
    }
    let counts = [
        (difference.changed_in_all, "rounds change"),
        (difference.new.len(), "rounds are new"),
        (difference.gone, "rounds go"),
        (difference.readable.len(), "files can be read now"),
        (difference.unreadable.len(), "files cannot be read any more"),
        (difference.moved.len(), "files are of another time"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let description = format!("{looked}\n{}\nNothing is changed yet.", counts.collect::<Vec<_>>().join("\n"));
    let embed = Embed { description, ..embed };
    let name = |name: &str| format!("`{}`", fit(&name.replace('`', "'"), 100));
    let embed = list(
        embed,
        "Rounds",
        difference
            .changed
            .iter()
            .take(CHANGES)
            .map(|(round, words)| format!("{} {}", name(round), escape(&fit(&words.join("; "), 200)))),
    );
    let embed = list(
        embed,
        "Cannot be read any more",
        difference
            .unreadable
            .iter()
            .take(CHANGES)
            .map(|(file, why)| format!("{} {}", name(file), escape(&fit(why, 200)))),
    );
    list(embed, "Can be read now", difference.readable.iter().take(CHANGES).map(|file| name(file)))
}

pub fn reparsed(files: usize) -> String {
    format!("✅ {files} files were read anew. What was posted and is not so any more is corrected.")
}

pub fn retried(outcome: &Result<(), String>) -> String {
    match outcome {
        Ok(()) => "✅ The file was read, and counts.".to_owned(),
        Err(why) => format!("It still cannot be read: {}", escape(&fit(why, 300))),
    }
}
