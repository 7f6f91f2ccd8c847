//! Match import: files of rounds are read, stored and put together, beside reading the same bytes and COPY of the same rows.
//! At 1, 10 and 100 times the files of a directory: each evening of a copy is played on a day of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use chrono::{Days, NaiveDate};
use clap::Args;
use futures_util::TryStreamExt as _;
use signalbox::id::GuildId;
use signalbox::ports::Ports;
use signalbox::source::etlegacy::stats_file;
use signalbox::stats::import::{Arrival, Way, arrive};
use signalbox::stats::{bulk, reparse};
use signalbox::store::embedded::EmbeddedPostgres;
use sqlx::postgres::{PgConnection, PgPoolCopyExt as _};
use sqlx::{Connection as _, PgPool};

use super::report::{Report, count};
use super::world::World;

#[derive(Args)]
pub struct MatchesArgs {
    /// A directory with files of rounds
    #[arg(long, default_value = "../shared/data/etlegacy/stats")]
    dir: PathBuf,
    /// How many copies are stored; what a size has more than the one before is imported together
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100])]
    times: Vec<usize>,
    /// Rounds that come one by one at the end of each size
    #[arg(long, default_value_t = 20)]
    single: usize,
}

/// The first evening is played then.
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2020, 1, 2).unwrap();
/// Tables that a copy of the rows is made of.
const TABLES: [&str; 3] = ["stats_file", "stats_round", "stats_line"];

pub fn matches(args: &MatchesArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(args, postgres.url()))
}

/// A file as it was found: its day, what follows the day in its name, and its bytes.
struct Found {
    day: String,
    rest: String,
    bytes: Vec<u8>,
}

async fn measure(args: &MatchesArgs, url: &str) -> Result<Report> {
    let files = found(args)?;
    let world = World::start(url).await?;
    let ports = world.app.ports.clone();
    let guild_id = ports.config.discord.guild_id.context("a server")?;
    let mut report = Report::new("Match import", &["what", "files", "per second", "MB/s", "seconds"]);
    parsing(args, &files, &mut report)?;
    let (mut stored, mut next_day) = (0, 0);
    for times in &args.times {
        // One directory, as somebody has one who imports years.
        let directory = tempdir()?;
        let mut paths = Vec::new();
        for _ in stored..*times {
            paths.extend(write(&directory, &files, next_day)?);
            next_day += days(&files);
        }
        let bytes = files.iter().map(|file| file.bytes.len()).sum::<usize>() * (times - stored);
        let started = Instant::now();
        let imported = bulk::import(&ports, guild_id, &paths, |_| {}).await?;
        let new = imported.new;
        ensure!(new == paths.len(), "{imported:?}");
        stored = *times;
        rate(&mut report, &format!("parse, store and pair, up to {times}×"), new, bytes, started);
        fs::remove_dir_all(&directory)?;
        copying(url, &mut report, *times).await?;
        singles(args, &ports, guild_id, &files, next_day, &mut report).await?;
        next_day += days(&files);
        let started = Instant::now();
        let again = reparse::apply(&ports, guild_id).await?;
        rate(&mut report, &format!("everything anew, at {times}×"), again, 0, started);
    }
    check(&ports, guild_id, &files, stored).await?;
    world.stop().await;
    Ok(report)
}

fn found(args: &MatchesArgs) -> Result<Vec<Found>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(&args.dir).with_context(|| args.dir.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((day, rest)) = name.split_at_checked(10)
            && name.ends_with(".txt")
        {
            files.push(Found { day: day.to_owned(), rest: rest.to_owned(), bytes: fs::read(&path)? });
        }
    }
    files.sort_by(|a, b| (&a.day, &a.rest).cmp(&(&b.day, &b.rest)));
    ensure!(!files.is_empty(), "there is no file in {}", args.dir.display());
    Ok(files)
}

fn days(files: &[Found]) -> usize {
    files.iter().map(|file| file.day.as_str()).collect::<BTreeSet<_>>().len()
}

