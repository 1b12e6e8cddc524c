import t from 'tap'
import { playParts } from '../../scripts/attack/parts.js'
import { ALL_ATTACKS, attackNamed } from '../../scripts/attack/surfaces.js'

// A small part of one attack for each finding beyond the native door; a tenth of all of them: `npm run attack -- ci`.
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

t.setTimeout(180_000)

t.test('a tenth of an attack for each finding', { timeout: 180_000 }, async t => {
  await playParts(NAMES.map(attackNamed), ({ attack, faults }) => {
    t.strictSame(faults, [], attack.name)
  })
})

t.test('attacks of all surfaces have names of their own', async t => {
  t.equal(new Set(ALL_ATTACKS.map(({ name }) => name)).size, ALL_ATTACKS.length)
  t.ok(ALL_ATTACKS.length >= 67 + 60, `${ALL_ATTACKS.length}`)
  t.throws(() => attackNamed('nobody'), TypeError)
})
