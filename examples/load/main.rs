//! The load program: measures whole paths of Signalbox beside the limits of this machine, in one run.
//!
//! `cargo run --release --example load -- <scenario> [--json FILE]`. It starts a durable private
//! PostgreSQL and the stand-in Discord for itself, speaks to loopback only, and checks what became of
//! each item it sent, not only how fast.

#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod drain;
mod intake;
mod kick;
mod limits;
mod matches;
mod memory;
mod outbox;
mod points;
mod report;
mod rivals;
mod sender;
mod signed;
mod start;
mod usage;
mod verify;
mod visible;
mod watchtime;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use signalbox::store::embedded;

use report::Report;

/// Measures Signalbox beside the limits of this machine.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    scenario: Scenario,
    /// Write the figures to this file, too
    #[arg(long, global = true)]
    json: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Scenario {
    /// The signature checks beside the crypto library alone
    Verify,
    /// Durable intake: signed request, verified, committed, answered
    Intake(intake::IntakeArgs),
    /// Delivery under Discord's limits: 10,000 events for 200 webhooks
    Limits(limits::LimitsArgs),
    /// A full outbox and a Discord without limits
    Drain(drain::DrainArgs),
    /// From the start of a request to the message in Discord, on an idle system
    Visible(visible::VisibleArgs),
    /// Chat of Kick: verified and on the stream, and tickets beside it
    KickChat(kick::KickChatArgs),
    /// Memory, time to the first answered command and size of the release binary
    Start(start::StartArgs),
    /// Memory of the release binary in many servers, with many people in the chat of a stream
    Memory(memory::MemoryArgs),
    /// A flush of watch time for a million viewers, and counting it
    Watchtime(watchtime::WatchtimeArgs),
    /// 10,000 purchases at the same time
    Points(points::PointsArgs),
    /// Files of ET:Legacy rounds: parsed, stored, paired, made anew
    MatchImport(matches::MatchesArgs),
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == embedded::EXEC_COMMAND) {
        let Err(error) = embedded::exec_postgres(args);
        eprintln!("load: postgres cannot be started: {error}");
        return ExitCode::from(127);
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<()> {
    let report = match &args.scenario {
        Scenario::Verify => verify::verify(),
        Scenario::Intake(options) => with_database(|postgres| intake::intake(options, postgres))?,
        Scenario::Limits(options) => with_database(|postgres| limits::limits(options, postgres))?,
        Scenario::Drain(options) => with_database(|postgres| drain::drain(options, postgres))?,
        Scenario::Visible(options) => with_database(|postgres| visible::visible(options, postgres))?,
        Scenario::KickChat(options) => with_database(|postgres| kick::kick_chat(options, postgres))?,
        Scenario::Start(options) => with_database(|postgres| start::start(options, postgres))?,
        Scenario::Memory(options) => with_database(|postgres| memory::memory(options, postgres))?,
        Scenario::Watchtime(options) => with_database(|postgres| watchtime::watchtime(options, postgres))?,
        Scenario::MatchImport(options) => with_database(|postgres| matches::matches(options, postgres))?,
        Scenario::Points(options) => with_database(|postgres| points::points(options, postgres))?,
    };
    print!("{report}");
    if let Some(path) = &args.json {
        std::fs::write(path, report.json()).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// A private server with everything on that makes commits durable, gone afterwards. It is started
/// before there is a runtime, as the program does it.
fn with_database(work: impl FnOnce(&embedded::EmbeddedPostgres) -> Result<Report>) -> Result<Report> {
    let dir = std::env::temp_dir().join(format!("signalbox-load-{}", std::process::id()));
    let settings = embedded::Settings { data_dir: Some(dir.clone()), ..embedded::Settings::default() };
    let server = embedded::start(&settings)?;
    let outcome = work(&server);
    server.stop();
    std::fs::remove_dir_all(&dir).with_context(|| dir.display().to_string())?;
    outcome
}
