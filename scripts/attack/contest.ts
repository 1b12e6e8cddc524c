import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { bytesCodec, type Client, createClient, defineService } from '../../src/index.js'
import type { Played, PlayOrder } from './attacker.js'
import type { Attack } from './catalogue.js'
import { answerOf, ask, start } from './child.js'
import type { Measure } from './server.js'

/** One row of the attack table. */
export interface Row {
  readonly attack: string
  readonly peer: string
  readonly connections: number
  readonly octets: number
  /** Of the server, less what the ordinary client costs. Unit: ms. */
  readonly cpuMs: number
  readonly cpuUsPerOctet: number
  /** Heap and external memory that the attack still holds while its connections are open. Unit: octets. */
  readonly retained: number
  readonly rssGrowth: number
  readonly handlers: number
  readonly runningPeak: number
  /** Undefined: the connection lives on. Unit: ms. */
  readonly disconnectMs: number | undefined
  readonly answer: string
  /** Unit: ms. */
  readonly loopDelayP99: number
  /** Before the attack: what the machine itself adds. Unit: ms. */
  readonly loopDelayBeforeP99: number
  readonly loopDelayMax: number
  /** Of the ordinary client's calls, before and during the attack. Unit: ms. */
  readonly victimBeforeP99: number
  readonly victimP99: number
  readonly victimErrors: number
  /** What is left when the attacker has gone: `released`, or what was not. */
  readonly state: string
  /** Bounds that were broken; for comparison peers too. */
  readonly broken: readonly string[]
}

export interface ContestOptions {
  readonly peer: string
  readonly patienceMs: number
  readonly scale: number
}

/** The bounds of a microwire server with its default limits. */
const BOUNDS = {
  cpuUsPerOctet: 1,
  /** Below this much work the ratio says nothing: one connection costs more than its octets. Unit: ms. */
  cpuMsLeast: 50,
  /** To accept a connection, to answer and to close it. Unit: ms. */
  cpuMsOfConnection: 1,
  retained: 2 * 1_048_576 + 1_048_576,
  rssGrowth: 64 * 1_048_576,
  loopDelayP99: 5,
} as const

const PACE_MS = 5
const BASELINE_MS = 400
const RELEASE_MS = 4_000
const WARM_UP_PATIENCE_MS = 500

const bytes = bytesCodec()
const service = defineService('attack.Target', {
  echo: { kind: 'unary', request: bytes, response: bytes },
})

/** Makes an ordinary call every few milliseconds and takes their times. */
class Victim {
  readonly #client: Client
  readonly #call: (request: Uint8Array, options: { timeoutMs: number }) => Promise<Uint8Array>
  #times: number[] = []
  errors = 0
  #running = true
  readonly done: Promise<void>

  constructor(port: number) {
    this.#client = createClient({ address: `127.0.0.1:${port}` })
    this.#call = this.#client.bind(service).echo
    this.done = this.#run()
  }

  /** The 99th percentile since the last look. Unit: ms. */
  take(): number {
    const times = this.#times.sort((a, b) => a - b)
    this.#times = []
    return times[Math.min(times.length - 1, Math.floor(times.length * 0.99))] ?? Number.NaN
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.done
    await this.#client.close()
  }

  async #run(): Promise<void> {
    // Its eight octets tell the server that it is nobody's attack.
    const request = Buffer.from('ordinary')
    while (this.#running) {
      const startedAt = performance.now()
      try {
        await this.#call(request, { timeoutMs: 10_000 })
      } catch {
        this.errors++
        await sleep(50)
      }
      const elapsedMs = performance.now() - startedAt
      this.#times.push(elapsedMs)
      if (elapsedMs < PACE_MS) await sleep(PACE_MS - elapsedMs)
    }
  }
}

/** Plays one attack against a server of its own, with an ordinary client beside it. */
export async function runAttack(attack: Attack, options: ContestOptions): Promise<Row> {
  const server = start('server.js', [options.peer], ['--expose-gc'])
  const attacker = start('attacker.js', ['child'], [])
  let victim: Victim | undefined
  try {
    // A crash in between is told by the question that then has no answer.
    server.on('error', () => {})
    const { port } = await answerOf<{ port: number }>(server)
    victim = new Victim(port)
    await sleep(BASELINE_MS)
    victim.take()
    return await attackWith(attack, options, { server, attacker, victim, port })
  } catch (error) {
    return crashed(attack, options.peer, error)
  } finally {
    attacker.kill('SIGKILL')
    server.kill('SIGKILL')
    await victim?.stop()
  }
}

interface Stage {
  readonly server: ChildProcess
  readonly attacker: ChildProcess
  readonly victim: Victim
  readonly port: number
}

/** The bounds are for compiled code: half of the attack comes first, on connections of its own. */
async function warmUp({ name }: Attack, { server, attacker, port }: Stage): Promise<void> {
  const before = await ask<Measure>(server, { do: 'peek' })
  const order: PlayOrder = { name, port, patienceMs: WARM_UP_PATIENCE_MS, scale: 0.5 }
  await ask<Played>(attacker, order)
  await ask(attacker, 'leave')
  await released(server, before)
}

