//! `import-stats DIR`: takes every file of a directory in, as history: nothing is posted about it. With `--check` it only reads
//! them and says which cannot be read and why; then neither a database nor a configuration is needed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{IsTerminal, Write as _, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::print::table;
use crate::app::open_ports;
use crate::clock::Clock;
use crate::config::Config;
use crate::lifecycle::Lifecycle;
use crate::source::etlegacy::file_name::{self, FileName, RoundFile};
use crate::source::etlegacy::note::Notes;
use crate::source::etlegacy::stats_file::MOST_BYTES;
use crate::source::etlegacy::{awards, stats_file};
use crate::stats::bulk::{self, Imported, Progress};

/// Files between two looks at how far it is.
const STEP: usize = 100;
/// Characters of a progress bar.
const BAR: usize = 24;

#[derive(Args)]
pub struct ImportStatsArgs {
    /// The directory with the files of rounds and awards; what is below it is not read
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Only read them and say what is wrong, and store nothing
    #[arg(long)]
    pub check: bool,
}

/// Stores them. Exit code 1 when one cannot be read.
pub async fn import(args: &ImportStatsArgs, config: Config, url: &str) -> Result<ExitCode> {
    let guild_id = config.discord.guild_id.context("which server? Set DISCORD_GUILD_ID")?;
    let files = files_in(&args.directory)?;
    let (ports, _bus) = open_ports(config, url, Clock::system(), &Lifecycle::new(), None)?;
    ports.store.migrate(false).await?;
    ports.clock.follow(ports.store.clock_reading().await?);
    let imported = bulk::import(&ports, guild_id, &files, |progress| match progress {
        Progress::Stored { done, all } => show_step(done, all, "files stored"),
        Progress::Computed { done, all } => show_step(done, all, "files computed"),
    });
    let Imported { new, known, corrected, quarantined, passed } = imported.await?;
    println!(
        "{new} new, {known} known, {corrected} corrected, {} cannot be read, {passed} passed over",
        quarantined.len()
    );
    let status = ports.store.get_stats_status(guild_id).await?;
    println!("{} rounds are there, {} count", status.rounds, status.valid_rounds);
    ports.store.close().await;
    if quarantined.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = quarantined.into_iter().map(|(name, why)| vec![name, why]).collect();
    print!("{}", table(&["file", "why"], &rows));
    Ok(ExitCode::FAILURE)
}

pub fn check_all(args: &ImportStatsArgs) -> Result<ExitCode> {
    let files = files_in(&args.directory)?;
    let mut report = Report::default();
    for (number, path) in files.iter().enumerate() {
        show_progress(number, files.len());
        report.add(path, &check(path));
    }
    show_progress(files.len(), files.len());
    print!("{report}");
    Ok(if report.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// By name, which is by time.
fn files_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let shown = directory.display();
    let entries = fs::read_dir(directory).with_context(|| format!("{shown} cannot be read"))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("{shown} cannot be read"))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What became of a file.
enum Checked {
    Round {
        players: usize,
        notes: Notes,
    },
    Awards {
        awards: usize,
        notes: Notes,
    },
    /// Nothing that is imported.
    Passed,
    Bad(String),
}

fn check(path: &Path) -> Checked {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Checked::Bad("the name is not UTF-8".to_owned());
    };
    match file_name::parse(name) {
        Ok(FileName::Sidecar(_)) => Checked::Passed,
        Ok(FileName::Round(told)) => with_bytes(path, |bytes| check_round(bytes, &told)),
        Ok(FileName::Awards(_)) => with_bytes(path, check_awards),
        Err(_) if !name.ends_with(".txt") => Checked::Passed,
        Err(error) => Checked::Bad(format!("name, {error}")),
    }
}

fn with_bytes(path: &Path, check: impl FnOnce(&[u8]) -> Checked) -> Checked {
    // Whatever has that size is not opened.
    match fs::metadata(path) {
        Ok(found) if found.len() > MOST_BYTES as u64 => return Checked::Bad(format!("it has {} bytes", found.len())),
        _ => {}
    }
    match fs::read(path) {
        Ok(bytes) => check(&bytes),
        Err(error) => Checked::Bad(error.to_string()),
    }
}

fn check_round(bytes: &[u8], told: &RoundFile<'_>) -> Checked {
    match stats_file::parse(bytes) {
        Ok(mut file) => {
            file.compare_with(told);
            Checked::Round { players: file.players.len(), notes: file.notes }
        }
        Err(error) => Checked::Bad(error.to_string()),
    }
}

fn check_awards(bytes: &[u8]) -> Checked {
    match awards::parse(bytes) {
        Ok(file) => Checked::Awards { awards: file.awards.len(), notes: file.notes },
        Err(error) => Checked::Bad(error.to_string()),
    }
}

fn show_progress(done: usize, all: usize) {
    if done.is_multiple_of(STEP) || done == all {
        show_step(done, all, "files");
    }
}

/// Only for somebody who watches.
fn show_step(done: usize, all: usize, what: &str) {
    if !stderr().is_terminal() {
        return;
    }
    let filled = (done * BAR).checked_div(all).unwrap_or(BAR).min(BAR);
    let bar: String = (0..BAR).map(|at| if at < filled { '█' } else { '░' }).collect();
    let end = if done >= all { "\r\x1b[K" } else { "" };
    // A terminal that is gone is no reason to stop.
    let _ = write!(stderr(), "\r{bar} {done} of {all} {what}\x1b[K{end}");
}

#[derive(Default)]
struct Report {
    rounds: usize,
    players: usize,
    awards_files: usize,
    awards: usize,
    passed: usize,
    /// What is unusual: where it is first, and how often.
    noted: BTreeMap<String, (String, usize)>,
    /// Files, and why they cannot be read.
    bad: Vec<Vec<String>>,
}

impl Report {
    fn add(&mut self, path: &Path, checked: &Checked) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().escape_debug().to_string();
        match checked {
            Checked::Round { players, notes } => {
                self.rounds += 1;
                self.players += players;
                self.note(&name, notes);
            }
            Checked::Awards { awards, notes } => {
                self.awards_files += 1;
                self.awards += awards;
                self.note(&name, notes);
            }
            Checked::Passed => self.passed += 1,
            Checked::Bad(why) => self.bad.push(vec![name, why.clone()]),
        }
    }

    fn note(&mut self, name: &str, notes: &Notes) {
        for note in notes.all() {
            let place = note.place().map_or_else(String::new, |(line, _)| format!(", line {line}"));
            let (_, times) =
                self.noted.entry(note.what().into_owned()).or_insert_with(|| (format!("{name}{place}"), 0));
            *times += 1;
        }
        if notes.left_out() > 0 {
            let (_, times) =
                self.noted.entry("more notes than are kept".to_owned()).or_insert_with(|| (name.to_owned(), 0));
            *times += notes.left_out();
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { rounds, players, awards_files, awards, passed, noted, bad } = self;
        writeln!(
            f,
            "{rounds} rounds with {players} players, {awards_files} files with {awards} awards, {passed} passed over"
        )?;
        for (note, (first, times)) in noted {
            let more = if *times > 1 { format!(" and {} more", times - 1) } else { String::new() };
            writeln!(f, "noted: {note} ({first}{more})")?;
        }
        if bad.is_empty() {
            return writeln!(f, "every file can be read");
        }
        write!(f, "{} cannot be read:\n{}", bad.len(), table(&["file", "why"], bad))
    }
}
