import t from 'tap'
import { runFleetSeed } from '../../scripts/simulate/fleet-seed.js'

t.test(
  'fleets: servers that die, freeze, refuse, come and go harm no more calls than they must',
  async t => {
    for (let seed = 1; seed <= 3; seed++) {
      const { faults, succeeded } = await runFleetSeed(seed)
      t.strictSame(faults, [], `npm run simulate -- fleet --seed ${seed}`)
      t.ok(succeeded > 0)
    }
  },
)
