import type { Change } from './workspace.js'

/** A bug put in on purpose: a fuzzer that does not find it is broken itself. */
export interface PlantedBug extends Change {
  /** The target that has to find it. */
  readonly target: string
  readonly about: string
}

/** In one compiled file of `src`. */
export function bug(
  target: string,
  file: string,
  about: string,
  find: string,
  replace: string,
): PlantedBug {
  return { target, file: `src/${file}.js`, about, find, replace }
}
