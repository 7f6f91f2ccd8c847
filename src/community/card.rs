//! A list as a picture.

use std::fmt::Write as _;

use anyhow::Result;

use crate::picture::{escape, fit, png};

const WIDTH: u32 = 720;
const HEAD: u32 = 84;
const LINE: u32 = 52;
const FOOT: u32 = 24;
const MEDALS: [&str; 3] = ["#f1c40f", "#bdc3c7", "#cd7f32"];
/// Characters of a name that there is room for.
const NAME: usize = 28;

/// A title, and lines of a name and what there is to say of it.
pub fn draw(title: &str, lines: &[(String, String)]) -> Result<Vec<u8>> {
    png(&svg(title, lines))
}

fn svg(title: &str, lines: &[(String, String)]) -> String {
    let height = HEAD + LINE * lines.len() as u32 + FOOT;
    let mut out = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="DejaVu Sans">
<rect width="{WIDTH}" height="{height}" rx="18" fill="#1e1f29"/><rect width="8" height="{height}" fill="#f1c40f"/>
<text x="36" y="54" font-size="28" font-weight="bold" fill="#ffffff">{}</text>"##,
        escape(title)
    );
    for (place, (name, amount)) in lines.iter().enumerate() {
        let top = HEAD + LINE * place as u32;
        let (row, base) = (if place % 2 == 0 { "#262838" } else { "#1e1f29" }, top + 34);
        let medal = MEDALS.get(place).copied().unwrap_or("#4a4d66");
        let dark = if place < MEDALS.len() { "#1e1f29" } else { "#ffffff" };
        let middle = top + 26;
        let _ = write!(
            out,
            r##"<rect x="24" y="{top}" width="672" height="{LINE}" rx="10" fill="{row}"/>
<circle cx="54" cy="{middle}" r="17" fill="{medal}"/>
<text x="54" y="{}" font-size="17" font-weight="bold" text-anchor="middle" fill="{dark}">{}</text>
<text x="88" y="{base}" font-size="22" fill="#ffffff">{}</text>
<text x="676" y="{base}" font-size="22" font-weight="bold" text-anchor="end" fill="#f1c40f">{}</text>"##,
            middle + 6,
            place + 1,
            escape(&fit(name, NAME)),
            escape(amount)
        );
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_letters_are_drawn() {
        let line = |name: &str| vec![(name.to_owned(), "2 h 05 min".to_owned())];
        let odd = draw("Watch time", &line("<image href='file:///etc/passwd'/>&\u{0}\u{8}]]>")).unwrap();
        assert_eq!(&odd[..8], b"\x89PNG\r\n\x1a\n");
        // With other words it is another picture: the fonts are found.
        assert_ne!(draw("Watch time", &line("ada")).unwrap(), draw("Watch time", &line("bob")).unwrap());
        let (width, height) =
            (u32::from_be_bytes(odd[16..20].try_into().unwrap()), u32::from_be_bytes(odd[20..24].try_into().unwrap()));
        assert_eq!((width, height), (720, 160));
        assert_eq!(fit(&"x".repeat(40), NAME).chars().count(), NAME);
    }
}
