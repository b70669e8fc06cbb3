/** The shapes of states as elements: pages copy them, with a framework or without. */

import type { ShapeName, StateLook } from './states';

const SVG = 'http://www.w3.org/2000/svg';
type Drawn = [tag: 'path' | 'circle', attributes: Record<string, string>];

const line = (d: string, width: number): Drawn => [
  'path',
  { d, fill: 'none', stroke: 'currentColor', 'stroke-width': String(width) },
];
const filled = (d: string): Drawn => ['path', { d, fill: 'currentColor' }];
const round = (r: number, width: number): Drawn => [
  'circle',
  {
    cx: '6',
    cy: '6',
    r: String(r),
    fill: 'none',
    stroke: 'currentColor',
    'stroke-width': String(width),
  },
];

const SHAPES: Record<ShapeName, Drawn[]> = {
  check: [line('M2 6.4 4.8 9 10 3.2', 2)],
  play: [filled('M3 1.8v8.4L10.2 6z')],
  half: [round(4.2, 1.5), filled('M6 1.8a4.2 4.2 0 0 1 0 8.4z')],
  ring: [round(3.9, 1.6)],
  dots: [line('M1.2 5.9h1.4M5.3 5.9h1.4M9.4 5.9h1.4', 2)],
  pause: [filled('M3 2h2.2v8H3zM6.8 2H9v8H6.8z')],
  cross: [line('m2.4 2.4 7.2 7.2m0-7.2L2.4 9.6', 2.2)],
  slash: [round(4, 1.5), line('M3.2 8.8 8.8 3.2', 1.5)],
  square: [line('M2.5 2.5h7v7h-7z', 1.5)],
  question: [line('M3.6 4.2C3.6 1.2 8.6 1.2 8.6 4c0 1.9-2.5 1.9-2.5 3.6m0 1.6v1.5', 1.7)],
};

const drawn = new Map<ShapeName, SVGElement>();

export function shapeElement(name: ShapeName): Node {
  let svg = drawn.get(name);
  if (svg === undefined) {
    svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('class', 'shape');
    svg.setAttribute('viewBox', '0 0 12 12');
    svg.setAttribute('aria-hidden', 'true');
    for (const [tag, attributes] of SHAPES[name]) {
      const part = document.createElementNS(SVG, tag);
      for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
      svg.append(part);
    }
    drawn.set(name, svg);
  }
  return svg.cloneNode(true);
}

const chips = new Map<string, HTMLElement>();

/** Colour, shape and word of a state; copied, since a list needs many a second while it scrolls. */
export function chipElement(look: StateLook): Node {
  const key = `${look.tone} ${look.shape} ${look.word}`;
  let chip = chips.get(key);
  if (chip === undefined) {
    chip = document.createElement('span');
    chip.className = 'chip plain';
    chip.dataset['tone'] = look.tone;
    chip.append(shapeElement(look.shape), look.word);
    chips.set(key, chip);
  }
  return chip.cloneNode(true);
}
