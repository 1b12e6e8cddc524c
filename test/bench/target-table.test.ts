import t from 'tap'
import type { About } from '../../bench/about.js'
import type { Row } from '../../bench/rows.js'
import { targetTable } from '../../bench/target-table.js'

const about = { contests: { 'rpc, unary server': 'P1', 'memory, idle stream': 'P13' } }

function rowsOf(
  suite: string,
  name: string,
  peer: string,
  figures: [string, number, string][],
): Row[] {
  return figures.map(([metric, value, unit]) => ({ suite, name, peer, metric, value, unit }))
}

t.test('targets stand by their numbers, with what they came to and what was wanted', async t => {
  const rows = [
    ...rowsOf('memory', 'idle stream', 'microwire', [
      ['heap', 700.4, 'octets'],
      ['heap min', 690, 'octets'],
      ['heap max', 1_710, 'octets'],
      ['heap at most', 600, 'octets'],
      ['heap target met', 0, '1 or 0'],
    ]),
    ...rowsOf('rpc', 'unary server', 'grpc-js', [
      ['cpu', 24, 'us'],
      ['cpu ratio', 20, 'x'],
      ['cpu ratio min', 17, 'x'],
      ['cpu ratio max', 22.5, 'x'],
      ['cpu at least', 18, 'x'],
      ['cpu target met', 1, '1 or 0'],
    ]),
  ]
  const [, , first, second] = targetTable(rows, about as unknown as About).split('\n')
  t.equal(first, '| P1 | unary server | grpc-js | cpu | 20x (17..22.5) | 18x | met |')
  t.equal(
    second,
    '| P13 | idle stream | itself | heap | 700 octets (690..1,710) | 600 octets | **missed** |',
  )
})

t.test('a target that only the spread of the rounds meets is marked', async t => {
  const rows = rowsOf('rpc', 'unary server', 'grpc-js', [
    ['cpu ratio', 17, 'x'],
    ['cpu ratio min', 16, 'x'],
    ['cpu ratio max', 19, 'x'],
    ['cpu at least', 18, 'x'],
    ['cpu target met', 1, '1 or 0'],
  ])
  t.match(targetTable(rows, about as unknown as About), /\| 18x \| within the noise \|/)
})
