//! What a subcommand works with while the bot may run or not: the database, and an intake of its own when no
//! other one listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::net::TcpListener;

use super::print::Steps;
use crate::app::{App, bind};
use crate::clock::Clock;
use crate::config::{Config, WebConfig};
use crate::lifecycle::Lifecycle;
use crate::ports::Ports;
use crate::setup::StepResult;
use crate::source::xtsystems::live::LiveSource;
use crate::upstream::own_health::ask;

const INTAKE: &str = "Intake";
const PATIENCE: Duration = Duration::from_secs(3);

pub struct Office {
    app: Arc<App>,
    source: Arc<LiveSource>,
    lifecycle: Lifecycle,
    is_intake: bool,
}

impl Office {
    /// Opens the database, and with `intake` listens where the bot would, unless it runs. `None` when a step failed.
    pub async fn open(mut config: Config, url: &str, intake: bool, steps: &mut Steps) -> Result<Option<Self>> {
        let address = SocketAddr::new(config.web.bind, config.web.port);
        let runs = intake && is_running(&config.web).await;
        let listener = if intake && !runs {
            match bind(&config.web).await {
                Ok(listener) => listener,
                Err(error) => {
                    let fix = "End the other program, or set WEBHOOK_PORT to a free port";
                    let cause = error.root_cause().to_string();
                    let cause = cause.split(" (os error").next().unwrap_or_default();
                    let said = format!("cannot listen on {address}: {cause}");
                    steps.told(StepResult::failed(INTAKE, said, fix));
                    return Ok(None);
                }
            }
        } else {
            // An app has a door; nobody knows of this one.
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("a port on this machine")?
        };
        // Figures and traces are the bot's.
        (config.operation.metrics, config.operation.traces) = (None, None);
        let lifecycle = Lifecycle::new();
        let app = App::open(config, url, Clock::system(), lifecycle.clone(), listener).await?;
        if let Err(error) = app.prepare_intake().await {
            let fix = "Check DATABASE_URL and that PostgreSQL runs; signalbox migrate brings it up to date";
            steps.told(StepResult::failed("Database", format!("{error:#}"), fix));
            return Ok(None);
        }
        if runs {
            steps.told(StepResult::fine(INTAKE, format!("Signalbox runs and listens on {address}")));
        } else if intake {
            steps.told(StepResult::fine(INTAKE, format!("listens on {address} until this is done")));
        }
        let source = app.xtsystems.clone().context("XTSystems is not set up: set XTSYSTEMS_API_URL")?;
        Ok(Some(Self { app, source, lifecycle, is_intake: intake && !runs }))
    }

    pub fn ports(&self) -> &Ports {
        &self.app.ports
    }

    pub fn source(&self) -> &LiveSource {
        &self.source
    }

    /// Whether the intake is here, and not in a running bot.
    pub fn is_intake(&self) -> bool {
        self.is_intake
    }

    pub async fn close(self) {
        self.lifecycle.shutdown(Duration::from_secs(5)).await;
        self.app.ports.store.close().await;
    }
}

/// Whether a Signalbox listens where this configuration would.
async fn is_running(web: &WebConfig) -> bool {
    let health = ask(web.bind, web.port, "/health", PATIENCE).await;
    serde_json::from_str::<Value>(&health.words).is_ok_and(|words| words["service"] == "signalbox")
}
