/** What a page shows stands in its address, as words behind the question mark. */

import { useLocation, useNavigate } from '@solidjs/router';

/** Read words of the address, make addresses with other words, go there. An empty word is left out. */
export function useWords() {
  const location = useLocation();
  const navigate = useNavigate();
  const word = (name: string) => String(location.query[name] ?? '');
  const address = (changes: Record<string, string>) => {
    const words = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) {
      if (value) words.set(name, value);
      else words.delete(name);
    }
    const text = words.toString();
    return `${location.pathname}${text ? `?${text}` : ''}`;
  };
  const change = (changes: Record<string, string>) =>
    navigate(address(changes), { scroll: false, replace: true });
  /** The span between `from` and `to`; null: the address names none. */
  const span = () => {
    const [start, end] = [Number(word('from')), Number(word('to'))];
    return start > 0 && end > start ? { start, end } : null;
  };
  const setSpan = (start: number, end: number) =>
    change({ from: String(Math.floor(start)), to: String(Math.ceil(end)) });
  const clearSpan = () => change({ from: '', to: '' });
  return { word, address, change, span, setSpan, clearSpan };
}
