//! `doctor`: looks at everything and prints a line for each finding. Works with the bot running or stopped.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use secrecy::ExposeSecret;

use crate::app::open_ports;
use crate::clock::Clock;
use crate::config::Config;
use crate::doctor::{Doctor, Report};
use crate::lifecycle::Lifecycle;
use crate::store::embedded::{self, EmbeddedError, EmbeddedPostgres};

#[derive(Args)]
pub struct DoctorArgs {
    /// JSON instead of lines
    #[arg(long)]
    json: bool,
}

/// Exit code 1 when there is a problem; warnings alone are no failure.
pub fn doctor(args: &DoctorArgs, config: Config) -> Result<ExitCode> {
    let database = find_database(&config);
    let report = super::block_on(examine(config, &database))?;
    if let Found::Started(server) = database {
        server.stop();
    }
    if args.json {
        println!("{:#}", report.json());
    } else {
        println!("{}", report.lines());
    }
    Ok(if report.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The configured database, the private one of the running bot, or the private one started for this.
enum Found {
    At(String),
    Started(EmbeddedPostgres),
    /// And why.
    None(String),
}

fn find_database(config: &Config) -> Found {
    if let Some(url) = &config.store.database_url {
        return Found::At(url.expose_secret().to_owned());
    }
    let settings = super::embedded_settings(config);
    match embedded::start(&settings) {
        Ok(server) => Found::Started(server),
        Err(in_use @ EmbeddedError::InUse { .. }) => match embedded::running(&settings) {
            Ok(Some(url)) => Found::At(url),
            Ok(None) => Found::None(in_use.to_string()),
            Err(error) => Found::None(error.to_string()),
        },
        Err(error) => Found::None(error.to_string()),
    }
}

/// An address where nothing is: for what never asks, because there is no database.
const NOWHERE: &str = "postgres://nobody@127.0.0.1:1/nothing";

async fn examine(config: Config, database: &Found) -> Result<Report> {
    let (url, no_database) = match database {
        Found::At(url) => (url.as_str(), None),
        Found::Started(server) => (server.url(), None),
        Found::None(why) => (NOWHERE, Some(why.clone())),
    };
    let guild_id = config.discord.guild_id;
    let ports = open_ports(config, url, Clock::system(), &Lifecycle::new(), None)?.0;
    let edge = crate::discord::edge(&ports.config);
    let report = Doctor::new(&ports, edge, guild_id, no_database).examine().await;
    ports.store.close().await;
    Ok(report)
}
