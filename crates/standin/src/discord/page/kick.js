// "Kick": a streamer's channel and its chat; what viewers do there, how Kick delivers it, and how it answers the bot.

import * as api from './api.js';
import { el, icon, replace } from './dom.js';
import { refreshKick, store } from './store.js';

const VIEWERS = ['Maja', 'Pete', 'Lumen', 'quokka99', 'te_congalletas', 'Odd_Otto'];
const LINES = ['gg', 'that was close!', 'hello from work', '!points', '!watchtime', 'what game is this?', 'W [emote:37226:KEKW]', 'first time here, nice stream'];
const TITLES = ['Slow morning, then a new game', 'Speedrun or bust', 'Chess with viewers', 'Road to 1,000 followers'];
const CATEGORIES = ['Just Chatting', 'Retro', 'Chess', 'Slots & Casino', 'Music'];
const many = (n, thing) => `${n} ${thing}${n === 1 ? '' : 's'}`;
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const other = (name) => pick(VIEWERS.filter((viewer) => viewer !== name));

/** label, what is sent for the viewer whose name stands in the chat's field, and when it is possible. */
const ACTS = [
  ['Follow', (who) => ({ do: 'follow', who })],
  ['Subscribe', (who) => ({ do: 'subscribe', who })],
  ['Renew the subscription', (who) => ({ do: 'renew', who })],
  ['Gift 3 subscriptions', (who) => ({ do: 'gift', who, to: [other(who), 'lurker_1', 'lurker_2'] })],
  ['Gift one, anonymously', (who) => ({ do: 'gift', to: [who] })],
  ['Give 500 kicks', (who) => ({ do: 'kicks', who, amount: 500, gift: 'Rage Quit', message: 'w' })],
  ['Redeem a reward', (who) => ({ do: 'redeem', who, reward: store.kick.rewards[0], input: 'the one with the whale' }), () => store.kick.rewards.length > 0],
  ['Time out for 10 min', (who) => ({ do: 'ban', who, reason: 'spam', minutes: 10 })],
  ['Six people chat', () => null],
  ['300 messages, 100/s', () => ({ do: 'firehose', messages: 300, per_second: 100, viewers: 40 })],
];

const SENDING = [
  ['copies', 'Everything twice', 'under two message ids', { copies: 1 }],
  ['repeats', 'Retries', 'the same bytes once more', { repeats: 1 }],
  ['foreign', 'Another app’s copy', 'same key, foreign subscription', { foreign: true }],
  ['delay_seconds', 'Ten minutes late', 'signed when it is sent', { delay_seconds: 600 }],
  ['tamper', 'Forged', 'one byte of the body is another', { tamper: 'body' }],
  ['lost', 'Lost', 'nothing arrives', { lost: true }],
];

const MODES = [
  ['ok', 'Normal', null],
  ['rate_limited', 'Chat: 429 without Retry-After', { mode: 'rate_limited', where: 'chat' }],
  ['cloudflare', 'All: 403 of the proxy', { mode: 'cloudflare' }],
  ['status', 'Chat: 500, as without a bot', { mode: 'status', code: 500, where: 'chat' }],
  ['invalid_grant', 'Tokens: refresh is refused', { mode: 'invalid_grant', where: 'token' }],
  ['partial_error', 'Subscribing: 200 with errors', { mode: 'partial_error', where: 'subscribe' }],
  ['never_listed', 'Subscribing: 200, and nothing comes', { mode: 'never_listed', where: 'subscribe' }],
];

let built = null;

export function showKick(node) {
  built ??= build();
  if (!node.contains(built.root)) {
    node.dataset.print = 'kick';
    node.replaceChildren(built.root);
    built.shown();
  }
  built.update();
}

