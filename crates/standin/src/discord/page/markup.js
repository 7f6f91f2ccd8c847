// Discord's markdown into nodes: blocks first, then what stands inside a line. What does not parse stays as it was written.

import { el, safeUrl } from './dom.js';
import { timestamp } from './time.js';
import { channelById, nameOf, openChannel, roleById, userById } from './store.js';

const DEEPEST = 12;

/** Whole text with code blocks, quotes, headings and lists. */
export function blocks(text) {
  const out = [];
  const fence = /```(?:([\w+#.-]{1,20})\n)?\n*([\s\S]+?)\n*```/g;
  let from = 0;
  for (const found of text.matchAll(fence)) {
    out.push(...lines(text.slice(from, found.index).replace(/\n$/, '')));
    out.push(el('pre', { class: 'code', tabindex: 0 }, el('code', {}, found[2])));
    from = found.index + found[0].length;
  }
  out.push(...lines(text.slice(from).replace(/^\n/, from ? '' : '\n')));
  return out;
}

function lines(text) {
  if (!text) return [];
  const out = [];
  const rows = text.split('\n');
  let plain = [];
  /** Before a block, an empty last line needs a break of its own to be seen. */
  const flush = () => {
    if (plain.length > 1 && plain.at(-1) === '') plain.push('');
    if (plain.length) out.push(el('span', { class: 'lines' }, inline(plain.join('\n'))));
    plain = [];
  };
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const heading = /^(#{1,3}) +(\S.*)$/.exec(row);
    const item = /^( *)(?:[-*]|(\d{1,4})\.) +(\S.*)$/.exec(row);
    if (/^>>> /.test(row)) {
      flush();
      out.push(el('blockquote', {}, lines([row.slice(4), ...rows.slice(i + 1)].join('\n'))));
      break;
    } else if (/^> /.test(row)) {
      flush();
      const quoted = [];
      for (; i < rows.length && /^> ?/.test(rows[i]); i++) quoted.push(rows[i].replace(/^> ?/, ''));
      i--;
      out.push(el('blockquote', {}, lines(quoted.join('\n'))));
    } else if (heading) {
      flush();
      out.push(el('div', { class: `h${heading[1].length}`, role: 'heading', 'aria-level': heading[1].length + 2 }, inline(heading[2])));
    } else if (/^-# +\S/.test(row)) {
      flush();
      out.push(el('small', { class: 'subtext' }, inline(row.replace(/^-# +/, ''))));
    } else if (item) {
      flush();
      out.push(el('div', { class: item[1].length ? 'item item-2' : 'item' },
        el('span', { class: 'bullet' }, item[2] ? `${item[2]}.` : '•'), el('span', {}, inline(item[3]))));
    } else {
      plain.push(row);
    }
  }
  flush();
  return out;
}

/** One rule is a sticky expression and what becomes of it. The order matters. */
const RULES = [
  [/\\([^0-9A-Za-z\s])/y, (m) => m[1]],
  [/(`+)([\s\S]*?[^`])\1(?!`)/y, (m) => el('code', { class: 'inline' }, m[2].replace(/^ (.*) $/, '$1'))],
  [/<t:(-?\d{1,13})(?::([tTdDfFsSR]))?>/y, (m) => timestamp(Number(m[1]), m[2])],
  [/<@!?(\d{15,20})>/y, (m) => mention(`@${nameOf(userById(m[1])) ?? 'unknown-user'}`)],
  [/<@&(\d{15,20})>/y, (m) => roleMention(roleById(m[1]))],
  [/<#(\d{15,20})>/y, (m) => channelMention(channelById(m[1]), m[1])],
  [/<\/([^:>]{1,100}):\d{1,20}>/y, (m) => mention(`/${m[1]}`)],
  [/<a?:(\w{2,32}):\d{15,20}>/y, (m) => el('span', { class: 'emoji-name' }, `:${m[1]}:`)],
  [/@(?:everyone|here)\b/y, (m) => mention(m[0])],
  [/\[((?:\\.|[^\\\]\n])+)\]\(<?(https?:\/\/[^\s)>]+)>?(?: +"[^"\n]*")?\)/y, (m, deep) => link(m[2], inline(m[1], deep))],
  [/<(https?:\/\/[^\s>]+)>/y, (m) => link(m[1], m[1])],
  [/https?:\/\/[^\s<]+[^\s<.,:;"')\]!?*_~|]/y, (m) => link(m[0], m[0])],
  [/\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/y, (m, deep) => el('strong', {}, inline(m[1], deep))],
  [/__((?:\\[\s\S]|[^\\])+?)__(?!_)/y, (m, deep) => el('u', {}, inline(m[1], deep))],
  [/~~([\s\S]+?)~~/y, (m, deep) => el('s', {}, inline(m[1], deep))],
  [/\|\|([\s\S]+?)\|\|/y, (m, deep) => spoiler(inline(m[1], deep))],
  [/\b_((?:__|\\[\s\S]|[^\\_])+?)_\b/y, (m, deep) => el('em', {}, inline(m[1], deep))],
  [/\*(?=\S)((?:\*\*|\\[\s\S]|[^*\\])+?)\*(?!\*)/y, (m, deep) => el('em', {}, inline(m[1], deep))],
];

/** What may stand in one line: a title, a field's name, a line of text. */
export function inline(text, deep = 0) {
  if (deep > DEEPEST) return [text];
  const out = [];
  let plain = '';
  const push = (node) => {
    if (typeof node === 'string') {
      plain += node;
      return;
    }
    if (plain) out.push(plain);
    plain = '';
    out.push(node);
  };
  for (let at = 0; at < text.length;) {
    const found = ruleAt(text, at);
    if (found) {
      push(found.make(found.match, deep + 1));
      at += found.match[0].length;
    } else {
      plain += text[at++];
    }
  }
  if (plain) out.push(plain);
  return out;
}

function ruleAt(text, at) {
  if (!/[\\`<@[h*_~|]/.test(text[at])) return null;
  for (const [expression, make] of RULES) {
    expression.lastIndex = at;
    const match = expression.exec(text);
    if (match) return { match, make };
  }
  return null;
}

/** The same text without its marks, for places that show one plain line. */
export function plain(text) {
  return el('span', {}, inline(text ?? '')).textContent;
}

function mention(text) {
  return el('span', { class: 'mention' }, text);
}

function roleMention(role) {
  const node = mention(role ? `@${role.name.replace(/^@/, '')}` : '@unknown-role');
  if (role?.color) {
    node.classList.add('mention-role');
    node.style.setProperty('--role', `#${role.color.toString(16).padStart(6, '0')}`);
  }
  return node;
}

function channelMention(channel, id) {
  if (!channel) return mention('#unknown');
  return el('button', { class: 'mention mention-link', type: 'button', on: { click: () => openChannel(id) } }, `#${channel.name}`);
}

export function link(address, content) {
  const href = safeUrl(address);
  if (!href) return el('span', {}, content);
  return el('a', { href, target: '_blank', rel: 'noreferrer noopener' }, content);
}

function spoiler(content) {
  const node = el('button', { class: 'spoiler', type: 'button', 'aria-label': 'Spoiler, press to read' }, content);
  node.addEventListener('click', () => {
    node.classList.add('spoiler-open');
    node.removeAttribute('aria-label');
  });
  return node;
}
