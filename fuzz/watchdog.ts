import { writeSync } from 'node:fs'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { writeCrash } from './crash-file.js'

/** What the watching thread is told. */
interface Watch {
  readonly shared: SharedArrayBuffer
  readonly target: string
  readonly crashes: string
  readonly hangMs: number
}

/** Longer inputs are kept up to here. Unit: octets. */
const INPUT_SIZE_MAX = 65_536

/** Looks in the time that an input may take. */
const LOOKS = 8

/** Where the numbers are: inputs begun, and octets of the one under way. */
const COUNT = 0
const SIZE = 1
const HEAD_SIZE = 8

/**
 * Ends the process when one input takes longer than `hangMs`, be it in a loop
 * or with a promise that never settles; writes its crash file first, and the
 * line of JSON that tells the parent. A thread of its own sees what the busy
 * one no longer can.
 */
export class Watchdog {
  readonly #head: Int32Array
  readonly #octets: Uint8Array

  /** `crashes`: where the crash file goes; '' for nowhere. */
  constructor(target: string, crashes: string, hangMs: number) {
    const shared = new SharedArrayBuffer(HEAD_SIZE + INPUT_SIZE_MAX)
    this.#head = new Int32Array(shared, 0, 2)
    this.#octets = new Uint8Array(shared, HEAD_SIZE)
    const watch: Watch = { shared, target, crashes, hangMs }
    const { filename } = import.meta
    new Worker(filename, { workerData: watch })
  }

  /** This input is under way from now on. */
  begin(bytes: Buffer): void {
    const size = Math.min(bytes.length, INPUT_SIZE_MAX)
    this.#octets.set(bytes.subarray(0, size))
    Atomics.store(this.#head, SIZE, size)
    Atomics.add(this.#head, COUNT, 1)
  }
}

function watchOver({ shared, target, crashes, hangMs }: Watch): void {
  const head = new Int32Array(shared, 0, 2)
  const octets = new Uint8Array(shared, HEAD_SIZE)
  let last = 0
  let looks = 0
  setInterval(() => {
    const count = Atomics.load(head, COUNT)
    looks = count === last ? looks + 1 : 0
    last = count
    if (count === 0 || looks < LOOKS) return
    const kind = `hangs: one input took more than ${hangMs} ms`
    const bytes = Buffer.from(octets.slice(0, Atomics.load(head, SIZE)))
    const path = crashes === '' ? '' : writeCrash(crashes, { target, about: kind, bytes })
    const result = {
      runs: count,
      features: 0,
      corpus: 0,
      timeMs: 0,
      failure: { kind, text: kind, path },
    }
    writeSync(1, `${JSON.stringify(result)}\n`)
    process.kill(process.pid, 'SIGKILL')
  }, hangMs / LOOKS)
}

if (!isMainThread && workerData !== null && 'hangMs' in workerData) watchOver(workerData as Watch)
