import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Played, PlayOrder } from './attacker.js'
import type { Attack } from './catalogue.js'
import { answerOf, ask, start } from './child.js'
import type { Delays, Phase } from './loop-delay.js'
import type { Measure, Order } from './server.js'
import { Victim } from './victim.js'

/** One row of the attack table. */
export interface Row {
  readonly attack: string
  readonly peer: string
  /** How often it was played for the row. */
  readonly rounds: number
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
  /** Before the attacks: what the machine itself adds. Unit: ms. */
  readonly loopDelayBeforeP99: number
  /** When the attack was played for the first time, by code that was not compiled; undefined: it was not played before. Unit: ms. */
  readonly loopDelayFirstP99: number | undefined
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

/** What the ordinary client costs is measured for as long as an attack takes, within these. Unit: ms. */
const BASELINE_MS = 400
const BASELINE_MAX_MS = 3_000
const RELEASE_MS = 4_000
const WARM_UP_PATIENCE_MS = 500
/** An attack is played as often, or for as long, before it counts: until then what matters is compiled meanwhile. */
const WARM_UP: Rounds = { count: 10, lengthMs: 3_000 }
/** And as often or long for the row: it has the middle CPU time, and the delays of all of them together. */
const COUNTED: Rounds = { count: 20, lengthMs: 12_000 }
/** For what a forced collection held up. Unit: ms. */
const SETTLE_MS = 100

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

/** As many rounds as were begun before `lengthMs` was over, at least one, at most `count`. */
interface Rounds {
  readonly count: number
  readonly lengthMs: number
}

async function repeat<T>(rounds: Rounds, round: () => Promise<T>): Promise<T[]> {
  const end = performance.now() + rounds.lengthMs
  const results: T[] = []
  do results.push(await round())
  while (results.length < rounds.count && performance.now() < end)
  return results
}

interface Stage {
  readonly server: ChildProcess
  readonly attacker: ChildProcess
  readonly victim: Victim
  readonly port: number
}

/**
 * Four parts: once for what it costs code that was never run, once for the memory, a few times so that
 * the code is compiled, then what counts. Memory is apart because a forced collection, while nobody
 * attacks, makes V8 drop the code that it compiled for attacks.
 */
async function attackWith(attack: Attack, options: ContestOptions, stage: Stage): Promise<Row> {
  // A part of an attack is played to see that it is survived, not what it costs.
  if (options.scale !== 1) return finish(attack, [await play(attack, options, stage, 'memory')])
  const brief = { ...options, patienceMs: Math.min(options.patienceMs, WARM_UP_PATIENCE_MS) }
  const first = await play(attack, brief, stage, 'warm-up')
  const memory = await play(attack, options, stage, 'memory')
  await repeat(WARM_UP, () => play(attack, brief, stage, 'warm-up'))
  const baselineMs = Math.min(BASELINE_MAX_MS, Math.max(BASELINE_MS, memory.elapsedMs))
  const counted = await repeat(COUNTED, () => play(attack, options, stage, 'counted', baselineMs))
  const { pooled } = await ask<Measure>(stage.server, { do: 'peek' })
  return finish(attack, counted, memory, { first: first.figures.loopDelayP99, ...pooled })
}

/** One play: what the row is made of. */
interface Play {
  readonly figures: Figures
  readonly elapsedMs: number
  /** Of the ordinary client's calls, before and during the attack. Unit: ms. */
  readonly victimTimesBefore: readonly number[]
  readonly victimTimes: readonly number[]
}

type Figures = Omit<Row, 'broken' | 'rounds' | 'victimBeforeP99' | 'victimP99'>

interface AllDelays extends Readonly<Record<Phase, Delays>> {
  readonly first: number
}

/** The CPU time is the middle one, delays are those of all plays together; of what must not happen even once, the worst. */
function finish(
  attack: Attack,
  counted: readonly Play[],
  memory: Play = counted[0]!,
  delays?: AllDelays,
): Row {
  const all = [...counted, memory].map(({ figures }) => figures)
  const byTime = counted.map(({ figures }) => figures).sort((a, b) => a.cpuMs - b.cpuMs)
  const middle = byTime[Math.floor(byTime.length / 2)]!
  const worst = (of: (figures: Figures) => number): number => Math.max(...all.map(of))
  const row = {
    ...middle,
    rounds: counted.length,
    loopDelayP99: delays?.attack.p99 ?? middle.loopDelayP99,
    loopDelayMax: delays?.attack.max ?? middle.loopDelayMax,
    loopDelayBeforeP99: delays?.calm.p99 ?? middle.loopDelayBeforeP99,
    loopDelayFirstP99: delays?.first,
    victimP99: p99(counted.flatMap(each => each.victimTimes)),
    victimBeforeP99: p99(counted.flatMap(each => each.victimTimesBefore)),
    retained: memory.figures.retained,
    rssGrowth: worst(each => each.rssGrowth),
    handlers: worst(each => each.handlers),
    runningPeak: worst(each => each.runningPeak),
    victimErrors: worst(each => each.victimErrors),
    disconnectMs: all.some(each => each.disconnectMs === undefined)
      ? undefined
      : worst(each => each.disconnectMs!),
    state: all.find(each => each.state !== 'released')?.state ?? 'released',
  }
  return { ...row, broken: brokenBounds(attack, row) }
}

function p99(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Number.NaN
}

/** What an attack is played for: to be compiled, to see what is kept, or for the row. */
type Purpose = 'warm-up' | 'memory' | 'counted'

/** Once, with a baseline of its own. */
async function play(
  attack: Attack,
  options: ContestOptions,
  stage: Stage,
  purpose: Purpose,
  baselineMs: number = BASELINE_MS,
): Promise<Play> {
  const { server, attacker, victim, port } = stage
  const kept = (phase: Phase): Partial<Order> => (purpose === 'counted' ? { pool: phase } : {})
  const idle = await ask<Measure>(server, { do: purpose === 'memory' ? 'restart' : 'reset' })
  const idleAt = performance.now()
  await sleep(SETTLE_MS)
  victim.take()
  if (purpose !== 'warm-up') await sleep(baselineMs)
  const victimTimesBefore = victim.take()
  const calm = await ask<Measure>(server, { do: 'peek', ...kept('calm') })
  const ordinaryUsPerMs = (calm.cpuUs - idle.cpuUs) / (performance.now() - idleAt)
  const begun = await ask<Measure>(server, { do: 'reset' })
  victim.errors = 0
  const startedAt = performance.now()
  // Where a connection may live on there is nothing to wait for.
  const patienceMs =
    attack.livesBecause === undefined ? options.patienceMs : Math.min(options.patienceMs, 1_000)
  const order: PlayOrder = { name: attack.name, port, patienceMs, scale: options.scale }
  const played = await ask<Played>(attacker, order)
  const elapsedMs = performance.now() - startedAt
  const victimTimes = victim.take()
  const peak = await ask<Measure>(server, { do: 'peek', ...kept('attack') })
  const retained = purpose === 'memory' ? await grown(server, idle) : Number.NaN
  await ask(attacker, 'leave')
  const state = await released(server, idle)
  const cpuMs = Math.max(0, peak.cpuUs - begun.cpuUs - ordinaryUsPerMs * elapsedMs) / 1_000
  const figures = {
    attack: attack.name,
    peer: options.peer,
    connections: played.connections,
    octets: played.octets,
    cpuMs,
    cpuUsPerOctet: (cpuMs * 1_000) / played.octets,
    retained,
    rssGrowth: Math.max(0, peak.rssPeak - begun.rss),
    handlers: peak.handlers,
    runningPeak: peak.runningPeak,
    disconnectMs: played.disconnectMs,
    answer: answerText(attack, played),
    loopDelayP99: peak.delays.p99,
    loopDelayBeforeP99: calm.delays.p99,
    loopDelayFirstP99: undefined,
    loopDelayMax: peak.delays.max,
    victimErrors: victim.errors,
    state,
  }
  return { figures, elapsedMs, victimTimesBefore, victimTimes }
}

/** What is kept since `idle`, once the end of a connection has told all that it has to tell. Unit: octets. */
async function grown(server: ChildProcess, idle: Measure): Promise<number> {
  await sleep(SETTLE_MS)
  const { retained } = await ask<Measure>(server, { do: 'measure' })
  return Math.max(0, retained - idle.retained)
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
    loopDelayFirstP99: undefined,
    loopDelayMax: 0,
    rounds: 0,
    victimBeforeP99: 0,
    victimP99: 0,
    victimErrors: 0,
    state: text,
    broken: [text],
  }
}
