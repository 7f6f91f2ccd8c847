// Builds elements. Text from the world only ever becomes a text node: nothing here or elsewhere parses markup.

const SVG = 'http://www.w3.org/2000/svg';

const PATHS = {
  hash: 'M10 3 8.5 21M17 3l-1.5 18M4 8.5h17M3 15.5h17',
  thread: 'M4 4h16v11H9l-5 5z',
  forum: 'M4 4h11v8H8l-4 3.5zM18 9h2v11l-4-3h-6v-2',
  menu: 'M4 6h16M4 12h16M4 18h16',
  people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-4 3-6 6.5-6s6.5 2 6.5 6M16 4.5a3.3 3.3 0 0 1 0 6.300M18 14.5c2.2.8 3.5 2.7 3.5 5.5',
  signal: 'M13 2 5 13.5h6L10 22l9-12.5h-6.5z',
  close: 'M5 5l14 14M19 5 5 19',
  chevron: 'M6 9l6 6 6-6',
  eye: 'M2 12s3.7-6.5 10-6.5S22 12 22 12s-3.7 6.5-10 6.5S2 12 2 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z',
  external: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
  slash: 'M15 4 9 20',
  send: 'M3 4l18 8-18 8 3-8zM6 12h8',
  check: 'M4 12.5l5.5 5.5L20 6.5',
  reply: 'M3 18c0-6 4-8 10-8V5l8 7-8 7v-5c-5 0-8 1-10 4z',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  server: 'M4 4h16v7H4zM4 13h16v7H4zM8 7.5h.01M8 16.5h.01',
  ticket: 'M3 6h18v4a2 2 0 0 0 0 4v4H3v-4a2 2 0 0 0 0-4zM14 6v12',
  pen: 'M4 20l1-4L16 5l3 3L8 19z',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  alarm: 'M12 3 2 20.5h20zM12 10v5M12 17.800h.01',
  stream: 'M3 6h12v12H3zM15 10l6-3.500v11L15 14',
  braces: 'M9 4c-4 0-1 7-5 8 4 1 1 8 5 8M15 4c4 0 1 7 5 8-4 1-1 8-5 8',
};

/** `el('p', {class: 'x', on: {click: f}}, 'text', node)`; false, null and undefined are left out. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'class') node.className = value;
    else if (key === 'value') node.value = value;
    else if (key === 'on') for (const [kind, listener] of Object.entries(value)) node.addEventListener(kind, listener);
    else if (key === 'data') Object.assign(node.dataset, value);
    else node.setAttribute(key, value === true ? '' : String(value));
  }
  return fill(node, children);
}

export function fill(node, children) {
  const present = (child) => child !== undefined && child !== null && child !== false;
  node.append(...[children].flat(Infinity).filter(present));
  return node;
}

export function replace(node, ...children) {
  node.replaceChildren();
  return fill(node, children);
}

/** Does something that makes new nodes in place of old ones, and gives the focus to the one with the same `data-focus`. */
export function keepFocus(parent, change) {
  const focus = parent.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  change();
  if (focus) parent.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
}

export function icon(name, size = 20) {
  const svg = document.createElementNS(SVG, 'svg');
  const attributes = {
    viewBox: '0 0 24 24', width: size, height: size, fill: 'none', stroke: 'currentColor', 'stroke-width': 2,
    'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true', class: 'icon',
  };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name] ?? '');
  svg.append(path);
  return svg;
}

const AVATARS = ['#5865f2', '#3ba55d', '#faa61a', '#eb459e', '#ed4245', '#00a8fc', '#9b59b6'];

/** A round picture: the initial on a colour of its own; the bot has the lamp of a signal. */
export function avatar(user, size = 40) {
  const name = user?.global_name || user?.username || user?.name || '?';
  const node = el('span', { class: 'avatar', 'aria-hidden': 'true' });
  node.style.setProperty('--size', `${size}px`);
  if (user?.bot && !user.webhook) {
    node.classList.add('avatar-bot');
    node.append(lamp());
    return node;
  }
  const number = [...String(user?.id ?? name)].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 997, 7);
  node.style.setProperty('--colour', AVATARS[number % AVATARS.length]);
  node.textContent = [...name.trim()][0]?.toUpperCase() ?? '?';
  return node;
}

function lamp() {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 40 40');
  const shape = (tag, attributes) => {
    const node = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    svg.append(node);
  };
  shape('rect', { width: 40, height: 40, fill: '#20304a' });
  shape('rect', { x: 18.5, y: 26, width: 3, height: 10, fill: '#8fa3c4' });
  shape('rect', { x: 13, y: 5, width: 14, height: 24, rx: 7, fill: '#0d1626' });
  shape('circle', { cx: 20, cy: 12, r: 4, fill: '#f0484c' });
  shape('circle', { cx: 20, cy: 22, r: 4, fill: '#43d17c' });
  return svg;
}

/** Where a file is: the CDN is played by this origin. */
export function fileUrl(text) {
  const href = safeUrl(text);
  return href && href.replace(/^https:\/\/cdn\.discordapp\.com(?=\/attachments\/)/, location.origin);
}

/** Only what a browser opens as a page; anything else is not a link. */
export function safeUrl(text) {
  try {
    const url = new URL(text, location.href);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
  } catch {
    return null;
  }
}
