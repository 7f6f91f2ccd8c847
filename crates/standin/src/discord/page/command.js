// A chosen slash command: one pill per option, choices and autocomplete above it, Enter sends.

import { el, icon } from './dom.js';
import { autocomplete } from './actions.js';
import { channels, guild, nameOf, users } from './store.js';

const TYPE = { STRING: 3, INTEGER: 4, BOOLEAN: 5, USER: 6, CHANNEL: 7, ROLE: 8, MENTIONABLE: 9, NUMBER: 10 };
const WAIT_MS = 150;

export function commandForm(command, { done, cancelled }) {
  const pills = el('span', { class: 'pills' });
  const problem = el('div', { class: 'command-problem', role: 'alert', hidden: true });
  const more = el('span', { class: 'more-options' });
  const list = el('div', { class: 'suggestions', role: 'listbox', 'aria-label': 'Choices', id: 'choices', hidden: true });
  const hint = el('div', { class: 'command-hint' });
  const fields = [];
  const current = () => fields.find((f) => f.pill.contains(document.activeElement));

  const values = () => Object.fromEntries(fields.map((f) => [f.option.name, f.value()]).filter(([, v]) => v !== null));
  const ui = { list, command: command.name, values, tell: (text) => { hint.replaceChildren(); if (text) hint.append(text); } };

  const add = (option) => {
    const field = optionField(option, ui);
    fields.push(field);
    pills.append(field.pill);
    drawMore();
    return field;
  };
  const drop = (field) => {
    fields.splice(fields.indexOf(field), 1);
    field.pill.remove();
    drawMore();
    (fields.at(-1) ?? { focus: () => node.querySelector('.more-options button, .send')?.focus() }).focus();
  };
  const drawMore = () => {
    const left = command.options.filter((o) => !fields.some((f) => f.option === o));
    more.replaceChildren(...left.slice(0, 12).map((o) => el('button', { class: 'hint hint-optional', type: 'button', title: o.description, on: { click: () => add(o).focus() } }, `+ ${o.name}`)));
  };
  const send = () => {
    const wrong = fields.find((f) => f.problem());
    problem.hidden = !wrong;
    if (wrong) {
      problem.textContent = wrong.problem();
      wrong.focus();
      return;
    }
    done(values());
  };

  const sender = el('button', { class: 'icon-button send', type: 'button', 'aria-label': `Send /${command.name}`, on: { click: send } }, icon('send', 22));
  const cancel = el('button', { class: 'icon-button', type: 'button', 'aria-label': 'Cancel the command', on: { click: cancelled } }, icon('close', 18));
  const node = el('div', { class: 'command', role: 'form', 'aria-label': `/${command.name}` }, list, hint, problem,
    el('div', { class: 'box' }, cancel, el('span', { class: 'command-line' }, el('span', { class: 'command-name' }, `/${command.name}`), pills, more), sender));
  node.addEventListener('keydown', (event) => {
    const field = current();
    if (event.defaultPrevented) return;
    if (event.key === 'Escape') cancelled();
    else if (event.key === 'Enter' && !event.isComposing && (field || event.target === node)) {
      event.preventDefault();
      send();
    } else if (event.key === 'Backspace' && field && field.empty() && !field.option.required) {
      event.preventDefault();
      drop(field);
    }
  });
  for (const option of command.options) if (option.required) add(option);
  drawMore();
  ui.tell(command.description);
  return {
    node, close: () => fields.forEach((f) => f.close()),
    focus: () => (fields[0] ?? { focus: () => sender.focus() }).focus(),
  };
}

