//! Who used the processor and the memory, from `/proc`. Zeros where there is none.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// Processor time of this process and of a PostgreSQL server.
#[derive(Clone, Copy, Default)]
pub struct Used {
    pub program: Duration,
    pub postgres: Duration,
}

/// Linux counts in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// Processor time used so far by this process and by the server whose data is in `data_dir`.
pub fn used(data_dir: &Path) -> Used {
    let postmaster = fs::read_to_string(data_dir.join("postgresql/cluster/postmaster.pid")).unwrap_or_default();
    let postmaster = postmaster.lines().next().and_then(|pid| pid.trim().parse().ok()).unwrap_or(0);
    let mut postgres = ticks(postmaster, true).map_or(0, |(_, used)| used);
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        postgres += ticks(pid, false).filter(|(parent, _)| *parent == postmaster).map_or(0, |(_, used)| used);
    }
    let program = ticks(std::process::id(), false).map_or(0, |(_, used)| used);
    Used { program: TICK * program, postgres: TICK * postgres }
}

/// The parent and the used ticks, those of ended children with them if asked for.
fn ticks(pid: u32, with_children: bool) -> Option<(u32, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let number = |n: usize| fields.get(n)?.parse::<u32>().ok();
    let own = number(11)? + number(12)?;
    let children = if with_children { number(13)? + number(14)? } else { 0 };
    Some((number(1)?, own + children))
}

/// Processor time of the calling thread.
pub fn used_by_thread() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// Resident memory of a process in MiB.
pub fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}
