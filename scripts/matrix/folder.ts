import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const INSTALL_TIME_MAX_MS = 600_000
const RUN_TIME_MAX_MS = 240_000

/** One line of the matrix. */
export interface Row {
  readonly group: string
  readonly name: string
  readonly passed: boolean
  /** What was seen: the last line of output, or why it failed. */
  readonly seen: string
}

export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  /** Both streams. */
  readonly output: string
}

/** Runs a program with nothing that this process was given through NODE_OPTIONS. */
export function run(
  command: string,
  args: readonly string[],
  cwd: string,
  timeoutMs: number = RUN_TIME_MAX_MS,
): Promise<Outcome> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const options = {
    cwd,
    timeout: timeoutMs,
    maxBuffer: 1 << 26,
    env: { ...env, NO_COLOR: '1', CI: 'true' },
  }
  return new Promise(resolve => {
    execFile(command, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ exitCode: code, stdout, output: stdout + stderr })
    })
  })
}

/**
 * Installs packages in `folder`, which what lies below finds them in; unless they are there.
 *
 * @param packages by the name that they get: a version, `npm:other@1.2.3` or the path of an archive
 */
export async function install(
  folder: string,
  packages: Readonly<Record<string, string>>,
): Promise<void> {
  const manifest = `${JSON.stringify({ private: true, dependencies: packages }, undefined, 2)}\n`
  if (existsSync(join(folder, 'node_modules'))) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), manifest)
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--legacy-peer-deps']
  const { exitCode, output } = await run('npm', args, folder, INSTALL_TIME_MAX_MS)
  if (exitCode !== 0) {
    throw new Error(`npm install in ${folder} ended with ${exitCode}: ${output.slice(-1_000)}`)
  }
}

/** A row whose program has to print `expected`, among other things. */
export function rowOf(group: string, name: string, outcome: Outcome, expected: string): Row {
  const passed = outcome.exitCode === 0 && outcome.output.includes(expected)
  return { group, name, passed, seen: passed ? 'compiled and ran' : lastLines(outcome) }
}

function lastLines({ exitCode, output }: Outcome): string {
  return `exit code ${exitCode}: ${output.trim().slice(-600)}`
}
