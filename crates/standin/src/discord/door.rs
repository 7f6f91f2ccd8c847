//! Listening: plain and TLS connections that can be cut without a byte of an answer.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use super::{Tls, hub::Core};

/// The handler's hold on its connection.
#[derive(Clone, Debug, Default)]
pub struct Line(Arc<AtomicBool>);

impl Line {
    /// From now on nothing can be written: the client sees the connection end without an answer.
    pub fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

trait Pipe: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Pipe for T {}

pub struct Io {
    pipe: Box<dyn Pipe>,
    line: Line,
}

/// Connections that are ready to speak HTTP.
struct Door {
    ready: mpsc::Receiver<Io>,
    addr: SocketAddr,
}

pub async fn serve(listener: TcpListener, router: Router, core: Arc<Core>) {
    let Ok(addr) = listener.local_addr() else {
        return;
    };
    let (send, ready) = mpsc::channel(64);
    let accept = async move {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                if send.send(Io::new(stream)).await.is_err() {
                    return;
                }
            }
        }
    };
    run(accept, Door { ready, addr }, router, core).await;
}

async fn run(accept: impl Future<Output = ()>, door: Door, router: Router, core: Arc<Core>) {
    let service = router.into_make_service_with_connect_info::<Line>();
    tokio::select! {
        () = accept => {}
        _ = axum::serve(door, service) => {}
        () = core.stopped() => {}
    }
}

/// TLS as discord.com.
pub struct Secure {
    pub tls: Tls,
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Secure {
    pub async fn bind() -> Result<Secure> {
        let authority = KeyPair::generate().context("make the authority's key")?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Signalbox stand-in authority");
        let ca_pem = params.self_signed(&authority).context("make the authority")?.pem();
        let issuer = Issuer::new(params, authority);
        let key = KeyPair::generate().context("make the server's key")?;
        let names = ["discord.com", "*.discord.com", "discordapp.com", "*.discordapp.com", "*.discord.gg"];
        let names = names.map(str::to_owned).to_vec();
        let leaf = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        Ok(Secure { tls: Tls { addr, ca_pem }, listener, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub async fn serve(self, router: Router, core: Arc<Core>) {
        let Secure { tls, listener, acceptor } = self;
        let (send, ready) = mpsc::channel(64);
        let accept = async move {
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, send) = (acceptor.clone(), send.clone());
                    tokio::spawn(async move {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            let _ = send.send(Io::new(stream)).await;
                        }
                    });
                }
            }
        };
        let door = Door { ready, addr: tls.addr };
        run(accept, door, router, core).await;
    }
}

impl Listener for Door {
    type Io = Io;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Io, SocketAddr) {
        match self.ready.recv().await {
            Some(io) => (io, self.addr),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().line.clone()
    }
}

impl Io {
    fn new(pipe: impl Pipe + 'static) -> Io {
        Io { pipe: Box::new(pipe), line: Line::default() }
    }

    fn check(&self) -> io::Result<()> {
        if self.line.is_cut() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl AsyncRead for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}
