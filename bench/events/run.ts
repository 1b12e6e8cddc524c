import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { GoPeer } from '../../scripts/conformance/engines/brokers/go-peer.js'
import { startEngine } from '../../scripts/conformance/engines/processes.js'
import { SuiteRun, Unavailable } from '../../scripts/conformance/suite.js'

/** Of issue 19: messages for each second of processor time, against go-micro's broker. */
const AT_LEAST = 5
const SIZE = 100

interface Taken {
  readonly cpuMs?: number
  readonly timeMs?: number
}

/**
 * Events through a NATS of our own: published and heard by one process, whose processor time counts. go-micro v5's broker
 * beside ours, in turns; and ours as a client and a server use it.
 */
export async function runEvents(isQuick: boolean, print: (text: string) => void): Promise<void> {
  const run = new SuiteRun('events')
  try {
    await contest(run, isQuick ? 20_000 : 400_000, isQuick ? 1 : 5, print)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    print(`events through NATS: skipped: ${error.message}`)
  } finally {
    await run.end()
  }
}

async function contest(
  run: SuiteRun,
  count: number,
  rounds: number,
  print: (text: string) => void,
): Promise<void> {
  const engine = await startEngine(run, 'nats')
  const go = await GoPeer.start(run, 'nats', engine.address)
  const child = fork(join(import.meta.dirname, 'child.js'), [engine.address])
  run.onEnd(() => child.kill())
  await once(child, 'message')
  const rows: Record<string, number[]> = { 'go-micro': [], microwire: [], service: [], library: [] }
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    const taken: Record<string, Taken> = {
      'go-micro': await go.do('load', { topic: `go.${round}`, count, size: SIZE }, 120_000),
      microwire: await ask(child, 'broker', count),
      service: await ask(child, 'service', count),
      library: await ask(child, 'library', count),
    }
    if (round === 0 && rounds > 1) continue
    for (const [name, { cpuMs = 0 }] of Object.entries(taken))
      rows[name]!.push(count / (cpuMs / 1e3))
  }
  const rate = (name: string): number => median(rows[name]!)
  const ratio = rate('microwire') / rate('go-micro')
  print(
    `\nevents through NATS ${engine.version}, ${SIZE} octets, messages for each CPU second of the process that publishes and hears them`,
  )
  print(`go-micro ${GoPeer.version}, broker/nats     ${shown(rate('go-micro'))}`)
  print(
    `microwire, natsBroker          ${shown(rate('microwire'))}   ${ratio.toFixed(2)} x; wanted ${AT_LEAST} x`,
  )
  print(`microwire, client and server   ${shown(rate('service'))}`)
  print(
    `@nats-io/transport-node alone  ${shown(rate('library'))}   ${(rate('library') / rate('go-micro')).toFixed(2)} x`,
  )
}

async function ask(
  child: ChildProcess,
  way: 'broker' | 'service' | 'library',
  count: number,
): Promise<Taken> {
  const answer = once(child, 'message')
  child.send({ way, count, size: SIZE })
  const [taken] = (await answer) as [Taken]
  return taken
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

function shown(rate: number): string {
  return Math.round(rate).toLocaleString('en').padStart(10)
}
