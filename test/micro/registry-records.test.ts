import t from 'tap'
import { usableNodes } from '../../src/micro/discovery/registry-records.js'
import {
  createClient,
  defineService,
  jsonCodec,
  memoryRegistry,
  type Registry,
} from '../../src/micro/index.js'
import { memoryTransport } from '../../src/transport/index.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const things = defineService('t.Things', { one: { kind: 'unary', ...json } })

const good = { id: 'a', address: 'x:1', metadata: { protocol: 'mucp' } }

t.test(
  'nodes of a registry that have no address are passed over; metadata that is none is empty',
  t => {
    const records = [
      null,
      { nodes: 5 },
      {
        nodes: [
          null,
          'x',
          { id: 'b' },
          { id: 'c', address: 7 },
          good,
          { address: 'y:1', metadata: null },
        ],
      },
    ]
    t.same(usableNodes(records as never), [good, { id: 'y:1', address: 'y:1', metadata: {} }])
    t.equal(usableNodes([{ nodes: [good] }] as never)[0], good, 'what is whole is not copied')
    t.same(usableNodes([]), [])
    t.end()
  },
)

function answering(getService: () => Promise<unknown>): Registry {
  return Object.assign(memoryRegistry(), { getService }) as Registry
}

const ANSWERS: readonly (readonly [unknown, RegExp])[] = [
  [undefined, /services must be an array, got undefined/],
  [[{ nodes: null }], /nodes of a service must be an array, got null/],
  [
    [{ nodes: [{ id: 'a', address: '' }] }],
    /the address of a node must be a text, got an empty one/,
  ],
  [
    [{ nodes: [{ id: 'a', address: 7n }] }],
    /1 records of the registry cannot be used: .* got bigint/,
  ],
]

for (const [answer, expected] of ANSWERS) {
  t.test(
    `a registry whose records cannot be used fails the call, and says why: ${expected}`,
    async t => {
      const registry = answering(async () => answer)
      await using client = createClient({ registry, service: 't', transport: memoryTransport() })
      await t.rejects(client.bind(things).one({}), {
        name: 'MicroError',
        code: 500,
        detail: expected,
      })
    },
  )
}

t.test(
  'a registry that throws what has no text, or a selector that chooses nobody, fails the call',
  async t => {
    const failing = answering(async () => {
      throw Object.create(null)
    })
    await using client = createClient({
      registry: failing,
      service: 't',
      transport: memoryTransport(),
    })
    await t.rejects(client.bind(things).one({}), { code: 500, detail: /object without a text/ })
    const registry = answering(async () => [{ nodes: [good] }])
    const selector = { name: 'nobody', select: () => undefined as never }
    await using picky = createClient({
      registry,
      selector,
      service: 't',
      transport: memoryTransport(),
    })
    await t.rejects(picky.bind(things).one({}), {
      code: 500,
      detail: 'selector nobody chose none of 1 nodes of t',
    })
  },
)
