import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { TapReader } from './tap-reader.js'

/** What a run of test files came to. */
export interface TapResult {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Names of what failed, with the file. */
  readonly failures: readonly string[]
}

/** How test files are run. */
export interface TapOptions {
  /** Files at the same time. Default: 1. */
  readonly jobs?: number
  /** How long a file may take, unless it asks for more. Unit: ms. Default: 120_000. */
  readonly timeoutMs?: number
  /** For their processes, beside our own. Default: none. */
  readonly env?: Readonly<Record<string, string>>
}

const TIMEOUT_MS = 120_000
/** So many times longer and a file is ended by force: it may ask for more by `t.setTimeout`, and tells by itself which test hangs. */
const FORCE_FACTOR = 2

/** Preloaded everywhere: see there. */
const EXIT_WATCH = pathToFileURL(join(import.meta.dirname, 'exit-watch.js')).href

/** Compiled test files below `folder`, in a stable order. */
export function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.js'))
    .map(name => join(folder, name))
    .sort()
}

/**
 * Runs compiled test files, each in a process of its own. That process speaks TAP by itself; tap's own runner between
 * us and it costs three times what most files take.
 */
export async function runTap(
  files: readonly string[],
  { jobs = 1, ...options }: TapOptions = {},
): Promise<TapResult> {
  const result = { passed: 0, failed: 0, skipped: 0, failures: [] as string[] }
  let doneCount = 0
  const left = files.values()
  const work = async (): Promise<void> => {
    for (const file of left) {
      const name = relative('.build', file)
      const started = performance.now()
      const reader = await runFile(file, options)
      result.passed += reader.passed
      result.failed += reader.failed
      result.skipped += reader.skipped
      result.failures.push(...reader.failures.map(text => `${name}: ${text}`))
      for (const line of reader.details) console.log(line)
      const place = `[${String(++doneCount).padStart(3)}/${files.length}]`
      const seconds = ((performance.now() - started) / 1_000).toFixed(1)
      console.log(`${place} ${reader.failed === 0 ? 'ok    ' : 'FAILED'} ${name} ${seconds}s`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return result
}

async function runFile(file: string, options: Omit<TapOptions, 'jobs'>): Promise<TapReader> {
  const { timeoutMs = TIMEOUT_MS, env = {} } = options
  const folder = mkdtempSync(join(tmpdir(), 'microwire-tap-'))
  const faults = join(folder, 'faults')
  writeFileSync(faults, '')
  const { NODE_OPTIONS = '' } = process.env
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NO_COLOR: '1',
      NODE_OPTIONS: `${NODE_OPTIONS} --import=${EXIT_WATCH}`.trim(),
      MICROWIRE_EXIT_FAULTS: faults,
      TAP_TIMEOUT: String(timeoutMs / 1_000),
      ...env,
    },
  })
  const reader = new TapReader()
  createInterface({ input: child.stdout }).on('line', line => reader.line(line))
  createInterface({ input: child.stderr }).on('line', line => {
    reader.look(line)
    process.stderr.write(`${line}\n`)
  })
  let killedAfterMs: number | undefined
  const timer = setTimeout(() => {
    killedAfterMs = FORCE_FACTOR * timeoutMs
    child.kill('SIGKILL')
  }, FORCE_FACTOR * timeoutMs)
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(resolve =>
    child.once('close', (...end) => resolve(end)),
  )
  clearTimeout(timer)
  reader.end({ code, signal, killedAfterMs })
  for (const text of readFileSync(faults, 'utf8').split('\n')) {
    if (text !== '') reader.fault(text)
  }
  rmSync(folder, { recursive: true })
  return reader
}
