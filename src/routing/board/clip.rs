//! The card of a moment that somebody marked in a stream, with the clip when there is one.

use chrono::{DateTime, Utc};

use super::{GOLD, frame};
use crate::routing::embed::{MessageBody, escape, web_address};

/// How far a clip has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClipState {
    /// No service makes one.
    Marked,
    Asked,
    /// With its address, where that is known.
    Made(Option<String>),
    Failed(String),
}

#[derive(Clone, Debug)]
pub struct ClipView {
    pub title: String,
    /// Who marked it.
    pub name: String,
    pub stream_seconds: Option<i64>,
    pub made_at: DateTime<Utc>,
    pub state: ClipState,
}

/// `1:02:03`
pub fn clock(seconds: i64) -> String {
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

pub fn render(view: &ClipView) -> MessageBody {
    let link = match &view.state {
        ClipState::Made(Some(link)) => web_address(link),
        _ => None,
    };
    let clip = match (&view.state, &link) {
        (ClipState::Marked, _) => String::new(),
        (ClipState::Asked, _) => "⏳ is being made".to_owned(),
        (_, Some(link)) => link.clone(),
        (ClipState::Made(_), None) => "✅ is made".to_owned(),
        (ClipState::Failed(why), _) => format!("⚠️ none: {}", escape(why)),
    };
    let mut embed = frame(&format!("🎬 {}", escape(&view.title)), GOLD, Some(view.made_at))
        .field("Marked by", escape(&view.name), true)
        .field("In the stream", view.stream_seconds.map_or_else(|| "not live".to_owned(), clock), true)
        .field("Clip", clip, false);
    embed.url = link.unwrap_or_default();
    MessageBody { embeds: vec![embed], ..MessageBody::default() }
}
