import { type BoundClient, createClient } from '../../src/micro/index.js'
import { answerRunner } from '../child.js'
import { ECHO, type EchoTypes } from '../echo-service.js'
import { MESSAGE } from '../payload.js'
import { closedLoop } from './closed-loop.js'

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
  },
)
