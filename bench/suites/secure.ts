import { Child } from '../child-process.js'
import { GeneratorLoad } from '../generator-load.js'
import { H2load } from '../h2load.js'
import { compiled } from '../paths.js'
import { Path } from '../payload.js'
import type { Bench } from '../suite.js'
import { Core, H2LOAD, pinned } from '../tools.js'
import { CPU } from '../unary-contest.js'
import { type ServerContest, serverContest } from './rpc.js'
import { bulkContest } from './stream.js'

const KIB = 1024

const UNARY: ServerContest = {
  suite: 'scale',
  plan: 'P8',
  name: 'unary server, TLS 1.3',
  shape: { path: Path.unary, connections: 1, inFlight: 100, tls: true },
  peers: ['microwire', 'grpc-js', 'node:http2'],
  targets: [{ peer: 'grpc-js', metric: CPU.key, atLeast: 6 }],
}

/** Unary calls and large messages again, over TLS 1.3 with the same certificate for all. */
export async function secureContests(bench: Bench): Promise<void> {
  const load = H2LOAD === undefined ? await GeneratorLoad.start(false) : new H2load()
  const [command, ...args] = pinned(Core.loader, process.execPath, compiled('clients/generator'))
  const generator = await Child.start('generator', command, args)
  try {
    await bench.run(serverContest(bench, load, UNARY))
    for (const up of [true, false]) {
      for (const size of [64 * KIB, KIB * KIB]) {
        await bench.run(bulkContest(bench, generator, { up, size, tls: true }))
      }
    }
  } finally {
    await generator.close()
    await load.close()
  }
}
