// Talks to the control face; the only file that fetches.

async function request(path, body) {
  const options = body === undefined ? {} : {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, { cache: 'no-store', ...options });
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    value = { error: text };
  }
  if (!answer.ok) {
    const reason = value?.detail ?? value?.error ?? value?.message ?? text;
    const error = new Error(reason ? String(reason) : `HTTP ${answer.status}`);
    error.status = answer.status;
    throw error;
  }
  return value;
}

export const getState = () => request('/_standin/state');

/** What only this person sees; null when the world has no such face. */
export async function getEphemeral(as) {
  try {
    const answer = await request(`/_standin/ephemeral?as=${encodeURIComponent(as)}`);
    return Array.isArray(answer) ? answer : answer?.messages ?? [];
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** The commands that this person sees in this channel; null when the world has no such face. */
export async function getCommands(as, channel) {
  try {
    return await request(`/_standin/commands?as=${encodeURIComponent(as)}&channel=${encodeURIComponent(channel)}`);
  } catch {
    return null;
  }
}

export const act = (body) => request('/_standin/act', body);
export const signal = (body) => request('/_standin/xt/send', body);
export const mode = (body) => request('/_standin/xt/mode', body);

export const kickAct = (body) => request('/_standin/kick/act', body);
export const kickMode = (body) => request('/_standin/kick/mode', body);
export const kickSending = (body) => request('/_standin/kick/sending', body);

/** What the streaming platform shows of a channel; null when none stands behind this page. */
export async function getKick(channel) {
  try {
    return await request(`/_standin/kick/panel${channel ? `?channel=${encodeURIComponent(channel)}` : ''}`);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** The platform's world; null when no platform stands behind this page. */
export async function getPlatform() {
  try {
    return await request('/_standin/xt/state');
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** Calls `changed` whenever the world may have changed: told by the server, or each second when it does not tell. */
export function live(changed) {
  let timer = null;
  const poll = (on) => {
    if (on && !timer) timer = setInterval(changed, 1000);
    if (!on && timer) timer = clearInterval(timer) ?? null;
  };
  const events = new EventSource('/_standin/live');
  events.onopen = () => {
    poll(false);
    changed();
  };
  events.onmessage = changed;
  events.addEventListener('changed', changed);
  events.onerror = () => poll(true);
  document.addEventListener('visibilitychange', () => document.hidden || changed());
}
