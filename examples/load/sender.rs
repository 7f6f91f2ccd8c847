//! A load generator that costs little: keep-alive connections on one thread of its own, requests made
//! beforehand, answers read no further than their status and length.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::report::percentile;
use super::usage::used_by_thread;

/// No run takes longer.
const LIMIT: Duration = Duration::from_secs(120);

/// What a run came to. Every request was answered with 2xx, or the run failed.
pub struct Sent {
    pub per_second: f64,
    /// Sorted.
    pub times: Vec<Duration>,
    /// Processor time of the generator.
    pub used: Duration,
}

impl Sent {
    pub fn at(&self, share: f64) -> Duration {
        percentile(&self.times, share)
    }
}

/// Sends all requests over so many connections, each waiting for its answer before the next.
/// It blocks: call it where blocking is allowed.
pub fn send_all(to: SocketAddr, requests: &[Vec<u8>], connections: usize) -> Result<Sent> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut lines = Vec::new();
        for _ in 0..connections {
            lines.push(Line::open(to).await?);
        }
        let (start, used) = (Instant::now(), used_by_thread());
        let share = requests.len().div_ceil(connections);
        let work = lines.iter_mut().zip(requests.chunks(share)).map(|(line, part)| line.send_each(part));
        let times = tokio::time::timeout(LIMIT, futures_util::future::try_join_all(work)).await;
        let times = times.context("the run took too long")??;
        let seconds = start.elapsed().as_secs_f64();
        let used = used_by_thread() - used;
        let mut times: Vec<Duration> = times.into_iter().flatten().collect();
        times.sort_unstable();
        ensure!(times.len() == requests.len(), "not every request was sent");
        Ok(Sent { per_second: requests.len() as f64 / seconds, times, used })
    })
}

/// One keep-alive connection.
pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    pub async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    async fn send_each(&mut self, requests: &[Vec<u8>]) -> Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(requests.len());
        for request in requests {
            times.push(self.send(request).await?);
        }
        Ok(times)
    }

    /// The time to the whole answer, which has to be 2xx.
    pub async fn send(&mut self, request: &[u8]) -> Result<Duration> {
        let start = Instant::now();
        self.stream.write_all(request).await?;
        self.buffer.clear();
        while !is_whole(&self.buffer) {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
        }
        let took = start.elapsed();
        if !self.buffer.starts_with(b"HTTP/1.1 2") {
            bail!("refused: {}", String::from_utf8_lossy(&self.buffer));
        }
        Ok(took)
    }
}

/// Whether a head and as much body as it announces are there.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let name = b"content-length: ";
    let Some(length) = answer[..head].windows(name.len()).position(|part| part.eq_ignore_ascii_case(name)) else {
        return true;
    };
    let digits = answer[length + name.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    answer.len() >= head + 4 + length
}
