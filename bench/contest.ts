import type { Pace } from './pace.js'
import type { Row } from './rows.js'
import { advantage, type Spread, spreadOf } from './statistics.js'

/** One thing measured of every contestant. */
export interface Metric {
  readonly key: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
}

/** Figures of one round, by the keys of the contest's metrics. */
export type Sample = Readonly<Record<string, number>>

/** One that is measured. */
export interface Contestant {
  readonly peer: string
  /** Warms up and learns how much work fills a round. */
  prepare(): Promise<void>
  /** One round. */
  measure(): Promise<Sample>
  close(): Promise<void>
}

/** What our side has to reach: one bound or the other. */
export interface Target {
  /** Whose figure ours has to beat `atLeast` times; left out, the bounds are on our own figure. */
  readonly peer?: string
  readonly metric: string
  readonly atLeast?: number
  readonly atMost?: number
}

/** Contestants under the same conditions. The first is ours: the others are compared with it. */
export interface Contest {
  readonly suite: string
  readonly name: string
  /** Number of the target in docs/benchmarks.md: `P1`. */
  readonly plan?: string
  /** How many rounds, where it is not the pace that says so. */
  readonly rounds?: number
  /** Conditions in a few words: shape, loader. */
  readonly conditions: string
  readonly metrics: readonly Metric[]
  readonly targets: readonly Target[]
  /** Starts the contestants, each of them ready to answer. */
  start(): Promise<readonly Contestant[]>
  /** Ends what contestants share. */
  readonly stop?: () => Promise<void>
}

/** What the rounds of one contestant came to. */
export interface Standing {
  readonly peer: string
  readonly figures: ReadonlyMap<string, Spread>
  /** Compared with ours, by metric; empty for ours. */
  readonly advantages: ReadonlyMap<string, Spread>
}

/** What a target came to. It is missed only if every round, or pair of rounds, missed it. */
export interface Verdict {
  readonly target: Target
  /** Who stands in the line of the table that shows it. */
  readonly peer: string
  readonly met: boolean
}

/** The outcome of a contest. */
export interface Outcome {
  readonly contest: Contest
  readonly rounds: number
  readonly standings: readonly Standing[]
  readonly verdicts: readonly Verdict[]
}

/** Runs the rounds of all contestants in turn, so that a disturbance of the machine hits them alike. */
export async function runContest(
  contest: Contest,
  pace: Pick<Pace, 'rounds'>,
  progress: (text: string) => void,
): Promise<Outcome> {
  const rounds = Math.min(pace.rounds, contest.rounds ?? pace.rounds)
  progress(`${contest.name}: starting`)
  const contestants = await contest.start()
  try {
    const samples = new Map<string, Sample[]>()
    for (const { peer } of contestants) samples.set(peer, [])
    for (const contestant of contestants) {
      progress(`${contest.name}: warming up ${contestant.peer}`)
      await contestant.prepare()
    }
    for (let round = 1; round <= rounds; round++) {
      for (const contestant of contestants) {
        progress(`${contest.name}: round ${round} of ${rounds}, ${contestant.peer}`)
        samples.get(contestant.peer)!.push(await contestant.measure())
      }
    }
    return judge(contest, rounds, samples)
  } finally {
    await Promise.all(contestants.map(contestant => contestant.close()))
    await contest.stop?.()
  }
}

function judge(
  contest: Contest,
  rounds: number,
  samples: ReadonlyMap<string, readonly Sample[]>,
): Outcome {
  const values = (peer: string, key: string): number[] =>
    (samples.get(peer) ?? []).map(sample => sample[key]!).filter(value => value !== undefined)
  const [own] = samples.keys()
  if (own === undefined) throw new Error(`${contest.name}: nobody to measure`)
  const standings: Standing[] = []
  for (const peer of samples.keys()) {
    const figures = new Map<string, Spread>()
    const advantages = new Map<string, Spread>()
    for (const { key, better } of contest.metrics) {
      const theirs = values(peer, key)
      const ours = values(own, key)
      if (theirs.length > 0) figures.set(key, spreadOf(theirs))
      if (peer !== own && theirs.length > 0 && ours.length === theirs.length) {
        advantages.set(key, advantage(ours, theirs, better))
      }
    }
    standings.push({ peer, figures, advantages })
  }
  return { contest, rounds, standings, verdicts: verdictsOf(contest, standings) }
}

function verdictsOf(contest: Contest, standings: readonly Standing[]): Verdict[] {
  const verdicts: Verdict[] = []
  for (const target of contest.targets) {
    const own = target.peer === undefined
    const standing = own ? standings[0] : standings.find(({ peer }) => peer === target.peer)
    const found = (own ? standing?.figures : standing?.advantages)?.get(target.metric)
    if (standing === undefined || found === undefined) continue
    const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = target
    const met = found.max >= atLeast && found.min <= atMost
    verdicts.push({ target, peer: standing.peer, met })
  }
  return verdicts
}

/**
 * The outcome as rows: for each peer and metric the median (`cpu`) with its extremes (`cpu min`,
 * `cpu max`), and how many times better ours is (`cpu ratio`, with its extremes likewise); for each
 * target its bound (`cpu at least`, `cpu at most`) and whether it was met (`cpu target met`, 1 or 0).
 */
export function rowsOf(outcome: Outcome): Row[] {
  const { suite, name, metrics } = outcome.contest
  const rows: Row[] = []
  for (const { peer, figures, advantages } of outcome.standings) {
    for (const { key, unit } of metrics) {
      const add = (metric: string, spread: Spread, unitOf: string): void => {
        rows.push({ suite, name, peer, metric, value: spread.median, unit: unitOf })
        rows.push({ suite, name, peer, metric: `${metric} min`, value: spread.min, unit: unitOf })
        rows.push({ suite, name, peer, metric: `${metric} max`, value: spread.max, unit: unitOf })
      }
      const figure = figures.get(key)
      if (figure !== undefined) add(key, figure, unit)
      const ratio = advantages.get(key)
      if (ratio !== undefined) add(`${key} ratio`, ratio, 'x')
    }
  }
  for (const { target, peer, met } of outcome.verdicts) {
    const unit = metrics.find(({ key }) => key === target.metric)?.unit ?? ''
    const [word, value] =
      target.atLeast === undefined ? ['at most', target.atMost ?? 0] : ['at least', target.atLeast]
    const bound = `${target.metric} ${word}`
    const of = { suite, name, peer }
    rows.push({ ...of, metric: bound, value, unit: target.peer === undefined ? unit : 'x' })
    rows.push({ ...of, metric: `${target.metric} target met`, value: met ? 1 : 0, unit: '1 or 0' })
  }
  return rows
}
