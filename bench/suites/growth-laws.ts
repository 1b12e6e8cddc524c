import { setTimeout } from 'node:timers/promises'
import { Child } from '../child-process.js'
import type { Contest, Sample } from '../contest.js'
import { H2load } from '../h2load.js'
import { GC_FLAGS, liveMemory } from '../memory-contest.js'
import { compiled } from '../paths.js'
import { Path } from '../payload.js'
import type { Bench } from '../suite.js'
import { Core, H2LOAD } from '../tools.js'

const KIB = 1024
const MIB = 1024 * KIB
const SUITE = 'memory'

/** What nothing may leave behind, however often it happens: compiled code and the like. */
const RESIDUE_MAX = 512 * KIB

/** What a slow peer may keep with us: windows and high-water marks, not what it has not read. */
const SLOW_MAX = 8 * MIB

/** One law: figures that have bounds. */
interface Law {
  readonly name: string
  readonly conditions: string
  readonly unit: string
  /** The most that each figure may be. */
  readonly atMost: Readonly<Record<string, number>>
  measure(): Promise<Sample>
}

/** A law as a contest of one, over in one round. */
function lawContest({ name, conditions, unit, atMost, measure }: Law): Contest {
  const bounds = Object.entries(atMost)
  return {
    suite: SUITE,
    plan: 'P15',
    name,
    conditions,
    rounds: 1,
    metrics: bounds.map(([key]) => ({ key, unit, better: 'lower' })),
    targets: bounds.map(([metric, most]) => ({ metric, atMost: most })),
    start: async () => [
      { peer: 'microwire', prepare: async () => {}, measure, close: async () => {} },
    ],
  }
}

interface Sizes {
  readonly sequentialCalls: number
  readonly slowMessages: number
  readonly streams: number
  readonly connections: number
  readonly distinct: number
}

const SIZES: Readonly<Record<Bench['pace']['kind'], Sizes>> = {
  smoke: {
    sequentialCalls: 1_000,
    slowMessages: 16,
    streams: 50,
    connections: 50,
    distinct: 1_000,
  },
  quick: {
    sequentialCalls: 200_000,
    slowMessages: 512,
    streams: 1_000,
    connections: 2_000,
    distinct: 50_000,
  },
  full: {
    sequentialCalls: 1_000_000,
    slowMessages: 2_048,
    streams: 1_000,
    connections: 10_000,
    distinct: 200_000,
  },
}

const MESSAGE_SIZE = 64 * KIB

/** A microwire server whose memory can be looked at, for as long as `use` takes. */
async function withServer<T>(bench: Bench, use: (server: Child) => Promise<T>): Promise<T> {
  const args = ['--streams', '100000']
  const server = await bench.peers.startServer('microwire', { flags: GC_FLAGS, args })
  try {
    return await use(server)
  } finally {
    await server.close()
  }
}

async function withClient<T>(
  bench: Bench,
  port: number,
  core: number,
  use: (client: Child) => Promise<T>,
): Promise<T> {
  const client = await bench.peers.startClient('microwire', { flags: GC_FLAGS, core })
  try {
    await client.ask({ do: 'connect', port })
    return await use(client)
  } finally {
    await client.close()
  }
}

/** Growth of a process over `work`, after a part of it has filled pools and compiled code. */
async function growthOver(
  process: Child,
  part: number,
  work: (share: number) => Promise<void>,
): Promise<number> {
  await work(part)
  const before = await liveMemory(process)
  await work(1)
  return (await liveMemory(process)) - before
}

