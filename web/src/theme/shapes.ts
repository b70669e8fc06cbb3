/** The shapes of states as elements: pages copy them, with a framework or without. */

import type { ShapeName, StateLook } from './states';

const SVG = 'http://www.w3.org/2000/svg';

/** Each is one path, so that one can turn into another. */
interface Drawn {
  d: string;
  /** How wide its line is; without one it is filled. */
  line?: number;
}

const SHAPES: Record<ShapeName, Drawn> = {
  check: { d: 'M2 6.4 4.8 9 10 3.2', line: 2 },
  play: { d: 'M3 1.8v8.4L10.2 6z' },
  half: { d: 'M6 1.05a4.95 4.95 0 0 1 0 9.9a4.95 4.95 0 0 1 0-9.9zM6 2.55a3.45 3.45 0 0 0 0 6.9z' },
  ring: { d: 'M6 2.1a3.9 3.9 0 0 1 0 7.8a3.9 3.9 0 0 1 0-7.8z', line: 1.6 },
  dots: { d: 'M1.2 5.9h1.4M5.3 5.9h1.4M9.4 5.9h1.4', line: 2 },
  pause: { d: 'M3 2h2.2v8H3zM6.8 2H9v8H6.8z' },
  cross: { d: 'm2.4 2.4 7.2 7.2m0-7.2L2.4 9.6', line: 2.2 },
  slash: { d: 'M6 2a4 4 0 0 1 0 8a4 4 0 0 1 0-8zM3.2 8.8 8.8 3.2', line: 1.5 },
  square: { d: 'M2.5 2.5h7v7h-7z', line: 1.5 },
  question: {
    d: 'M3.6 4.2C3.6 1.2 8.6 1.2 8.6 4c0 1.9-2.5 1.9-2.5 3.6m0 1.6v1.5',
    line: 1.7,
  },
};

function draw(path: Element, name: ShapeName): void {
  const { d, line } = SHAPES[name];
  path.setAttribute('d', d);
  path.setAttribute('fill', line === undefined ? 'currentColor' : 'none');
  path.setAttribute('stroke', line === undefined ? 'none' : 'currentColor');
  path.setAttribute('stroke-width', String(line ?? 0));
}

export function shapeElement(name: ShapeName): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'shape');
  svg.setAttribute('viewBox', '0 0 12 12');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('fill-rule', 'evenodd');
  draw(path, name);
  svg.append(path);
  return svg;
}

/** Puts colour, shape and word of a state where those of another one may have been. */
export function drawChip(cell: Element, { tone, shape, word }: StateLook): void {
  let chip = cell.firstElementChild as HTMLElement | null;
  if (chip === null) {
    chip = document.createElement('span');
    chip.className = 'chip plain';
    chip.append(shapeElement(shape), word);
    cell.replaceChildren(chip);
  } else {
    if (chip.dataset['shape'] !== shape) draw(chip.firstElementChild!.firstElementChild!, shape);
    (chip.lastChild as Text).data = word;
  }
  chip.dataset['shape'] = shape;
  chip.dataset['tone'] = tone;
}
