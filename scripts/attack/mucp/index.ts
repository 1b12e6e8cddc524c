import type { Attack } from '../play.js'
import { ERROR_ATTACKS } from './errors.js'
import { KEEPING_ATTACKS } from './keeping.js'
import { MEMORY_ATTACKS } from './memory.js'
import { MESSAGE_ATTACKS } from './messages.js'
import { SOCKET_ATTACKS } from './sockets.js'

/** Attacks on the mucp door of a server, on listeners of micro's transport, and over the memory transport. */
export const MUCP_ATTACKS: readonly Attack[] = [
  ...ERROR_ATTACKS,
  ...KEEPING_ATTACKS,
  ...MESSAGE_ATTACKS,
  ...SOCKET_ATTACKS,
  ...MEMORY_ATTACKS,
]
