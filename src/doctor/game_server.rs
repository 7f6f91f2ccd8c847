//! The game server's machine: reached, its key known, ours accepted, the directory and a file in it readable.

use std::time::Duration;

use super::text::game_server as text;
use super::{Doctor, Found};
use crate::notifier::directory::{is_told_of, order};
use crate::source::etlegacy::stats_file::MOST_BYTES;
use crate::upstream::ssh::{Deadlines, SshError};

/// Together less than what a look may take.
const DEADLINES: Deadlines = Deadlines {
    open: Duration::from_secs(2),
    list: Duration::from_secs(2),
    read: Duration::from_secs(1),
    keepalive: Duration::from_secs(1),
};

pub(super) async fn ssh(doctor: &Doctor<'_>) -> Found {
    let Some(client) = &doctor.ports.ssh else { return Ok(vec![]) };
    let looked = async {
        let session = client.clone().with_deadlines(DEADLINES).connect().await?;
        let mut files = session.list().await?;
        files.retain(|file| is_told_of(&file.name));
        let newest = files.iter().max_by_key(|file| order(&file.name));
        if let Some(newest) = newest {
            match session.read(newest, MOST_BYTES).await {
                Err(error) if !error.is_about_a_file() => return Err(error),
                _ => {}
            }
        }
        let newest = newest.map(|file| file.name.clone());
        session.end().await;
        Ok::<_, SshError>((files.len(), newest))
    };
    let config = client.config();
    Ok(vec![match looked.await {
        Ok((0, _)) => text::nothing_there(config),
        Ok((files, newest)) => text::good(config, files, newest.as_deref().unwrap_or_default()),
        Err(error) => text::wrong(&error),
    }])
}
