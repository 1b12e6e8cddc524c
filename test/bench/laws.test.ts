import t from 'tap'
import { Child } from '../../bench/child-process.js'
import { compiled } from '../../bench/paths.js'

// The laws of growth that are the same on every machine; the suite `memory` has all of them, and longer.

const CALLS = 2_000

t.test('what deadlines, names and values leave behind', async t => {
  const child = await Child.start('laws', process.execPath, ['--expose-gc', compiled('laws')])
  t.teardown(() => child.close())

  for (const command of ['serverDeadlines', 'clientDeadlines']) {
    await t.test(`${command}: answered calls leave an empty wheel`, async t => {
      const { left, peak } = await child.ask({ do: command, calls: CALLS })
      t.ok(peak! >= 100, 'there were deadlines')
      t.equal(left, 0)
    })
  }

  await t.test('keys and values without end do not pile up', async t => {
    await child.ask({ do: 'distinctMessages', calls: CALLS })
    const { growth } = await child.ask({ do: 'distinctMessages', calls: CALLS * 50 })
    // A key and a value of each would be more than five times as much.
    t.ok(growth! < 2 * 1024 * 1024, `${growth} octets`)
  })
})
