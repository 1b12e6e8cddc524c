import t from 'tap'
import { minimize } from '../../src/testing/index.js'

t.test('what does not matter is taken out, and what stays is zero where it can be', async t => {
  const bytes = Buffer.from('..........a....................b........c....')
  const fails = (candidate: Buffer): boolean => {
    const text = candidate.toString('latin1')
    return text.indexOf('a') >= 0 && text.indexOf('b') > text.indexOf('a')
  }
  t.same(await minimize(bytes, fails), Buffer.from('ab'))
})

t.test('a length that matters stays', async t => {
  const minimal = await minimize(Buffer.alloc(100, 0x61), candidate => candidate.length >= 17)
  t.same(minimal, Buffer.alloc(17))
})

t.test('the number of runs is bounded', async t => {
  let runs = 0
  const holds = async (): Promise<boolean> => {
    runs++
    return false
  }
  await minimize(Buffer.alloc(1_000, 1), holds, 30)
  t.equal(runs, 30)
})
