import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Attacker } from './attack-socket.js'
import { answerOf, ask, ended, start } from './child.js'
import type { Measure } from './meter.js'
import type { Started } from './ours.js'
import { attackNamed } from './surfaces.js'

/** One kind of thing that a peer can make a server keep. */
export interface Kind {
  readonly door: 'plain' | 'raw'
  readonly name: string
  /** A part of the attack that keeps some MiB. */
  readonly scale: number
}

/** What one peer makes a server keep, one of each kind. */
export const KINDS: readonly Kind[] = [
  { door: 'plain', name: 'X2-half-headers', scale: 0.2 },
  { door: 'plain', name: 'X3-streams', scale: 0.6 },
  { door: 'plain', name: 'X3-header-lists', scale: 0.4 },
  { door: 'plain', name: 'X4-small', scale: 0.6 },
  { door: 'plain', name: 'X4-unfinished', scale: 0.2 },
  { door: 'plain', name: 'X5-unread', scale: 0.4 },
  { door: 'plain', name: 'X6-streams', scale: 0.3 },
  { door: 'plain', name: 'M3-unread-answers', scale: 0.1 },
  { door: 'raw', name: 'T2-many-keys', scale: 0.5 },
]

/** What account and heap may differ by, part of the larger one. */
const ERROR_MAX = 0.2
/** Of a heap that is some MiB large. Unit: octets. */
const NOISE = 393_216
/** Less says nothing of a kind. Unit: octets. */
const WORTH = 500_000
/** Nothing has moved for so long. Unit: ms. */
const SETTLE_MS = 60
/** Looks for what is left, 5 ms apart. */
const LOOKS_MAX = 1_000

/** Holds the account of memory against the heap, kind by kind; answers with one line for each that is wrong. */
export async function checkAccounts(onKind: (line: string) => void): Promise<string[]> {
  const faults: string[] = []
  for (const door of ['plain', 'raw'] as const) {
    const server = start('server.js', ['microwire', door], ['--expose-gc', '--no-flush-bytecode'])
    try {
      const started = await answerOf<Started>(server)
      const port = started.attackPort ?? started.port
      // What the first of all leaves is what the process had not loaded.
      await play(server, port, door === 'raw' ? 'T2-many-keys' : 'X3-streams', 0.2)
      for (const kind of KINDS) {
        if (kind.door !== door) continue
        const fault = await checkKind(server, port, kind, onKind)
        if (fault !== undefined) faults.push(fault)
      }
      await ended(server, 'the server')
    } finally {
      server.kill('SIGKILL')
    }
  }
  return faults
}

async function checkKind(
  server: ChildProcess,
  port: number,
  { name, scale }: Kind,
  onKind: (line: string) => void,
): Promise<string | undefined> {
  // What is kept for good is kept by the first.
  await play(server, port, name, 0.02)
  const { retained, accounted, left } = await play(server, port, name, scale)
  onKind(`${name}: ${retained} octets kept, the account says ${accounted}`)
  if (accounted <= WORTH) return `${name} keeps only ${accounted} octets`
  if (left > 0) return `${name}: ${left} octets are left in the account`
  const room = ERROR_MAX * Math.max(retained, accounted) + NOISE
  if (Math.abs(retained - accounted) <= room) return undefined
  return `${name}: ${retained} octets kept, the account says ${accounted}`
}

/** Plays a kind, and measures once nothing moves any longer. */
async function play(server: ChildProcess, port: number, name: string, scale: number) {
  const before = await ask<Measure>(server, { do: 'measure' })
  const attacker = new Attacker(port, scale)
  await attackNamed(name).play!(attacker)
  await settled(async () => (await ask<Measure>(server, { do: 'peek' })).accounted)
  const { retained, accounted } = await ask<Measure>(server, { do: 'measure' })
  for (const socket of attacker.sockets) socket.leave()
  let after: Measure
  let looks = 0
  do {
    await sleep(5)
    after = await ask<Measure>(server, { do: 'peek' })
  } while (after.accounted > before.accounted && ++looks < LOOKS_MAX)
  return {
    retained: retained - before.retained,
    accounted: accounted - before.accounted,
    left: after.accounted - before.accounted,
  }
}

/** Until the account moves no more. */
async function settled(look: () => Promise<number>): Promise<void> {
  for (let last = -1; ; ) {
    await sleep(SETTLE_MS)
    const accounted = await look()
    if (accounted === last) return
    last = accounted
  }
}
