import t from 'tap'
import { ATTACKS } from '../../scripts/attack/catalogue.js'
import { playParts } from '../../scripts/attack/parts.js'
import { attackNamed } from '../../scripts/attack/surfaces.js'

// One attack of each theme of the native door; a tenth of all attacks is `npm run attack -- ci`, a part of `.ci/run`, and
// the figures of whole ones are in docs/reliability.md.
const NAMES = [
  'A1-rapid-reset',
  'B2-hpack-bomb',
  'C5-empty-data',
  'D1-ping',
  'E8-garbage',
  'F2-gzip-bomb',
]

t.setTimeout(180_000)

t.test('a tenth of an attack of each theme', { timeout: 180_000 }, async t => {
  await playParts(NAMES.map(attackNamed), ({ attack, faults }) => {
    t.strictSame(faults, [], `${attack.name}: ${attack.about}`)
  })
})

t.test('attacks have names of their own', async t => {
  t.equal(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length)
  t.ok(ATTACKS.length >= 60)
})
