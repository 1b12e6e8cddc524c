import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.js'
import type { RunOrder, RunResult } from './run-target.js'
import type { Workspace } from './workspace.js'

/** How long a planted bug may stay hidden. Unit: ms. */
export const PLANTED_TIME_MS = 60_000

/** What became of one planted bug. */
export interface PlantedResult {
  readonly bug: PlantedBug
  readonly found: boolean
  readonly runs: number
  readonly timeMs: number
  /** The invariant that broke. */
  readonly kind: string
}

/** Fuzzes a copy of the code with one bug in it, blind to former runs, until it fails or time is up. */
export function huntPlanted(workspace: Workspace, bug: PlantedBug, seed: number): PlantedResult {
  const takeBack = workspace.plant(bug)
  try {
    const order: RunOrder = {
      target: bug.target,
      seed,
      timeMs: PLANTED_TIME_MS,
      runsMax: Number.MAX_SAFE_INTEGER,
      corpus: '',
      crashes: '',
    }
    const child = spawnSync(
      process.execPath,
      [join(workspace.folder, 'fuzz', 'run-target.js'), JSON.stringify(order)],
      {
        encoding: 'utf8',
        // The child ends itself when an input hangs; this is for the rest.
        timeout: PLANTED_TIME_MS * 2,
      },
    )
    const line = child.stdout.trimEnd().split('\n').at(-1) ?? ''
    if (!line.startsWith('{')) {
      const kind =
        child.error === undefined
          ? (child.stderr.split('\n').find(text => /Error/.test(text)) ?? 'ended')
          : 'hangs'
      return { bug, found: child.status !== 0, runs: 0, timeMs: 0, kind }
    }
    const { runs, timeMs, failure } = JSON.parse(line) as RunResult
    return { bug, found: failure !== undefined, runs, timeMs, kind: failure?.kind ?? '' }
  } finally {
    takeBack()
  }
}

/** All planted bugs, or those whose targets are named, or what they are about; prints a line for each. True when every one was found. */
export async function runPlanted(
  workspace: Workspace,
  seed: number,
  words: readonly string[],
): Promise<boolean> {
  const bugs = PLANTED_BUGS.filter(
    ({ target, about }) =>
      words.length === 0 || words.some(word => word === target || about.includes(word)),
  )
  let found = 0
  for (const bug of bugs) {
    const result = huntPlanted(workspace, bug, seed)
    if (result.found) found++
    console.log(
      `${result.found ? 'found ' : 'MISSED'} ${bug.target.padEnd(18)} ${String(result.runs).padStart(7)} runs ${String(result.timeMs).padStart(6)} ms  ${bug.about}  [${result.kind}]`,
    )
  }
  console.log(`${found} of ${bugs.length} planted bugs found, seed ${seed}`)
  return found === bugs.length && bugs.length > 0
}
