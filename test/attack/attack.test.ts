import t from 'tap'
import { ATTACKS } from '../../scripts/attack/catalogue.js'
import { runAttack } from '../../scripts/attack/contest.js'

// A small part of each attack: that it is played, that the server lives, answers its ordinary client
// and lets go of everything. The figures of whole attacks are in docs/reliability.md.
const OPTIONS = { peer: 'microwire', patienceMs: 1_000, scale: 0.1 }
/** At once: each has three processes. */
const WIDTH = 4

/** Bounds that a busy machine breaks, and those of attacks that are cut short. */
const TIMING = /^(?:event-loop delay|.* us of CPU|.* MiB|not disconnected)/

t.setTimeout(180_000)

t.test('a tenth of each attack', { timeout: 180_000 }, async t => {
  const left = [...ATTACKS]
  const player = async (): Promise<void> => {
    for (let attack = left.shift(); attack !== undefined; attack = left.shift()) {
      const row = await runAttack(attack, OPTIONS)
      t.strictSame(
        row.broken.filter(text => !TIMING.test(text)),
        [],
        `${attack.name}: ${attack.about}`,
      )
      t.ok(row.octets > 0 || row.connections > 0, `${attack.name} was played`)
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, player))
})

t.test('attacks have names of their own', async t => {
  t.equal(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length)
  t.ok(ATTACKS.length >= 60)
})
