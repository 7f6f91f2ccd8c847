//! When chat last came from whom, kept now and then: by this the doctor sees a stream that nobody seems to write in.

use anyhow::Result;

use crate::ports::Ports;

/// Keeps what was noted. What a crash takes with it is noted again by the next message.
pub async fn save_due(ports: &Ports) -> Result<()> {
    let times = ports.kick_heard.take(ports.clock.now());
    if !times.is_empty() {
        ports.store.save_kick_chat_times(&times).await?;
    }
    Ok(())
}
