//! Kick: the signature over what it sends, what is in it, and the events that are made of it. Pure but for
//! [`live`] and [`stream`].

pub mod event;
mod lax;
pub mod live;
pub mod parse;
pub mod stream;
pub mod verify;

/// The events of Kick that are subscribed to, by Kick's names; all are of version 1.
/// <https://docs.kick.com/events/event-types>
pub const CHAT: &str = "chat.message.sent";
pub const FOLLOWED: &str = "channel.followed";
pub const SUBSCRIBED: &str = "channel.subscription.new";
pub const RENEWED: &str = "channel.subscription.renewal";
pub const GIFTED: &str = "channel.subscription.gifts";
pub const REDEEMED: &str = "channel.reward.redemption.updated";
pub const STATUS: &str = "livestream.status.updated";
pub const METADATA: &str = "livestream.metadata.updated";
pub const BANNED: &str = "moderation.banned";
pub const KICKS: &str = "kicks.gifted";

pub const KINDS: [&str; 10] = [CHAT, FOLLOWED, SUBSCRIBED, RENEWED, GIFTED, REDEEMED, STATUS, METADATA, BANNED, KICKS];
pub const VERSION: i32 = 1;

/// The key that Kick publishes, <https://docs.kick.com/events/webhook-security>.
pub const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAq/+l1WnlRrGSolDMA+A8
6rAhMbQGmQ2SapVcGM3zq8ANXjnhDWocMqfWcTd95btDydITa10kDvHzw9WQOqp2
MZI7ZyrfzJuz5nhTPCiJwTwnEtWft7nV14BYRDHvlfqPUaZ+1KR4OCaO/wWIk/rQ
L/TjY0M70gse8rlBkbo2a8rKhu69RQTRsoaf4DVhDPEeSeI5jVrRDGAMGL3cGuyY
6CLKGdjVEM78g3JfYOvDU/RvfqD7L89TZ3iN94jrmWdGz34JNlEI5hqK8dd7C5EF
BEbZ5jgB8s8ReQV8H+MkuffjdAj3ajDDX3DOJMIut1lBrUVD1AaSrGCKHooWoL2e
twIDAQAB
-----END PUBLIC KEY-----";
