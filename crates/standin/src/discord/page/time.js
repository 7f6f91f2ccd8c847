// Writes instants as Discord does, and keeps the relative ones fresh.

import { el } from './dom.js';

const write = (options) => new Intl.DateTimeFormat(navigator.language, options);
const STYLES = {
  t: write({ timeStyle: 'short' }),
  T: write({ timeStyle: 'medium' }),
  d: write({ day: '2-digit', month: '2-digit', year: 'numeric' }),
  D: write({ dateStyle: 'long' }),
  f: write({ dateStyle: 'long', timeStyle: 'short' }),
  F: write({ dateStyle: 'full', timeStyle: 'short' }),
  s: write({ dateStyle: 'short', timeStyle: 'short' }),
  S: write({ dateStyle: 'short', timeStyle: 'medium' }),
};
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const UNITS = [['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]];

/** `<t:unix:style>` */
export function timestamp(unix, style = 'f') {
  const at = new Date(unix * 1000);
  if (Number.isNaN(at.getTime())) return el('span', { class: 'time' }, 'Invalid date');
  const node = el('time', { class: 'time', datetime: at.toISOString(), title: STYLES.F.format(at) });
  if (style === 'R') node.dataset.since = String(unix);
  node.textContent = style === 'R' ? relative(unix) : (STYLES[style] ?? STYLES.f).format(at);
  return node;
}

function relative(unix) {
  const seconds = unix - Date.now() / 1000;
  const [unit, length] = UNITS.find(([, l]) => Math.abs(seconds) >= l) ?? UNITS.at(-1);
  return RELATIVE.format(Math.trunc(seconds / length), unit);
}

export function keepFresh() {
  setInterval(() => {
    for (const node of document.querySelectorAll('time[data-since]')) {
      const text = relative(Number(node.dataset.since));
      if (node.textContent !== text) node.textContent = text;
    }
  }, 1000);
}

const day = (at) => at.toDateString();

/** As beside a name: `Today at 14:02`. */
export function when(iso) {
  const at = new Date(iso);
  const yesterday = new Date(Date.now() - 86_400_000);
  if (day(at) === day(new Date())) return `Today at ${STYLES.t.format(at)}`;
  if (day(at) === day(yesterday)) return `Yesterday at ${STYLES.t.format(at)}`;
  return STYLES.s.format(at);
}

export const clock = (iso) => STYLES.t.format(new Date(iso));
export const dayName = (iso) => STYLES.D.format(new Date(iso));
export const sameDay = (a, b) => day(new Date(a)) === day(new Date(b));
export const full = (iso) => STYLES.F.format(new Date(iso));
