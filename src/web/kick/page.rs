//! A plain page: a heading, paragraphs, at most one button. What people are called is escaped.

use std::fmt::Write as _;

/// Everything but the markup. Texts are plain; a `\u{1}` on either side makes what is between bold.
pub struct Page {
    pub title: String,
    pub paragraphs: Vec<String>,
    pub list: Vec<String>,
    /// Posts to the page's own address.
    pub button: Option<String>,
    pub note: Option<String>,
}

/// On either side of what is bold: names cannot hold it.
const BOLD: char = '\u{1}';

/// A name in bold; its own control characters are left out.
pub fn bold(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control() && !is_direction(*c)).take(80).collect();
    format!("{BOLD}{name}{BOLD}")
}

/// Marks of direction can make a name read as another one.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

pub fn render(page: &Page) -> String {
    let mut body = format!("<h1>{}</h1>", escape(&page.title));
    for paragraph in &page.paragraphs {
        let _ = write!(body, "<p>{}</p>", marked(paragraph));
    }
    if !page.list.is_empty() {
        let items: String = page.list.iter().map(|item| format!("<li>{}</li>", marked(item))).collect();
        let _ = write!(body, "<ul>{items}</ul>");
    }
    if let Some(button) = &page.button {
        let _ = write!(body, "<form method=\"post\"><button>{}</button></form>", escape(button));
    }
    if let Some(note) = &page.note {
        let _ = write!(body, "<p class=\"note\">{}</p>", marked(note));
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\"><title>{} · Signalbox\
         </title><style>{STYLE}</style></head><body><main>{body}</main></body></html>",
        escape(&page.title)
    )
}

fn marked(text: &str) -> String {
    let mut out = String::new();
    for (at, piece) in escape(text).split(BOLD).enumerate() {
        match at % 2 {
            0 => out.push_str(piece),
            _ => {
                let _ = write!(out, "<strong>{piece}</strong>");
            }
        }
    }
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

const STYLE: &str = "\
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
body{margin:0;display:grid;place-items:center;min-height:100vh;background:Canvas;color:CanvasText}\
main{max-width:34rem;padding:2rem}h1{font-size:1.4rem;line-height:1.3}\
button{font:inherit;font-weight:600;padding:.7rem 1.4rem;border:0;border-radius:.5rem;background:#53fc18;color:#0b0e0f;\
cursor:pointer}button:focus-visible{outline:3px solid;outline-offset:2px}.note{opacity:.75;font-size:.9rem}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_cannot_mark() {
        let page = Page {
            title: "A & B".into(),
            paragraphs: vec![format!("{} wants", bold("<script>\u{1}alert(1)\u{202e}</script>"))],
            list: vec![],
            button: Some("Go".into()),
            note: None,
        };
        let html = render(&page);
        assert!(html.contains("<strong>&lt;script&gt;alert(1)&lt;/script&gt;</strong> wants"), "{html}");
        assert!(html.contains("<h1>A &amp; B</h1>") && !html.contains("<script"));
    }
}
