/** The name that is spelled most like another, as Python's difflib finds it. */

const CUTOFF = 0.6;

export function nearest(word: string, names: string[]): string | null {
  let best: string | null = null;
  let likeness = CUTOFF;
  for (const name of names) {
    const found = ratio(name, word);
    if (found > likeness || (found === likeness && (best === null || name > best))) {
      best = name;
      likeness = found;
    }
  }
  return best;
}

const ratio = (a: string, b: string): number =>
  a.length + b.length === 0 ? 1 : (2 * matches(a, b)) / (a.length + b.length);

/** Characters of the longest common piece and, on either side of it, of the longest there. */
function matches(a: string, b: string): number {
  let [length, atA, atB] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    for (let j = 0; j < b.length; j += 1) {
      let k = 0;
      while (i + k < a.length && a[i + k] === b[j + k]) k += 1;
      if (k > length) [length, atA, atB] = [k, i, j];
    }
  }
  if (length === 0) return 0;
  return (
    length +
    matches(a.slice(0, atA), b.slice(0, atB)) +
    matches(a.slice(atA + length), b.slice(atB + length))
  );
}
