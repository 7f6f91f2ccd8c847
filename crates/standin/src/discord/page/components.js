// Buttons and selects under a message.

import { el, icon, safeUrl } from './dom.js';
import { closePopup, listbox, popup } from './popup.js';
import { press, select } from './actions.js';
import { channels, guild, nameOf, store, users } from './store.js';

const STYLES = { 1: 'primary', 2: 'secondary', 3: 'success', 4: 'danger', 5: 'link', 6: 'primary' };

export function rows(message) {
  const all = (message.components ?? []).filter((row) => row.type === 1);
  if (!all.length) return null;
  return el('div', { class: 'components' }, all.map((row) => el('div', { class: 'row', role: 'group' },
    row.components.map((component) => (component.type === 2 ? button(message, component) : menu(message, component))))));
}

export function emoji(value) {
  if (!value) return null;
  return el('span', { class: 'emoji' }, value.id ? `:${value.name}:` : value.name);
}

function button(message, component) {
  const content = [emoji(component.emoji), component.label && el('span', {}, component.label)];
  if (component.style === 5) {
    const href = component.disabled ? null : safeUrl(component.url);
    return el('a', { class: 'button button-link', href, target: '_blank', rel: 'noreferrer noopener', 'aria-disabled': href ? null : 'true', role: 'link' },
      content, icon('external', 14));
  }
  const busy = store.busy.has(`${message.id}/${component.custom_id}`);
  return el('button', {
    type: 'button', class: `button button-${STYLES[component.style] ?? 'secondary'}`, disabled: component.disabled,
    data: { focus: `${message.id}/${component.custom_id}` }, 'aria-busy': busy ? 'true' : null, 'aria-label': component.label ? null : component.emoji?.name,
    on: { click: () => press(message, component.custom_id) },
  }, busy ? el('span', { class: 'dots', 'aria-label': 'Waiting' }, el('i'), el('i'), el('i')) : content);
}

function menu(message, component) {
  const options = optionsOf(component);
  const chosen = options.filter((o) => o.default);
  const most = component.max_values ?? 1;
  const busy = store.busy.has(`${message.id}/${component.custom_id}`);
  const placeholder = component.placeholder ?? (most > 1 ? 'Make selections' : 'Make a selection');
  const label = chosen.length ? chosen.map((o) => o.label).join(', ') : placeholder;
  const box = el('button', {
    type: 'button', class: chosen.length ? 'select' : 'select select-empty', disabled: component.disabled,
    data: { focus: `${message.id}/${component.custom_id}` }, 'aria-haspopup': 'listbox', 'aria-label': `${placeholder}: ${label}`, 'aria-busy': busy ? 'true' : null,
  }, el('span', { class: 'select-text' }, chosen.length === 1 && emoji(chosen[0].emoji), label), icon('chevron', 18));
  box.addEventListener('click', () => choose(box, message, component, options, placeholder, most));
  return box;
}

function choose(box, message, component, options, placeholder, most) {
  const values = new Set(options.filter((o) => o.default).map((o) => o.value));
  const least = component.min_values ?? 1;
  let touched = false;
  const send = () => select(message, component.custom_id, [...values]);
  const items = options.map((option) => ({
    label: option.label, detail: option.description, icon: emoji(option.emoji), selected: values.has(option.value),
    chosen: (row) => {
      touched = true;
      if (most === 1) {
        values.clear();
        values.add(option.value);
        closePopup();
        return;
      }
      if (values.has(option.value)) values.delete(option.value);
      else if (values.size < most) values.add(option.value);
      row.setAttribute('aria-selected', String(values.has(option.value)));
    },
  }));
  const list = listbox(items, placeholder, { multiple: most > 1 });
  const onClose = () => touched && values.size >= least && send();
  popup(box, list, { width: box.offsetWidth, onClose });
  (list.querySelector('[aria-selected=true]') ?? list.querySelector('button'))?.focus();
}

/** String selects bring their options; the others choose from the world. */
function optionsOf(component) {
  const preset = new Set((component.default_values ?? []).map((v) => String(v.id)));
  const from = (all, label) => all.map((thing) => ({ value: String(thing.id), label: label(thing), default: preset.has(String(thing.id)) }));
  const roles = () => from((guild()?.roles ?? []).filter((r) => r.name !== '@everyone'), (r) => `@${r.name}`);
  const people = () => from(users(), nameOf);
  switch (component.type) {
    case 3: return component.options ?? [];
    case 5: return people();
    case 6: return roles();
    case 7: return [...people(), ...roles()];
    case 8: return from(channels(), (c) => `#${c.name}`);
    default: return [];
  }
}
