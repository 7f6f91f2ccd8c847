// One message as Discord shows it, and the list that holds them.

import { avatar, el, fileUrl, icon, keepFocus } from './dom.js';
import { rows } from './components.js';
import { embed } from './embed.js';
import { blocks, plain } from './markup.js';
import { clock, dayName, full, sameDay, when } from './time.js';
import { calledName } from './commands.js';
import { actor, dismiss, nameOf, rolesOf, store, userById, visible } from './store.js';
import { messageMenu } from './menu.js';

const LOADING = 128;
const TOGETHER_MS = 7 * 60_000;

/** Brings the list up to date and leaves alone what did not change; returns whether a message was added at the end. */
export function showMessages(list, channel) {
  const wanted = [];
  let before = null;
  for (const message of visible(channel)) {
    if (!before || !sameDay(before.timestamp, message.timestamp)) wanted.push(divider(message));
    if (message.id === store.newFrom) wanted.push(newLine());
    wanted.push(entry(message, grouped(before, message)));
    before = message;
  }
  for (const attempt of store.attempts) if (attempt.channelId === channel?.id && worthShowing(attempt, before)) wanted.push(attemptEntry(attempt));
  if (!wanted.length) wanted.push(welcome(channel));
  return reconcile(list, wanted, channel?.id ?? '');
}