/// The names of a copy whose first day is the `from`th.
fn names(files: &[Found], from: usize) -> Vec<String> {
    let all: Vec<&str> = files.iter().map(|file| file.day.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let name = |file: &Found| {
        let at = from + all.iter().position(|day| *day == file.day).unwrap_or_default();
        format!("{}{}", FIRST + Days::new(at as u64), file.rest)
    };
    files.iter().map(name).collect()
}

fn tempdir() -> Result<PathBuf> {
    let directory = std::env::temp_dir().join(format!("signalbox-load-files-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

fn write(directory: &std::path::Path, files: &[Found], from: usize) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for (file, name) in files.iter().zip(names(files, from)) {
        let path = directory.join(name);
        fs::write(&path, &file.bytes)?;
        paths.push(path);
    }
    Ok(paths)
}

/// Read and split into lines, and the same parsed.
fn parsing(args: &MatchesArgs, files: &[Found], report: &mut Report) -> Result<()> {
    let paths: Vec<PathBuf> = files.iter().map(|file| args.dir.join(format!("{}{}", file.day, file.rest))).collect();
    let rounds = 2000usize.div_ceil(files.len());
    let (all, bytes) = (files.len() * rounds, rounds * files.iter().map(|file| file.bytes.len()).sum::<usize>());
    let started = Instant::now();
    let mut lines = 0;
    for path in paths.iter().cycle().take(all) {
        lines += fs::read(path)?.split(|byte| *byte == b'\n').count();
    }
    let read = rate(report, "std::fs::read and lines", all, bytes, started);
    let started = Instant::now();
    let mut players = 0;
    for path in paths.iter().cycle().take(all) {
        players += stats_file::parse(&fs::read(path)?).map_err(|error| anyhow::anyhow!("{error}"))?.players.len();
    }
    let parsed = rate(report, "std::fs::read and parse", all, bytes, started);
    report.note(format!(
        "{} lines, {} players; parse is {:.2} of reading (reach 0.30).",
        count(lines as f64),
        count(players as f64),
        parsed / read
    ));
    Ok(())
}

fn rate(report: &mut Report, what: &str, files: usize, bytes: usize, started: Instant) -> f64 {
    let seconds = started.elapsed().as_secs_f64();
    let (per_second, megabytes) = (files as f64 / seconds, bytes as f64 / 1e6 / seconds);
    let megabytes = if bytes == 0 { "–".to_owned() } else { format!("{megabytes:.1}") };
    report.row(vec![what.to_owned(), count(files as f64), count(per_second), megabytes, format!("{seconds:.2}")]);
    per_second
}

/// The rows as they are, by COPY into tables with the same keys and rules.
async fn copying(url: &str, report: &mut Report, times: usize) -> Result<()> {
    let pool = PgPool::connect(url).await?;
    let mut connection = PgConnection::connect(url).await?;
    let files: i64 = sqlx::query_scalar("SELECT count(*) FROM stats_file").fetch_one(&mut connection).await?;
    let mut rows = Vec::new();
    for table in TABLES {
        let columns: String = sqlx::query_scalar(
            "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute
             WHERE attrelid = $1::regclass AND attnum > 0 AND attgenerated = '' AND NOT attisdropped",
        )
        .bind(table)
        .fetch_one(&mut connection)
        .await?;
        let statement = format!("COPY {table} ({columns}) TO STDOUT");
        let copied: Vec<_> = pool.copy_out_raw(&statement).await?.try_collect().await?;
        let create = format!("CREATE TABLE copied_{table} (LIKE {table} INCLUDING ALL)");
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut connection).await?;
        rows.push((format!("COPY copied_{table} ({columns}) FROM STDIN"), copied));
    }
    let started = Instant::now();
    for (statement, copied) in rows {
        let mut copy = pool.copy_in_raw(&statement).await?;
        for piece in copied {
            copy.send(piece.as_ref()).await?;
        }
        copy.finish().await?;
    }
    rate(report, &format!("COPY of the same rows, all {times}×"), files as usize, 0, started);
    for table in TABLES {
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP TABLE copied_{table}"))).execute(&mut connection).await?;
    }
    Ok(())
}

/// Rounds of one more evening, one after the other, as they come while people play.
async fn singles(
    args: &MatchesArgs,
    ports: &Ports,
    guild_id: GuildId,
    files: &[Found],
    day: usize,
    report: &mut Report,
) -> Result<()> {
    let names = names(files, day);
    let last = &files[files.len() - 1].day;
    let evening: Vec<usize> = (0..files.len()).filter(|at| files[*at].day == *last).take(args.single).collect();
    let mut times = Vec::new();
    for at in &evening {
        let (name, bytes) = (names[*at].clone(), files[*at].bytes.clone());
        let started = Instant::now();
        arrive(ports, guild_id, Arrival { name, bytes, changed: None, way: Way::Upload }).await?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let (middle, worst) = (times[times.len() / 2], times[times.len() - 1]);
    report.note(format!("One round more, {} times: median {middle:.1} ms, longest {worst:.1} ms.", times.len()));
    Ok(())
}

async fn check(ports: &Ports, guild_id: GuildId, files: &[Found], times: usize) -> Result<()> {
    let status = ports.store.get_stats_status(guild_id).await?;
    ensure!(status.waiting == 0 && status.quarantined == 0, "{status:?}");
    ensure!(status.files as usize >= files.len() * times, "{status:?}");
    Ok(())
}
