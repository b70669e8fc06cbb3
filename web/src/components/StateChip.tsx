import type { StateLook } from '../theme/states';
import { Shape } from './Shape';

/** Colour, shape and word of one state. */
export function StateChip(props: { look: StateLook; plain?: boolean }) {
  return (
    <span class="chip" classList={{ plain: props.plain ?? false }} data-tone={props.look.tone}>
      <Shape name={props.look.shape} />
      {props.look.word}
    </span>
  );
}
