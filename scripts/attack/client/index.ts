import type { Attack } from '../play.js'
import { ANSWER_ATTACKS } from './answers.js'
import { CONNECTION_ATTACKS } from './connections.js'
import { FLOOD_ATTACKS } from './floods.js'
import { MUCP_CLIENT_ATTACKS } from './mucp.js'

/** Attacks of a hostile server on our client. */
export const CLIENT_ATTACKS: readonly Attack[] = [
  ...CONNECTION_ATTACKS,
  ...FLOOD_ATTACKS,
  ...ANSWER_ATTACKS,
  ...MUCP_CLIENT_ATTACKS,
]
