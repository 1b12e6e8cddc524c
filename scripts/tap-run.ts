import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

/** What a run of tap came to. */
export interface TapResult {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Names of what failed, with the file. */
  readonly failures: readonly string[]
  readonly exitCode: number
}

/** Compiled test files below `folder`, in a stable order. */
export function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.js'))
    .map(name => join(folder, name))
    .sort()
}

/** As tests plant secrets: what a test run prints must have none. */
const PLANTED_SECRET = /hush-[a-z]+-[0-9a-f]{4}\b/

/** Preloaded everywhere: see there. */
const EXIT_WATCH = pathToFileURL(join(import.meta.dirname, 'exit-watch.js')).href

/** Counts the tests of each file: lines one level deep are tests, lines at the margin are files. */
class TapCounter {
  passed = 0
  failed = 0
  skipped = 0
  readonly failures: string[] = []
  #file = ''
  #failedInFile = 0
  #filesDone = 0
  readonly #fileCount: number

  constructor(fileCount: number) {
    this.#fileCount = fileCount
  }

  /** What is no test, and yet fails the run. */
  fault(text: string): void {
    this.failed++
    this.failures.push(text)
  }

  /** A line that somebody printed. */
  look(line: string): void {
    if (PLANTED_SECRET.test(line)) this.fault(`${this.#file}: a planted secret is printed: ${line}`)
  }

  line(line: string): void {
    const file = /^# Subtest: (.*)$/.exec(line)
    if (file !== null) {
      this.#file = relative('.build', file[1]!)
      this.#failedInFile = 0
    }
    const test = /^ {4}(not ok|ok) \d+ ?-? ?(.*)$/.exec(line)
    if (test !== null) this.#test(test[1] === 'ok', test[2]!)
    const done = /^(not ok|ok) \d+ - /.exec(line)
    if (done !== null) this.#fileDone(done[1] === 'ok', line)
  }

  #test(ok: boolean, text: string): void {
    if (/# SKIP/i.test(text)) this.skipped++
    else if (ok) this.passed++
    else {
      this.failed++
      this.#failedInFile++
      this.failures.push(`${this.#file}: ${text.replace(/ # time=.*$/, '')}`)
    }
  }

  #fileDone(ok: boolean, line: string): void {
    this.#filesDone++
    // A file can fail without a failed test: it crashed, or ran into its time limit.
    if (!ok && this.#failedInFile === 0 && !/# SKIP/i.test(line)) {
      this.failed++
      this.failures.push(`${this.#file}: ${line}`)
    }
    const time = /# time=([\d.]+m?s)/.exec(line)?.[1] ?? ''
    const place = `[${String(this.#filesDone).padStart(3)}/${this.#fileCount}]`
    console.log(`${place} ${ok ? 'ok    ' : 'FAILED'} ${this.#file} ${time}`)
  }
}

/** Runs tap over compiled files; `args` go to tap. Details of failures are printed as they come. */
export async function runTap(
  files: readonly string[],
  args: readonly string[],
): Promise<TapResult> {
  const require = createRequire(import.meta.url)
  const tap = join(dirname(require.resolve('tap/package.json')), 'dist', 'esm', 'run.mjs')
  const folder = mkdtempSync(join(tmpdir(), 'microwire-tap-'))
  const faults = join(folder, 'faults')
  writeFileSync(faults, '')
  const { NODE_OPTIONS = '' } = process.env
  const child = spawn(process.execPath, [tap, '--reporter=tap', ...args, ...files], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NO_COLOR: '1',
      NODE_OPTIONS: `${NODE_OPTIONS} --import=${EXIT_WATCH}`.trim(),
      MICROWIRE_EXIT_FAULTS: faults,
    },
  })
  const counter = new TapCounter(files.length)
  createInterface({ input: child.stderr }).on('line', line => {
    counter.look(line)
    process.stderr.write(`${line}\n`)
  })
  let failing = false
  for await (const line of createInterface({ input: child.stdout })) {
    counter.line(line)
    counter.look(line)
    // A failed assertion and its diagnostics, but not the passed ones around it.
    if (/^\s*not ok /.test(line)) failing = true
    else if (/^\s*ok /.test(line) || /^# Subtest/.test(line)) failing = false
    if (failing && !/^not ok /.test(line)) console.log(line)
  }
  const exitCode = await new Promise<number>(resolve => {
    if (child.exitCode !== null) resolve(child.exitCode)
    else child.once('close', code => resolve(code ?? 1))
  })
  for (const text of readFileSync(faults, 'utf8').split('\n')) {
    if (text !== '') counter.fault(text)
  }
  rmSync(folder, { recursive: true })
  return { ...counter, passed: counter.passed, failures: counter.failures, exitCode }
}
