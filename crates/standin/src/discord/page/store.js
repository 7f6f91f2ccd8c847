// What the page knows and has chosen: the world, who acts, which channel is open, what was read. Tells its listeners when it changes.

import * as api from './api.js';

export const store = {
  /** `/_standin/state`, null before the first answer. */
  world: null,
  /** What only the actor sees, newest last. */
  ephemeral: [],
  /** The commands that the actor sees in the open channel. */
  commands: [],
  /** The platform's state, null when there is none. */
  platform: null,
  /** A channel of the streaming platform, null when there is none. */
  kick: null,
  actor: 'admin',
  channelId: null,
  connected: true,
  /** The first unread message of the open channel when it was opened. */
  newFrom: null,
  /** Messages whose last press failed: id → text. */
  failed: new Map(),
  /** Presses under way: `message id/custom_id`. */
  busy: new Set(),
  /** Commands under way or not answered, shown as messages: {id, channelId, name, state}. */
  attempts: [],
};

const listeners = new Set();
export const subscribe = (listener) => listeners.add(listener);
export function changed() {
  for (const listener of listeners) listener();
}

const KEPT = 'standin';
const kept = { actor: 'admin', channel: null, read: {}, dismissed: [], side: null };
try {
  Object.assign(kept, JSON.parse(localStorage.getItem(KEPT) ?? '{}'));
} catch { /* a page without storage forgets, nothing else */ }
store.actor = kept.actor;
store.channelId = kept.channel;

export function keep(key, value) {
  kept[key] = value;
  try {
    localStorage.setItem(KEPT, JSON.stringify(kept));
  } catch { /* as above */ }
}
export const recall = (key) => kept[key];

// --- fetching ---

let fetching = false;
let again = false;

/** Fetches the world; calls that come while one is under way are joined into one more. */
export async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    const [world, ephemeral] = await Promise.all([api.getState(), api.getEphemeral(store.actor)]);
    store.world = world;
    if (ephemeral) store.ephemeral = ephemeral;
    store.connected = true;
    settleChoices();
    await refreshCommands();
  } catch {
    store.connected = false;
  }
  fetching = false;
  changed();
  if (again) {
    again = false;
    refresh();
  }
}

let commandsFor = '';

/** Asks again only when somebody else acts, elsewhere, or the bot registered others. */
async function refreshCommands() {
  const all = store.world.commands ?? [];
  const channel = channelById(store.channelId)?.id ?? '';
  const key = JSON.stringify([store.actor, channel, all]);
  if (key === commandsFor) return;
  store.commands = (await api.getCommands(store.actor, channel)) ?? all;
  commandsFor = key;
}

let platformAbsent = false;

export async function refreshPlatform() {
  if (platformAbsent) return;
  try {
    store.platform = await api.getPlatform();
    platformAbsent = store.platform === null;
  } catch {
    return;
  }
  changed();
}

/** Fetches the channel that the Kick panel shows. */
export async function refreshKick(channel = store.kick?.slug) {
  try {
    store.kick = await api.getKick(channel);
  } catch {
    return;
  }
  changed();
}

function settleChoices() {
  const people = humans();
  if (people.length && !people.some((user) => user.name === store.actor)) store.actor = people[0].name;
  const hash = decodeURIComponent(location.hash.slice(1));
  const channels = store.world.channels ?? [];
  const open = channels.find((c) => c.id === store.channelId) ?? channels.find((c) => c.name === hash) ?? channels[0];
  if (!store.channelId || open?.id !== store.channelId) store.channelId = open?.id ?? null;
  if (!Object.keys(kept.read).length) for (const c of channels) kept.read[c.id] = c.messages?.at(-1)?.id ?? '0';
}

// --- choosing ---

export function openChannel(id) {
  const channel = channelById(id);
  if (!channel) return;
  const last = kept.read[id] ?? '0';
  store.newFrom = channel.messages.find((m) => newer(m.id, last))?.id ?? null;
  store.channelId = id;
  keep('channel', id);
  history.replaceState(null, '', `#${channel.name}`);
  document.body.classList.remove('drawer-open');
  changed();
  refreshCommands();
}

export function actAs(name) {
  store.actor = name;
  store.ephemeral = [];
  keep('actor', name);
  changed();
  refresh();
}

export function markRead(channel) {
  const last = channel?.messages.at(-1)?.id;
  if (last && newer(last, kept.read[channel.id] ?? '0')) keep('read', { ...kept.read, [channel.id]: last });
}

export function dismiss(id) {
  keep('dismissed', [...kept.dismissed.slice(-200), id]);
  store.ephemeral = store.ephemeral.filter((m) => m.id !== id);
  store.attempts = store.attempts.filter((a) => a.id !== id);
  changed();
}
export const isDismissed = (id) => kept.dismissed.includes(id);

// --- reading ---

/** Snowflakes are too long for numbers; the longer or lexically greater one is newer. */
export const newer = (a, b) => (a.length === b.length ? a > b : a.length > b.length);
export const guild = () => store.world?.guilds?.[0] ?? null;
export const channels = () => store.world?.channels ?? [];
export const channelById = (id) => channels().find((c) => c.id === String(id));
export const users = () => store.world?.users ?? [];
export const userById = (id) => users().find((u) => String(u.id) === String(id));
export const nameOf = (user) => user?.global_name || user?.display_name || user?.username || user?.name;
export const actor = () => users().find((u) => u.name === store.actor) ?? null;
export const isBot = (user) => Boolean(user?.bot) || String(user?.id) === String(store.world?.bot?.id ?? guild()?.bot_id ?? '');
export const humans = () => users().filter((u) => !isBot(u) && u.name !== 'Signalbox');
export const roleById = (id) => guild()?.roles?.find((r) => String(r.id) === String(id));

/** A user's roles, highest first; the world may give ids or names. */
export function rolesOf(user) {
  const all = guild()?.roles ?? [];
  const found = (user?.roles ?? []).map((role) => all.find((r) => String(r.id) === String(role) || r.name === role) ?? { name: String(role?.name ?? role) });
  return found.filter((r) => r.name !== '@everyone').sort((a, b) => (b.position ?? 0) - (a.position ?? 0));
}

export function unread(channel) {
  const last = kept.read[channel.id] ?? '0';
  const fresh = channel.messages.filter((m) => newer(m.id, last));
  const me = actor();
  const mine = new Set(rolesOf(me).map((r) => String(r.id)));
  const calls = (m) => m.mention_everyone || m.mentions?.some((u) => String(u.id) === String(me?.id)) || m.mention_roles?.some((r) => mine.has(String(r)));
  return { count: fresh.length, mentions: fresh.filter(calls).length };
}

/** Everything the actor sees in a channel, oldest first. */
export function visible(channel) {
  if (!channel) return [];
  const own = store.ephemeral.filter((m) => m.channel_id === channel.id && !isDismissed(m.id)).map((m) => ({ ...m, private: true }));
  const known = new Set(own.map((m) => m.id));
  const all = [...channel.messages.filter((m) => !known.has(m.id)), ...own];
  return all.sort((a, b) => (a.id === b.id ? 0 : newer(a.id, b.id) ? 1 : -1));
}
