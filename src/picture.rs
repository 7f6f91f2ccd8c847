//! Pictures: an SVG of our own becomes a PNG, drawn with our own small fonts. Nothing of it is looked up elsewhere, and what
//! people are called stands in it as text that is escaped.

use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    // Latin letters alone.
    fonts.load_font_data(include_bytes!("../assets/fonts/DejaVuSans-latin.ttf").to_vec());
    fonts.load_font_data(include_bytes!("../assets/fonts/DejaVuSans-Bold-latin.ttf").to_vec());
    Arc::new(fonts)
});

/// Takes some tens of milliseconds.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    let options = Options { font_family: "DejaVu Sans".into(), fontdb: FONTS.clone(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).context("reading the drawing")?;
    let size = tree.size().to_int_size();
    let mut picture = Pixmap::new(size.width(), size.height()).context("a picture without a size")?;
    resvg::render(&tree, Transform::default(), &mut picture.as_mut());
    picture.encode_png().context("encoding the picture")
}

/// At most so many characters.
pub fn fit(name: &str, most: usize) -> String {
    if name.chars().count() <= most { name.to_owned() } else { name.chars().take(most - 1).chain(['…']).collect() }
}

/// Characters that XML does not take are left out.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')) {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => out.push(other),
        }
    }
    out
}
