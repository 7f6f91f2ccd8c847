// Everything beside the messages: the server, its channels, who acts, the members.

import { avatar, el, icon, keepFocus, replace } from './dom.js';
import { listbox, popup, closePopup } from './popup.js';
import { actAs, actor, channels, guild, humans, isBot, nameOf, openChannel, rolesOf, store, unread, users } from './store.js';

const THREADS = new Set([10, 11, 12]);
const FORUM = 15;

/** Replaces what a node shows only when it would look different, so that focus and hover stay. */
function show(node, print, ...children) {
  const text = JSON.stringify(print);
  if (node.dataset.print === text) return;
  node.dataset.print = text;
  keepFocus(node, () => replace(node, ...children.map((child) => (typeof child === 'function' ? child() : child))));
}

export function showServer(rail, header) {
  const name = guild()?.name ?? 'Signal Town';
  const waiting = channels().reduce((sum, c) => sum + unread(c).mentions, 0);
  document.title = `${waiting ? `(${waiting}) ` : ''}${name}`;
  show(rail, [name], () => [
    el('span', { class: 'rail-home', 'aria-hidden': 'true' }, icon('signal', 24)), el('span', { class: 'rail-line', 'aria-hidden': 'true' }),
    el('span', { class: 'rail-server', title: name, 'aria-label': name, role: 'img' }, name.split(/\s+/).map((word) => word[0]).join('').slice(0, 3)),
  ]);
  show(header, [name], () => el('h1', {}, name));
}

export function showChannels(nav) {
  const all = channels().map((c) => ({ id: c.id, name: c.name, type: c.type ?? 0, parent: c.parent_id, ...unread(c) }));
  const roots = all.filter((c) => !THREADS.has(c.type) && c.type !== 4);
  const rest = all.filter((c) => THREADS.has(c.type));
  show(nav, [all, store.channelId], () => [
    el('h2', { class: 'heading' }, 'Text channels'),
    el('ul', {}, roots.map((c) => [entry(c), rest.filter((t) => t.parent === c.id).map(entry)]), rest.filter((t) => !roots.some((c) => c.id === t.parent)).map(entry)),
  ]);
}

function entry(channel) {
  const open = channel.id === store.channelId;
  const thread = THREADS.has(channel.type);
  const fresh = channel.count > 0 && !open;
  const hint = channel.mentions ? `, ${channel.mentions} mentions` : fresh ? ', unread' : '';
  return el('li', { class: thread ? 'channel-item channel-thread' : 'channel-item' }, fresh && el('span', { class: 'pill', 'aria-hidden': 'true' }), el('button', {
    type: 'button', class: `channel${open ? ' open' : ''}${fresh ? ' fresh' : ''}`, 'aria-current': open ? 'page' : null, data: { focus: channel.id },
    'aria-label': `${channel.name}${hint}`, on: { click: () => openChannel(channel.id) },
  }, icon(thread ? 'thread' : channel.type === FORUM ? 'forum' : 'hash', 20), el('span', { class: 'channel-name' }, channel.name),
  channel.mentions > 0 && !open && el('span', { class: 'badge' }, String(channel.mentions))));
}

const roleLine = (user) => rolesOf(user).map((r) => r.name).join(', ') || 'No roles';

/** Who acts; pressing it lets somebody else act. */
export function showSelf(node) {
  const me = actor();
  if (!me) return;
  show(node, [me, humans()], () => {
    const box = el('button', { class: 'self-button', type: 'button', 'aria-haspopup': 'listbox', data: { focus: 'self' }, 'aria-label': `Acting as ${nameOf(me)}, press to change` },
      el('span', { class: 'presence' }, avatar(me, 32)), el('span', { class: 'self-text' }, el('span', { class: 'self-label' }, 'Acting as'), el('span', { class: 'self-name' }, nameOf(me))),
      el('span', { class: 'self-role' }, roleLine(me)), icon('chevron', 18));
    box.addEventListener('click', () => {
      const items = humans().map((user) => ({
        label: nameOf(user), detail: roleLine(user), icon: avatar(user, 28), selected: user.name === store.actor,
        chosen: () => { closePopup(); actAs(user.name); },
      }));
      const list = listbox(items, 'Acting as');
      popup(box, list, { width: 232 });
      (list.querySelector('[aria-selected=true]') ?? list.querySelector('button'))?.focus();
    });
    return box;
  });
}

export function showMembers(node) {
  const all = users();
  show(node, ['members', all, store.actor], () => {
    const groups = new Map();
    for (const user of all) {
      const group = isBot(user) ? 'Apps' : rolesOf(user)[0]?.name ?? 'Online';
      groups.set(group, [...(groups.get(group) ?? []), user]);
    }
    return el('div', { class: 'members' }, [...groups].map(([name, members]) => [
      el('h2', { class: 'heading' }, `${name} — ${members.length}`), el('ul', {}, members.map(member)),
    ]));
  });
}

function member(user) {
  const bot = isBot(user);
  const acting = user.name === store.actor;
  const colour = rolesOf(user).find((role) => role.color)?.color;
  const name = el('span', { class: 'member-name' }, nameOf(user));
  if (colour) name.style.color = `#${colour.toString(16).padStart(6, '0')}`;
  const content = [el('span', { class: 'presence' }, avatar({ ...user, bot }, 32)),
    el('span', { class: 'member-text' }, el('span', { class: 'member-line' }, name, bot && el('span', { class: 'tag' }, 'APP')),
      el('span', { class: 'member-detail' }, bot ? 'Watching the signals' : acting ? 'You act as this person' : 'Press to act as this person'))];
  if (bot) return el('li', {}, el('div', { class: 'member' }, content));
  return el('li', {}, el('button', { class: acting ? 'member acting' : 'member', type: 'button', data: { focus: user.name }, 'aria-pressed': String(acting), on: { click: () => actAs(user.name) } }, content));
}
