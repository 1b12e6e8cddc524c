import { setTimeout as sleep } from 'node:timers/promises'
import { generate } from 'selfsigned'
import { Random } from '../src/testing/index.js'
import { numberOption, readArguments, refuse } from './arguments.js'
import { ask, start } from './attack/child.js'
import { Budget, Ledger } from './soak/ledger.js'
import { MemoryWatch } from './soak/memory.js'
import { PHASES, type World } from './soak/phases.js'
import { Site } from './soak/site.js'

const USAGE = `Loads of all sizes and endings for a long time, now and then with an attacker beside them.

    npm run soak -- --minutes 20 --seed 7
    npm run soak -- --phases burst,restart

Phase after phase draws its calls from the whole space: native and mucp, plain and over TLS, all
kinds, messages of 0 to 64 MiB, thousands at once, readers and uploads that stand still, hundreds
behind one signal, sources and handlers that throw, servers that stop. After each of them nothing
may be lost, doubled, truncated, unsettled or left; over ten minutes and more, memory may not have
grown. A line a minute tells how it goes; FOUND what is wrong. The seed decides all but timing.`

const { values } = readArguments(USAGE, {
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    phases: { type: 'string', default: Object.keys(PHASES).join(',') },
    verbose: { type: 'boolean', default: false },
  },
})

const ATTACK_NAMES = [
  'A1-rapid-reset',
  'A2-data-after-end',
  'B3-http2-bomb',
  'C5-empty-data',
  'D2-settings',
  'E8-garbage',
  'F6-truncated-message',
]
const ATTACK_CHANCE = 0.3
/** Shorter runs are smokes: a phase must not take all of their time. Unit: minutes. */
const WHOLE_MINUTES = 1
const WHOLE = { sizeMax: 67_108_864, octetsMax: 201_326_592, burstMax: 5_000 }
const SMOKE = { sizeMax: 8_388_608, octetsMax: 33_554_432, burstMax: 300 }
/** The largest call, 64 MiB each way, has room. Unit: octets. */
const BUDGET = 268_435_456
/** Time for what a phase leaves to go. Unit: ms. */
const QUIET_MAX_MS = 10_000
const TELL_MS = 60_000
/** Shorter runs say nothing about slopes. Unit: minutes. */
const SLOPE_MINUTES = 10
/** What a collection leaves. Unit: KiB each minute. */
const HEAP_SLOPE_MAX = 64
/** Both ends of each call are in it. Unit: MiB. */
const RSS_MAX = 1_536

async function attack(random: Random, port: number, ledger: Ledger): Promise<void> {
  const child = start('attacker.js', ['child'], [])
  const exit = new Promise(resolve => child.once('exit', resolve))
  try {
    await ask(child, { name: random.pick(ATTACK_NAMES), port, patienceMs: 1_000, scale: 1 })
  } catch (error) {
    ledger.found('failed', `attacker: ${error instanceof Error ? error.message : error}`)
  }
  child.kill('SIGKILL')
  await exit
}

async function makeSites(ledger: Ledger): Promise<readonly Site[]> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  })
  const sites = [new Site(ledger), new Site(ledger, { cert, key })]
  await Promise.all(sites.map(site => site.start()))
  return sites
}

/** Everything of a phase must go: handlers, sources, sockets. */
async function quiet(ledger: Ledger): Promise<void> {
  const until = performance.now() + QUIET_MAX_MS
  const left = (): readonly number[] => [ledger.handlers, ledger.sources, countOf('TCPSocketWrap')]
  while (left().some(count => count > 0)) {
    if (performance.now() > until) {
      const [handlers, sources, sockets] = left()
      const what = `${handlers} handlers, ${sources} iterables, ${sockets} sockets`
      ledger.found('left', `${what} after ${QUIET_MAX_MS} ms`)
      // What follows counts from here.
      ledger.handlers = 0
      ledger.sources = 0
      break
    }
    await sleep(20)
  }
  ledger.forget()
}

function countOf(resource: string): number {
  return process.getActiveResourcesInfo().filter(name => name === resource).length
}

async function soak(minutes: number, seed: number, names: readonly string[]): Promise<boolean> {
  if (globalThis.gc === undefined) console.log('without --expose-gc memory tells little')
  const random = new Random(seed)
  const ledger = new Ledger()
  const sites = await makeSites(ledger)
  const scale = minutes < WHOLE_MINUTES ? SMOKE : WHOLE
  const world: World = { random, ledger, budget: new Budget(BUDGET), sites, ...scale }
  const watch = new MemoryWatch()
  const until = performance.now() + minutes * 60_000
  const counts = { phases: 0, attacks: 0 }
  const tell = (): Record<string, unknown> => ({
    ...counts,
    ...ledger.totals,
    mebibytes: Math.round(ledger.totals.mebibytes),
    largest: ledger.largest,
    slowestMs: Math.round(ledger.slowestMs),
    rssPeakMib: watch.rssPeakMib,
  })
  console.log(`seed ${seed}`)
  let toldAt = performance.now()
  // Each kind of phase runs once at least.
  while (counts.phases < names.length || performance.now() < until) {
    const name = names[counts.phases % names.length]!
    ledger.place = `phase ${counts.phases++} ${name}`
    const startedAt = performance.now()
    const isAttacked = counts.phases === 1 || random.chance(ATTACK_CHANCE)
    const attacked = isAttacked ? attack(random, random.pick(sites).port, ledger) : undefined
    await PHASES[name]!(world)
    await attacked
    if (isAttacked) counts.attacks++
    await quiet(ledger)
    const memory = watch.sample()
    if (values.verbose) {
      console.log(ledger.place, Math.round(performance.now() - startedAt), JSON.stringify(memory))
    }
    if (performance.now() - toldAt < TELL_MS) continue
    toldAt = performance.now()
    console.log(JSON.stringify({ ...memory, ...tell() }))
  }
  await Promise.all(sites.map(site => site.stop(2_000)))
  watch.stop()
  await sleep(1_500)
  const [sockets, timers] = [countOf('TCPSocketWrap'), countOf('Timeout')]
  const { slopes, rssPeakMib } = watch
  console.log(JSON.stringify({ ...tell(), minutes, ...slopes, sockets, timers }))
  const grows = minutes >= SLOPE_MINUTES && slopes.heapKibPerMinute > HEAP_SLOPE_MAX
  const isClean = ledger.faults + sockets + timers === 0 && !grows && rssPeakMib < RSS_MAX
  console.log(isClean ? 'clean' : 'NOT CLEAN')
  return isClean
}

const names = values.phases.split(',')
const unknown = names.find(name => !Object.hasOwn(PHASES, name))
if (unknown !== undefined) {
  refuse(USAGE, `no phase is called '${unknown}'; there are ${Object.keys(PHASES).join(', ')}`)
}
process.exit(
  (await soak(
    numberOption(USAGE, 'minutes', values.minutes),
    numberOption(USAGE, 'seed', values.seed),
    names,
  ))
    ? 0
    : 1,
)
