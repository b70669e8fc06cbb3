/** Reading of what was asked of the server, where an answer may be missing. */

import type { Resource } from 'solid-js';

/** The newest answer; undefined while there is none, and when the server refused. */
export const answerOf = <T>(resource: Resource<T>): T | undefined =>
  resource.error === undefined ? resource.latest : undefined;
