//! `import-stats DIR --check`, as somebody uses it who has a directory full of files.

use std::fs;
use std::path::Path;

use crate::support::corpus;
use crate::support::program::{Directory, End, Program};

async fn check(directory: &Path) -> End {
    Program::start(&["import-stats", directory.to_str().unwrap(), "--check"], &[]).ends_within(20).await
}

#[tokio::test]
async fn bad_files_are_named_with_the_place() {
    let directory = Directory::new();
    let header = "^1Our server\\supply\\legacy3\\1\\1\\2\\12:00\\9:13\n";
    let player = format!("A1B2C3D4\\^2anna\\0\\1\\1 1 2 3 4 5 {}\n", "\t1".repeat(38));
    for (name, text) in [
        ("2025-10-14-212214-supply-round-1.txt", format!("{header}{player}")),
        ("2025-10-14-213014-etl_ice-round-1.txt", format!("{header}{player}")),
        ("2025-10-14-214014-supply-round-1.txt", format!("{header}{}", player.replace("\\1\\1 1", "\\1\\1 one"))),
        ("2025-10-14-215014-supply-round-1.txt", format!("{header}{}", &player[..60])),
        ("2025-10-14-212214-supply-round-1-endstats.txt", "Most deaths\tanna\t7\n".to_owned()),
        ("2025-10-14-212214-supply-round-1_ws.txt", "whatever".to_owned()),
        ("2025-13-14-212214-supply-round-1.txt", String::new()),
        ("notes.md", String::new()),
    ] {
        fs::write(directory.0.join(name), text).unwrap();
    }
    let end = check(&directory.0).await;
    assert_eq!((end.code, end.err.as_str()), (Some(1), ""));
    insta::assert_snapshot!(end.out, @r#"
    2 rounds with 2 players, 1 files with 1 awards, 2 passed over
    noted: map: the name of the file says etl_ice, the file says supply (2025-10-14-213014-etl_ice-round-1.txt)
    3 cannot be read:
    file                                  why
    2025-10-14-214014-supply-round-1.txt  line 2, column 23: expected a whole number, found "one"
    2025-10-14-215014-supply-round-1.txt  line 2, column 61: expected a line feed: the last line is cut off, found the end of the file
    2025-13-14-212214-supply-round-1.txt  name, column 6: expected a day that there is
    "#);
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_said() {
    let end = check(Path::new("nowhere")).await;
    assert_eq!(end.code, Some(1));
    insta::assert_snapshot!(end.err, @"signalbox: nowhere cannot be read: No such file or directory (os error 2)");
}

#[tokio::test]
async fn every_genuine_file_can_be_read() {
    let Some(directory) = corpus::path("etlegacy/stats") else { return };
    let end = check(&directory).await;
    assert_eq!(end.code, Some(0));
    insta::assert_snapshot!(end.out, @"
    126 rounds with 867 players, 0 files with 0 awards, 0 passed over
    noted: lines end with CR LF (2024-04-16-220731-te_escape2-round-1.txt and 3 more)
    noted: nobody played (2024-09-12-174949-supply-round-2.txt)
    every file can be read
    ");
}
