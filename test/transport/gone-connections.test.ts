import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const PROGRAM = join(import.meta.dirname, 'gone-connections.js')

t.test('a connection that has gone does not wait for a major collection', t => {
  const env = { ...process.env }
  // Coverage changes what code allocates.
  delete env['NODE_V8_COVERAGE']
  // A major collection that happens to be marking keeps everything alive that the minor ones would take.
  const flags = ['--expose-gc', '--single-threaded-gc', '--no-incremental-marking']
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, PROGRAM], {
    encoding: 'utf8',
    env,
    timeout: 60_000,
  })
  t.equal(status, 0, stderr)
  t.match(stdout, /\d/, 'it has told a number')
  const octets = Number(stdout)
  t.ok(octets < 4_000, `${octets} octets of each are left; all would be 11,000`)
  t.end()
})
