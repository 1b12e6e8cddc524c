import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const PROGRAM = join(import.meta.dirname, 'idle-sockets.js')

t.test('an idle mucp socket holds nothing of what it delivered, at either end', t => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', PROGRAM], {
    encoding: 'utf8',
  })
  t.equal(status, 0, stderr)
  const { idle, held, moved } = JSON.parse(stdout) as Record<string, number>
  t.equal(idle, 20, 'all of them are idle now')
  t.ok(held! < moved! / 4, `${held} octets are held; ${moved} went there and back`)
  t.end()
})
