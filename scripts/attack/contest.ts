import { setTimeout as sleep } from 'node:timers/promises'
import type { Played } from './attack-socket.js'
import { Helpers } from './helpers.js'
import type { Phase } from './loop-delay.js'
import type { Measure, Order } from './meter.js'
import type { Attack } from './play.js'
import { crashedRow, type Play, type Row, rowOf } from './row.js'
import { makeStage, type Stage } from './stage.js'

export interface ContestOptions {
  readonly peer: string
  readonly patienceMs: number
  readonly scale: number
  /** Fewer rounds, to have all rows within half an hour. */
  readonly brisk?: boolean
  /** Once, for what is kept and what the accounts say of it: nothing else is measured. */
  readonly memoryOnly?: boolean
  /** Who is beside the one under attack. Default: processes of its own. */
  readonly helpers?: Helpers
}

/** What the ordinary client costs is measured for as long as an attack takes, within these. Unit: ms. */
const BASELINE_MS = 400
const BASELINE_MAX_MS = 3_000
const RELEASE_MS = 4_000
/** What the ordinary client's calls may have in the accounts at any time. Unit: octets. */
const ACCOUNT_NOISE = 32_768
const WARM_UP_PATIENCE_MS = 500
/** An attack is played as often, or for as long, before it counts: until then what matters is compiled meanwhile. */
const PACE: Pace = {
  warmUp: { count: 10, lengthMs: 2_500 },
  /** And as often or long for the row: it has the middle CPU time, and the delays of all of them together. */
  counted: { count: 16, lengthMs: 8_000 },
}
/** Where the whole table must be played within half an hour. */
const BRISK: Pace = {
  warmUp: { count: 5, lengthMs: 500 },
  counted: { count: 8, lengthMs: 2_000 },
}
/** For what a forced collection held up. Unit: ms. */
const SETTLE_MS = 100

/** Plays one attack against a server or a client of its own, with ordinary calls beside it. */
export async function runAttack(attack: Attack, options: ContestOptions): Promise<Row> {
  let stage: Stage | undefined
  try {
    stage = await makeStage(attack, options.peer, options.helpers ?? new Helpers(false))
    await sleep(BASELINE_MS)
    await stage.ordinary()
    const row = await attackWith(attack, options, stage)
    // What they reject when nobody asks any longer is a fault of this row as well.
    await stage.end()
    return row
  } catch (error) {
    return crashedRow(attack, options.peer, error)
  } finally {
    stage?.kill()
  }
}

/** As many rounds as were begun before `lengthMs` was over, at least one, at most `count`. */
interface Rounds {
  readonly count: number
  readonly lengthMs: number
}

interface Pace {
  readonly warmUp: Rounds
  readonly counted: Rounds
}

async function repeat<T>(rounds: Rounds, round: () => Promise<T>): Promise<T[]> {
  const end = performance.now() + rounds.lengthMs
  const results: T[] = []
  do results.push(await round())
  while (results.length < rounds.count && performance.now() < end)
  return results
}

/**
 * Four parts: once for what it costs code that was never run, once for the memory, a few times so that
 * the code is compiled, then what counts. Memory is apart because a forced collection, while nobody
 * attacks, makes V8 drop the code that it compiled for attacks.
 */
async function attackWith(attack: Attack, options: ContestOptions, stage: Stage): Promise<Row> {
  // A part of an attack is played to see that it is survived, not what it costs.
  if (options.scale !== 1) return rowOf(attack, [await play(attack, options, stage, 'memory')])
  const brief = { ...options, patienceMs: Math.min(options.patienceMs, WARM_UP_PATIENCE_MS) }
  const pace = options.brisk === true ? BRISK : PACE
  const first = await play(attack, brief, stage, 'warm-up')
  const memory = await play(attack, options, stage, 'memory')
  if (options.memoryOnly === true) return withoutTiming(rowOf(attack, [memory]))
  await repeat(pace.warmUp, () => play(attack, brief, stage, 'warm-up'))
  const baselineMs = Math.min(BASELINE_MAX_MS, Math.max(BASELINE_MS, memory.figures.elapsedMs))
  const counted = await repeat(pace.counted, () =>
    play(attack, options, stage, 'counted', baselineMs),
  )
  const { pooled } = await stage.ask({ do: 'peek' })
  return rowOf(attack, counted, memory, { first: first.figures.loopDelayP99, ...pooled })
}

