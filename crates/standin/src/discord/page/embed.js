// Embeds: the box with the coloured edge. Order of its parts as in Discord.

import { el, fileUrl } from './dom.js';
import { blocks, inline, link } from './markup.js';
import { full, when } from './time.js';

export function embed(value, attachments = []) {
  const box = el('article', { class: 'embed', 'aria-label': value.title ?? 'Embed' });
  if (typeof value.color === 'number') box.style.setProperty('--edge', `#${value.color.toString(16).padStart(6, '0')}`);
  const thumbnail = picture(value.thumbnail, attachments, 'embed-thumbnail');
  const text = el('div', { class: 'embed-text' },
    value.author?.name && el('div', { class: 'embed-author' }, linked(value.author.url, value.author.name)),
    value.title && el('div', { class: 'embed-title', role: 'heading', 'aria-level': 3 }, linked(value.url, inline(value.title))),
    value.description && el('div', { class: 'embed-description markup' }, blocks(value.description)),
    value.fields?.length > 0 && fields(value.fields));
  box.append(el('div', { class: 'embed-top' }, text, thumbnail));
  const image = picture(value.image, attachments, 'embed-image');
  if (image) box.append(image);
  if (value.footer?.text || value.timestamp) {
    const at = value.timestamp && el('time', { datetime: value.timestamp, title: full(value.timestamp) }, when(value.timestamp));
    box.append(el('footer', { class: 'embed-footer' }, value.footer?.text, value.footer?.text && at && el('span', { class: 'point', 'aria-hidden': 'true' }, '•'), at));
  }
  return box;
}

/** Up to three inline fields share a line. */
function fields(all) {
  const grid = el('div', { class: 'fields' });
  for (let i = 0; i < all.length;) {
    const line = [all[i++]];
    while (line[0].inline && line.length < 3 && all[i]?.inline) line.push(all[i++]);
    for (const field of line) {
      grid.append(el('div', { class: `field field-${line[0].inline ? line.length : 'full'}` },
        el('div', { class: 'field-name' }, inline(field.name ?? '')), el('div', { class: 'field-value markup' }, blocks(field.value ?? ''))));
    }
  }
  return grid;
}

function linked(url, content) {
  return url ? link(url, content) : content;
}

/** Pictures of this origin are shown, `attachment://` ones found among the message's files; others are named, not fetched. */
export function picture(media, attachments, className) {
  if (!media?.url) return null;
  const named = /^attachment:\/\/(.+)$/.exec(media.url);
  const file = named && attachments.find((a) => a.filename === named[1]);
  const href = fileUrl(file?.url ?? (named ? '' : media.url));
  const alt = media.description ?? file?.description ?? '';
  if (href && new URL(href).origin === location.origin) return el('img', { class: className, src: href, alt, title: alt || null, loading: 'lazy' });
  return el('div', { class: `${className} missing` }, alt || named?.[1] || 'Picture elsewhere');
}
