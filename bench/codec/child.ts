import { MESSAGES } from './messages.js'
import { codecOf, type Peer } from './peers.js'

// One codec and one message in a process of its own: what V8 knows of it is of nobody else. Asked over IPC
// for rounds of so many seconds; answers nanoseconds for each operation.

const [peer = '', message = '', operation = ''] = process.argv.slice(2)
const { type, value } = MESSAGES[message]!
const codec = await codecOf(peer as Peer, type)
const form = codec.form(value)
const octets = Buffer.from(codec.encode(form))
let sink = 0

const run: () => void =
  operation === 'encode'
    ? () => {
        sink ^= codec.encode(form).length
      }
    : () => {
        if (codec.decode(octets) === undefined) sink++
      }

/** Runs for about so long. */
function round(seconds: number): number {
  let count = 0
  let batch = 1
  const start = process.hrtime.bigint()
  for (;;) {
    for (let index = 0; index < batch; index++) run()
    count += batch
    const spent = Number(process.hrtime.bigint() - start)
    if (spent >= seconds * 1e9) return spent / count
    if (batch < 256) batch *= 2
  }
}

process.on('message', (seconds: number) => {
  process.send!({ nanoseconds: round(seconds), size: octets.length, sink })
})
process.send!('ready')
