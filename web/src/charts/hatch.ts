import type { AccountLook } from '../theme/accounts';
import { accountToken } from '../theme/accounts';
import { colourOf, faded } from './colours';

const SIZE = 6;

/** How an account fills an area: its colour, hatched where the palette says so; null for a gap. */
export function fillOf(
  context: CanvasRenderingContext2D,
  look: AccountLook,
): string | CanvasPattern | null {
  if (look.hatch === 'gap') return null;
  const colour = colourOf(accountToken(look.key));
  if (look.hatch === 'none') return colour;
  const ratio = window.devicePixelRatio || 1;
  const tile = document.createElement('canvas');
  tile.width = tile.height = Math.round(SIZE * ratio);
  const pen = tile.getContext('2d')!;
  pen.scale(tile.width / SIZE, tile.width / SIZE);
  pen.fillStyle = colour;
  pen.fillRect(0, 0, SIZE, SIZE);
  pen.strokeStyle = pen.fillStyle = faded(colourOf('--surface'), 0.55);
  pen.lineWidth = 1.3;
  if (look.hatch === 'dots') {
    for (const [x, y] of [
      [1.5, 1.5],
      [4.5, 4.5],
    ] as const) {
      pen.beginPath();
      pen.arc(x, y, 0.85, 0, Math.PI * 2);
      pen.fill();
    }
  } else {
    const sign = look.hatch === 'forward' ? -1 : 1;
    for (const shift of [-SIZE, 0, SIZE]) {
      pen.beginPath();
      pen.moveTo(shift, sign < 0 ? SIZE : 0);
      pen.lineTo(shift + SIZE, sign < 0 ? 0 : SIZE);
      pen.stroke();
    }
  }
  const pattern = context.createPattern(tile, 'repeat');
  pattern?.setTransform(new DOMMatrix().scale(1 / ratio));
  return pattern ?? colour;
}
