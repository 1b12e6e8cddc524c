import { runAttack } from './contest.js'
import { Helpers } from './helpers.js'
import type { Attack } from './play.js'

const OPTIONS = { peer: 'microwire', patienceMs: 1_000, scale: 0.1 }
/** At once. */
const WIDTH = 4
/** Bounds that a busy machine breaks, and those of attacks that are cut short. */
const TIMING = /^(?:event-loop delay|.* us of CPU|.* MiB|not disconnected)/

/** What a part of an attack showed. */
export interface Part {
  readonly attack: Attack
  /** Why it is a fault; empty: the victim lives, answers its ordinary peer and lets go of everything. */
  readonly faults: readonly string[]
}

/** Plays a tenth of each: that it is survived, not what it costs. */
export async function playParts(
  attacks: readonly Attack[],
  onPart: (part: Part) => void,
): Promise<void> {
  const left = [...attacks]
  const helpers = new Helpers(true)
  const player = async (): Promise<void> => {
    for (let attack = left.shift(); attack !== undefined; attack = left.shift()) {
      const row = await runAttack(attack, { ...OPTIONS, helpers })
      const faults = row.broken.filter(text => !TIMING.test(text))
      if (row.octets === 0 && row.connections === 0) faults.push('it was not played')
      onPart({ attack, faults })
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, player))
  await helpers.end()
}
