// What the actor does, and what becomes of it: presses, selections, submits, commands, words.

import * as api from './api.js';
import { changed, channelById, isDismissed, refresh, store } from './store.js';

let openModal = () => {};
/** The modal window registers itself here, so that this file needs no page. */
export const onModal = (open) => {
  openModal = open;
};

const FAILED = 'This interaction failed';
const EPHEMERAL = 64;
const channelKey = () => channelById(store.channelId)?.name ?? store.channelId;

export async function press(message, customId) {
  await onMessage(message, customId, { do: 'press', message: message.id, custom_id: customId });
}

export async function select(message, customId, values) {
  await onMessage(message, customId, { do: 'select', message: message.id, custom_id: customId, values });
}

async function onMessage(message, customId, body) {
  const key = `${message.id}/${customId}`;
  if (store.busy.has(key)) return;
  store.busy.add(key);
  store.failed.delete(message.id);
  changed();
  const failure = await perform(body);
  store.busy.delete(key);
  if (failure) store.failed.set(message.id, failure);
  await refresh();
  changed();
}

/** `null` when it was taken, else the text to show in the window. */
export async function submit(modal, values) {
  const failure = await perform({ do: 'submit', modal: modal.custom_id, values });
  refresh();
  return failure ? 'Something went wrong. Try again.' : null;
}

/** A modal that was closed without an answer. */
export const giveUp = () => attempt({ do: 'dismiss' });

let attempts = 0;

/** A slash command, or one of a message's menu (`more.message`). */
export async function command(name, options, more = {}) {
  const shown = {
    id: `attempt-${++attempts}`, channelId: store.channelId, name, state: 'pending', as: store.actor,
    timestamp: new Date().toISOString(),
  };
  store.attempts.push(shown);
  changed();
  const failure = await perform({ do: 'command', channel: channelKey(), name, options, ...more });
  if (failure) {
    shown.state = 'failed';
    shown.text = failure === FAILED ? 'The application did not respond' : failure;
  } else {
    store.attempts = store.attempts.filter((a) => a !== shown);
  }
  await refresh();
  changed();
}

export async function say(content) {
  const failure = await attempt({ do: 'say', channel: channelKey(), content });
  await refresh();
  return failure.error ?? null;
}

/** The choices for the option that is being typed; none when the bot does not answer. */
export async function autocomplete(name, options, focused) {
  const { outcome } = await attempt({ do: 'autocomplete', channel: channelKey(), name, options, focused });
  const data = outcome?.response?.data ?? outcome;
  return Array.isArray(data?.choices) ? data.choices : [];
}

async function attempt(body) {
  try {
    return { outcome: await api.act({ as: store.actor, ...body }) };
  } catch (error) {
    return { error: error.message };
  }
}

async function perform(body) {
  const { outcome, error } = await attempt(body);
  if (error) return error;
  const response = outcome?.response;
  const modal = outcome?.modal ?? (response?.type === 9 ? response.data : null);
  if (modal) openModal(modal);
  else if (!response?.type) return FAILED;
  if (!modal) keepPrivate(outcome);
  return null;
}

/** For a world that does not list what only the actor sees: takes it from the outcome. */
function keepPrivate({ response, followups = [] }) {
  const own = [response?.data, ...followups].filter((m) => m?.id && (m.flags & EPHEMERAL) && !isDismissed(m.id));
  for (const message of own) {
    if (!store.ephemeral.some((m) => m.id === message.id)) store.ephemeral.push({ channel_id: store.channelId, ...message });
  }
}
