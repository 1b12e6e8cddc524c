import type { Delays, Phase } from './loop-delay.js'
import type { Attack } from './play.js'

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
  /** Until the connection was gone, or patience was. Unit: ms. */
  readonly elapsedMs: number
  /** Heap and external memory that the attack still holds while its connections are open. Unit: octets. */
  readonly retained: number
  /** What the accounts of memory say of it. Unit: octets. */
  readonly accounted: number
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

/** The bounds of a microwire server with its default limits. */
const BOUNDS = {
  cpuUsPerOctet: 1,
  /** Below this much work the ratio says nothing: one connection costs more than its octets. Unit: ms. */
  cpuMsLeast: 50,
  /** To accept a connection, to answer and to close it. Unit: ms. */
  cpuMsOfConnection: 1,
  /** To make a call that fails, in a client that nobody has warmed up. Unit: ms. */
  cpuMsOfCall: 2,
  /** What the ordinary client costs is known no better: a flood lasts a tenth of a second, a silence ten. Part of the time. */
  cpuShareUnknown: 0.02,
  retained: 2 * 1_048_576 + 1_048_576,
  rssGrowth: 64 * 1_048_576,
  /** Of what is rightly kept: the heap has room beside it. */
  rssShare: 1.5,
  /** What accounts and what is kept may differ by, part of the larger one, where they are worth comparing. */
  accountError: 0.2,
  accountWorth: 3 * 1_048_576,
  /** Of what this process computed itself; a young collection of what a thousand handlers hold is 5 to 10 of them. Unit: ms. */
  loopDelayP99: 10,
} as const

/** A client that loses one makes another. */
const CONNECTIONS_OF_CLIENT = 2

/** One play: what the row is made of. */
export interface Play {
  readonly figures: Figures
  /** Of the ordinary client's calls, before and during the attack. Unit: ms. */
  readonly victimTimesBefore: readonly number[]
  readonly victimTimes: readonly number[]
}

type Figures = Omit<
  Row,
  'broken' | 'rounds' | 'loopDelayFirstP99' | 'victimBeforeP99' | 'victimP99'
>

interface AllDelays extends Readonly<Record<Phase, Delays>> {
  readonly first: number
}

/** The CPU time is the middle one, delays are those of all plays together; of what must not happen even once, the worst. */
export function rowOf(
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
    accounted: memory.figures.accounted,
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

function brokenBounds(attack: Attack, row: Omit<Row, 'broken'>): string[] {
  const broken: string[] = []
  const check = (isOver: boolean, text: string): void => {
    if (isOver) broken.push(text)
  }
  check(
    row.cpuUsPerOctet > (attack.cpuUsPerOctetMax ?? BOUNDS.cpuUsPerOctet) &&
      row.cpuMs >
        BOUNDS.cpuMsLeast +
          row.connections * BOUNDS.cpuMsOfConnection +
          (attack.client?.count ?? 0) * BOUNDS.cpuMsOfCall +
          row.elapsedMs * BOUNDS.cpuShareUnknown,
    `${row.cpuUsPerOctet.toFixed(2)} us of CPU for each octet`,
  )
  check(row.retained > (attack.retainedMax ?? BOUNDS.retained), `${mib(row.retained)} MiB retained`)
  const larger = Math.max(row.retained, row.accounted)
  check(
    attack.uncountedBecause === undefined &&
      larger > BOUNDS.accountWorth &&
      Math.abs(row.retained - row.accounted) > BOUNDS.accountError * larger,
    `${mib(row.retained)} MiB retained, and the accounts say ${mib(row.accounted)} MiB`,
  )
  const rssMax = Math.max(BOUNDS.rssGrowth, (attack.retainedMax ?? 0) * BOUNDS.rssShare)
  check(row.rssGrowth > rssMax, `RSS grew by ${mib(row.rssGrowth)} MiB`)
  const connectionsMax = attack.connectionsMax ?? CONNECTIONS_OF_CLIENT
  check(
    attack.client !== undefined && row.connections > connectionsMax,
    `${row.connections} connections were made; at most ${connectionsMax} are needed`,
  )
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

/** The server or the attacker has ended. */
export function crashedRow(attack: Attack, peer: string, error: unknown): Row {
  const text = error instanceof Error ? error.message : String(error)
  return {
    attack: attack.name,
    peer,
    connections: 0,
    octets: 0,
    cpuMs: 0,
    cpuUsPerOctet: 0,
    elapsedMs: 0,
    retained: 0,
    accounted: 0,
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
