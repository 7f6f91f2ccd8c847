// "Send a signal": makes the platform behind the bot send events, and says how it answers the bot.

import * as api from './api.js';
import { el, icon, replace } from './dom.js';
import { refreshPlatform, store } from './store.js';

const PEOPLE = ['ada@signal-town.example', 'grace@signal-town.example', 'alan@signal-town.example'];
const PROBLEMS = [
  ['Printer on floor 2 is offline', 'It stopped after the power cut this morning.'],
  ['VPN drops every ten minutes', 'Since the update on Monday, on all laptops in sales.'],
  ['New starter needs an account', 'Starts on the first, same groups as the rest of the team.'],
  ['Door controller does not answer', 'The east entrance stays locked, badge readers are dark.'],
];
const MACHINES = [['DESKTOP', 'Windows 11 Pro'], ['LAPTOP', 'macOS 26'], ['SRV-BUILD', 'Debian 13'], ['KIOSK', 'Windows 11 IoT']];
const ALERTS = [
  ['disk', 'critical', 'SRV-FILES-01', 'Disk D: 96 % full', '14 GB of 400 GB are free'],
  ['cpu', 'warning', 'SRV-BUILD-02', 'CPU above 95 % for 10 minutes', 'rustc uses 31 of 32 threads'],
  ['backup', 'high', 'SRV-DB-01', 'Nightly backup failed', 'Target volume is read-only'],
];
const pick = (list) => list[Math.floor(Math.random() * list.length)];

/** Each signal: its fields (name, label, kind, how it is filled) and what is sent. */
const SIGNALS = [
  { key: 'open', label: 'Open a ticket', icon: 'ticket', fields: [['title', 'Title'], ['description', 'Description', 'long'], ['priority', 'Priority', 'priority']],
    sample: () => { const [title, description] = pick(PROBLEMS); return { title, description, priority: pick(['Low', 'Medium', 'High', 'Critical']) }; },
    body: (v) => ({ do: 'open_ticket', ...v, created_by: pick(PEOPLE) }) },
  { key: 'update', label: 'Update a ticket', icon: 'pen', needs: 'ticket', fields: [['id', 'Ticket', 'ticket'], ['status', 'Status', 'status'], ['note', 'Note', 'long']],
    sample: () => ({ status: 'In Progress', note: pick(['Looking at it now.', 'Spare part is ordered.', 'Could you try again, please?']) }),
    body: (v) => ({ do: 'update_ticket', ...v, updated_by: pick(PEOPLE) }) },
  { key: 'close', label: 'Close a ticket', icon: 'lock', needs: 'ticket', fields: [['id', 'Ticket', 'ticket'], ['resolution', 'Resolution', 'long']],
    sample: () => ({ resolution: pick(['Replaced the faulty part.', 'Rolled back the update.', 'Explained how it works.']) }),
    body: (v) => ({ do: 'close_ticket', ...v }) },
  { key: 'machine', label: 'Register a machine', icon: 'server', fields: [['hostname', 'Hostname'], ['ip', 'IP address'], ['os', 'Operating system']],
    sample: () => { const [name, os] = pick(MACHINES); const n = Math.floor(Math.random() * 90) + 10; return { hostname: `${name}-0${n}`, ip: `192.168.20.${n}`, os }; },
    body: (v) => ({ do: 'register_machine', ...v }) },
  { key: 'decide', label: 'Decide in XTSystems', icon: 'check', needs: 'machine', fields: [['asset_id', 'Machine', 'machine'], ['approve', 'Decision', 'decision']],
    sample: () => ({}), body: (v) => ({ do: 'decide', asset_id: v.asset_id, approve: v.approve === 'approve', who: pick(PEOPLE) }) },
  { key: 'alert', label: 'Raise an alert', icon: 'alarm', fields: [['severity', 'Severity', 'severity'], ['source', 'Source'], ['message', 'Message'], ['details', 'Details', 'long']],
    sample: () => { const [alert_type, severity, source, message, details] = pick(ALERTS); return { alert_type, severity, source, message, details }; },
    body: (v) => ({ do: 'alert', ...v }) },
  { key: 'custom', label: 'Custom event', icon: 'braces', fields: [['event_type', 'Event type', 'event'], ['data', 'Data (JSON)', 'json']],
    sample: () => ({ event_type: 'asset.created', data: '{\n  "id": "a-7",\n  "name": "Rack switch",\n  "asset_type": "network",\n  "created_by": "ada"\n}' }),
    body: (v) => ({ event_type: v.event_type, data: JSON.parse(v.data) }) },
];

