import t from 'tap'
import { ATTACKS } from '../../scripts/attack/catalogue.js'

// A tenth of each of them is `npm run attack -- ci`, a part of `.ci/run`; the figures of whole ones are in docs/reliability.md.

t.test('attacks have names of their own', async t => {
  t.equal(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length)
  t.ok(ATTACKS.length >= 60)
})
