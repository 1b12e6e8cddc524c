import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Attacker } from '../../scripts/attack/attack-socket.js'
import { answerOf, ask, ended, start } from '../../scripts/attack/child.js'
import type { Measure } from '../../scripts/attack/meter.js'
import type { Started } from '../../scripts/attack/ours.js'
import type { Door } from '../../scripts/attack/play.js'
import { attackNamed } from '../../scripts/attack/surfaces.js'

// What one peer makes a server keep, against what the accounts of memory say, one kind each. In full: `npm run attack -- all --memory`.

/** A part of each that keeps some MiB. */
const KINDS: readonly (readonly [door: Door, name: string, scale: number])[] = [
  ['plain', 'X2-half-headers', 0.2],
  ['plain', 'X3-streams', 0.6],
  ['plain', 'X3-header-lists', 0.4],
  ['plain', 'X4-small', 0.6],
  ['plain', 'X4-unfinished', 0.2],
  ['plain', 'X5-unread', 0.4],
  ['plain', 'X6-streams', 0.3],
  ['plain', 'M3-unread-answers', 0.1],
  ['raw', 'T2-many-keys', 0.5],
]
t.setTimeout(120_000)

const ERROR_MAX = 0.2
/** Of a heap that is some MiB large. Unit: octets. */
const NOISE = 393_216
/** Nothing has moved for so long. Unit: ms. */
const SETTLE_MS = 60

/** Plays a kind, and measures once nothing moves any longer. */
async function play(server: ChildProcess, port: number, name: string, scale: number) {
  const before = await ask<Measure>(server, { do: 'measure' })
  const attacker = new Attacker(port, scale)
  await attackNamed(name).play!(attacker)
  await settled(server)
  const { retained, accounted } = await ask<Measure>(server, { do: 'measure' })
  for (const socket of attacker.sockets) socket.leave()
  let after: Measure
  let tries = 0
  do {
    await sleep(5)
    after = await ask<Measure>(server, { do: 'peek' })
  } while (after.accounted > before.accounted && ++tries < 1_000)
  return {
    retained: retained - before.retained,
    accounted: accounted - before.accounted,
    left: after.accounted - before.accounted,
  }
}

/** Until the account moves no more. */
async function settled(server: ChildProcess): Promise<void> {
  for (let last = -1; ; ) {
    await sleep(SETTLE_MS)
    const { accounted } = await ask<Measure>(server, { do: 'peek' })
    if (accounted === last) return
    last = accounted
  }
}

for (const door of ['plain', 'raw'] as const) {
  t.test(
    `the account of memory is what is kept, within a fifth: ${door}`,
    { timeout: 120_000 },
    async t => {
      const flags = ['--expose-gc', '--no-flush-bytecode']
      const server = start('server.js', ['microwire', door], flags)
      t.teardown(() => server.kill('SIGKILL'))
      const started = await answerOf<Started>(server)
      const port = started.attackPort ?? started.port
      // What the first of all leaves is what the process had not loaded.
      await play(server, port, door === 'raw' ? 'T2-many-keys' : 'X3-streams', 0.2)
      for (const [of, name, scale] of KINDS) {
        if (of !== door) continue
        // What is kept for good is kept by the first.
        await play(server, port, name, 0.02)
        const { retained, accounted, left } = await play(server, port, name, scale)
        const error = Math.abs(retained - accounted)
        t.ok(accounted > 500_000, `${name} keeps something: ${accounted}`)
        t.ok(
          error <= ERROR_MAX * Math.max(retained, accounted) + NOISE,
          `${name}: ${retained} octets kept, the account says ${accounted}`,
        )
        t.ok(left <= 0, `${name}: ${left} octets are left in the account`)
      }
      await ended(server, 'the server')
    },
  )
}
