import { lookup } from 'node:dns'
import { networkInterfaces } from 'node:os'
import { performance } from 'node:perf_hooks'
import { clearTimeout, setImmediate, setTimeout } from 'node:timers'
import { inRootContext } from '../runtime/async-context.js'
import type { Runtime } from '../runtime/runtime.js'
import { lendReads } from './lent-reads.js'
import { connectSocket } from './node-connect.js'
import { listenSocket } from './node-listen.js'

// Never the global ones of a later time: the fake timers of a test (vitest, jest, sinon) take their place, and a client would wait
// for ever for a server that goes on. Whoever wants time to stand still gives another `Runtime`.
const { queueMicrotask } = globalThis
const now = performance.now.bind(performance)
const nextTick = process.nextTick.bind(process)

/**
 * The runtime of Node. Sockets, listeners and timers are created outside any call's asynchronous
 * context, because calls share them.
 *
 * With the files it is made of, the only place in the package that touches clock, timers, randomness and the network.
 */
export const nodeRuntime: Runtime = {
  now: () => Math.floor(now()),
  stopwatch: now,
  loopActiveMs: () => performance.eventLoopUtilization().active,
  schedule(delayMs, run) {
    const timeout = inRootContext(setTimeout, run, delayMs)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout), ref: () => void timeout.ref() }
  },
  afterMicrotasks: run => inRootContext(runAfterMicrotasks, run),
  afterTurn: run => void inRootContext(setImmediate, run),
  warn: error => process.emitWarning(error),
  random: () => Math.random(),
  connect: (options, onReady) => inRootContext(connectSocket, options, onReady),
  lend: lendReads,
  listen: (options, events) => inRootContext(listenSocket, options, events),
  environment: () => process.env,
  interfaceAddresses: () =>
    Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address)),
  lookup: host =>
    new Promise((resolve, reject) => {
      lookup(host, { all: true, verbatim: true }, (error, found) => {
        if (error === null) resolve(found.map(entry => entry.address))
        else reject(error)
      })
    }),
}

function runAfterMicrotasks(run: () => void): void {
  queueMicrotask(() => nextTick(run))
}
