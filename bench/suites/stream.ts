import { Child } from '../child-process.js'
import type { Contest, Contestant, Metric, Sample } from '../contest.js'
import { compiled } from '../paths.js'
import type { Peer } from '../peers.js'
import { StreamContestant, type StreamRound, type StreamShape } from '../stream-contest.js'
import type { Bench } from '../suite.js'
import { Core, pinned } from '../tools.js'

const SUITE = 'stream'
const KIB = 1024

/** Messages echoed for each second of the server's CPU time. */
const PER_CPU_SECOND: Metric = { key: 'messages', unit: 'messages/CPU s', better: 'higher' }

/** Messages per second of the wall clock. */
const MESSAGE_RATE: Metric = { key: 'rate', unit: 'messages/s', better: 'higher' }

/** Payload per second of the wall clock; a megabyte is a million octets. */
const THROUGHPUT: Metric = { key: 'throughput', unit: 'MB/s', better: 'higher' }

/** CPU time of the server for each megabyte. */
const CPU_PER_MEGABYTE: Metric = { key: 'cpu', unit: 'us/MB', better: 'lower' }

function messageFigures({ messages, seconds, cpuSeconds }: StreamRound): Sample {
  return { [PER_CPU_SECOND.key]: messages / cpuSeconds, [MESSAGE_RATE.key]: messages / seconds }
}

function bulkFigures({ octets, seconds, cpuSeconds }: StreamRound): Sample {
  const megabytes = octets / 1e6
  return {
    [THROUGHPUT.key]: megabytes / seconds,
    [CPU_PER_MEGABYTE.key]: (cpuSeconds * 1e6) / megabytes,
  }
}

/** Direction and size of large messages. */
export interface BulkShape {
  readonly up: boolean
  readonly size: number
  readonly tls?: boolean
}

function echoContest(bench: Bench, generator: Child): Contest {
  const shape: StreamShape = { command: 'echo', size: 100, messagesMax: 1_000_000, inFlight: 256 }
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(['microwire', 'grpc-js', 'grpc-go'])) {
      const server = await bench.peers.startServer(peer)
      const parts = { server, generator }
      contestants.push(new StreamContestant(peer, parts, shape, bench.pace, messageFigures))
    }
    return contestants
  }
  return {
    suite: SUITE,
    plan: 'P5',
    name: 'bidi stream',
    conditions: '1 stream, messages of 100 octets echoed, 256 under way, own generator',
    metrics: [PER_CPU_SECOND, MESSAGE_RATE],
    targets: [
      { peer: 'grpc-js', metric: PER_CPU_SECOND.key, atLeast: 12 },
      { peer: 'grpc-go', metric: PER_CPU_SECOND.key, atLeast: 2 },
    ],
    start,
  }
}

/** Large messages in one direction of one stream, plain or over TLS 1.3. */
export function bulkContest(
  bench: Bench,
  generator: Child,
  { up, size, tls = false }: BulkShape,
): Contest {
  const plain: readonly Peer[] = ['microwire', 'grpc-js', 'grpc-go', 'raw socket']
  const peers = tls ? plain.filter(peer => peer !== 'grpc-go') : plain
  const args = tls ? ['--tls'] : []
  const start = async (): Promise<Contestant[]> => {
    const contestants: Contestant[] = []
    for (const peer of bench.peers.available(peers)) {
      const raw = peer === 'raw socket'
      const command = up ? (raw ? 'rawUpload' : 'upload') : raw ? 'rawDownload' : 'download'
      const shape: StreamShape = { command, size, messagesMax: 100_000, tls }
      const parts = { server: await bench.peers.startServer(peer, { args }), generator }
      contestants.push(new StreamContestant(peer, parts, shape, bench.pace, bulkFigures))
    }
    return contestants
  }
  const direction = up ? 'client streaming' : 'server streaming'
  const sizeText = size < KIB * KIB ? `${size / KIB} KiB` : `${size / KIB / KIB} MiB`
  return {
    suite: tls ? 'scale' : SUITE,
    plan: tls ? 'P8' : 'P6',
    name: tls ? `${direction} ${sizeText}, TLS 1.3` : `${direction} ${sizeText}`,
    conditions: `1 stream, messages of ${sizeText}, own generator`,
    metrics: [THROUGHPUT, CPU_PER_MEGABYTE],
    targets: [
      { peer: 'grpc-js', metric: THROUGHPUT.key, atLeast: tls ? 2.5 : 5 },
      { peer: 'raw socket', metric: THROUGHPUT.key, atLeast: tls ? 0.6 : 0.5 },
    ],
    start,
  }
}

/** Streams: many small messages, and large ones in each direction. */
export async function stream(bench: Bench): Promise<void> {
  const [command, ...args] = pinned(Core.loader, process.execPath, compiled('clients/generator'))
  const generator = await Child.start('generator', command, args)
  try {
    await bench.run(echoContest(bench, generator))
    for (const up of [true, false]) {
      for (const size of [64 * KIB, KIB * KIB]) {
        await bench.run(bulkContest(bench, generator, { up, size }))
      }
    }
  } finally {
    await generator.close()
  }
}
