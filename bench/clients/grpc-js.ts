import { Client, credentials } from '@grpc/grpc-js'
import { answerRunner } from '../child.js'
import { downloadRequest, MESSAGE, Path } from '../payload.js'

const same = (bytes: Buffer): Buffer => bytes

let client: Client | undefined

/** As applications of grpc-js do it: with callbacks, each of which makes the next call. */
function callMany(target: Client, calls: number, inFlight: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let started = 0
    let answered = 0
    const next = (): void => {
      started += 1
      target.makeUnaryRequest(Path.unary, same, same, MESSAGE, (error, answer) => {
        if (error !== null) return reject(error)
        if (answer?.length !== MESSAGE.length) return reject(new Error('the echo differs'))
        answered += 1
        if (answered === calls) resolve()
        else if (started < calls) next()
      })
    }
    for (let call = 0; call < Math.min(inFlight, calls); call++) next()
  })
}

function callOnce(target: Client, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    target.makeUnaryRequest(Path.unary, same, same, message, (error, answer) => {
      if (error !== null) reject(error)
      else if (answer?.length !== message.length) reject(new Error('the echo differs'))
      else resolve()
    })
  })
}

function downloadAll(target: Client, messages: number, size: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = messages
    target
      .makeServerStreamRequest(Path.download, same, same, downloadRequest(messages, size))
      .on('data', (message: Buffer) => {
        left -= message.length === size ? 1 : 0
      })
      .on('end', () => (left === 0 ? resolve() : reject(new Error(`${left} messages are missing`))))
      .on('error', reject)
  })
}

answerRunner(
  { ready: 1 },
  {
    connect: request => {
      // Channelz traces every call; without it the peer is at its best.
      client = new Client(`127.0.0.1:${request['port']}`, credentials.createInsecure(), {
        'grpc.enable_channelz': 0,
      })
      return {}
    },
    unary: async request => {
      if (client === undefined) throw new Error('connect first')
      const begin = performance.now()
      await callMany(client, Number(request['calls']), Number(request['inFlight']))
      return { seconds: (performance.now() - begin) / 1_000 }
    },
    large: async request => {
      if (client === undefined) throw new Error('connect first')
      const message = Buffer.alloc(Number(request['size']))
      const begin = performance.now()
      await callOnce(client, message)
      return { seconds: (performance.now() - begin) / 1_000 }
    },
    download: async request => {
      if (client === undefined) throw new Error('connect first')
      const begin = performance.now()
      await downloadAll(client, Number(request['messages']), Number(request['size']))
      return { seconds: (performance.now() - begin) / 1_000 }
    },
  },
)
