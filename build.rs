//! How the release is linked: the places that the loader has to adjust are written down in short. That makes the program
//! two megabytes smaller, on disk and in memory, and nothing else.
//!
//! Only where it is known to work: the linker that comes with Rust, and a C library that reads the short form (2.36).

// The bans keep the environment in its place in the program; this runs before there is one.
#![allow(clippy::disallowed_methods)]

use std::path::Path;
use std::process::Command;

const SHORT_RELOCATIONS: &str = "-Wl,-z,pack-relative-relocs";
const READS_SHORT_RELOCATIONS: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|is| is == value);
    let is_known = is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && std::env::var("HOST") == std::env::var("TARGET");
    let reads_them = || c_library().is_some_and(|version| version >= READS_SHORT_RELOCATIONS);
    if is("PROFILE", "release") && is_known && links_with_lld() && reads_them() {
        println!("cargo::rustc-link-arg-bins={SHORT_RELOCATIONS}");
    }
}

/// Rust links with it on this target where it brings it along (since 1.90).
fn links_with_lld() -> bool {
    let (Ok(rustc), Ok(target)) = (std::env::var("RUSTC"), std::env::var("TARGET")) else { return false };
    let Some(root) = said(&rustc, &["--print", "sysroot"]) else { return false };
    Path::new(root.trim()).join(format!("lib/rustlib/{target}/bin/gcc-ld/ld.lld")).exists()
}

fn c_library() -> Option<(u32, u32)> {
    let said = said("getconf", &["GNU_LIBC_VERSION"])?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok()).flatten()
}
