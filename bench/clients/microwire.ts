import { type BoundClient, createClient } from '../../src/micro/index.js'
import { answerRunner, type Request } from '../child.js'
import { ECHO, type EchoTypes } from '../echo-service.js'
import { downloadRequest, MESSAGE } from '../payload.js'
import { PeakMemory } from '../peak-memory.js'
import { slowly } from '../slowly.js'
import { closedLoop } from './closed-loop.js'

function shapeOf(request: Request): { messages: number; size: number } {
  return { messages: Number(request['messages']), size: Number(request['size']) }
}

function* repeated(message: Buffer, count: number): Generator<Buffer> {
  for (let left = count; left > 0; left--) yield message
}

// microwire as its users call it: a bound function that answers with a promise.

let bound: BoundClient<EchoTypes> | undefined

answerRunner(
  { ready: 1 },
  {
    connect: request => {
      bound = createClient({ address: `127.0.0.1:${request['port']}` }).bind(ECHO)
      return {}
    },
    unary: async request => {
      if (bound === undefined) throw new Error('connect first')
      const { unary } = bound
      const call = async (): Promise<void> => {
        const answer = await unary(MESSAGE)
        if (answer.length !== MESSAGE.length) throw new Error('the echo differs')
      }
      const seconds = await closedLoop(Number(request['calls']), Number(request['inFlight']), call)
      return { seconds }
    },
    slowDownload: async request => {
      if (bound === undefined) throw new Error('connect first')
      const { messages, size } = shapeOf(request)
      const memory = new PeakMemory()
      let left = messages
      for await (const message of slowly(bound.download(downloadRequest(messages, size)))) {
        left -= message.length === size ? 1 : 0
      }
      return { left, growth: memory.stop() }
    },
    slowUpload: async request => {
      if (bound === undefined) throw new Error('connect first')
      const { messages, size } = shapeOf(request)
      const memory = new PeakMemory()
      const answer = Buffer.from(await bound.drip(repeated(Buffer.alloc(size), messages)))
      const left = messages - Number(answer.readBigUInt64BE()) / size
      return { left, growth: memory.stop() }
    },
    large: async request => {
      if (bound === undefined) throw new Error('connect first')
      const message = Buffer.alloc(Number(request['size']))
      const begin = performance.now()
      const answer = await bound.unary(message)
      if (answer.length !== message.length) throw new Error('the echo differs')
      return { seconds: (performance.now() - begin) / 1_000 }
    },
    download: async request => {
      if (bound === undefined) throw new Error('connect first')
      const { messages, size } = shapeOf(request)
      const begin = performance.now()
      let left = messages
      for await (const message of bound.download(downloadRequest(messages, size))) {
        left -= message.length === size ? 1 : 0
      }
      if (left !== 0) throw new Error(`${left} messages are missing`)
      return { seconds: (performance.now() - begin) / 1_000 }
    },
  },
)
