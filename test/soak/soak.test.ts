import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const SCRIPT = join(import.meta.dirname, '..', '..', 'scripts', 'soak.js')

const FAULTS = [
  'lost',
  'doubled',
  'truncated',
  'failed',
  'unsettled',
  'slow',
  'left',
  'sockets',
  'timers',
]

// A smoke: each phase once, smaller. The whole: `npm run soak`, whose figures are in docs/reliability.md.
t.test('every phase of the soak once, beside an attacker: nothing is wrong or left', t => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', SCRIPT, '--minutes', '0.05', '--seed', '7'],
    { encoding: 'utf8', timeout: 90_000 },
  )
  t.equal(status, 0, `${stdout}${stderr}`)
  const lines = stdout.trimEnd().split('\n')
  t.equal(lines.at(-1), 'clean')
  const { phases, attacks, calls, cancelled, largest, ...figures } = JSON.parse(lines.at(-2)!)
  t.ok(phases >= 6 && attacks > 0 && calls > 300 && cancelled > 50, lines.at(-2)!)
  t.ok(largest > 4_194_304, 'messages beyond the default limit')
  for (const fault of FAULTS) t.equal(figures[fault], 0, fault)
  t.end()
})