function build() {
  const log = el('ol', { class: 'signal-log', 'aria-live': 'polite', 'aria-label': 'What Kick sent' });
  const send = async (label, body) => {
    try {
      const answer = await api.kickAct({ channel: store.kick.slug, ...body });
      note(log, label, answer);
    } catch (error) {
      line(log, 'bad', label, error.message);
    }
    refreshKick();
  };
  const card = el('div', { class: 'kick-card' });
  const chat = chatBox(send);
  const acts = el('div', { class: 'kick-acts' }, ACTS.map(([label, body]) => el('button', {
    class: 'kick-act', type: 'button', on: { click: () => (label === 'Six people chat' ? crowd(send) : send(label, body(chat.who()))) },
  }, label)));
  const stream = streamForm(send);
  const sending = sendingBox(send);
  const modes = modeBox(log);
  const root = el('div', { class: 'kick' }, card, stream.node, chat.node, acts, log,
    el('h2', { class: 'heading' }, 'How Kick delivers'), sending.node, el('h2', { class: 'heading' }, 'How Kick answers the bot'), modes.node);
  const update = () => {
    const kick = store.kick;
    if (!kick) return;
    drawCard(card, kick, send);
    [...acts.children].forEach((button, i) => { button.disabled = ACTS[i][2] ? !ACTS[i][2]() : false; });
    for (const part of [chat, sending, modes, stream]) part.update(kick);
  };
  return { root, update, shown: chat.toEnd };
}

function drawCard(card, kick, send) {
  const print = JSON.stringify([kick.slug, kick.title, kick.category, kick.live, kick.followers, kick.subscribers, kick.pending, kick.subscriptions, kick.waiting, kick.held]);
  if (card.dataset.print === print) return;
  card.dataset.print = print;
  const facts = [many(kick.followers, 'follower'), many(kick.subscribers, 'subscriber'), kick.pending && many(kick.pending, 'open redemption'),
    kick.subscriptions ? many(kick.subscriptions, 'event subscription') : 'no app is subscribed', kick.waiting && `${kick.waiting} late`, kick.held && `${kick.held} held`];
  replace(card, el('div', { class: 'kick-line' }, icon('stream', 20), el('span', { class: 'kick-name' }, kick.slug),
    el('span', { class: kick.live ? 'kick-pill live' : 'kick-pill' }, kick.live ? 'LIVE' : 'OFFLINE')),
  el('div', { class: 'kick-title' }, `${kick.title} · ${kick.category}`), el('div', { class: 'kick-facts' }, facts.filter(Boolean).join(' · ')),
  kick.live ? el('button', { class: 'kick-act', type: 'button', data: { focus: 'live' }, on: { click: () => send('End the stream', { do: 'end_stream' }) } }, 'End the stream')
    : el('button', { class: 'kick-act go', type: 'button', data: { focus: 'live' }, on: { click: () => send('Go live', { do: 'go_live', title: pick(TITLES), category: pick(CATEGORIES) }) } }, 'Go live'));
}

function streamForm(send) {
  const title = el('input', { class: 'input', type: 'text', 'aria-label': 'Title or category', placeholder: 'Another title', autocomplete: 'off', maxlength: 100 });
  const node = el('form', { class: 'kick-fields', novalidate: true }, title, el('button', { class: 'button', type: 'submit' }, 'Change'));
  node.addEventListener('submit', (event) => {
    event.preventDefault();
    send('Another title', { do: 'title', title: title.value.trim() || pick(TITLES) });
    title.value = '';
  });
  return { node, update: () => {} };
}

function chatBox(send) {
  const list = el('div', { class: 'kick-messages', role: 'log', tabindex: 0, 'aria-label': 'Chat on Kick' });
  const who = el('input', { class: 'input', type: 'text', list: 'kick-people', 'aria-label': 'Who', value: VIEWERS[0], autocomplete: 'off' });
  const people = el('datalist', { id: 'kick-people' });
  const text = el('input', { class: 'input', type: 'text', 'aria-label': 'Message', placeholder: 'Say something on Kick', autocomplete: 'off', maxlength: 500 });
  const form = el('form', { class: 'kick-say', novalidate: true }, who, people, text, el('button', { class: 'button', type: 'submit', 'aria-label': 'Say it' }, icon('send', 18)));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send('Chat', { do: 'chat', who: who.value.trim() || VIEWERS[0], text: text.value.trim() || pick(LINES) });
    text.value = '';
  });
  const toEnd = () => { list.scrollTop = list.scrollHeight; };
  const update = (kick) => {
    const print = JSON.stringify(kick.chat.map((message) => message.id));
    if (list.dataset.print === print) return;
    list.dataset.print = print;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    replace(list, kick.chat.length ? kick.chat.map(message) : el('div', { class: 'empty' }, 'Nobody has said anything yet'));
    if (atEnd) toEnd();
    replace(people, [...new Set([...VIEWERS, ...kick.people])].map((value) => el('option', { value })));
  };
  return { node: el('div', { class: 'kick-chat' }, list, form), update, toEnd, who: () => who.value.trim() || VIEWERS[0] };
}

