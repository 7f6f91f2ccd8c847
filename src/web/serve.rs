//! Serves connections over HTTP/1.1: one that is slow to ask is closed, and one whose client went away meanwhile
//! still has its request finished.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service as _;

use crate::lifecycle::Lifecycle;

/// For the head of a request, also of the next one on a connection that is kept open. What a client sends more
/// slowly only holds a place.
const HEAD_WITHIN: Duration = Duration::from_secs(60);
/// After an accept that failed, as it does when the process has too many files open.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves until the process stops, then lets requests under way finish.
pub async fn serve(app: Router, listener: TcpListener, lifecycle: &Lifecycle) {
    let stop = lifecycle.token();
    let under_way = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    // What was sent is handled to its end whether the sender waits or not; and a request that waits for its
    // commit does not cost a look at its connection.
    http.half_close(true);
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let connection = under_way.watch(http.serve_connection(io(stream), answer_by(app.clone(), peer)));
        lifecycle.spawn("connection", async move {
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    under_way.shutdown().await;
}

/// Answers are not held back by Nagle's algorithm. Failing to set it costs latency, nothing else.
fn io(stream: TcpStream) -> TokioIo<TcpStream> {
    let _ = stream.set_nodelay(true);
    TokioIo::new(stream)
}

/// The router as the service of one connection, with the address of its peer.
fn answer_by(
    app: Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    hyper::Request<Incoming>,
    Response = axum::response::Response,
    Error = Infallible,
    Future: Send,
> {
    service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        app.clone().call(request)
    })
}
