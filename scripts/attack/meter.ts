/** Figures of the process under attack, a server or a client. */
import { MemoryBudget } from '../../src/connection/index.js'
import { counts } from './counts.js'
import { type Delays, LoopDelay, type Phase } from './loop-delay.js'

/** What the server is asked. */
export interface Order {
  readonly do: 'peek' | 'measure' | 'reset' | 'restart' | 'leave' | 'play' | 'call'
  /** To play over the memory transport: an attack, and its part. */
  readonly name?: string
  readonly scale?: number
  /** The delays since `reset` are kept as what the loop is like beside this. */
  readonly pool?: Phase
}

/** What the server tells of itself. */
export interface Measure {
  /** User and system, so far. Unit: us. */
  readonly cpuUs: number
  /** Heap and external memory after a collection. Unit: octets. */
  readonly retained: number
  /** What our accounts say of it: those of all connections together. Unit: octets. */
  readonly accounted: number
  readonly rss: number
  /** Largest since `reset`. Unit: octets. */
  readonly rssPeak: number
  /** Handlers started since `reset`. */
  readonly handlers: number
  /** Handlers that run now, and at most at once since `reset`. */
  readonly running: number
  readonly runningPeak: number
  /** Sockets that are open. */
  readonly sockets: number
  readonly timers: number
  /** All that keeps the process awake, sockets and timers among it. */
  readonly handles: number
  /** Event-loop delay since `reset`, and in all that was told to `pool`. */
  readonly delays: Delays
  readonly pooled: Readonly<Record<Phase, Delays>>
}

const loopDelay = new LoopDelay()
let rssPeak = 0

function measure(collect: boolean): Measure {
  if (collect) {
    globalThis.gc?.()
    globalThis.gc?.()
  }
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  rssPeak = Math.max(rssPeak, memory.rss)
  const resources = process.getActiveResourcesInfo()
  return {
    cpuUs: cpu.user + cpu.system,
    retained: memory.heapUsed + memory.external,
    accounted: MemoryBudget.ofProcess.exact,
    rss: memory.rss,
    rssPeak,
    ...counts,
    sockets: resources.filter(name => name === 'TCPSocketWrap').length,
    timers: resources.filter(name => name === 'Timeout').length,
    handles: resources.length,
    delays: loopDelay.delays,
    pooled: loopDelay.pooled,
  }
}

function reset(): void {
  counts.handlers = 0
  counts.runningPeak = counts.running
  rssPeak = process.memoryUsage.rss()
  loopDelay.reset()
}

setInterval(() => {
  rssPeak = Math.max(rssPeak, process.memoryUsage.rss())
}, 10).unref()

/** Takes the figures as it is told. */
export function answerTo(order: Order): Measure {
  const collects = order.do === 'measure' || order.do === 'restart'
  if (order.pool !== undefined) loopDelay.pool(order.pool)
  const figures = measure(collects)
  if (order.do === 'reset' || order.do === 'restart') reset()
  return figures
}
