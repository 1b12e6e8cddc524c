import type { Situation } from './situation.js'
import { FRAME_SITUATIONS, STATE_SITUATIONS } from './situations-frames.js'
import { HPACK_SITUATIONS, MESSAGE_SITUATIONS } from './situations-messages.js'
import { RULE_SITUATIONS } from './situations-rules.js'

/** What h2spec tries, once more, with the one outcome that is right for us. */
export const SITUATIONS: readonly Situation[] = [
  ...FRAME_SITUATIONS,
  ...STATE_SITUATIONS,
  ...RULE_SITUATIONS,
  ...MESSAGE_SITUATIONS,
  ...HPACK_SITUATIONS,
]
