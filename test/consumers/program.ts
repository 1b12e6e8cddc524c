// A program as a user writes it, over every door of the package. What it returns is compared by whoever runs it.
import { createClient, createServer, GrpcError, loadService, Status } from 'microwire'
import { addService } from 'microwire/compat/grpc-js'
import { Connection } from 'microwire/connection'
import { FrameType, frameName } from 'microwire/frame'
import { encodeTimeout } from 'microwire/grpc'
import { HpackDecoder } from 'microwire/hpack'
import { bytesCodec } from 'microwire/micro'
import { mountHealth, mountReflection } from 'microwire/services'
import { SimulatedNetwork } from 'microwire/testing'
import { memoryTransport } from 'microwire/transport'
import type { Greeter } from '../../examples/greeter.js'

/** What `run` returns. */
export const EXPECTED: readonly string[] = [
  'Hello, Ada',
  'left 2, left 1',
  'sum 3 of 2',
  'HI',
  'true INVALID_ARGUMENT name is empty',
  'Error descriptors 1',
  'HEADERS 9 doors',
]

export async function run(folder = '.'): Promise<string[]> {
  const files = `${folder}/greeter.proto`
  const service = await loadService<Greeter>(files, 'greeter.v1.Greeter')
  const server = createServer({ name: 'greeter', address: '127.0.0.1:0' })
  mountHealth(server)
  mountReflection(server)
  server.handle(service, {
    hello({ name }) {
      if (name === '') throw new GrpcError(Status.InvalidArgument, 'name is empty')
      return { text: `Hello, ${name}` }
    },
    async *countdown({ from }) {
      for (let left = from; left > 0; left--) yield { left }
    },
    async sum(terms) {
      const total = { sum: 0, count: 0 }
      for await (const { value } of terms) {
        total.sum += value
        total.count++
      }
      return total
    },
    async *chat(lines) {
      for await (const { text } of lines) yield { text: text.toUpperCase() }
    },
  })
  await server.start()
  const client = createClient({ address: server.address })
  try {
    const { hello, countdown, sum, chat } = client.bind(service)
    const printed: string[] = [(await hello({ name: 'Ada' }, { timeoutMs: 20_000 })).text]
    const lefts: string[] = []
    for await (const { left } of countdown({ from: 2 })) lefts.push(`left ${left}`)
    printed.push(lefts.join(', '))
    const total = await sum([{ value: 1 }, { value: 2 }])
    printed.push(`sum ${total.sum} of ${total.count}`)
    for await (const { text } of chat([{ text: 'hi' }])) printed.push(text)
    const error: unknown = await hello({ name: '' }).catch(error => error)
    if (error instanceof GrpcError) printed.push(`true ${error.code} ${error.message}`)
    const descriptors = await service.descriptors?.()
    printed.push(
      `${Object.prototype.toString.call(error).slice(8, -1)} descriptors ${descriptors?.length}`,
    )
    const doors = [addService, Connection, encodeTimeout, HpackDecoder, bytesCodec, mountHealth]
    const more = [SimulatedNetwork, memoryTransport, frameName]
    const found = [...doors, ...more].filter(value => typeof value === 'function')
    printed.push(`${frameName(FrameType.Headers)} ${found.length} doors`)
    return printed
  } finally {
    await client.close()
    await server.stop({ graceMs: 1_000 })
  }
}