const MODES = [
  ['ok', 'Normal', 'It does what it is asked', null],
  ['refuse', 'Refuse', '403 with a reason', { mode: 'refuse', status: 403, text: 'This key may not do that' }],
  ['status', 'Error 500', 'Nothing happens, 500', { mode: 'status', code: 500 }],
  ['effect_then_status', 'Error 500 after the effect', 'It is done, yet the answer is 500', { mode: 'effect_then_status', code: 500 }],
  ['timeout', 'Timeout', 'No answer for 30 s', { mode: 'timeout', ms: 30_000 }],
  ['already_decided', 'Already decided', '409, somebody was faster', { mode: 'already_decided', verb: 'denied' }],
];

let built = null;

export function showPanel(node) {
  if (!built) {
    built = build();
    node.dataset.print = '';
  }
  if (!node.contains(built.root)) {
    node.dataset.print = 'panel';
    node.replaceChildren(built.root);
  }
  built.update();
}

function build() {
  const log = el('ol', { class: 'signal-log', 'aria-live': 'polite', 'aria-label': 'What was sent' });
  const forms = SIGNALS.map((signal) => form(signal, log));
  const modes = el('div', { class: 'modes', role: 'radiogroup', 'aria-label': 'How the platform answers' }, MODES.map(([key, label, detail]) =>
    el('label', { class: 'mode' }, el('input', { type: 'radio', name: 'mode', value: key, on: { change: () => setMode(key, log) } }),
      el('span', { class: 'mode-text' }, el('span', {}, label), el('small', {}, detail)))));
  const root = el('div', { class: 'panel' }, el('div', { class: 'signals' }, forms.map((f) => f.node)), log,
    el('h2', { class: 'heading' }, 'XTSystems answers the bot'), modes);
  const update = () => {
    const mode = store.platform?.modes?.at(-1)?.mode ?? 'ok';
    for (const input of modes.querySelectorAll('input')) input.checked = input.value === mode;
    for (const one of forms) one.update();
  };
  return { root, update };
}

function form(signal, log) {
  const inputs = signal.fields.map(([name, label, kind]) => ({ name, kind, ...input(signal.key, name, label, kind) }));
  const send = el('button', { class: 'signal-send', type: 'submit' }, icon(signal.icon, 20), el('span', {}, signal.label));
  const fields = el('div', { class: 'signal-fields', id: `fields-${signal.key}`, hidden: true }, inputs.map((i) => i.node), el('button', { class: 'button button-primary', type: 'submit' }, 'Send'));
  const more = el('button', { class: 'signal-more', type: 'button', 'aria-label': `${signal.label}: fields`, 'aria-expanded': 'false', 'aria-controls': fields.id }, icon('chevron', 18));
  let extra = {};
  const refill = () => {
    extra = signal.sample();
    for (const i of inputs) if (i.name in extra) i.set(extra[i.name]);
  };
  refill();
  more.addEventListener('click', () => {
    fields.hidden = !fields.hidden;
    more.setAttribute('aria-expanded', String(!fields.hidden));
    node.classList.toggle('wide', !fields.hidden);
  });
  const node = el('form', { class: 'signal', novalidate: true }, el('div', { class: 'signal-row' }, send, more), fields);
  node.addEventListener('submit', async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(inputs.map((i) => [i.name, i.get()]).filter(([, value]) => value !== ''));
    if (extra.alert_type) values.alert_type = extra.alert_type;
    send.disabled = true;
    await transmit(signal, values, log);
    send.disabled = lacks(signal);
    refill();
    refreshPlatform();
  });
  const update = () => {
    for (const i of inputs) i.update();
    send.disabled = lacks(signal);
  };
  return { node, update };
}

