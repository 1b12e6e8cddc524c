import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fuzzer, failureKind } from '../src/testing/index.js'
import { writeCrash } from './crash-file.js'
import { Escapes } from './escapes.js'
import { COUNTERS } from './instrument.js'
import { digest } from './invariant.js'
import { loadTarget } from './targets.js'
import { Watchdog } from './watchdog.js'

/** One run of one target, in a process of its own. Given as JSON in the first argument. */
export interface RunOrder {
  readonly target: string
  readonly seed: number
  /** Unit: ms. */
  readonly timeMs: number
  /** Executions at most. */
  readonly runsMax: number
  /** Where inputs are kept between runs; '' for nowhere. */
  readonly corpus: string
  /** Where a crash file goes; '' for nowhere, and then it is not minimised. */
  readonly crashes: string
  /** An input that takes longer hangs. Unit: ms. Default: 10_000. */
  readonly hangMs?: number
}

/** What the run has to say: one line of JSON. */
export interface RunResult {
  readonly runs: number
  readonly features: number
  readonly corpus: number
  readonly timeMs: number
  readonly failure?: { readonly kind: string; readonly text: string; readonly path: string }
}

/** Inputs between two looks at the clock. */
const BATCH = 8

/** Thousands of times what the slowest input takes, also on a busy machine. Unit: ms. */
const HANG_MS = 10_000

const order = JSON.parse(process.argv[2] ?? '{}') as RunOrder
const target = await loadTarget(order.target)
const counters = (globalThis as Record<string, unknown>)[COUNTERS] as Uint8Array | undefined
const watchdog = new Watchdog(order.target, order.crashes, order.hangMs ?? HANG_MS)
const escapes = new Escapes(target, bytes => watchdog.begin(bytes))
const fuzzer = new Fuzzer(escapes.target, {
  seed: order.seed,
  corpus: readCorpus(order.corpus),
  ...(counters === undefined ? {} : { counters }),
  ...(order.corpus === '' ? {} : { onKept: keepOnDisk }),
})

const started = performance.now()
let finding = undefined as Awaited<ReturnType<Fuzzer['run']>>
while (
  finding === undefined &&
  fuzzer.runs < order.runsMax &&
  performance.now() - started < order.timeMs
) {
  finding = await fuzzer.run(Math.min(BATCH, order.runsMax - fuzzer.runs))
  const escaped = await escapes.since()
  if (finding === undefined && escaped !== undefined) finding = { ...escaped, runs: fuzzer.runs }
}
const result: RunResult = {
  runs: fuzzer.runs,
  features: fuzzer.featureCount,
  corpus: fuzzer.corpusSize,
  timeMs: Math.round(performance.now() - started),
  ...(finding === undefined ? {} : { failure: await report(finding) }),
}
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exit(finding === undefined ? 0 : 1)

async function report(
  found: NonNullable<typeof finding>,
): Promise<NonNullable<RunResult['failure']>> {
  const { error } = found
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const kind = failureKind(error)
  if (order.crashes === '') return { kind, text, path: '' }
  const bytes = await fuzzer.minimize(found)
  return {
    kind,
    text,
    path: writeCrash(order.crashes, { target: order.target, about: kind, bytes }),
  }
}

function readCorpus(folder: string): Buffer[] {
  if (folder === '') return []
  mkdirSync(folder, { recursive: true })
  return readdirSync(folder)
    .sort()
    .map(name => readFileSync(join(folder, name)))
}

function keepOnDisk(bytes: Buffer): void {
  writeFileSync(join(order.corpus, digest(bytes).toString(16).padStart(8, '0')), bytes)
}
