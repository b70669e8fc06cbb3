/** Colours of a terminal as spans of plain text: nothing of a log is ever markup. */

export interface AnsiSpan {
  text: string;
  /** Names of classes of this page, never words of the log. */
  classes: string;
}

const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;
/** Colours and other commands to a terminal, and control characters that draw nothing. */
const COMMANDS =
  // eslint-disable-next-line no-control-regex
  /\u001b\[([0-9;]*)m|\u001b\[[0-9;?]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b.?|[\u0000-\u0008\u000b-\u001f\u007f]/g;

interface Look {
  ink: string | null;
  back: string | null;
  bold: boolean;
  faint: boolean;
  italic: boolean;
  underlined: boolean;
}

const PLAIN: Look = {
  ink: null,
  back: null,
  bold: false,
  faint: false,
  italic: false,
  underlined: false,
};

/** One of the 256 colours as the nearest of the eight that are legible in both modes. */
function nearest(index: number): string | null {
  if (index < 8) return COLOURS[index] ?? null;
  if (index < 16) return COLOURS[index - 8] ?? null;
  if (index > 231) return index < 244 ? 'black' : 'white';
  const cube = index - 16;
  const strong = [Math.floor(cube / 36), Math.floor((cube % 36) / 6), cube % 6];
  return ofParts(strong.map((part) => part >= 3));
}

/** A colour from which of red, green and blue are strong in it. */
function ofParts(strong: boolean[]): string {
  const at = (strong[0] ? 1 : 0) + (strong[1] ? 2 : 0) + (strong[2] ? 4 : 0);
  return COLOURS[at]!;
}

function apply(look: Look, codes: number[]): Look {
  let next = { ...look };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at]!;
    if (code === 0) next = { ...PLAIN };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.faint = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underlined = true;
    else if (code === 22) next.bold = next.faint = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underlined = false;
    else if (code === 39) next.ink = null;
    else if (code === 49) next.back = null;
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
      next.ink = COLOURS[code % 10] ?? null;
    } else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) {
      next.back = COLOURS[code % 10] ?? null;
    } else if (code === 38 || code === 48) {
      const side = code === 38 ? 'ink' : 'back';
      if (codes[at + 1] === 5) {
        next[side] = nearest(codes[at + 2] ?? 0);
        at += 2;
      } else if (codes[at + 1] === 2) {
        next[side] = ofParts([2, 3, 4].map((part) => (codes[at + part] ?? 0) > 110));
        at += 4;
      }
    }
  }
  return next;
}

function classesOf(look: Look): string {
  const names: string[] = [];
  if (look.ink !== null) names.push(`ink-${look.ink}`);
  if (look.back !== null) names.push(`back-${look.back}`);
  if (look.bold) names.push('bold');
  if (look.faint) names.push('faint');
  if (look.italic) names.push('italic');
  if (look.underlined) names.push('underlined');
  return names.join(' ');
}

/** A line without any command to a terminal. */
export const plainText = (text: string): string => text.replace(COMMANDS, '');

/** A line as spans, each with the classes its colours ask for. */
export function ansiSpans(text: string): AnsiSpan[] {
  if (!/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) return [{ text, classes: '' }];
  const spans: AnsiSpan[] = [];
  let look = PLAIN;
  let from = 0;
  for (const command of text.matchAll(COMMANDS)) {
    if (command.index > from) {
      spans.push({ text: text.slice(from, command.index), classes: classesOf(look) });
    }
    from = command.index + command[0].length;
    if (command[1] !== undefined) {
      look = apply(look, (command[1] || '0').split(';').map(Number));
    }
  }
  if (from < text.length) spans.push({ text: text.slice(from), classes: classesOf(look) });
  return spans;
}
