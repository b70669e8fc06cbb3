import { shapeElement } from '../theme/shapes';
import type { ShapeName } from '../theme/states';

/** A state's shape, in the current text colour. The word stands beside it, so it is hidden from readers. */
export function Shape(props: { name: ShapeName }) {
  return <>{shapeElement(props.name)}</>;
}
