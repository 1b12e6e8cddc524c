import { type BoundClient, createClient } from '../../src/micro/index.js'
import { answerRunner } from '../child.js'
import { JSON_ECHO, type JsonEchoTypes } from '../echo-service.js'
import { closedLoop } from './closed-loop.js'

// Calls by go-micro's own protocol over its gRPC transport, JSON inside: one client for every server.

const REQUEST = { value: 'w'.repeat(86) }

let bound: BoundClient<JsonEchoTypes> | undefined

answerRunner(
  { ready: 1 },
  {
    connect: request => {
      const address = `127.0.0.1:${request['port']}`
      bound = createClient({ address, service: 'bench', protocol: 'mucp' }).bind(JSON_ECHO)
      return {}
    },
    unary: async request => {
      if (bound === undefined) throw new Error('connect first')
      const { call } = bound
      const seconds = await closedLoop(
        Number(request['calls']),
        Number(request['inFlight']),
        async () => {
          const { value } = await call(REQUEST)
          if (value !== REQUEST.value) throw new Error('the echo differs')
        },
      )
      return { seconds }
    },
  },
)