async function attackWith(attack: Attack, options: ContestOptions, stage: Stage): Promise<Row> {
  const { server, attacker, victim, port } = stage
  // A part of an attack is played to see that it is survived, not what it costs.
  if (options.scale === 1) await warmUp(attack, stage)
  const idle = await ask<Measure>(server, { do: 'restart' })
  const idleAt = performance.now()
  await sleep(BASELINE_MS)
  const { delayP99 } = await ask<Measure>(server, { do: 'peek' })
  const before = await ask<Measure>(server, { do: 'restart' })
  const ordinaryUsPerMs = (before.cpuUs - idle.cpuUs) / (performance.now() - idleAt)
  const victimBeforeP99 = victim.take()
  victim.errors = 0
  const startedAt = performance.now()
  // Where a connection may live on there is nothing to wait for.
  const patienceMs =
    attack.livesBecause === undefined ? options.patienceMs : Math.min(options.patienceMs, 1_000)
  const order: PlayOrder = { name: attack.name, port, patienceMs, scale: options.scale }
  const played = await ask<Played>(attacker, order)
  const elapsedMs = performance.now() - startedAt
  const victimP99 = victim.take()
  const peak = await ask<Measure>(server, { do: 'peek' })
  const during = await ask<Measure>(server, { do: 'measure' })
  await ask(attacker, 'leave')
  const after = await released(server, before)
  const cpuMs = Math.max(0, peak.cpuUs - before.cpuUs - ordinaryUsPerMs * elapsedMs) / 1_000
  const row = {
    attack: attack.name,
    peer: options.peer,
    connections: played.connections,
    octets: played.octets,
    cpuMs,
    cpuUsPerOctet: (cpuMs * 1_000) / played.octets,
    retained: Math.max(0, during.retained - before.retained),
    rssGrowth: Math.max(0, peak.rssPeak - before.rss),
    handlers: peak.handlers,
    runningPeak: peak.runningPeak,
    disconnectMs: played.disconnectMs,
    answer: answerText(attack, played),
    loopDelayP99: peak.delayP99,
    loopDelayBeforeP99: delayP99,
    loopDelayMax: peak.delayMax,
    victimBeforeP99,
    victimP99,
    victimErrors: victim.errors,
    state: after,
  }
  return { ...row, broken: brokenBounds(attack, row) }
}

function answerText(attack: Attack, played: Played): string {
  const goaway = played.goaways.length === 0 ? '' : `GOAWAY ${played.goaways[0]}`
  const resets = played.resets === 0 ? '' : `${played.resets} RST_STREAM`
  const lives =
    played.disconnectMs === undefined ? `lives: ${attack.livesBecause ?? 'no reason'}` : ''
  return [goaway, resets, lives].filter(text => text !== '').join('; ')
}

/** Waits until the attacker's sockets and handlers are gone. */
async function released(server: ChildProcess, before: Measure): Promise<string> {
  const end = performance.now() + RELEASE_MS
  for (;;) {
    const now = await ask<Measure>(server, { do: 'peek' })
    if (now.sockets <= before.sockets && now.running <= before.running) return 'released'
    if (performance.now() > end) {
      return `${now.sockets - before.sockets} sockets, ${now.running - before.running} handlers left`
    }
    await sleep(20)
  }
}

function brokenBounds(attack: Attack, row: Omit<Row, 'broken'>): string[] {
  const broken: string[] = []
  const check = (isOver: boolean, text: string): void => {
    if (isOver) broken.push(text)
  }
  check(
    row.cpuUsPerOctet > BOUNDS.cpuUsPerOctet &&
      row.cpuMs > BOUNDS.cpuMsLeast + row.connections * BOUNDS.cpuMsOfConnection,
    `${row.cpuUsPerOctet.toFixed(2)} us of CPU for each octet`,
  )
  check(row.retained > BOUNDS.retained, `${mib(row.retained)} MiB retained`)
  check(row.rssGrowth > BOUNDS.rssGrowth, `RSS grew by ${mib(row.rssGrowth)} MiB`)
  check(row.handlers > attack.handlersMax, `${row.handlers} handlers ran`)
  check(
    row.loopDelayP99 > BOUNDS.loopDelayP99 + row.loopDelayBeforeP99,
    `event-loop delay ${row.loopDelayP99.toFixed(1)} ms`,
  )
  check(row.disconnectMs === undefined && attack.livesBecause === undefined, 'not disconnected')
  check(row.victimErrors > 0, `${row.victimErrors} ordinary calls failed`)
  check(row.state !== 'released', row.state)
  return broken
}

function mib(octets: number): string {
  return (octets / 1_048_576).toFixed(1)
}

function crashed(attack: Attack, peer: string, error: unknown): Row {
  const text = error instanceof Error ? error.message : String(error)
  return {
    attack: attack.name,
    peer,
    connections: 0,
    octets: 0,
    cpuMs: 0,
    cpuUsPerOctet: 0,
    retained: 0,
    rssGrowth: 0,
    handlers: 0,
    runningPeak: 0,
    disconnectMs: undefined,
    answer: '',
    loopDelayP99: 0,
    loopDelayBeforeP99: 0,
    loopDelayMax: 0,
    victimBeforeP99: 0,
    victimP99: 0,
    victimErrors: 0,
    state: text,
    broken: [text],
  }
}
