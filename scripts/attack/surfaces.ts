import { ATTACKS } from './catalogue.js'
import { CLIENT_ATTACKS } from './client/index.js'
import { KEEPING_KINDS } from './keeping.js'
import { MESSAGE_ATTACKS } from './messages/index.js'
import { MUCP_ATTACKS } from './mucp/index.js'
import type { Attack } from './play.js'

/** The attack table: what is attacked, and how. */
export const SURFACES: Readonly<Record<string, readonly Attack[]>> = {
  native: ATTACKS,
  mucp: MUCP_ATTACKS,
  client: CLIENT_ATTACKS,
  messages: MESSAGE_ATTACKS,
  keeping: KEEPING_KINDS,
}

export const ALL_ATTACKS: readonly Attack[] = Object.values(SURFACES).flat()

/** @throws TypeError for a name that no attack has */
export function attackNamed(name: string): Attack {
  const attack = ALL_ATTACKS.find(each => each.name === name)
  if (attack === undefined) throw new TypeError(`attack ${name} is not known`)
  return attack
}