function reconcile(list, wanted, channelId) {
  const fresh = list.dataset.channel !== channelId;
  if (fresh) list.replaceChildren();
  list.dataset.channel = channelId;
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  let added = false;
  let place = list.firstChild;
  for (const { key, print, make, edited = '' } of wanted) {
    let node = old.get(key);
    if (node && node.dataset.print !== print) {
      const newNode = make();
      if (node.dataset.edited !== edited) newNode.classList.add('edited-now');
      if (node === place) place = newNode;
      keepFocus(list, () => node.replaceWith(newNode));
      node = newNode;
    } else if (!node) {
      node = make();
      if (!fresh) node.classList.add('arrived');
      added = true;
    }
    old.delete(key);
    node.dataset.key = key;
    node.dataset.print = print;
    node.dataset.edited = edited;
    if (node === place) place = node.nextSibling;
    else list.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
  return added;
}

function grouped(before, message) {
  if (!before || message.referenced_message || invoked(message) || message.id === store.newFrom) return false;
  if (Boolean(before.private) !== Boolean(message.private) || before.author?.id !== message.author?.id) return false;
  if (before.author?.username !== message.author?.username) return false;
  return sameDay(before.timestamp, message.timestamp) && new Date(message.timestamp) - new Date(before.timestamp) < TOGETHER_MS;
}

const invoked = (message) => {
  const by = message.interaction_metadata ?? message.interaction;
  return by && (by.type ?? 2) === 2 && by.user ? by : null;
};

function entry(message, follows) {
  const busy = [...store.busy].filter((key) => key.startsWith(`${message.id}/`));
  const failure = store.failed.get(message.id);
  const print = JSON.stringify([message, follows, busy, failure, store.actor, new Date().toDateString()]);
  return { key: `m${message.id}`, print, edited: message.edited_timestamp ?? '', make: () => render(message, follows, failure) };
}

function render(message, follows, failure) {
  const user = { ...message.author, webhook: isWebhook(message) };
  const calls = message.mention_everyone || message.mentions?.some((u) => String(u.id) === String(actor()?.id));
  const node = el('li', { class: 'message', id: `message-${message.id}`, tabindex: -1 });
  node.classList.toggle('follows', follows);
  node.classList.toggle('private', Boolean(message.private));
  node.classList.toggle('calls', Boolean(calls));
  node.append(...[above(message), follows
    ? el('time', { class: 'beside', datetime: message.timestamp, title: full(message.timestamp) }, clock(message.timestamp))
    : avatar(user, 40)].filter(Boolean));
  node.append(el('div', { class: 'body' }, !follows && head(message, user), content(message),
    failure && el('div', { class: 'failure', role: 'alert' }, failure), message.private && privacy(message.id)));
  const menu = messageMenu(message);
  if (menu) node.append(menu);
  return node;
}

/** An answer to an interaction comes by a webhook whose id is the bot's own: that is still the bot. */
const isWebhook = (message) => Boolean(message.webhook_id) && String(message.webhook_id) !== String(message.author?.id);

function above(message) {
  const by = invoked(message);
  if (by) {
    const name = by.name ?? message.interaction?.name;
    const user = userById(by.user.id) ?? by.user;
    return el('div', { class: 'above' }, avatar(user, 16), el('span', { class: 'above-name' }, nameOf(user)), ' used ',
      name ? el('span', { class: 'mention' }, calledName(name)) : 'a command');
  }
  const to = message.referenced_message;
  if (!to) return null;
  return el('div', { class: 'above' }, avatar(to.author, 16), el('span', { class: 'above-name' }, `@${nameOf(to.author)}`),
    el('span', { class: 'above-text' }, plain(to.content || to.embeds?.[0]?.title || 'Press to see the message')));
}

function head(message, user) {
  const colour = rolesOf(userById(user.id)).find((role) => role.color)?.color;
  const name = el('span', { class: 'name' }, nameOf(user) ?? 'Unknown');
  if (colour && !user.webhook) name.style.color = `#${colour.toString(16).padStart(6, '0')}`;
  return el('div', { class: 'head' }, name, (user.bot || user.webhook) && el('span', { class: 'tag' }, 'APP'),
    el('time', { class: 'stamp', datetime: message.timestamp, title: full(message.timestamp) }, when(message.timestamp)));
}

function content(message) {
  if (message.flags & LOADING) return thinking(`${nameOf(message.author) ?? 'The app'} is thinking…`);
  const edited = message.edited_timestamp && el('span', { class: 'edited', title: full(message.edited_timestamp) }, '(edited)');
  const files = (message.attachments ?? []).filter((a) => !message.embeds?.some((e) => [e.image?.url, e.thumbnail?.url].includes(`attachment://${a.filename}`)));
  return [
    (message.content || (edited && !message.embeds?.length)) && el('div', { class: 'text markup' }, blocks(message.content ?? ''), ' ', edited),
    message.embeds?.map((e) => embed(e, message.attachments)),
    files.map(file),
    rows(message),
    edited && !message.content && message.embeds?.length > 0 && el('div', { class: 'text' }, edited),
  ];
}

function file(attachment) {
  const href = fileUrl(attachment.url);
  const here = href && new URL(href).origin === location.origin;
  if (here && attachment.content_type?.startsWith('image/')) {
    return el('a', { class: 'attachment', href, target: '_blank', rel: 'noreferrer noopener' }, el('img', { src: href, alt: attachment.description ?? attachment.filename, title: attachment.description ?? null, loading: 'lazy' }));
  }
  const size = attachment.size >= 1024 ? `${Math.round(attachment.size / 1024)} KB` : `${attachment.size ?? 0} bytes`;
  return el('div', { class: 'file' }, icon('braces', 24), el('div', {}, el('a', { href: here ? href : null, target: '_blank', rel: 'noreferrer noopener' }, attachment.filename), el('div', { class: 'file-size' }, size)));
}

function thinking(text) {
  return el('div', { class: 'thinking' }, el('span', { class: 'dots', 'aria-hidden': 'true' }, el('i'), el('i'), el('i')), text);
}

function privacy(id) {
  return el('div', { class: 'privacy' }, icon('eye', 14), 'Only you can see this • ',
    el('button', { class: 'linklike', type: 'button', on: { click: () => dismiss(id) } }, 'Dismiss message'));
}

function worthShowing(attempt, last) {
  if (attempt.as !== store.actor) return false;
  return attempt.state === 'failed' || !(last && last.flags & LOADING);
}

function attemptEntry(attempt) {
  const print = JSON.stringify([attempt.state, attempt.text]);
  const make = () => el('li', { class: 'message private' },
    el('div', { class: 'above' }, avatar(actor(), 16), el('span', { class: 'above-name' }, nameOf(actor())), ' used ', el('span', { class: 'mention' }, calledName(attempt.name))),
    avatar({ bot: true }, 40),
    el('div', { class: 'body' }, el('div', { class: 'head' }, el('span', { class: 'name' }, 'Signalbox'), el('span', { class: 'tag' }, 'APP'), el('time', { class: 'stamp' }, when(attempt.timestamp))),
      attempt.state === 'pending' ? thinking('Sending command…') : el('div', { class: 'failure', role: 'alert' }, attempt.text),
      attempt.state === 'failed' && privacy(attempt.id)));
  return { key: attempt.id, print, make };
}

function divider(message) {
  const text = dayName(message.timestamp);
  return { key: `d${text}`, print: text, make: () => el('li', { class: 'divider', role: 'separator' }, el('span', {}, text)) };
}

function newLine() {
  return { key: 'new', print: 'new', make: () => el('li', { class: 'divider divider-new', role: 'separator' }, el('span', {}, 'New')) };
}

function welcome(channel) {
  const text = channel ? `Welcome to #${channel.name}` : 'Nobody is here yet';
  return { key: `w${channel?.id}`, print: text, make: () => el('li', { class: 'welcome' }, el('span', { class: 'welcome-icon' }, icon('hash', 36)), el('h2', {}, text), el('p', {}, 'Nothing has been said here yet. Signals arrive by themselves; type / for commands.')) };
}