function sequentialServer(bench: Bench): Law {
  const calls = SIZES[bench.pace.kind].sequentialCalls
  return {
    name: 'calls on one connection leave nothing, server',
    conditions: `${calls} calls, ten in flight, ${H2LOAD === undefined ? 'own client' : 'h2load'}`,
    unit: 'octets',
    atMost: { growth: RESIDUE_MAX },
    measure: async () =>
      await withServer(bench, async server => {
        const { port } = server
        const shape = { port, path: Path.unary, connections: 1, inFlight: 10 }
        const growth =
          H2LOAD === undefined
            ? await withClient(bench, port, Core.loader, async client =>
                growthOver(server, 0.1, async share => {
                  await client.ask({ do: 'unary', calls: calls * share, inFlight: 10 })
                }),
              )
            : await growthOver(server, 0.1, async share => {
                await new H2load().unary({ ...shape, calls: calls * share })
              })
        return { growth }
      }),
  }
}

function sequentialClient(bench: Bench): Law {
  const calls = SIZES[bench.pace.kind].sequentialCalls
  return {
    name: 'calls on one connection leave nothing, client',
    conditions: `${calls} calls, ten in flight, against the canned responder`,
    unit: 'octets',
    atMost: { growth: RESIDUE_MAX },
    measure: async () => {
      const server = await bench.peers.startServer('canned responder', { core: Core.loader })
      try {
        return await withClient(bench, server.port, Core.measured, async client => ({
          growth: await growthOver(client, 0.1, async share => {
            await client.ask({ do: 'unary', calls: calls * share, inFlight: 10 })
          }),
        }))
      } finally {
        await server.close()
      }
    },
  }
}

/** Both ends of a stream whose reader takes 8 MB/s. The client watches itself, we watch the server. */
function slowReader(bench: Bench, command: 'slowDownload' | 'slowUpload'): Law {
  const messages = SIZES[bench.pace.kind].slowMessages
  const up = command === 'slowUpload'
  return {
    name: up ? 'upload to a slow reader is bounded' : 'download to a slow reader is bounded',
    conditions: `${(messages * MESSAGE_SIZE) / MIB} MiB in messages of 64 KiB to a reader of 8 MB/s`,
    unit: 'octets',
    atMost: { 'server growth': SLOW_MAX, 'client growth': SLOW_MAX },
    measure: async () =>
      await withServer(bench, async server =>
        withClient(bench, server.port, Core.loader, async client => {
          const before = await liveMemory(server)
          let peak = before
          let over = false
          const watch = async (): Promise<void> => {
            while (!over) {
              const { heapOctets = 0, externalOctets = 0 } = await server.usage()
              peak = Math.max(peak, heapOctets + externalOctets)
              await setTimeout(200)
            }
          }
          const watching = watch()
          const reply = await client.ask({ do: command, messages, size: MESSAGE_SIZE })
          over = true
          await watching
          if (reply['left'] !== 0) throw new Error(`${reply['left']} messages are missing`)
          return { 'server growth': peak - before, 'client growth': reply['growth']! }
        }),
      ),
  }
}

interface Held {
  readonly name: string
  readonly conditions: string
  readonly command: 'hold' | 'holdBehindFiller'
  readonly body: 'message' | 'half' | 'declared'
}

const HELD: readonly Held[] = [
  {
    name: 'a message kept pins no more than itself',
    conditions: 'unary calls in flight, each came behind 48 KiB for another stream',
    command: 'holdBehindFiller',
    body: 'message',
  },
  {
    name: 'half a message pins no more than itself',
    conditions: '15 of 25 octets, each came behind 48 KiB for another stream',
    command: 'holdBehindFiller',
    body: 'half',
  },
  {
    name: 'a declared size allocates nothing',
    conditions: '4 MiB declared, one octet sent',
    command: 'hold',
    body: 'declared',
  },
]

const HELD_TIMES = 3

