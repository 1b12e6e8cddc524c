import t from 'tap'
import { runSeed } from '../../scripts/simulate/run-seed.js'
import { Random, SimulatedNetwork } from '../../src/testing/index.js'

/** Seeds of the smoke; more of them run by hand: `npm run simulate -- --seeds 5000`. */
const SEEDS = 20
const PARTS = 2

/** Beyond those: seeds that found something once. */
const FOUND = [22, 23, 71, 147]

t.setTimeout(180_000)

for (let part = 0; part < PARTS; part++) {
  const first = 1 + (part * SEEDS) / PARTS
  const last = ((part + 1) * SEEDS) / PARTS
  t.test(
    `seeds ${first} to ${last}: every call settles once, rightly, and nothing is left`,
    async t => {
      for (let seed = first; seed <= last; seed++) {
        const { faults } = await runSeed(seed)
        t.strictSame(faults, [], `npm run simulate -- --seed ${seed} --trace`)
      }
    },
  )
}

const LOADS = [
  'burst',
  'stalls',
  'mass-cancel',
  'early-break',
  'source-throws',
  'together',
] as const
for (const load of LOADS) {
  t.test(`load ${load}: bystanders are served, and nothing is left`, async t => {
    const { faults, calls } = await runSeed(5, undefined, load)
    t.strictSame(faults, [], `npm run simulate -- --seed 5 --load ${load} --trace`)
    t.ok(calls > 20)
  })
}

t.test(
  'large messages complete on both doors, and no connection holds more than it may',
  async t => {
    for (const seed of [1, 2]) {
      const { faults, succeeded, calls } = await runSeed(seed, undefined, 'large')
      t.strictSame(faults, [], `npm run simulate -- --seed ${seed} --load large --trace`)
      t.ok(succeeded > 0 && calls > 20)
    }
  },
)

t.test('a seed is the same run, frame by frame, whatever ran before it', async t => {
  const traceOf = async (seed: number): Promise<string> => {
    const lines: string[] = []
    await runSeed(seed, text => void lines.push(text))
    return lines.join('\n')
  }
  for (const seed of [3, 8, 21]) {
    const first = await traceOf(seed)
    const second = await traceOf(seed)
    t.ok(first === second, `seed ${seed}`)
  }
})

for (const seed of FOUND) {
  t.test(`seed ${seed} found something once`, async t => {
    t.strictSame((await runSeed(seed, undefined, 'none')).faults, [])
  })
}

t.test('virtual time passes in order, and a run that waits for nothing ends', async t => {
  const network = new SimulatedNetwork({ seed: 1 })
  const settled: string[] = []
  await t.rejects(network.clock.run(new Promise(() => {})), /nothing is left to happen/)
  network.clock.schedule(5, () => void settled.push('later'))
  network.clock.schedule(1, () => void settled.push('sooner'))
  await network.clock.idle(10)
  t.strictSame(settled, ['sooner', 'later'])
  t.equal(network.clock.pending, 0)
})

t.test(
  'a simulated socket hands octets over in order, in pieces, and ends as TCP does',
  async t => {
    const random = new Random(7)
    for (let seed = 1; seed <= 20; seed++) {
      const network = new SimulatedNetwork({
        seed,
        conditions: { latencyMs: [0, 9], pieceSizeMax: 50, capacity: 100 },
      })
      const received: Buffer[] = []
      const events: string[] = []
      await network.listen(
        { port: 1, handshakeTimeoutMs: 1 },
        {
          onSocket(socket) {
            socket.on('data', chunk => void received.push(Buffer.from(chunk)))
            socket.on('end', () => {
              events.push('end')
              socket.end()
            })
            socket.on('close', () => void events.push('server close'))
          },
          onHandshake: () => true,
          onHandshakeEnd: () => {},
          onError: () => {},
          onAcceptError: () => {},
        },
      )
      const octets = random.octets(1_000)
      const client = network.connect({ port: 1 }, () => {
        t.equal(client.write(octets), true)
        client.end()
      })
      client.on('error', error => t.fail(error.message))
      client.on('close', () => void events.push('client close'))
      await network.clock.idle(1_000)
      t.ok(Buffer.concat(received).equals(octets))
      t.ok(received.length >= 20)
      t.equal(events[0], 'end')
      t.equal(events.length, 3)
      t.equal(network.socketCount, 0)
    }
  },
)

t.test('a refused connection, a reset and a hole are told as Node tells them', async t => {
  const network = new SimulatedNetwork({ seed: 1 })
  const errors: string[] = []
  const refused = network.connect({ port: 9 }, () => t.fail('connected'))
  refused.on('error', error => void errors.push((error as NodeJS.ErrnoException).code ?? ''))
  await network.clock.idle(100)
  t.strictSame(errors, ['ECONNREFUSED'])

  let accepted = 0
  await network.listen(
    { port: 9, handshakeTimeoutMs: 1 },
    {
      onSocket(socket) {
        accepted++
        socket.on('error', error => void errors.push((error as NodeJS.ErrnoException).code ?? ''))
        socket.on('data', () => t.fail('nothing passes a hole'))
      },
      onHandshake: () => true,
      onHandshakeEnd: () => {},
      onError: () => {},
      onAcceptError: () => {},
    },
  )
  const client = network.connect({ port: 9 }, () => {})
  client.on('error', error => void errors.push((error as NodeJS.ErrnoException).code ?? ''))
  await network.clock.idle(100)
  t.equal(accepted, 1)
  network.swallow(network.links[0]!, 'client')
  client.write(Buffer.from('lost'))
  await network.clock.idle(100_000)
  t.equal(errors.length, 1, 'nobody is told')
  network.reset(network.links[0]!)
  await network.clock.idle(100)
  t.strictSame(errors.slice(1), ['ECONNRESET', 'ECONNRESET'])
  t.equal(network.socketCount, 0)
})
