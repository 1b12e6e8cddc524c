import { equal } from 'node:assert/strict'
import type { Ended } from './program.js'
import { type SuiteRun, Unavailable } from './suite.js'

const TIME_MAX_MS = 30_000

/** A part whose program cannot be had is skipped; the others run. */
export async function part(
  run: SuiteRun,
  name: string,
  version: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    run.row(name, version).skip(error.message)
  }
}

/** What a program says; it has to end with `code`. */
export async function output(
  run: SuiteRun,
  command: string,
  args: readonly string[],
  code: number = 0,
): Promise<Ended> {
  const ended = await run.start(command, args).ended(TIME_MAX_MS)
  equal(ended.code, code, ended.stderr.slice(-400))
  return ended
}
