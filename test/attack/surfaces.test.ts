import t from 'tap'
import { ALL_ATTACKS, attackNamed } from '../../scripts/attack/surfaces.js'

// A tenth of each of them is `npm run attack -- ci`, a part of `.ci/run`.

t.test('attacks of all surfaces have names of their own', async t => {
  t.equal(new Set(ALL_ATTACKS.map(({ name }) => name)).size, ALL_ATTACKS.length)
  t.ok(ALL_ATTACKS.length >= 67 + 60, `${ALL_ATTACKS.length}`)
  t.throws(() => attackNamed('nobody'), TypeError)
})
