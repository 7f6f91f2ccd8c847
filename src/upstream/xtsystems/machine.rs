//! Machines of a company as XTSystems lists them.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::Value;

use super::webhook::{scalar, time};
use super::{UpstreamError, XtSystemsClient};

/// A machine as XTSystems has it now.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineInfo {
    pub asset_id: String,
    pub hostname: String,
    pub ip_address: Option<String>,
    pub operating_system: Option<String>,
    pub status: Option<String>,
    pub registered_at: Option<DateTime<Utc>>,
}

impl XtSystemsClient {
    /// `GET /v1/companies/{id}/machines`, all or those of one status.
    pub async fn list_machines(
        &self,
        company_id: &str,
        status: Option<&str>,
    ) -> Result<Vec<MachineInfo>, UpstreamError> {
        let path = ["v1", "companies", self.id(company_id)?, "machines"];
        let query = status.map(|status| ("status", status));
        let value = self.call(Method::GET, &path, query.as_slice(), None).await?;
        self.list("the list of machines", &value, "machines", MachineInfo::read)
    }
}

impl MachineInfo {
    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            asset_id: scalar(value, "asset_id").or_else(|| scalar(value, "id"))?,
            hostname: scalar(value, "hostname").unwrap_or_default(),
            ip_address: scalar(value, "ip_address"),
            operating_system: scalar(value, "operating_system"),
            status: scalar(value, "status"),
            registered_at: time(value, "registered_at"),
        })
    }
}
