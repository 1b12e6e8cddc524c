import { leastRequest, peakEwma, roundRobin } from '../../src/micro/index.js'
import type { Pace } from '../pace.js'
import {
  type Caller,
  grpcJs,
  load,
  microwire,
  type Print,
  percentile,
  type Run,
} from './callers.js'
import { amplified, hole, joined } from './others.js'
import { overloaded } from './overload.js'
import { BALANCERS, pickCost } from './pick-cost.js'
import { restarted } from './restart.js'
import { Fleet } from './servers.js'

/** Calls at the same time. */
const IN_FLIGHT = 16
const DELAY_MS = 2

/** How long each load lasts; a server is killed a second after its load began. Unit: s. */
const SECONDS: Readonly<Record<Pace['kind'], { load: number; frozen: number; restarts: number }>> =
  {
    smoke: { load: 1.2, frozen: 1.2, restarts: 2 },
    quick: { load: 4, frozen: 8, restarts: 6 },
    full: { load: 20, frozen: 20, restarts: 60 },
  }

/** Whole fleets of processes, with the signals of a real death. Prints one line for each client. */
export async function runFleet(kind: Pace['kind'], print: Print): Promise<void> {
  const seconds = SECONDS[kind]
  await killed(seconds.load, print)
  await frozen(seconds.frozen, print)
  await slow(seconds.load, print)
  await overloaded(seconds.load, print)
  await restarted(seconds.restarts, print)
  await amplified(seconds.load, print)
  await joined(print)
  await hole(print)
  picks(print)
}

async function killed(seconds: number, print: Print): Promise<void> {
  print(`\nSIGKILL of one of three, ${IN_FLIGHT} calls at a time, for ${seconds} s`)
  const clients: ((ports: readonly number[]) => Caller)[] = [
    ports => microwire('defaults', ports),
    ports => microwire('roundRobin', ports, { balancer: roundRobin() }),
    ports => microwire('peakEwma', ports, { balancer: peakEwma() }),
    ports => microwire('defaults, retries: 1', ports, { retries: 1 }),
    ports => grpcJs(ports, false),
    ports => grpcJs(ports, true),
  ]
  for (const make of clients) {
    const fleet = await Fleet.start(3, DELAY_MS)
    const caller = make(fleet.ports)
    await load(caller, IN_FLIGHT, 1_000)
    const killAt = 1_000
    setTimeout(() => fleet.signal(0, 'SIGKILL'), killAt)
    const run = await load(caller, IN_FLIGHT, seconds * 1_000)
    const failed = run.calls.filter(({ ok }) => !ok)
    const later = failed.filter(({ at }) => at > killAt + 20)
    const before = rate(run, 0, killAt)
    const after = rate(run, killAt + 1_000, seconds * 1_000)
    print(
      `  ${caller.name}: ${failed.length} of ${run.calls.length} failed, ${later.length} of them begun later; throughput after 1 s ${percent(after / before)} of before`,
    )
    await caller.close()
    await fleet.close()
  }
}

async function frozen(seconds: number, print: Print): Promise<void> {
  print(`\nSIGSTOP of one of three, deadline 1 s, for ${seconds} s`)
  const clients: ((ports: readonly number[]) => Caller)[] = [
    ports => microwire('defaults', ports),
    ports => microwire('roundRobin', ports, { balancer: roundRobin() }),
    ports => microwire('peakEwma', ports, { balancer: peakEwma() }),
    ports => grpcJs(ports, false),
  ]
  for (const make of clients) {
    const fleet = await Fleet.start(3, DELAY_MS)
    const caller = make(fleet.ports)
    await load(caller, IN_FLIGHT, 1_000)
    fleet.signal(0, 'SIGSTOP')
    const run = await load(caller, IN_FLIGHT, seconds * 1_000, 1_000)
    fleet.signal(0, 'SIGCONT')
    const missed = run.calls.filter(({ ok }) => !ok)
    const late = missed.filter(({ at }) => at > 5_000)
    print(
      `  ${caller.name}: ${missed.length} of ${run.calls.length} missed it (${percent(missed.length / run.calls.length, 3)}), ${late.length} of them begun after 5 s`,
    )
    await caller.close()
    await fleet.close()
  }
}

async function slow(seconds: number, print: Print): Promise<void> {
  print(`\none of ten a hundred times slower (1 ms, 100 ms), ${IN_FLIGHT} calls at a time`)
  const fleet = await Fleet.start(10, 1)
  const clients: ((ports: readonly number[]) => Caller)[] = [
    ports => microwire('roundRobin', ports, { balancer: roundRobin() }),
    ports => microwire('leastRequest', ports, { balancer: leastRequest() }),
    ports => microwire('peakEwma', ports, { balancer: peakEwma() }),
    ports => grpcJs(ports, false),
  ]
  for (const make of clients) {
    const caller = make(fleet.ports)
    await load(caller, IN_FLIGHT, 1_000)
    const calm = await load(caller, IN_FLIGHT, (seconds * 1_000) / 2)
    await fleet.delay(9, 100)
    await load(caller, IN_FLIGHT, 500)
    const run = await load(caller, IN_FLIGHT, seconds * 1_000)
    await fleet.delay(9, 1)
    const [before, after] = [calm, run].map(each => percentile(each, 0.99)) as [number, number]
    print(
      `  ${caller.name}: p99 ${after.toFixed(1)} ms, ${(after / before).toFixed(1)} times ten healthy ones; p99.9 ${percentile(run, 0.999).toFixed(1)} ms; ${run.calls.length} calls`,
    )
    await caller.close()
  }
  await fleet.close()
}

function picks(print: Print): void {
  print('\none pick, its begin and its end included, with 3 / 100 / 1,000 endpoints')
  for (const balancing of BALANCERS) {
    const costs = [3, 100, 1_000].map(count => pickCost(balancing, count).toFixed(0))
    print(`  ${balancing.name}: ${costs.join(' / ')} ns`)
  }
}

/** Calls that went well and began within a span. Unit: calls per ms. */
function rate({ calls }: Run, from: number, to: number): number {
  return calls.filter(({ at, ok }) => ok && at >= from && at < to).length / (to - from)
}

function percent(share: number, digits = 0): string {
  return `${(share * 100).toFixed(digits)} %`
}
