//! How events reach their receiver: as they should, or as networks, queues and forgers bring them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What happens to every delivery from now on; the default is what Kick promises.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sending {
    /// So many more copies under other message ids, as when an event is subscribed to twice (KickDevDocs #246).
    pub copies: u32,
    /// So many more times, byte for byte: a retry whose first answer was lost.
    pub repeats: u32,
    /// The copy of another app comes along: signed with the same key, under its own message id and a subscription id
    /// that is not ours (nothing that is signed says whom it is meant for).
    pub foreign: bool,
    /// Each delivery is late by this much, by the stand-in's clock. Kick signs when it sends.
    pub delay_seconds: i64,
    /// What is late was signed in time: its timestamp is that of the event.
    pub signed_before: bool,
    /// What arrives is not what was signed.
    pub tamper: Option<Tamper>,
    /// Nothing arrives (KickDevDocs #390, #358, #407).
    pub lost: bool,
}

/// What a forger changes after the signature was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tamper {
    /// One byte of the body.
    Body,
    /// A newline behind the body.
    Newline,
    MessageId,
    Timestamp,
    /// One byte of the signature.
    Signature,
    NoSignature,
    /// The headers that are not signed: these deliveries verify.
    Type,
    Subscription,
}

/// In which order [`super::Kick::release`] sends what was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    AsHappened,
    Reversed,
    /// By this seed; the same seed gives the same order.
    Shuffled(u64),
}

/// A delivery that is still to be sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Parcel {
    pub message_id: String,
    pub subscription_id: String,
    pub kind: String,
    pub version: String,
    pub broadcaster_user_id: i64,
    pub body: String,
    /// Set when it was signed before it is sent.
    pub timestamp: Option<DateTime<Utc>>,
    pub due: DateTime<Utc>,
    pub repeats: u32,
    pub tamper: Option<Tamper>,
    /// What is odd about it, for the log.
    pub oddity: Option<String>,
}

/// A fixed shuffle (Fisher–Yates over a linear congruential generator), so that a failing order can be had again.
pub(super) fn put_in_order<T>(all: &mut [T], order: Order) {
    match order {
        Order::AsHappened => {}
        Order::Reversed => all.reverse(),
        Order::Shuffled(seed) => {
            let mut state = seed;
            for i in (1..all.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                all.swap(i, (state >> 33) as usize % (i + 1));
            }
        }
    }
}

impl Tamper {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Body => "body changed",
            Self::Newline => "newline added",
            Self::MessageId => "message id changed",
            Self::Timestamp => "timestamp changed",
            Self::Signature => "signature changed",
            Self::NoSignature => "not signed",
            Self::Type => "type changed",
            Self::Subscription => "subscription changed",
        }
    }
}
