// Puts the page together: draws what the store knows at each change (told by an EventSource, see api.js), keeps the scroll
// position, opens and closes drawers.

import { live } from './api.js';
import { composer } from './composer.js';
import { el, icon, replace } from './dom.js';
import { showKick } from './kick.js';
import { showMessages } from './message.js';
import { showModal } from './modal.js';
import { onModal } from './actions.js';
import { showPanel } from './panel.js';
import { showChannels, showMembers, showSelf, showServer } from './side.js';
import { changed, channelById, keep, markRead, openChannel, recall, refresh, refreshKick, refreshPlatform, store, subscribe, channels } from './store.js';
import { keepFresh } from './time.js';

const at = (id) => document.getElementById(id);
const NEAR_PX = 120;
const WIDE = window.matchMedia('(min-width: 1100px)');

let side = WIDE.matches ? recall('side') ?? 'auto' : 'none';
let shown = null;
const updateComposer = composer(at('composer'));

function draw() {
  const line = at('connection');
  line.hidden = store.connected;
  line.textContent = store.connected ? '' : 'The connection to the world is lost. Trying again…';
  if (!store.world) return;
  const told = at('narration');
  told.hidden = !store.world.narration;
  if (told.textContent !== store.world.narration) told.textContent = store.world.narration ?? '';
  const channel = channelById(store.channelId);
  showServer(at('rail'), at('guild'));
  showChannels(at('channels'));
  showSelf(at('self'));
  drawBar(channel);
  drawSide();
  updateComposer();
  drawMessages(channel);
}

function drawMessages(channel) {
  const scroller = at('scroller');
  const other = shown !== channel?.id;
  const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_PX;
  const added = showMessages(at('messages'), channel);
  shown = channel?.id;
  if (other || atEnd) scroller.scrollTop = scroller.scrollHeight;
  else if (added) at('jump').hidden = false;
  if (!document.hidden && (other || atEnd)) markRead(channel);
}

function drawBar(channel) {
  const bar = at('bar');
  const which = openSide();
  const print = JSON.stringify([channel?.name, channel?.topic, which, Boolean(store.platform), Boolean(store.kick)]);
  if (bar.dataset.print === print) return;
  bar.dataset.print = print;
  const toggle = (name, label, picture) => el('button', {
    class: which === name ? 'icon-button on' : 'icon-button', type: 'button', 'aria-label': label, title: label, 'aria-pressed': String(which === name),
    on: { click: () => setSide(which === name ? 'none' : name) },
  }, icon(picture, 22));
  replace(bar, el('button', { class: 'icon-button menu-button', type: 'button', 'aria-label': 'Channels', on: { click: () => document.body.classList.toggle('drawer-open') } }, icon('menu', 22)),
    icon('hash', 24), el('h2', { class: 'bar-name' }, channel?.name ?? ''), channel?.topic && el('span', { class: 'bar-topic' }, channel.topic), el('span', { class: 'bar-space' }),
    store.platform && toggle('signals', 'Send a signal', 'signal'), store.kick && toggle('kick', 'Kick', 'stream'), toggle('members', 'Members', 'people'));
}

function openSide() {
  if (side === 'auto') return store.platform ? 'signals' : 'members';
  if (side === 'kick') return store.kick ? 'kick' : 'members';
  return side === 'signals' && !store.platform ? 'members' : side;
}

function setSide(which) {
  side = which;
  if (WIDE.matches) keep('side', which);
  draw();
}

function drawSide() {
  const which = openSide();
  const node = at('side');
  node.hidden = which === 'none';
  document.body.classList.toggle('side-open', which !== 'none');
  at('side-title').textContent = { signals: 'Send a signal', kick: 'Kick' }[which] ?? 'Members';
  if (which === 'signals') showPanel(at('side-body'));
  if (which === 'kick') showKick(at('side-body'));
  if (which === 'members') showMembers(at('side-body'));
}

function goToEnd() {
  const scroller = at('scroller');
  scroller.scrollTo({ top: scroller.scrollHeight, behavior: 'smooth' });
}

at('jump').addEventListener('click', goToEnd);
at('scroller').addEventListener('scroll', () => {
  const scroller = at('scroller');
  if (scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight >= NEAR_PX) return;
  at('jump').hidden = true;
  const channel = channelById(store.channelId);
  if (!document.hidden) markRead(channel);
}, { passive: true });
at('side-close').append(icon('close', 20));
at('side-close').addEventListener('click', () => setSide('none'));
at('scrim').addEventListener('click', () => {
  document.body.classList.remove('drawer-open');
  if (!WIDE.matches) setSide('none');
});
document.addEventListener('keydown', (event) => {
  if (event.altKey && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
    event.preventDefault();
    const all = channels();
    const here = all.findIndex((c) => c.id === store.channelId);
    openChannel(all.at((here + (event.key === 'ArrowDown' ? 1 : -1)) % all.length)?.id);
  } else if (event.key === '/' && !event.target.closest('input, textarea, select, [role=dialog]')) {
    event.preventDefault();
    const words = at('words');
    words.focus();
    if (!words.value) words.value = '/';
    words.dispatchEvent(new Event('input'));
  } else if (event.key === 'Escape') {
    document.body.classList.remove('drawer-open');
    if (!WIDE.matches && openSide() !== 'none') setSide('none');
  }
});
window.addEventListener('hashchange', () => {
  const name = decodeURIComponent(location.hash.slice(1));
  const channel = channels().find((c) => c.name === name);
  if (channel && channel.id !== store.channelId) openChannel(channel.id);
});
WIDE.addEventListener('change', () => {
  side = WIDE.matches ? recall('side') ?? 'auto' : 'none';
  draw();
});

onModal(showModal);
subscribe(draw);
keepFresh();
let pending = null;
live(() => {
  pending ??= setTimeout(() => {
    pending = null;
    refresh();
    refreshPlatform();
    refreshKick();
  }, 40);
});
// What happens on Kick alone is told by nobody.
setInterval(() => document.hidden || openSide() !== 'kick' || refreshKick(), 1000);
changed();
