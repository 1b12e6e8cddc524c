import t from 'tap'
import { callError } from '../../src/compat/call-error.js'
import { type GrpcError, MicroError, Status } from '../../src/micro/index.js'

t.test(
  'codes that are no status end a call with UNKNOWN; errors of micro stay what they are',
  t => {
    for (const code of [0, -1, 17, 1.5, 'ENOENT', undefined]) {
      const error = callError({ code, message: 'm', details: 'd' }) as GrpcError
      t.equal(error.status, Status.Unknown)
      t.equal(error.message, Number.isInteger(code) ? 'd' : 'm')
    }
    const own = new MicroError(404, 'gone', { id: 'x' })
    t.equal(callError(own), own)
    t.end()
  },
)
