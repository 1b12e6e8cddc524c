import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiled } from '../paths.js'
import { load, microwire, type Print } from './callers.js'

const IN_FLIGHT = 16

interface Serving {
  readonly pid: number
  readonly address: string
}

/** The process is replaced again and again at its port, under load. */
export async function restarted(seconds: number, print: Print): Promise<void> {
  print(`\nrestart at the same port each second, ${IN_FLIGHT} calls at a time, for ${seconds} s`)
  const folder = mkdtempSync(join(tmpdir(), 'fleet-'))
  const file = join(folder, 'serving.json')
  const first = spawn(process.execPath, [compiled('fleet/heir'), '127.0.0.1:0', file], {
    stdio: 'ignore',
  })
  try {
    const { address } = await servedBy(file, first.pid!)
    const port = Number(address.slice(address.lastIndexOf(':') + 1))
    const caller = microwire('defaults, the socket is handed over', [port])
    await load(caller, IN_FLIGHT, 500)
    let restarts = 0
    const over = performance.now() + seconds * 1_000
    const replacing = (async () => {
      while (performance.now() < over - 500) {
        await new Promise(resolve => setTimeout(resolve, 1_000))
        const { pid } = serving(file)!
        process.kill(pid, 'SIGUSR2')
        await successorOf(file, pid)
        restarts++
      }
    })()
    const run = await load(caller, IN_FLIGHT, seconds * 1_000)
    await replacing
    const failed = run.calls.filter(({ ok }) => !ok)
    print(`  ${caller.name}: ${failed.length} of ${run.calls.length} failed, ${restarts} restarts`)
    await caller.close()
  } finally {
    const last = serving(file)
    if (last !== undefined) process.kill(last.pid, 'SIGTERM')
    rmSync(folder, { recursive: true })
  }
}

function serving(file: string): Serving | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Serving
  } catch {
    return undefined
  }
}

async function until(isDone: () => boolean): Promise<void> {
  const end = performance.now() + 20_000
  while (!isDone()) {
    if (performance.now() > end) throw new Error('no process took over within 20 s')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

async function servedBy(file: string, pid: number): Promise<Serving> {
  await until(() => serving(file)?.pid === pid)
  return serving(file)!
}

async function successorOf(file: string, pid: number): Promise<void> {
  await until(() => (serving(file)?.pid ?? pid) !== pid)
}
