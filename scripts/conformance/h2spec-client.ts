import { fileURLToPath } from 'node:url'
import { freePortRange } from './ports.js'
import type { Suite } from './suite.js'
import { goProgram } from './toolchain.js'
import { PROGRAMS } from './versions.js'

const TIME_MAX_MS = 10 * 60_000
/** h2specd takes a port for each case, one after the other from a first one. */
const PORT_COUNT = 60
const CLIENT = fileURLToPath(new URL('../../interop/node/h2spec-client.js', import.meta.url))

export const h2specClient: Suite = {
  name: 'h2spec-client',
  about: 'our client against the misbehaving servers of h2specd',
  async run(run) {
    const tool = await goProgram(PROGRAMS.h2specd)
    const tally = run.row('', tool.version)
    if (tool.note !== undefined) tally.note(tool.note)
    const port = await freePortRange(PORT_COUNT)
    const command = `${process.execPath} ${CLIENT}`
    const args = ['-h', '127.0.0.1', '-f', String(port), '-e', command, '--strict', '-o', '2']
    const { stdout, stderr } = await run.start(tool.path, args).ended(TIME_MAX_MS)
    const summary = /(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed/.exec(stdout)
    if (summary === null) return tally.fail('h2specd', (stdout + stderr).slice(-400))
    const [, , passed, skipped, failed] = summary.map(Number)
    for (let i = 0; i < passed!; i++) tally.pass()
    if (skipped! > 0) tally.skip('h2specd skipped them', skipped)
    const failures = stdout.slice(stdout.indexOf('Failures:'))
    for (let i = 0; i < failed!; i++) tally.fail('h2specd', i === 0 ? plain(failures) : 'see above')
  },
}

function plain(text: string): string {
  return text.replace(/\u001b\[[\d;]*m/g, '').slice(0, 3_000)
}
