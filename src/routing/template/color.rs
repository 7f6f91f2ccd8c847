//! Colours as people write them.

/// For whoever wrote something else.
pub(super) const NAMES: &str = "red, orange, yellow, green, blue, cyan, purple, grey";

/// `#FF0000`, `FF0000`, or a name.
pub(super) fn parse(word: &str) -> Option<u32> {
    let word = word.trim();
    let named = match word.to_ascii_lowercase().as_str() {
        "red" => 0xE7_4C_3C,
        "orange" => 0xE6_7E_22,
        "yellow" => 0xF1_C4_0F,
        "green" => 0x2E_CC_71,
        "blue" => 0x34_98_DB,
        "cyan" => 0x1A_BC_9C,
        "purple" => 0x9B_59_B6,
        "grey" | "gray" => 0x95_A5_A6,
        _ => return hex(word.strip_prefix('#').unwrap_or(word)),
    };
    Some(named)
}

fn hex(digits: &str) -> Option<u32> {
    let six = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| six)
}
