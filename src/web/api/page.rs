//! Lists in pages. A cursor says where the next page begins, by the id of the last thing on this one: what is
//! added meanwhile neither shifts a page nor shows anything twice.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{FieldError, Problem};
use super::text;

const DEFAULT: u32 = 50;
pub const LARGEST: u32 = 200;

/// One page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// What a list is asked that has no other parameters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// How many on a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// Which page is wanted.
pub struct Wanted<P> {
    /// The place of the last thing of the page before.
    pub after: Option<P>,
    limit: usize,
}

impl<P: std::str::FromStr + ToString> Wanted<P> {
    /// From the parameters of a list called `name`.
    pub fn read(name: &str, cursor: Option<&str>, limit: Option<u32>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(DEFAULT);
        let mut errors = Vec::new();
        if !(1..=LARGEST).contains(&limit) {
            errors.push(FieldError::new("limit", format!("should be 1 to {LARGEST}")));
        }
        let after = cursor.map(|cursor| place(name, cursor));
        if after.as_ref().is_some_and(Option::is_none) {
            errors.push(FieldError::new("cursor", text::BAD_CURSOR).hint(text::CURSOR_HINT));
        }
        if errors.is_empty() {
            Ok(Self { after: after.flatten(), limit: limit as usize })
        } else {
            Err(Problem::invalid(errors))
        }
    }

    /// How many rows to ask for: one more than are shown tells whether there is a next page.
    pub fn rows(&self) -> i64 {
        self.limit as i64 + 1
    }

    /// The page of these rows, each shown as `show` does and found again by its place.
    pub fn page<R, T>(
        &self,
        name: &str,
        mut rows: Vec<R>,
        place: impl Fn(&R) -> P,
        show: impl FnMut(R) -> T,
    ) -> Page<T> {
        let goes_on = rows.len() > self.limit;
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| goes_on).map(place);
        let next_cursor = last.map(|place| URL_SAFE_NO_PAD.encode(format!("{name}:{}", place.to_string())));
        Page { items: rows.into_iter().map(show).collect(), next_cursor }
    }
}

fn place<P: std::str::FromStr>(name: &str, cursor: &str) -> Option<P> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(name)?.strip_prefix(':')?.parse().ok()
}
