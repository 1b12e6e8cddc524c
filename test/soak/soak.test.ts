import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const SCRIPT = join(import.meta.dirname, '..', '..', 'scripts', 'soak.js')

// A smoke. The whole: `npm run soak`, whose figures are in docs/reliability.md.
t.test('six seconds of mixed load beside an attacker: nothing lost, doubled or left', t => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', SCRIPT, '--minutes', '0.1'],
    { encoding: 'utf8', timeout: 60_000 },
  )
  t.equal(status, 0, `${stdout}${stderr}`)
  const lines = stdout.trimEnd().split('\n')
  t.equal(lines.at(-1), 'clean')
  const { calls, cancelled, reconnects, attacks, ...faults } = JSON.parse(lines.at(-2)!)
  t.ok(calls > 100 && cancelled > 0 && reconnects > 4 && attacks > 0, lines.at(-2)!)
  const { lost, doubled, failed, sockets, timers } = faults
  t.strictSame(
    { lost, doubled, failed, sockets, timers },
    { lost: 0, doubled: 0, failed: 0, sockets: 0, timers: 0 },
  )
  t.end()
})
