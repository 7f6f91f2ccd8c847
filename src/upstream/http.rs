//! What the HTTP clients share: the certificate authorities of this machine, read once. Reading them for
//! each client is what a start would otherwise spend most of its time with.

use std::sync::{Arc, OnceLock};

use reqwest::ClientBuilder;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_platform_verifier::BuilderVerifierExt as _;

/// A client that trusts the authorities of this machine.
pub(super) fn builder() -> ClientBuilder {
    static TLS: OnceLock<Option<ClientConfig>> = OnceLock::new();
    match TLS.get_or_init(|| config().ok()) {
        Some(config) => ClientBuilder::new().tls_backend_preconfigured(config.clone()),
        // Without usable authorities: the client's own attempt says in `build` what is wrong.
        None => ClientBuilder::new().tls_backend_rustls(),
    }
}

fn config() -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_platform_verifier()?;
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
