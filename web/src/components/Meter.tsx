/** A thin bar with its value in words. `share` is of 1; null is unknown and drawn empty. */
export function Meter(props: { label: string; share: number | null; text: string; tip?: string }) {
  return (
    <div class="meter" data-tip={props.tip}>
      <span class="quiet">{props.label}</span>
      <span class="track" classList={{ unknown: props.share === null }}>
        <span
          class="fill"
          style={{ width: `${Math.min(Math.max(props.share ?? 0, 0), 1) * 100}%` }}
        />
      </span>
      <span class="value">{props.text}</span>
    </div>
  );
}
