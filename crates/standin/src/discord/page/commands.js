// The registered commands as a person finds them: subcommands are commands of their own, `noun verb`.

import { store } from './store.js';

const SUBCOMMAND = 1;
const GROUP = 2;

/** {name, description, options} of every slash command that can be called. */
export function callable() {
  const out = [];
  const walk = (name, node) => {
    const children = (node.options ?? []).filter((o) => o.type === SUBCOMMAND || o.type === GROUP);
    if (!children.length) out.push({ name, description: node.description ?? '', options: node.options ?? [] });
    for (const child of children) walk(`${name} ${child.name}`, child);
  };
  for (const command of store.commands) if ((command.type ?? 1) === 1) walk(command.name, command);
  return out.sort((a, b) => a.name.localeCompare(b.name));
}

/** Names that start with the text first, then names that contain it, then descriptions. */
export function matching(text) {
  const typed = text.trim().toLowerCase();
  const rank = (c) => (c.name.startsWith(typed) ? 0 : c.name.includes(typed) ? 1 : c.description.toLowerCase().includes(typed) ? 2 : 3);
  return callable().map((c) => [rank(c), c]).filter(([r]) => r < 3).sort((a, b) => a[0] - b[0]).map(([, c]) => c);
}

/** As it is shown: slash commands with their slash, those of a menu without. */
export function calledName(name) {
  const ofMenu = (store.world?.commands ?? []).some((c) => c.name === name && (c.type ?? 1) !== 1);
  return ofMenu ? name : `/${name}`;
}
