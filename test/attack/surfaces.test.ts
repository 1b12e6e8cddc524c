import t from 'tap'
import { runAttack } from '../../scripts/attack/contest.js'
import { ALL_ATTACKS, attackNamed } from '../../scripts/attack/surfaces.js'

// A small part of one attack for each finding beyond the native door; all of them: `npm run attack -- all`.
const NAMES = [
  'M1-deep-error',
  'M3-unread-refusals',
  'M3-queued',
  'M4-handlers',
  'M7-refused-events',
  'M8-many-keys',
  'M14-same-id',
  'T10-throwing',
  'K1-storm-fin',
  'K5-unread-gzip',
  'K7-micro-error-deep',
  'N1-deep-error',
  'P1-unread-gzip-tls',
  'L1-no-tls',
]
const OPTIONS = { peer: 'microwire', patienceMs: 1_000, scale: 0.1 }
const WIDTH = 4

/** Bounds that a busy machine breaks, and those of attacks that are cut short. */
const TIMING = /^(?:event-loop delay|.* us of CPU|.* MiB|not disconnected)/

t.setTimeout(180_000)

t.test('a tenth of an attack for each finding', { timeout: 180_000 }, async t => {
  const left = [...NAMES]
  const player = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const row = await runAttack(attackNamed(name), OPTIONS)
      t.strictSame(
        row.broken.filter(text => !TIMING.test(text)),
        [],
        name,
      )
      t.ok(row.connections > 0, `${name} was played`)
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, player))
})

t.test('attacks of all surfaces have names of their own', async t => {
  t.equal(new Set(ALL_ATTACKS.map(({ name }) => name)).size, ALL_ATTACKS.length)
  t.ok(ALL_ATTACKS.length >= 67 + 60, `${ALL_ATTACKS.length}`)
  t.throws(() => attackNamed('nobody'), TypeError)
})
