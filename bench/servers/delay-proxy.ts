import { connect, createServer, type Socket } from 'node:net'
import { answerRunner } from '../child.js'

// A path of some length: hands octets on after half of the round-trip time, in each direction. It
// holds back nothing else, as a link with ample capacity.

interface Waiting {
  readonly due: number
  readonly chunk: Buffer
}

/** Hands on what `from` sends, late. */
function delay(from: Socket, to: Socket, delayMs: number): void {
  const waiting: Waiting[] = []
  let armed = false
  let ended = false
  const deliver = (): void => {
    armed = false
    const now = performance.now()
    while (waiting.length > 0 && waiting[0]!.due <= now) to.write(waiting.shift()!.chunk)
    if (waiting.length > 0) arm(waiting[0]!.due - now)
    else if (ended) to.end()
  }
  const arm = (ms: number): void => {
    if (armed) return
    armed = true
    setTimeout(deliver, ms)
  }
  from.on('data', chunk => {
    waiting.push({ due: performance.now() + delayMs, chunk })
    arm(delayMs)
  })
  from.on('end', () => {
    ended = true
    arm(delayMs)
  })
  from.on('error', () => to.destroy())
  from.on('close', () => {
    if (!ended) to.destroy()
  })
}

const [target, roundTripMs] = process.argv.slice(2).map(Number)
if (target === undefined || roundTripMs === undefined) {
  throw new TypeError('usage: delay-proxy PORT ROUND_TRIP_MS')
}

const server = createServer({ allowHalfOpen: true }, near => {
  const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })
  near.setNoDelay(true)
  far.setNoDelay(true)
  delay(near, far, roundTripMs / 2)
  delay(far, near, roundTripMs / 2)
}).listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP port')
  answerRunner({ port: address.port })
})