/** Of one play neither the CPU time nor the delays say anything. */
function withoutTiming(row: Row): Row {
  return { ...row, broken: row.broken.filter(text => !/^event-loop|CPU/.test(text)) }
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
  const pooling = (phase: Phase): Partial<Order> => (purpose === 'counted' ? { pool: phase } : {})
  const idle = await stage.ask({ do: purpose === 'memory' ? 'restart' : 'reset' })
  const idleAt = performance.now()
  await sleep(SETTLE_MS)
  await stage.ordinary()
  if (purpose !== 'warm-up') await sleep(baselineMs)
  const { times: victimTimesBefore } = await stage.ordinary()
  const calm = await stage.ask({ do: 'peek', ...pooling('calm') })
  const ordinaryUsPerMs = (calm.cpuUs - idle.cpuUs) / (performance.now() - idleAt)
  const begun = await stage.ask({ do: 'reset' })
  const startedAt = performance.now()
  // Where a connection may live on there is nothing to wait for.
  const patienceMs =
    attack.livesBecause === undefined ? options.patienceMs : Math.min(options.patienceMs, 1_000)
  const played = await stage.attack({ name: attack.name, patienceMs, scale: options.scale })
  const elapsedMs = performance.now() - startedAt
  const { times: victimTimes, errors: victimErrors } = await stage.ordinary()
  const peak = await stage.ask({ do: 'peek', ...pooling('attack') })
  const kept = purpose === 'memory' ? await grown(stage, idle) : NOT_MEASURED
  await stage.leave()
  const state = await released(stage, idle)
  const cpuMs = Math.max(0, peak.cpuUs - begun.cpuUs - ordinaryUsPerMs * elapsedMs) / 1_000
  const figures = {
    attack: attack.name,
    peer: options.peer,
    connections: played.connections,
    octets: played.octets,
    cpuMs,
    cpuUsPerOctet: (cpuMs * 1_000) / played.octets,
    elapsedMs,
    ...kept,
    rssGrowth: Math.max(0, peak.rssPeak - begun.rss),
    handlers: peak.handlers,
    runningPeak: peak.runningPeak,
    disconnectMs: played.disconnectMs,
    answer: answerText(attack, played),
    loopDelayP99: peak.delays.p99,
    loopDelayBeforeP99: calm.delays.p99,
    loopDelayMax: peak.delays.max,
    victimErrors,
    state,
  }
  return { figures, victimTimesBefore, victimTimes }
}

type Kept = Pick<Row, 'retained' | 'accounted'>

const NOT_MEASURED: Kept = { retained: Number.NaN, accounted: Number.NaN }

/** What is kept since `idle`, once the end of a connection has told all that it has to tell. Unit: octets. */
async function grown(stage: Stage, idle: Measure): Promise<Kept> {
  await sleep(SETTLE_MS)
  const { retained, accounted } = await stage.ask({ do: 'measure' })
  return {
    retained: Math.max(0, retained - idle.retained),
    accounted: Math.max(0, accounted - idle.accounted),
  }
}

function answerText(attack: Attack, played: Played): string {
  const goaway = played.goaways.length === 0 ? '' : `GOAWAY ${played.goaways[0]}`
  const resets = played.resets === 0 ? '' : `${played.resets} RST_STREAM`
  const lives =
    played.disconnectMs === undefined ? `lives: ${attack.livesBecause ?? 'no reason'}` : ''
  return [goaway, resets, lives].filter(text => text !== '').join('; ')
}

/** Waits until the attacker's sockets and handlers are gone. */
async function released(stage: Stage, before: Measure): Promise<string> {
  const end = performance.now() + RELEASE_MS
  for (;;) {
    const now = await stage.ask({ do: 'peek' })
    const isReleased = now.sockets <= before.sockets && now.running <= before.running
    const accounted = now.accounted - before.accounted
    if (isReleased && accounted < ACCOUNT_NOISE) return 'released'
    if (performance.now() > end) {
      if (isReleased) return `${accounted} octets left in the accounts of memory`
      return `${now.sockets - before.sockets} sockets, ${now.running - before.running} handlers left`
    }
    await sleep(20)
  }
}
