import { lookup } from 'node:dns'
import { connectSocket } from './node-connect.js'
import { listenSocket } from './node-listen.js'
import type { Runtime } from './runtime.js'

/** The runtime of Node: with the files it is made of, the only place in the package that touches clock, timers, randomness and the network. */
export const nodeRuntime: Runtime = {
  now: () => Math.floor(performance.now()),
  stopwatch: () => performance.now(),
  schedule(delayMs, run) {
    const timeout = setTimeout(run, delayMs)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout), ref: () => void timeout.ref() }
  },
  afterMicrotasks: run => queueMicrotask(() => process.nextTick(run)),
  afterTurn: run => void setImmediate(run),
  random: () => Math.random(),
  connect: connectSocket,
  listen: listenSocket,
  lookup: host =>
    new Promise((resolve, reject) => {
      lookup(host, { all: true, verbatim: true }, (error, found) => {
        if (error === null) resolve(found.map(entry => entry.address))
        else reject(error)
      })
    }),
}
