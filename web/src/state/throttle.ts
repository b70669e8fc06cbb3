/** Runs `work` at once, then at most once per `milliseconds`; a call in between runs at its end. */
export function throttle(work: () => void, milliseconds: number): { (): void; cancel(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  const turn = () => {
    if (again) {
      again = false;
      timer = setTimeout(turn, milliseconds);
      work();
    } else {
      timer = undefined;
    }
  };
  const call = () => {
    if (timer === undefined) {
      timer = setTimeout(turn, milliseconds);
      work();
    } else {
      again = true;
    }
  };
  call.cancel = () => {
    clearTimeout(timer);
    timer = undefined;
    again = false;
  };
  return call;
}
