import t from 'tap'
import { compressionsOf, DEFAULT_COMPRESSIONS, GZIP } from '../../src/grpc/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'
import { nodeRuntime, runCompressions } from '../../src/transport/index.js'

t.test("Node's runtime takes compressions as they are", t => {
  t.equal(runCompressions(nodeRuntime), DEFAULT_COMPRESSIONS)
  const own = compressionsOf(GZIP)
  t.equal(runCompressions(nodeRuntime, own), own)
  t.end()
})

/** When, in virtual time, the jobs of one seed end, and what they came to. */
async function jobsOf(seed: number): Promise<string[]> {
  const network = new SimulatedNetwork({ seed })
  const gzip = runCompressions(network).get('gzip')!
  const outcomes: string[] = []
  const packed = Buffer.from(GZIP.compress(Buffer.alloc(100)))
  for (let i = 0; i < 10; i++) {
    const tell = (what: string) => outcomes.push(`${network.now()} ${i} ${what}`)
    gzip.compressAsync!(Buffer.alloc(100), (_error, bytes) => tell(`packed ${bytes!.length}`))
    gzip.decompressAsync!(packed, 99 + (i % 2), (error, bytes) =>
      tell(error === null ? `plain ${bytes!.length}` : error.name),
    )
  }
  t.equal(outcomes.length, 0, 'later, never at once')
  await network.clock.idle(1_000)
  return outcomes
}

t.test(
  'a simulated runtime runs what leaves the thread by its own clock: one seed, one run',
  async t => {
    const first = await jobsOf(1)
    t.equal(first.length, 20)
    t.equal(first.filter(line => line.includes('packed')).length, 10)
    t.equal(first.filter(line => line.includes('plain 100')).length, 5)
    t.equal(first.filter(line => line.includes('MessageTooLargeError')).length, 5)
    t.same(await jobsOf(1), first)
    t.not((await jobsOf(2)).join(), first.join())
  },
)

t.test('what has no thread of its own gets none', t => {
  const { name, compress, decompress } = GZIP
  const network = new SimulatedNetwork({ seed: 1 })
  const own = runCompressions(network, compressionsOf({ name, compress, decompress })).get('gzip')!
  t.equal(own.compressAsync, undefined)
  t.equal(own.decompressAsync, undefined)
  t.same(own.decompress(Buffer.from(own.compress(Buffer.from('x'))), 1), Buffer.from('x'))
  t.end()
})
