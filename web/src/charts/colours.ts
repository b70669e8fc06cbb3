/** Reads colour tokens as the browser resolves them now, for pictures drawn on canvas. */

let probe: HTMLElement | undefined;

export function colourOf(token: string): string {
  if (probe === undefined) {
    probe = document.createElement('span');
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(${token})`;
  return getComputedStyle(probe).color;
}

/** The same colour, see-through. */
export function faded(colour: string, alpha: number): string {
  const parts = colour.match(/[\d.]+/g) ?? ['0', '0', '0'];
  return `rgb(${parts[0]} ${parts[1]} ${parts[2]} / ${alpha})`;
}
