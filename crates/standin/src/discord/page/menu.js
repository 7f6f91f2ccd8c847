// The bar over a message: commands of the message menu, copying its id or link.

import { el, icon } from './dom.js';
import { closePopup, listbox, popup } from './popup.js';
import { command } from './actions.js';
import { guild, store } from './store.js';

const OF_MESSAGE = 3;

export function messageMenu(message) {
  if (message.private) return null;
  const more = el('button', { class: 'icon-button', type: 'button', 'aria-label': 'More about this message', 'aria-haspopup': 'menu', data: { focus: `${message.id}/menu` } }, icon('more', 20));
  more.addEventListener('click', () => {
    const apps = store.commands.filter((c) => c.type === OF_MESSAGE);
    const link = `https://discord.com/channels/${guild()?.id}/${message.channel_id}/${message.id}`;
    const copy = (text) => () => {
      closePopup();
      navigator.clipboard?.writeText(text);
    };
    const list = listbox([
      ...apps.map((c) => ({ label: c.name, detail: 'Signalbox', chosen: () => { closePopup(); command(c.name, {}, { message: message.id }); } })),
      { label: 'Copy message link', chosen: copy(link) },
      { label: 'Copy message ID', chosen: copy(message.id) },
    ], 'Message menu');
    popup(more, list, { width: 220, align: 'end' });
    list.querySelector('button')?.focus();
  });
  return el('div', { class: 'hover-bar' }, more);
}
