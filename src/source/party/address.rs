//! The two addresses that people give: of a Discord webhook, and of a voice invite. Parsed, never compared by how
//! they begin: an address is taken apart and made anew from its parts.

/// Where Discord has webhooks.
const HOSTS: [&str; 4] = ["discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"];
const INVITE_HOST: &str = "discord.gg";
const INVITE_PATH_HOST: &str = "discord.com";
/// Longest token and code that Discord gives.
const TOKEN: usize = 128;
const CODE: usize = 64;

/// A webhook: its token is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    pub id: i64,
    pub token: String,
}

impl std::fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookUrl").field("id", &self.id).finish_non_exhaustive()
    }
}

/// `https://<host of Discord>/api[/vN]/webhooks/<id>/<token>`.
pub fn webhook(text: &str) -> Option<WebhookUrl> {
    let (host, path) = parts(text)?;
    if !HOSTS.contains(&host.as_str()) {
        return None;
    }
    let mut segments = path.strip_prefix("/api/")?.split('/').peekable();
    if let Some(version) = segments.peek().and_then(|segment| segment.strip_prefix('v')) {
        if version.is_empty() || version.len() > 2 || !is_digits(version) {
            return None;
        }
        segments.next();
    }
    let (webhooks, id, token) = (segments.next()?, segments.next()?, segments.next()?);
    let is_token = (1..=TOKEN).contains(&token.len()) && token.bytes().all(is_plain);
    if webhooks != "webhooks" || segments.next().is_some() || !is_token || !is_digits(id) {
        return None;
    }
    let id = id.parse().ok().filter(|id| *id > 0)?;
    Some(WebhookUrl { id, token: token.to_owned() })
}

/// `https://discord.gg/<code>` or `https://discord.com/invite/<code>`, as it should be linked.
pub fn invite(text: &str) -> Option<String> {
    let (host, path) = parts(text)?;
    let code = match host.as_str() {
        INVITE_HOST => path.strip_prefix('/')?,
        INVITE_PATH_HOST => path.strip_prefix("/invite/")?,
        _ => return None,
    };
    let is_code = (1..=CODE).contains(&code.len()) && code.bytes().all(is_plain);
    is_code.then(|| format!("https://{host}{}{code}", &path[..path.len() - code.len()]))
}

/// Host, in lower case, and path of an https address that has nothing else: no user, no port, no query, no fragment.
fn parts(text: &str) -> Option<(String, &str)> {
    let text = text.trim();
    let scheme = text.get(..8)?;
    if !scheme.eq_ignore_ascii_case("https://") || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let rest = &text[8..];
    if rest.contains(['?', '#', '@', '\\', '%', ':']) {
        return None;
    }
    let (host, _) = rest.split_once('/')?;
    Some((host.to_ascii_lowercase(), &rest[host.len()..]))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_of_discord() {
        for text in [
            "https://discord.com/api/webhooks/123456789/abcdefghijklmnop",
            "https://discordapp.com/api/v10/webhooks/123456789/abcdefghijklmnop",
            "HTTPS://PTB.discord.com/api/webhooks/123456789/abcdefghijklmnop",
            " https://canary.discord.com/api/v9/webhooks/123456789/abcdefghijklmnop ",
        ] {
            let url = webhook(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((url.id, url.token.as_str()), (123_456_789, "abcdefghijklmnop"));
            assert!(!format!("{url:?}").contains("abcdef"));
        }
        assert_eq!(invite("https://discord.gg/abc123xyz").as_deref(), Some("https://discord.gg/abc123xyz"));
        assert_eq!(invite("https://DISCORD.com/invite/a-b").as_deref(), Some("https://discord.com/invite/a-b"));
    }

    #[test]
    fn addresses_that_only_look_like_it() {
        for text in [
            "http://discord.com/api/webhooks/1/a",
            "https://discord.com.evil.example/api/webhooks/1/a",
            "https://evil.example/discord.com/api/webhooks/1/a",
            "https://discord.com@evil.example/api/webhooks/1/a",
            "https://discord.com:444/api/webhooks/1/a",
            "https://discord.com/api/webhooks/1/a/../../../users/@me",
            "https://discord.com/api/webhooks/1/..",
            "https://discord.com/api/webhooks/1/a?wait=true",
            "https://discord.com/api/webhooks/1/a#b",
            "https://discord.com/api/webhooks/0/a",
            "https://discord.com/api/webhooks/1/",
            "https://discord.com/api/webhooks/1",
            "https://discord.com/api/webhooks/x/a",
            "https://discord.com/api/v/webhooks/1/a",
            "https://discord.com/api/webhooks/99999999999999999999/a",
            "https://discord.com/webhooks/1/a",
            "https://discord.com\\@evil.example/api/webhooks/1/a",
            "https://discord.com/api/webhooks/1/a%2f..",
            "discord.com/api/webhooks/1/a",
            "https://discörd.com/api/webhooks/1/a",
            "",
        ] {
            assert_eq!(webhook(text), None, "{text}");
        }
        for text in
            ["https://discord.gg/", "https://discord.gg/a/b", "https://discord.gg.evil/a", "https://discord.com/a"]
        {
            assert_eq!(invite(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_has_the_one_shape(text in "(https://)?(discord(app)?\\.com|ptb\\.discord\\.com|evil\\.example)?[a-z0-9/.@:%?#_v-]{0,60}") {
            if let Some(url) = webhook(&text) {
                let (_, after) = text.trim().split_once("://").unwrap();
                let host = after.split('/').next().unwrap();
                prop_assert!(HOSTS.contains(&host));
                let end = format!("/webhooks/{}/{}", url.id, url.token);
                prop_assert!(after.ends_with(&end) || after.contains("/webhooks/0"), "{after} {end}");
                prop_assert!(!url.token.contains(['/', '.', '%', '?', '#', '@', ':']));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            let _ = (webhook(&text), invite(&text));
        }

        #[test]
        fn real_ones_are_taken(id in 1i64.., token in "[A-Za-z0-9_-]{1,128}", host in 0..HOSTS.len(), version in proptest::option::of(1u8..100)) {
            let version = version.map(|v| format!("/v{v}")).unwrap_or_default();
            let url = webhook(&format!("https://{}/api{version}/webhooks/{id}/{token}", HOSTS[host]));
            prop_assert_eq!(url, Some(WebhookUrl { id, token }));
        }
    }
}