function optionField(option, ui) {
  const name = `option-${option.name}`;
  const input = el('input', {
    class: 'pill-input', type: 'text', id: name, autocomplete: 'off', role: 'combobox', 'aria-controls': 'choices', 'aria-expanded': 'false',
    'aria-required': option.required ? 'true' : null, 'aria-label': `${option.name}: ${option.description}`, maxlength: option.max_length, spellcheck: 'false',
  });
  const pill = el('span', { class: 'pill-option' }, el('label', { for: name }, option.name), input);
  const size = () => {
    input.style.width = `${Math.min(Math.max(input.value.length + 1, 3), 40)}ch`;
  };
  size();
  /** What was chosen from the list: the text shown stands for this value. */
  let chosen = null;
  let found = [];
  let at = -1;
  let timer = null;
  let turn = 0;

  const offer = async () => {
    const mine = ++turn;
    const typed = chosen ? '' : input.value.trim().toLowerCase();
    let all = fixedChoices(option);
    if (option.autocomplete) {
      all = await autocomplete(ui.command, { ...ui.values(), [option.name]: input.value }, option.name);
      if (mine !== turn || document.activeElement !== input) return;
    } else {
      all = all.filter((c) => c.name.toLowerCase().includes(typed));
    }
    found = all.slice(0, 25);
    at = found.length && !chosen && (input.value || option.required) ? 0 : -1;
    draw();
  };
  const draw = () => {
    ui.list.hidden = !found.length;
    input.setAttribute('aria-expanded', String(found.length > 0));
    ui.list.replaceChildren(...found.map((c, i) => el('button', {
      class: 'list-item', type: 'button', role: 'option', tabindex: -1, id: `choice-${i}`, 'aria-selected': String(i === at),
      on: { pointerdown: (event) => event.preventDefault(), click: () => choose(c) },
    }, el('span', { class: 'list-text' }, el('span', { class: 'list-label' }, c.name)))));
    if (at >= 0) input.setAttribute('aria-activedescendant', `choice-${at}`);
    else input.removeAttribute('aria-activedescendant');
    ui.list.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  };
  const choose = (choice) => {
    chosen = choice;
    input.value = choice.name;
    size();
    hide();
  };
  const hide = () => {
    turn++;
    found = [];
    draw();
  };

  input.addEventListener('input', () => {
    chosen = null;
    size();
    clearTimeout(timer);
    timer = setTimeout(offer, option.autocomplete ? WAIT_MS : 0);
  });
  input.addEventListener('focus', () => {
    ui.tell(option.description);
    offer();
  });
  input.addEventListener('blur', hide);
  input.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (found.length && step) {
      event.preventDefault();
      at = (at + step + found.length) % found.length;
      draw();
    } else if (found.length && at >= 0 && (event.key === 'Enter' || (event.key === 'Tab' && !event.shiftKey && !chosen))) {
      event.preventDefault();
      choose(found[at]);
    } else if (found.length && event.key === 'Escape') {
      event.preventDefault();
      hide();
    }
  });

  return {
    option, pill, focus: () => input.focus(), empty: () => input.value === '', close: () => clearTimeout(timer),
    value: () => valueOf(option, input.value, chosen), problem: () => problemOf(option, input.value, chosen),
  };
}

function fixedChoices(option) {
  if (option.choices?.length) return option.choices;
  const roles = () => (guild()?.roles ?? []).map((r) => ({ name: r.name, value: String(r.id) }));
  const people = () => users().map((u) => ({ name: nameOf(u), value: String(u.id) }));
  switch (option.type) {
    case TYPE.BOOLEAN: return [{ name: 'True', value: true }, { name: 'False', value: false }];
    case TYPE.USER: return people();
    case TYPE.ROLE: return roles();
    case TYPE.MENTIONABLE: return [...people(), ...roles()];
    case TYPE.CHANNEL: {
      const kinds = option.channel_types;
      return channels().filter((c) => !kinds?.length || kinds.includes(c.type ?? 0)).map((c) => ({ name: `#${c.name}`, value: c.id }));
    }
    default: return [];
  }
}

const isNumber = (option) => option.type === TYPE.INTEGER || option.type === TYPE.NUMBER;
const mustChoose = (option) => option.choices?.length > 0 || [5, 6, 7, 8, 9].includes(option.type);

/** The value as Discord sends it; null when nothing was typed. */
function valueOf(option, text, chosen) {
  if (chosen) return chosen.value;
  if (text === '') return null;
  const named = fixedChoices(option).find((c) => c.name.toLowerCase() === text.trim().toLowerCase());
  if (named) return named.value;
  return isNumber(option) && !option.autocomplete ? Number(text) : isNumber(option) && text.trim() && !Number.isNaN(Number(text)) ? Number(text) : text;
}

function problemOf(option, text, chosen) {
  const value = valueOf(option, text, chosen);
  if (value === null) return option.required ? `${option.name}: this option is required` : null;
  if (mustChoose(option) && !fixedChoices(option).some((c) => c.value === value)) return `${option.name}: choose one of the list`;
  if (isNumber(option)) {
    if (typeof value !== 'number' || Number.isNaN(value)) return `${option.name}: a number is needed`;
    if (option.type === TYPE.INTEGER && !Number.isInteger(value)) return `${option.name}: a whole number is needed`;
    if (option.min_value !== undefined && value < option.min_value) return `${option.name}: at least ${option.min_value}`;
    if (option.max_value !== undefined && value > option.max_value) return `${option.name}: at most ${option.max_value}`;
  }
  if (option.type === TYPE.STRING && option.min_length && String(value).length < option.min_length) return `${option.name}: at least ${option.min_length} characters`;
  return null;
}
