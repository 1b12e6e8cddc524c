/**
 * The client under attack, in a process of its own: `node client.js <peer> <door> <port>`, forked. It
 * makes ordinary calls to the honest server at `port`, answers with figures as `server.ts` does,
 * begins hostile calls when told `call`, and gives them up when told `leave`.
 */
import { begin } from './counts.js'
import { type HostileClient, hostileClient } from './hostile-clients.js'
import { answerTo, type Measure, type Order } from './meter.js'
import type { HostileCalls } from './play.js'
import { Victim } from './victim.js'

/** Where the attacker waits, beside what every order has. */
export interface CallOrder extends Order {
  readonly calls: HostileCalls
  readonly port: number
  /** Its certificate, where the client speaks TLS. */
  readonly cert?: string
}

/** Figures, and what the ordinary calls since the last answer took. Unit: ms. */
export interface ClientMeasure extends Measure {
  readonly victimTimes: readonly number[]
  readonly victimErrors: number
}

const [peer = 'microwire', , honestPort] = process.argv.slice(2)
const victim = new Victim(Number(honestPort))
let hostile: HostileClient | undefined

function call(order: CallOrder): void {
  hostile = make!(order.port, order.cert)
  for (let i = 0; i < order.calls.count; i++) {
    const end = begin()
    // How it fails is the attacker's; that it settles is ours.
    hostile.call(order.calls).then(end, end)
  }
}

const make = await hostileClient(peer)
if (make === undefined) throw new TypeError(`peer ${peer} is not known`)

process.on('uncaughtException', error => {
  process.stderr.write(`client: ${error.stack}\n`)
  process.exit(70)
})

process.on('message', (order: Order | CallOrder) => {
  if (order.do === 'call') {
    call(order as CallOrder)
    process.send!({ begun: true })
  } else if (order.do === 'leave') {
    const leaving = hostile?.close() ?? Promise.resolve()
    void leaving.then(() => process.send!({ left: true }))
  } else {
    const { times, errors } = victim.take()
    process.send!({ ...answerTo(order), victimTimes: times, victimErrors: errors })
  }
})
process.on('disconnect', () => setImmediate(() => process.exit(0)))
process.send!({ port: 0 })
