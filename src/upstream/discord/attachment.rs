//! Files that people attach to a command: fetched from Discord's CDN, and from nowhere else.
//!
//! <https://discord.com/developers/docs/reference#cdn-formatting-cdn-base-url>

use url::{Host, Url};

use super::{DiscordClient, describe};

const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];

/// Why a file was not fetched.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("the file is not on Discord's servers")]
    Elsewhere,
    #[error("the file is larger than {0} bytes")]
    TooLarge(usize),
    #[error("Discord did not hand the file over: {0}")]
    Failed(String),
}

impl DiscordClient {
    /// The bytes of a file, at most `most`. The bot's token is not sent along.
    pub async fn fetch_attachment(&self, address: &str, most: usize) -> Result<Vec<u8>, FetchError> {
        let url = Url::parse(address).ok().filter(|url| self.is_cdn(url)).ok_or(FetchError::Elsewhere)?;
        let failed = |error: reqwest::Error| FetchError::Failed(describe(&error));
        let mut response = self.http.get(url).send().await.map_err(failed)?;
        // A redirect is no file.
        if response.status().as_u16() != 200 {
            return Err(FetchError::Failed(format!("HTTP {}", response.status().as_u16())));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > most {
                return Err(FetchError::TooLarge(most));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Discord's own, or what stands in for Discord.
    fn is_cdn(&self, url: &Url) -> bool {
        let plain = url.username().is_empty() && url.password().is_none();
        let discords = url.scheme() == "https"
            && url.port().is_none()
            && matches!(url.host(), Some(Host::Domain(host)) if HOSTS.contains(&host));
        let own = Url::parse(&self.base).is_ok_and(|base| base.origin() == url.origin());
        plain && (discords || own)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn only_discords_own_hosts_are_asked() {
        let origin = Url::parse("http://127.0.0.1:9").unwrap();
        let client = DiscordClient::new(&origin, "t".into(), Duration::from_secs(1)).unwrap();
        for address in [
            "https://cdn.discordapp.com.example.org/x.csv",
            "http://cdn.discordapp.com/x.csv",
            "https://me@cdn.discordapp.com/x.csv",
            "https://cdn.discordapp.com:8443/x.csv",
            "http://127.0.0.1:10/x.csv",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
        ] {
            assert_eq!(client.fetch_attachment(address, 10).await, Err(FetchError::Elsewhere), "{address}");
        }
        for host in HOSTS {
            assert!(
                client.is_cdn(&Url::parse(&format!("https://{host}/ephemeral-attachments/1/2/x.csv?ex=1")).unwrap())
            );
        }
    }
}
