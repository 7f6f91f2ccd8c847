// Modal windows: short and long text inputs, selects; what is required and how long is told before it is sent.

import { el, icon, replace } from './dom.js';
import { blocks } from './markup.js';
import { giveUp, submit } from './actions.js';

let closeOpen = () => {};

export function showModal(modal) {
  closeOpen();
  const returnTo = document.activeElement;
  const inputs = (modal.components ?? []).map(toInput).filter(Boolean);
  const problem = el('p', { class: 'modal-problem', role: 'alert', hidden: true });
  const send = el('button', { class: 'button button-primary', type: 'submit' }, 'Submit');
  const form = el('form', { class: 'modal-form', novalidate: true }, el('div', { class: 'modal-body' }, inputs.map((i) => i.node), problem),
    el('footer', { class: 'modal-foot' }, el('button', { class: 'button button-plain', type: 'button', on: { click: () => cancel() } }, 'Cancel'), send));
  const box = el('div', { class: 'modal', role: 'dialog', 'aria-modal': 'true', 'aria-labelledby': 'modal-title' },
    el('header', { class: 'modal-head' }, el('h2', { id: 'modal-title' }, modal.title ?? ''),
      el('button', { class: 'icon-button', type: 'button', 'aria-label': 'Close', on: { click: () => cancel() } }, icon('close', 22))), form);
  const veil = el('div', { class: 'veil' }, box);

  const close = () => {
    veil.remove();
    closeOpen = () => {};
    if (returnTo?.isConnected) returnTo.focus();
  };
  closeOpen = close;
  const cancel = () => {
    close();
    giveUp();
  };
  veil.addEventListener('pointerdown', (event) => event.target === veil && cancel());
  veil.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') cancel();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    if (event.key === 'Tab') keepInside(event, box);
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const wrong = inputs.filter((i) => i.check());
    if (wrong.length) {
      wrong[0].focus();
      return;
    }
    send.disabled = true;
    replace(send, el('span', { class: 'dots', 'aria-label': 'Waiting' }, el('i'), el('i'), el('i')));
    const failure = await submit(modal, Object.fromEntries(inputs.filter((i) => i.id).map((i) => [i.id, i.value()])));
    if (!failure) {
      if (closeOpen === close) close();
      return;
    }
    send.disabled = false;
    replace(send, 'Submit');
    problem.hidden = false;
    problem.textContent = failure;
  });
  document.getElementById('layer').append(veil);
  (inputs[0] ?? { focus: () => send.focus() }).focus();
}

function keepInside(event, box) {
  const stops = [...box.querySelectorAll('button, input, textarea, select')].filter((n) => !n.disabled);
  const edge = event.shiftKey ? stops[0] : stops.at(-1);
  if (document.activeElement !== edge) return;
  event.preventDefault();
  (event.shiftKey ? stops.at(-1) : stops[0]).focus();
}

/** A row with a text input, a label around an input, or a piece of text. */
function toInput(row) {
  if (row.type === 10) return { node: el('div', { class: 'markup' }, blocks(row.content ?? '')), check: () => null, id: null, value: () => '', focus: () => {} };
  const component = row.type === 18 ? row.component : row.components?.[0];
  if (!component) return null;
  const label = row.label ?? component.label ?? component.custom_id;
  return component.type === 4 ? textInput(component, label, row.description) : choice(component, label, row.description);
}

function textInput(component, label, description) {
  const name = `input-${component.custom_id}`;
  const required = component.required !== false;
  const most = component.max_length ?? 4000;
  const least = component.min_length ?? 0;
  const long = component.style === 2;
  const input = el(long ? 'textarea' : 'input', {
    id: name, class: 'input', type: long ? null : 'text', maxlength: most, rows: long ? 4 : null, placeholder: component.placeholder,
    'aria-required': required ? 'true' : null, 'aria-describedby': `${name}-note`, autocomplete: 'off', value: component.value ?? '',
  });
  const note = el('div', { class: 'input-note', id: `${name}-note`, 'aria-live': 'polite' });
  const count = () => {
    note.classList.remove('wrong');
    input.removeAttribute('aria-invalid');
    note.textContent = component.max_length || input.value.length > 3000 ? `${input.value.length} / ${most}` : '';
  };
  input.addEventListener('input', count);
  count();
  const check = () => {
    const length = input.value.trim().length;
    const problem = required && !length ? 'This field is required' : length && length < least ? `Must be at least ${least} characters` : null;
    if (problem) {
      note.textContent = problem;
      note.classList.add('wrong');
      input.setAttribute('aria-invalid', 'true');
    }
    return problem;
  };
  return { id: component.custom_id, node: field(name, label, description, required, input, note), check, value: () => input.value, focus: () => input.focus() };
}

function choice(component, label, description) {
  const name = `input-${component.custom_id}`;
  const required = component.required !== false;
  const many = (component.max_values ?? 1) > 1;
  const input = el('select', { id: name, class: 'input', multiple: many, 'aria-required': required ? 'true' : null },
    !many && el('option', { value: '' }, component.placeholder ?? 'Make a selection'),
    (component.options ?? []).map((o) => el('option', { value: o.value, selected: o.default }, o.label)));
  const note = el('div', { class: 'input-note' });
  const values = () => [...input.selectedOptions].map((o) => o.value).filter(Boolean);
  const check = () => {
    const problem = required && !values().length ? 'This field is required' : null;
    note.textContent = problem ?? '';
    note.classList.toggle('wrong', Boolean(problem));
    return problem;
  };
  return { id: component.custom_id, node: field(name, label, description, required, input, note), check, value: values, focus: () => input.focus() };
}

function field(name, label, description, required, input, note) {
  return el('div', { class: 'modal-field' }, el('label', { for: name }, label, required && el('span', { class: 'required', 'aria-hidden': 'true' }, ' *')),
    description && el('p', { class: 'modal-description' }, description), input, note);
}