function message({ by, text, by_api: byApi }) {
  const name = el('b', {}, by?.name ?? '?');
  if (by?.color) name.style.color = by.color;
  return el('div', {}, byApi === 'bot' && el('span', { class: 'tag' }, 'BOT'), name, `: ${text.replace(/\[emote:\d+:([^\]\s]+)\]/g, '$1')}`);
}

async function crowd(send) {
  for (const who of VIEWERS) await send('Chat', { do: 'chat', who, text: pick(LINES) });
}

function sendingBox(send) {
  const boxes = SENDING.map(([key, label, detail]) => {
    const input = el('input', { type: 'checkbox', value: key, on: { change: () => set() } });
    return { key, input, node: el('label', { class: 'kick-check' }, input, el('span', {}, label, ' ', el('small', {}, detail))) };
  });
  const set = async () => {
    const chosen = SENDING.filter(([key]) => boxes.find((box) => box.key === key).input.checked);
    await api.kickSending(Object.assign({}, ...chosen.map(([, , , rules]) => rules)));
    refreshKick();
  };
  const hold = el('button', { class: 'kick-act', type: 'button', on: { click: () => (store.kick.holding ? send('Released, backwards', { do: 'release', order: 'reversed' }) : send('Held', { do: 'hold' })) } });
  const update = (kick) => {
    for (const { key, input } of boxes) input.checked = Boolean(kick.sending[key]);
    hold.textContent = kick.holding ? `Release ${kick.held} held, backwards` : 'Hold what comes next';
  };
  return { node: el('div', { class: 'kick-checks' }, boxes.map((box) => box.node), hold), update };
}

function modeBox(log) {
  const node = el('div', { class: 'modes', role: 'radiogroup', 'aria-label': 'How Kick answers' }, MODES.map(([key, label, body]) =>
    el('label', { class: 'mode' }, el('input', { type: 'radio', name: 'kick-mode', value: key, on: { change: () => set(label, body) } }), el('span', { class: 'mode-text' }, label))));
  const set = async (label, body) => {
    try {
      await api.kickMode({ mode: 'ok', where: 'any' });
      if (body) await api.kickMode(body);
    } catch (error) {
      line(log, 'bad', label, error.message);
    }
    refreshKick();
  };
  const update = (kick) => {
    const mode = kick.modes.at(-1)?.mode ?? 'ok';
    for (const input of node.querySelectorAll('input')) input.checked = input.value === mode;
  };
  return { node, update };
}

function note(log, label, answer) {
  if (answer.poured) return line(log, answer.poured.refused ? 'bad' : 'good', label, `${answer.poured.taken} taken, ${answer.poured.refused} refused`);
  if (answer.pending) return line(log, 'waiting', label, 'is on its way: the receiver takes long');
  const all = answer.deliveries ?? [];
  const lost = all.filter((delivery) => delivery.status < 200 || delivery.status >= 300);
  if (!all.length) return line(log, 'waiting', label, 'done; nothing was sent now');
  if (lost.length) return line(log, 'bad', label, lost[0].status ? `refused, ${lost[0].status}` : 'nobody answers');
  return line(log, 'good', label, `${all.length === 1 ? 'delivered' : `delivered, ${all.length} times`}, ${all[0].status}`);
}

function line(log, kind, label, text) {
  log.prepend(el('li', { class: `note note-${kind}` }, el('strong', {}, label), ` ${text}`));
  while (log.children.length > 3) log.lastChild.remove();
}
