import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { answerRunner, type Reply } from '../child.js'
import { serveOrders } from '../real/serve-orders.js'

// microwire with an ordinary service in several processes at one port: `--workers N`, `--reuse-port` in
// place of node:cluster's own sharing, where the primary accepts and hands connections out in turn.

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '2' },
    'reuse-port': { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
  },
})

if (cluster.isPrimary) await lead()
else await work()

async function lead(): Promise<void> {
  const first = await start(0)
  const workers = [first.worker]
  // To node:cluster the free port of the first worker is that of them all.
  const port = values['reuse-port'] ? first.port : 0
  while (workers.length < Number(values.workers)) workers.push((await start(port)).worker)
  const used = async (): Promise<Reply> => {
    const own = process.cpuUsage()
    let cpuUs = own.user + own.system
    for (const worker of workers) {
      worker.send('usage')
      const [reply] = (await once(worker, 'message')) as [{ cpuUs: number }]
      cpuUs += reply.cpuUs
    }
    return { cpuUs }
  }
  answerRunner({ port: first.port }, { usage: used })
}

async function start(port: number): Promise<{ worker: Worker; port: number }> {
  cluster.setupPrimary({ args: [...process.argv.slice(2), '--port', String(port)] })
  const worker = cluster.fork().on('exit', () => process.exit(1))
  const [ready] = (await once(worker, 'message')) as [{ port: number }]
  return { worker, port: ready.port }
}

async function work(): Promise<void> {
  const reusePort = values['reuse-port']
  const port = await serveOrders({ port: Number(values.port), reusePort })
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send!({ cpuUs: user + system })
  })
  process.on('disconnect', () => process.exit(0))
  process.send!({ port })
}
