//! The page of a draw, and its script, which recomputes it in the reader's own browser.

use std::fmt::Write as _;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::community::draw::publish::{document, not_proven, proven};
use crate::routing::board::draw::DrawState;
use crate::store::draw::PublishedDraw;

pub(super) const UNKNOWN: &str = "There is no such draw here.";
pub(super) const TRY_AGAIN: &str = "Signalbox cannot reach its database at the moment. Try again in a minute.";
pub(super) const TOO_MANY: &str = "Too many requests. Try again later.";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
code{word-break:break-all;background:#f3f3f3;padding:0 .2em}td,th{text-align:left;padding:.1rem .8rem .1rem 0}\
button{font:inherit;padding:.4rem 1rem}li{margin:.3rem 0}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}code{background:#2a2a2a}a{color:#8bf}}";

/// Reads the published data from the page itself and follows the rule; it asks nobody for anything.
const SCRIPT: &str = r#"const hex=b=>[...new Uint8Array(b)].map(x=>x.toString(16).padStart(2,'0')).join('');
const sha=async t=>hex(await crypto.subtle.digest('SHA-256',typeof t==='string'?new TextEncoder().encode(t):t));
const bytes=h=>new Uint8Array(h.match(/../g).map(x=>parseInt(x,16)));
async function recompute(d){
  const found=[];
  const say=(what,holds)=>found.push([what,holds]);
  say('the seed is the one that was committed to',await sha(d.server_seed)===d.commitment);
  say('the entries are those of the close',await sha(d.entries.map((e,n)=>`${n+1} ${e.code} ${e.tickets}\n`).join(''))===d.entries_hash);
  let round='-',random='-';
  if(d.beacon){
    round=d.beacon.round;random=d.beacon.randomness;
    say('the number of drand belongs to its signature',await sha(bytes(d.beacon.signature))===random);
    say('drand spoke after the close',d.beacon.time>d.closed_at);
  }
  const gone=new Set();
  for(let n=1;n<=d.winners.length;n++){
    const w=d.winners[n-1],left=d.entries.filter(e=>!gone.has(e.code));
    const total=left.reduce((sum,e)=>sum+BigInt(e.tickets),0n);
    const proof=await sha(`${d.server_seed}:${d.id}:${total}:${left.length}:${d.entries_hash}:${round}:${random}:${n}`);
    const ticket=total>0n?BigInt('0x'+proof.slice(0,16))%total+1n:0n;
    let passed=0n,code='nobody';
    for(const e of left){passed+=BigInt(e.tickets);if(ticket<=passed){code=e.code;break}}
    say(`draw ${n}: ticket ${ticket} of ${total}, entry ${code}`,proof===w.proof&&code===w.code&&String(ticket)===String(w.ticket));
    gone.add(w.code);
  }
  return found;
}
const button=document.getElementById('go'),list=document.getElementById('found');
if(button)button.addEventListener('click',async()=>{
  list.textContent='';
  const line=t=>{const li=document.createElement('li');li.textContent=t;list.append(li)};
  if(!globalThis.crypto||!crypto.subtle){line('Browsers compute hashes only on pages with https. Use the script instead.');return}
  for(const[what,holds]of await recompute(JSON.parse(document.getElementById('data').textContent)))line((holds?'✅ ':'❌ ')+what);
});
"#;

/// As a content security policy names the script.
pub(super) fn script_hash() -> &'static str {
    static HASH: LazyLock<String> = LazyLock::new(|| {
        let hash = digest::digest(&digest::SHA256, SCRIPT.as_bytes());
        format!("sha256-{}", BASE64_STANDARD.encode(hash.as_ref()))
    });
    &HASH
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn list(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("<li>{}</li>", escape(line))).collect()
}

pub(super) fn html(published: &PublishedDraw) -> String {
    let title = format!("{} #{}: {}", published.kind.title(), published.number, published.prize);
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}</title><style>{STYLE}</style><h1>{0}</h1><p>{1}</p>",
        escape(&title),
        match published.state {
            DrawState::Open => "Open: the commitment is published, the entries are not closed yet.",
            DrawState::Closed => "Closed: the entries are fixed, the draw waits for public randomness.",
            DrawState::Drawn => "Drawn: everything is published.",
            DrawState::Cancelled => "Called off: nothing is drawn.",
        }
    );
    facts(&mut out, published);
    if published.state == DrawState::Drawn {
        out.push_str(
            "<h2>Recompute it</h2><p><button id=\"go\">Recompute in this browser</button></p><ul id=\"found\"></ul>",
        );
        let _ = write!(
            out,
            "<p>Or with the <a href=\"{}.json\">published data</a> and <code>tests/recompute_draw.py</code>, which shares no \
             code with this program.</p>",
            published.id
        );
    }
    let _ = write!(out, "<h2>What that proves</h2><ul>{}</ul>", list(&proven(published)));
    let _ = write!(out, "<h2>What it does not prove</h2><ul>{}</ul>", list(&not_proven(published)));
    winners(&mut out, published);
    entries(&mut out, published);
    // Within a script element only `<` could end it.
    let data = document(published).to_string().replace('<', "\\u003c");
    let _ =
        write!(out, "<script type=\"application/json\" id=\"data\">{data}</script><script>{SCRIPT}</script></html>");
    out
}

fn facts(out: &mut String, published: &PublishedDraw) {
    let data = document(published);
    out.push_str("<table>");
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => "–".to_owned(),
        other => other.to_string(),
    };
    for (label, name) in [
        ("Draw", "id"),
        ("Opened", "opened_at"),
        ("Commitment (SHA-256 of the seed)", "commitment"),
        ("Closed", "closed_at"),
        ("SHA-256 of the entries", "entries_hash"),
        ("Round of drand quicknet", "beacon_round"),
        ("Drawn", "drawn_at"),
        ("Seed", "server_seed"),
    ] {
        let _ = write!(out, "<tr><th>{label}</th><td><code>{}</code></td></tr>", escape(&text(&data[name])));
    }
    if let Some(url) = data["beacon"]["url"].as_str() {
        let random = data["beacon"]["randomness"].as_str().unwrap_or_default();
        let _ = write!(
            out,
            "<tr><th>Its number</th><td><code>{0}</code> (<a href=\"{1}\">{1}</a>)</td></tr>",
            escape(random),
            escape(url)
        );
    }
    out.push_str("</table>");
}

fn winners(out: &mut String, published: &PublishedDraw) {
    if published.winners.is_empty() {
        return;
    }
    out.push_str("<h2>Drawn</h2><table><tr><th>No.</th><th>Code</th><th>Ticket</th><th>of</th><th></th></tr>");
    for winner in &published.winners {
        let note = if winner.passed { "replaced: not claimed" } else { "" };
        let _ = write!(
            out,
            "<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td><td>{note}</td></tr>",
            winner.place, winner.entry_id, winner.ticket, winner.total
        );
    }
    out.push_str("</table>");
}

fn entries(out: &mut String, published: &PublishedDraw) {
    if published.entries.is_empty() {
        return;
    }
    out.push_str("<h2>Entries</h2><table><tr><th>No.</th><th>Code</th><th>Tickets</th></tr>");
    for (at, entry) in published.entries.iter().enumerate() {
        let _ = write!(out, "<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>", at + 1, entry.id, entry.tickets);
    }
    out.push_str("</table>");
}
