import t from 'tap'
import { MemoryBudget } from '../../src/connection/index.js'
import { frames, REQUEST, requestWith } from '../support/frames.js'
import { type Connected, connect, streamIds } from '../support/peer.js'

const MIB = 1_048_576

/** A server's connection whose requests are open and read by nobody. */
function server(memory: MemoryBudget, limits: Record<string, number> = {}): Connected {
  return connect({ role: 'server', hold: true, consume: false, memory, limits })
}

/** What calls that were given up heard. */
let faults: string[] = []
t.beforeEach(() => {
  faults = []
})

function open({ peer, recorder }: Connected, id: number): void {
  peer.sends(frames.headers(id, REQUEST))
  Object.assign(recorder.stream(id).handler, { onShed: (fault: string) => faults.push(fault) })
}

/** Opens a stream with `size` octets on it. */
function upload(side: Connected, id: number, size: number): void {
  const { peer } = side
  open(side, id)
  for (let left = size; left > 0; left -= 16_384) {
    peer.sends(frames.data(id, { size: Math.min(left, 16_384) }))
  }
}

t.test('the account counts each part where it is, and nothing when all is over', t => {
  const memory = new MemoryBudget()
  const side = server(memory)
  const { connection, peer } = side
  const before = connection.memory.parts
  upload(side, 1, 50_000)
  peer.sends(frames.headers(3, requestWith('x-large', 'a'.repeat(5_000))))
  peer.sends(frames.data(3, { size: 10_000 }).subarray(0, 3_000))
  const { parts } = connection.memory
  t.equal(parts.received, 50_000)
  t.ok(parts.headers > 5_000 && parts.headers < 6_000, `${parts.headers}`)
  t.ok(parts.frames > before.frames, 'a frame that has not come whole')
  t.equal(parts.streams, 2 * 2_560)
  t.equal(parts.connection, 9_216)
  t.equal(
    Object.values(parts).reduce((sum, size) => sum + size),
    connection.memory.total,
  )
  t.ok(Math.abs(memory.used - connection.memory.total) < 16_384, 'the budget knows it to a step')
  side.recorder.stream(1).charge(100_000)
  t.equal(connection.memory.parts.kept, 100_000)
  side.recorder.stream(1).charge(-100_000)
  connection.destroy()
  for (const id of [1, 3]) side.recorder.stream(id).release()
  t.equal(memory.used, connection.memory.total)
  t.ok(connection.memory.parts.received + connection.memory.parts.headers === 0)
  t.end()
})

t.test('memoryMax of a connection: the largest call ends with the numbers, the others go on', t => {
  const side = server(new MemoryBudget(), { memoryMax: 300_000 })
  const { connection } = side
  upload(side, 1, 100_000)
  upload(side, 3, 120_000)
  upload(side, 5, 60_000)
  t.equal(connection.streamCount, 3)
  t.ok(connection.memory.isShort, 'it saves')
  upload(side, 7, 30_000)
  t.equal(connection.streamCount, 3)
  const [text] = faults
  t.match(
    text,
    /the server holds \d+ octets for this connection; its limits.memoryMax is 300000: this call, with 120000 of them, ends/,
  )
  t.ok(connection.memory.total < 300_000)
  t.equal(connection.memory.parts.received, 190_000)
  t.match(side.peer.takesLines().at(-1), 'RST_STREAM stream 3 ENHANCE_YOUR_CALM')
  t.end()
})

t.test('memoryMax of a connection: where calls hold little the connection ends', t => {
  const side = server(new MemoryBudget(), { memoryMax: 262_144, streamsMax: 1_000 })
  for (const id of streamIds(400)) {
    if (side.connection.finished) break
    side.peer.sends(frames.headers(id, REQUEST))
  }
  t.match(side.peer.takesLines().at(-1), /GOAWAY .*ENHANCE_YOUR_CALM/)
  t.equal(side.events.at(-1), 'closed with cause')
  t.end()
})

t.test('what is doomed already is not given up twice', t => {
  const side = server(new MemoryBudget(), { memoryMax: 1_000_000 })
  for (const id of [1, 3, 5]) {
    open(side, id)
    side.recorder.stream(id).charge(300_000)
  }
  side.recorder.stream(3).charge(200_000)
  t.equal(side.connection.streamCount, 2, 'one has gone')
  side.recorder.stream(1).charge(20_000)
  t.equal(side.connection.streamCount, 2, 'though what was kept for it has not come back')
  t.end()
})

t.test('a budget of many connections: the one that holds most gives up its largest call', t => {
  const memory = new MemoryBudget(MIB)
  const sides = [server(memory), server(memory), server(memory)] as const
  upload(sides[0], 1, 100_000)
  for (const id of [1, 3, 5, 7, 9]) upload(sides[1], id, 100_000)
  t.ok(memory.isShort)
  t.ok(sides[0].connection.memory.isShort, 'everybody saves')
  upload(sides[2], 1, 100_000)
  for (const id of [3, 5, 7, 9]) upload(sides[2], id, 90_000)
  t.same(
    sides.map(side => side.connection.streamCount),
    [1, 4, 5],
  )
  t.match(
    faults.join('\n'),
    /this process holds \d+ octets for its peers; memoryMax of its MemoryBudget is 1048576: this connection holds most, \d+: this call, with 100000 of them, ends/,
  )
  t.ok(memory.used <= MIB)
  for (const side of sides) side.connection.destroy()
  t.end()
})

t.test('a stream that is idle costs the budget no look: less than a step is not told', t => {
  const memory = new MemoryBudget()
  const side = server(memory)
  const { used } = memory
  t.ok(used >= 9_216, 'the connection itself is told, however little it holds')
  upload(side, 1, 1_000)
  t.equal(memory.used, used)
  t.equal(memory.connectionCount, 1)
  side.connection.destroy()
  t.ok(memory.used < 9_216 && memory.used > 0, 'a handler that runs is kept')
  side.recorder.stream(1).release()
  t.equal(memory.used, 0)
  t.equal(memory.connectionCount, 0)
  t.end()
})

t.test('MemoryBudget names what it cannot be', t => {
  t.throws(() => new MemoryBudget(0), {
    message: 'memoryMax is 0; expected 1048576 octets or more',
  })
  t.throws(() => new MemoryBudget('1' as never), RangeError)
  t.end()
})