/** Streams that hold little: what each takes, and what is left when their connection is gone. */
function held(bench: Bench, holder: Child, { name, conditions, command, body }: Held): Law {
  const { streams } = SIZES[bench.pace.kind]
  return {
    name,
    conditions: `${streams} streams: ${conditions}`,
    unit: 'octets',
    atMost: { 'each stream': 4 * KIB, 'left behind': RESIDUE_MAX },
    measure: async () =>
      await withServer(bench, async server => {
        const { port } = server
        const occupy = async (): Promise<void> => {
          await holder.ask({ do: 'open', port, connections: 1 })
          await holder.ask({ do: command, port, streams, path: Path.hold, body })
        }
        const empty = await liveMemory(server)
        // To fill pools and compile code; twice, for the connection that went last may linger.
        for (let time = 0; time < 2; time++) {
          await occupy()
          await liveMemory(server)
          await holder.ask({ do: 'release' })
        }
        const before = await liveMemory(server)
        let each = Number.POSITIVE_INFINITY
        let after = Number.POSITIVE_INFINITY
        // What is left piles up with every time.
        for (let time = 0; time < HELD_TIMES; time++) {
          await occupy()
          each = Math.min(each, (await liveMemory(server)) - empty)
          await holder.ask({ do: 'release' })
          after = Math.min(after, await liveMemory(server))
        }
        return { 'each stream': each / streams, 'left behind': after - before }
      }),
  }
}

function connectionsGone(bench: Bench, holder: Child): Law {
  const { connections } = SIZES[bench.pace.kind]
  return {
    name: 'connections leave nothing',
    conditions: `${connections} connections, set up and closed`,
    unit: 'octets',
    atMost: { growth: RESIDUE_MAX },
    measure: async () =>
      await withServer(bench, async server => ({
        growth: await growthOver(server, 1, async share => {
          const count = connections * share
          await holder.ask({ do: 'connects', port: server.port, connections: count })
        }),
      })),
  }
}

/** A law that needs no socket: see bench/laws.ts. */
function inProcess(
  calls: number,
  law: Omit<Law, 'measure'> & { readonly command: string; readonly atLeast?: [string, number] },
): Law {
  return {
    ...law,
    measure: async () => {
      const args = [...GC_FLAGS, compiled('laws')]
      const child = await Child.start('laws', process.execPath, args)
      try {
        const reply = await child.ask({ do: law.command, calls })
        const [key, least] = law.atLeast ?? ['', 0]
        if ((reply[key] ?? 0) < least) throw new Error(`${law.name}: ${key} is ${reply[key]}`)
        return reply
      } finally {
        await child.close()
      }
    },
  }
}

function inProcessLaws({ pace }: Bench): Law[] {
  const { distinct } = SIZES[pace.kind]
  const growth = { unit: 'octets', atMost: { growth: RESIDUE_MAX } }
  // Deadlines have to have been there, or their absence afterwards says nothing.
  const timers = { unit: 'timers', atMost: { left: 0 }, atLeast: ['peak', 100] as [string, number] }
  return [
    inProcess(distinct, {
      name: 'headers without end leave nothing',
      conditions: `${distinct} calls, each with a path, a timeout and a trace id of its own`,
      command: 'distinctHeaders',
      ...growth,
    }),
    inProcess(distinct, {
      name: 'keys without end leave nothing',
      conditions: `${distinct} messages of go-micro's transport, each with a key and a value of its own`,
      command: 'distinctMessages',
      ...growth,
    }),
    inProcess(distinct, {
      name: 'deadlines leave an empty wheel, server',
      conditions: `${distinct} calls with deadlines of 10 s, 100 at a time, answered at once`,
      command: 'serverDeadlines',
      ...timers,
    }),
    inProcess(distinct, {
      name: 'deadlines leave an empty wheel, client',
      conditions: `${distinct} calls with deadlines of 10 s, 100 at a time, answered at once`,
      command: 'clientDeadlines',
      ...timers,
    }),
  ]
}

/** The laws of growth, each of which passes or fails. */
export function growthLaws(bench: Bench, holder: Child): Contest[] {
  return [
    sequentialServer(bench),
    sequentialClient(bench),
    slowReader(bench, 'slowDownload'),
    slowReader(bench, 'slowUpload'),
    ...HELD.map(each => held(bench, holder, each)),
    connectionsGone(bench, holder),
    ...inProcessLaws(bench),
  ].map(lawContest)
}
