// One floating box at a time: placed beside its anchor, closed by Escape, by a press elsewhere, by scrolling away.

import { el } from './dom.js';

let close = () => {};
export const closePopup = () => close();

/** Shows `content` above or below `anchor`, wherever there is more room; returns how to close it. */
export function popup(anchor, content, { width = null, onClose = () => {}, align = 'start' } = {}) {
  close();
  const box = el('div', { class: 'popup' }, content);
  document.getElementById('layer').append(box);
  place(box, anchor, width, align);

  const outside = (event) => {
    if (!box.contains(event.target) && !anchor.contains(event.target)) close();
  };
  const keys = (event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close();
    anchor.focus();
  };
  const away = (event) => {
    if (!box.contains(event.target)) close();
  };
  document.addEventListener('pointerdown', outside, true);
  document.addEventListener('keydown', keys, true);
  document.addEventListener('scroll', away, true);
  window.addEventListener('resize', away);
  const mine = () => {
    document.removeEventListener('pointerdown', outside, true);
    document.removeEventListener('keydown', keys, true);
    document.removeEventListener('scroll', away, true);
    window.removeEventListener('resize', away);
    box.remove();
    if (close === mine) close = () => {};
    onClose();
  };
  close = mine;
  return mine;
}

function place(box, anchor, width, align) {
  const at = anchor.getBoundingClientRect();
  const room = window.innerHeight;
  const below = room - at.bottom;
  if (width) box.style.width = `${Math.min(width, window.innerWidth - 16)}px`;
  const up = below < 240 && at.top > below;
  box.style.maxHeight = `${Math.min(360, (up ? at.top : below) - 16)}px`;
  if (up) box.style.bottom = `${room - at.top + 6}px`;
  else box.style.top = `${at.bottom + 6}px`;
  const wide = box.offsetWidth;
  const left = align === 'end' ? at.right - wide : at.left;
  box.style.left = `${Math.max(8, Math.min(left, window.innerWidth - wide - 8))}px`;
}

/** A listbox of buttons with arrow keys; `items` are {label, detail, icon, selected, chosen}. */
export function listbox(items, label, { multiple = false } = {}) {
  const list = el('div', { class: 'list', role: 'listbox', 'aria-label': label, 'aria-multiselectable': multiple || null });
  for (const item of items) {
    const row = el('button', {
      class: 'list-item', type: 'button', role: 'option', 'aria-selected': item.selected ? 'true' : 'false',
      on: { click: () => item.chosen(row) },
    }, item.icon, el('span', { class: 'list-text' }, el('span', { class: 'list-label' }, item.label),
      item.detail && el('span', { class: 'list-detail' }, item.detail)), el('span', { class: 'list-mark', 'aria-hidden': 'true' }));
    list.append(row);
  }
  if (!items.length) list.append(el('div', { class: 'list-empty' }, 'Nothing to choose from'));
  list.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const rows = [...list.querySelectorAll('.list-item')];
    rows.at((rows.indexOf(document.activeElement) + step) % rows.length)?.focus();
  });
  return list;
}
