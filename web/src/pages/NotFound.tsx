import { A } from '@solidjs/router';

export function NotFound(props: { what?: string }) {
  return (
    <section class="notice">
      <h1>Not here</h1>
      <p>{props.what ?? 'There is no page at this address.'}</p>
      <p>
        <A href="/">Go to the farm</A>
      </p>
    </section>
  );
}
