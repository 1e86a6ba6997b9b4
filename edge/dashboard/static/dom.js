// Small tools for making and filling elements. Text is always text: nothing here ever becomes markup.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

/** An SVG element with attributes and children. */
export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** An HTML element with attributes and children. */
export function html(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Set the text only where it differs, so that nothing is read out again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function share(element, fraction) {
  element.style.setProperty("--share", Math.min(Math.max(fraction, 0), 1).toFixed(3));
}

/** Oblique lines for times in which nothing was known; to be put into <defs>. */
export function hatch(id) {
  return svg("pattern", { id, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("line", { class: "hatch", x1: 0, y1: 0, x2: 0, y2: 7 }));
}
