import { answerRunner, heapOctets } from '../child.js'
import { serveOrders } from '../real/serve-orders.js'
import { serverArguments } from './server-arguments.js'

// microwire with an ordinary service. `--load`: its schema is read at run time, as `loadService` does.

const { tls, load } = serverArguments()
answerRunner({ port: await serveOrders({ tls, load }) }, { heap: heapOctets })
