// The box at the bottom: words, or a slash command with its options.

import { el, icon, replace } from './dom.js';
import { command, say } from './actions.js';
import { actor, channelById, store } from './store.js';
import { commandForm } from './command.js';
import { matching } from './commands.js';

/** Fills the node once; returns how to bring it up to date. */
export function composer(node) {
  const text = el('textarea', { class: 'words', rows: 1, id: 'words', autocomplete: 'off', 'aria-autocomplete': 'list', 'aria-controls': 'suggestions' });
  const list = el('div', { class: 'suggestions', id: 'suggestions', role: 'listbox', 'aria-label': 'Commands', hidden: true });
  const slash = el('button', { class: 'icon-button', type: 'button', 'aria-label': 'Commands' }, icon('slash', 22));
  const send = el('button', { class: 'icon-button send', type: 'button', 'aria-label': 'Send' }, icon('send', 22));
  const problem = el('div', { class: 'composer-problem', role: 'alert', hidden: true });
  const words = el('div', { class: 'box' }, slash, text, send);
  const form = el('div', { class: 'box-command', hidden: true });
  replace(node, list, problem, words, form);

  let found = [];
  let at = 0;
  let open = null;

  const suggest = () => {
    const typed = /^\/(.*)$/.exec(text.value);
    found = typed && !text.value.includes('\n') ? matching(typed[1]) : [];
    at = 0;
    draw();
    if (typed && !found.length) {
      replace(list, el('div', { class: 'list-empty' }, store.world?.commands?.length ? 'No command has this name' : 'The bot has not registered any command yet'));
      list.hidden = false;
    }
  };
  const draw = () => {
    list.hidden = !found.length;
    replace(list, found.length && el('div', { class: 'heading' }, 'Signalbox'), found.map((c, i) => el('button', {
      class: 'list-item', type: 'button', role: 'option', tabindex: -1, id: `suggestion-${i}`, 'aria-selected': String(i === at),
      on: { pointerdown: (event) => event.preventDefault(), click: () => choose(c) },
    }, el('span', { class: 'list-text' }, el('span', { class: 'list-label' }, `/${c.name}`, el('span', { class: 'list-options' }, c.options.map((o) => el('span', { class: o.required ? 'hint' : 'hint hint-optional' }, o.name)))),
      el('span', { class: 'list-detail' }, c.description)), el('span', { class: 'list-source' }, 'Signalbox'))));
    if (found.length) text.setAttribute('aria-activedescendant', `suggestion-${at}`);
    else text.removeAttribute('aria-activedescendant');
    list.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  };
  const choose = (chosen) => {
    reset();
    open = commandForm(chosen, { done: (options) => { leave(); command(chosen.name, options); }, cancelled: leave });
    words.hidden = true;
    form.hidden = false;
    replace(form, open.node);
    open.focus();
  };
  const leave = () => {
    open?.close();
    open = null;
    form.hidden = true;
    words.hidden = false;
    form.replaceChildren();
    text.focus();
  };
  const reset = () => {
    text.value = '';
    found = [];
    draw();
    grow();
  };
  const grow = () => {
    text.style.height = 'auto';
    text.style.height = `${Math.min(text.scrollHeight, 200)}px`;
  };
  const speak = async () => {
    const content = text.value.trim();
    if (!content) return;
    if (content.startsWith('/') && found.length) {
      choose(found[at]);
      return;
    }
    reset();
    const failure = await say(content);
    problem.hidden = !failure;
    problem.textContent = failure ?? '';
  };

  text.addEventListener('input', () => {
    problem.hidden = true;
    grow();
    suggest();
  });
  text.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (found.length && step) {
      event.preventDefault();
      at = (at + step + found.length) % found.length;
      draw();
    } else if (found.length && event.key === 'Tab' && !event.shiftKey) {
      event.preventDefault();
      choose(found[at]);
    } else if (event.key === 'Escape') {
      found = [];
      draw();
    } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      speak();
    }
  });
  text.addEventListener('blur', () => { list.hidden = true; });
  text.addEventListener('focus', suggest);
  slash.addEventListener('click', () => {
    text.value = '/';
    text.focus();
    suggest();
  });
  send.addEventListener('click', speak);

  let channelId = null;
  return () => {
    const channel = channelById(store.channelId);
    text.placeholder = channel ? `Message #${channel.name}` : '';
    text.setAttribute('aria-label', channel ? `Message #${channel.name} as ${actor()?.name ?? ''}, / for commands` : 'Message');
    text.disabled = !channel;
    if (channelId && channelId !== channel?.id && open) leave();
    channelId = channel?.id;
  };
}
