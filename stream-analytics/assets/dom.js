// The few things that the page does with the DOM. Text is only ever set as text: what comes from a topic is never markup.

export const $ = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export function svg(tag, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// Nothing is touched that has not changed: no flicker, and selected text stays selected.
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

export function attribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

// Makes the parent's children those of the list, one for each key, reusing the nodes that are there.
export function list(parent, entries, keyOf, create, update) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  entries.forEach((entry, index) => {
    const key = String(keyOf(entry, index));
    let node = known.get(key);
    known.delete(key);
    if (!node) {
      node = create(entry, index);
      node.dataset.key = key;
    }
    update(node, entry, index);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  });
  known.forEach((node) => node.remove());
}
