import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Suite, type SuiteRun, Unavailable } from '../suite.js'
import type { Row } from '../tally.js'
import { installed } from '../toolchain.js'

/** Says that this process is in the namespace already. */
const INSIDE = 'MICROWIRE_NAMESPACE'
const TIME_MAX_MS = 180_000

/**
 * Runs a part in a network namespace of its own, where multicast goes over loopback and nothing leaves
 * the machine.
 */
export function inNamespace(suite: string, part: Suite['run']): Suite['run'] {
  return async run => {
    if (process.env[INSIDE] !== undefined) return await part(run)
    try {
      await runInside(run, suite)
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      run.row(suite.replace('engines-', ''), '').skip(error.message)
    }
  }
}

async function runInside(run: SuiteRun, suite: string): Promise<void> {
  installed('unshare', 'util-linux')
  installed('ip', 'iproute2')
  if (process.getuid?.() !== 0) throw new Unavailable('A network namespace needs root.')
  const folder = mkdtempSync(join(tmpdir(), 'microwire-namespace-'))
  run.onEnd(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'rows.json')
  const script =
    'ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && exec "$0" .build/scripts/conformance.js "$1" --json "$2"'
  const program = run.start('unshare', ['-n', 'sh', '-c', script, process.execPath, suite, file], {
    env: { [INSIDE]: '1' },
  })
  const { code, stdout, stderr } = await program.ended(TIME_MAX_MS)
  let rows: Row[]
  try {
    rows = JSON.parse(readFileSync(file, 'utf8')) as Row[]
  } catch {
    throw new Unavailable(
      `A network namespace could not be had: ${(stderr || stdout).trim().split('\n').at(-1)} (exit ${code}).`,
    )
  }
  for (const row of rows) {
    const tally = run.row(row.suite.replace(`${suite} `, ''), row.version)
    for (let count = 0; count < row.passed; count++) tally.pass()
    for (let count = 0; count < row.failed; count++)
      tally.fail('in the namespace', stdout.slice(-800))
    if (row.skipped > 0) tally.skip('in the namespace', row.skipped)
  }
}