const openTickets = () => (store.platform?.tickets ?? []).filter((t) => !['Closed', 'Resolved'].includes(t.status)).reverse();
const pendingMachines = () => (store.platform?.machines ?? []).filter((m) => m.status === 'pending').reverse();
const lacks = (signal) => (signal.needs === 'ticket' && !openTickets().length) || (signal.needs === 'machine' && !pendingMachines().length);

const CHOICES = {
  priority: () => (store.platform?.priorities ?? []).map((p) => [p.name, p.name]),
  status: () => (store.platform?.statuses ?? []).filter((s) => !s.is_closed).map((s) => [s.name, s.name]),
  ticket: () => openTickets().map((t) => [t.id, `#${t.seq_id} ${t.title}`]),
  machine: () => pendingMachines().map((m) => [m.asset_id, `${m.hostname} · ${m.ip_address}`]),
  decision: () => [['approve', 'Approve'], ['deny', 'Deny']],
  severity: () => ['info', 'warning', 'high', 'critical'].map((s) => [s, s]),
};

function input(form, name, label, kind) {
  const id = `signal-${form}-${name}`;
  const choices = CHOICES[kind];
  const control = choices ? el('select', { class: 'input', id })
    : kind === 'long' || kind === 'json' ? el('textarea', { class: kind === 'json' ? 'input mono' : 'input', id, rows: kind === 'json' ? 6 : 2, spellcheck: kind === 'json' ? 'false' : null })
      : el('input', { class: 'input', id, type: 'text', autocomplete: 'off', list: kind === 'event' ? 'event-types' : null });
  const types = kind === 'event' && el('datalist', { id: 'event-types' });
  let wanted = null;
  let print = '';
  const update = () => {
    if (types) replace(types, (store.platform?.events ?? []).map((value) => el('option', { value })));
    if (!choices) return;
    const all = choices();
    if (JSON.stringify(all) === print) return;
    print = JSON.stringify(all);
    const before = wanted ?? control.value;
    replace(control, all.map(([value, text]) => el('option', { value }, text)));
    if (all.some(([value]) => value === before)) control.value = before;
    wanted = null;
  };
  const set = (value) => {
    control.value = value;
    if (choices && control.value !== value) wanted = value;
  };
  return { node: el('label', { class: 'signal-field', for: id }, el('span', {}, label), control, types), get: () => control.value, set, update };
}

async function transmit(signal, values, log) {
  try {
    const answer = await api.signal(signal.body(values));
    const all = answer.deliveries ?? [];
    if (answer.pending) return note(log, 'waiting', signal, 'is on its way: the receiver takes long');
    if (!all.length) return note(log, 'good', signal, signal.key === 'decide' ? 'done; a denial sends no event' : 'done; nobody is subscribed');
    const lost = all.filter((d) => !d.delivered_at);
    if (lost.length) return note(log, 'bad', signal, `given up after ${lost[0].attempts} tries: ${lost[0].response_body}`);
    return note(log, 'good', signal, `delivered, ${all[0].response_status}${all[0].attempts > 1 ? ` at try ${all[0].attempts}` : ''}`);
  } catch (error) {
    return note(log, 'bad', signal, error.message);
  }
}

async function setMode(key, log) {
  const [, label, , body] = MODES.find(([k]) => k === key);
  const places = key === 'already_decided' ? ['approve', 'deny'] : ['approve', 'deny', 'tickets'];
  try {
    await api.mode({ mode: 'ok', where: 'any' });
    if (body) for (const where of places) await api.mode({ ...body, where });
  } catch (error) {
    note(log, 'bad', { label }, error.message);
  }
  refreshPlatform();
}

function note(log, kind, signal, text) {
  log.prepend(el('li', { class: `note note-${kind}` }, el('strong', {}, signal.label), ` ${text}`));
  while (log.children.length > 3) log.lastChild.remove();
}
