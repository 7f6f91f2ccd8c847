//! The page keeps its promises: text from the world is never parsed as markup, nothing is fetched from elsewhere, no file grows
//! beyond what can be read.

#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf};

const LONGEST: usize = 500;
/// What would turn text into markup or code.
const FORBIDDEN: &[&str] = &[
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "createContextualFragment",
    "DOMParser",
    "eval(",
    "new Function",
    "javascript:",
    "srcdoc",
];

fn files() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/discord/page");
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.map(|p| (named(&p), fs::read_to_string(&p).unwrap())).collect()
}

#[test]
fn no_file_turns_text_into_markup_or_fetches_from_elsewhere() {
    for (name, text) in files() {
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{name} contains {word}");
        }
        let addresses = text.match_indices("http").filter(|(at, _)| {
            let rest = &text[*at..];
            ["src=\"", "href=\"", "url(", "from '", "import("].iter().any(|before| text[..*at].ends_with(before))
                && (rest.starts_with("http:") || rest.starts_with("https:"))
        });
        assert_eq!(addresses.count(), 0, "{name} refers to another origin");
    }
}

#[test]
fn the_skeleton_has_no_inline_code_or_style() {
    let (_, html) = files().into_iter().find(|(name, _)| name == "index.html").unwrap();
    assert!(html.contains("Content-Security-Policy") && html.contains("default-src 'none'"));
    for word in [" on", " style="] {
        let inline = html.split('<').filter(|tag| tag.split('>').next().is_some_and(|t| t.contains(word)));
        assert_eq!(inline.count(), 0, "index.html has an attribute that starts with {word:?}");
    }
    assert_eq!(html.matches("<script").count(), 1);
}

#[test]
fn every_file_is_short_and_says_its_one_job() {
    for (name, text) in files() {
        assert!(text.lines().count() < LONGEST, "{name} is too long");
        let opening = ["// ", "/* ", "//! ", "<!doctype html>\n<!--"];
        assert!(opening.iter().any(|o| text.starts_with(o)), "{name} does not say what it is for");
    }
}

#[test]
fn every_file_is_in_the_list_of_served_ones() {
    let all = files();
    let (_, list) = all.iter().find(|(name, _)| name == "files.rs").unwrap();
    for (name, _) in all.iter().filter(|(name, _)| name.ends_with(".js") || name.ends_with(".css")) {
        assert!(list.contains(&format!("include_str!(\"{name}\")")), "{name} is not served");
    }
}
