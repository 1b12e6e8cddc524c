import { corpus } from './corpus.js'
import { frames } from './frames.js'
import { hpack } from './hpack.js'
import type { Suite } from './suite.js'

/** All suites, in the order in which they run: the layers from below. */
export const SUITES: readonly Suite[] = [hpack, frames, corpus]
