import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import {
  type BoundClient,
  type CallOptions,
  type Client,
  GrpcError,
  loadService,
  Metadata,
  type MethodTypes,
  Status,
} from '../../src/index.js'
import {
  loadTestService,
  type OutputRequestIn,
  type PayloadMessage,
  TESTING_PROTO,
  type TestService,
  zeroes,
} from './test-service.js'

/** What a case works with. */
export interface CaseContext {
  readonly calls: BoundClient<TestService>
  readonly client: Client
  /** A client of its own, with a connection of its own, to the same server. */
  newClient(): Client
}

export type TestCase = (context: CaseContext) => Promise<void>

const REQUEST_SIZES = [27182, 8, 1828, 45904]
const RESPONSE_SIZES = [31415, 9, 2653, 58979]
const SOAK_COUNT = 10
const SPECIAL_MESSAGE = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'

interface Unimplemented {
  unimplementedCall: MethodTypes<'unary', object, object>
}

/** The cases of gRPC's interop description that need no cloud. */
export const TEST_CASES: Readonly<Record<string, TestCase>> = {
  empty_unary: async ({ calls }) => deepEqual({ ...(await calls.emptyCall({})) }, {}),
  large_unary: ({ calls }) => largeUnary(calls),
  client_streaming: async ({ calls }) => {
    const requests = REQUEST_SIZES.map(size => ({ payload: zeroes(size) }))
    equal((await calls.streamingInputCall(requests)).aggregatedPayloadSize, 74922)
  },
  server_streaming: async ({ calls }) => {
    const responseParameters = RESPONSE_SIZES.map(size => ({ size }))
    deepEqual(await sizesOf(calls.streamingOutputCall({ responseParameters })), RESPONSE_SIZES)
  },
  ping_pong: pingPong,
  empty_stream: async ({ calls }) => deepEqual(await sizesOf(calls.fullDuplexCall([])), []),
  timeout_on_sleeping_server: async ({ calls }) => {
    const request = { payload: zeroes(27182), responseParameters: [] }
    const responses = calls.fullDuplexCall(endless(request), { timeoutMs: 1 })
    await failsWith(sizesOf(responses), Status.DeadlineExceeded)
  },
  cancel_after_begin: async ({ calls }) => {
    const abort = new AbortController()
    const call = calls.streamingInputCall(endless({ payload: zeroes(1) }), { signal: abort.signal })
    abort.abort()
    await rejects(call, isAborted)
  },
  cancel_after_first_response: cancelAfterFirst,
  status_code_and_message: async ({ calls }) => {
    const responseStatus = { code: 2, message: 'test status message' }
    await failsWith(calls.unaryCall({ responseStatus }), 2, responseStatus.message)
    const responses = calls.fullDuplexCall([{ responseStatus }])
    await failsWith(sizesOf(responses), 2, responseStatus.message)
  },
  special_status_message: async ({ calls }) => {
    const responseStatus = { code: 2, message: SPECIAL_MESSAGE }
    await failsWith(calls.unaryCall({ responseStatus }), 2, SPECIAL_MESSAGE)
  },
  custom_metadata: customMetadata,
  unimplemented_method: ({ client }) => unimplemented(client, 'grpc.testing.TestService'),
  unimplemented_service: ({ client }) => unimplemented(client, 'grpc.testing.UnimplementedService'),
  rpc_soak: async ({ calls }) => {
    for (let i = 0; i < SOAK_COUNT; i++) await largeUnary(calls)
  },
  channel_soak: async ({ newClient }) => {
    const service = await loadTestService()
    for (let i = 0; i < SOAK_COUNT; i++) {
      const client = newClient()
      await largeUnary(client.bind(service))
      await client.close()
    }
  },
}

const SPACED_MESSAGE = 'it ends in a space '

/** What the description of gRPC does not ask for and peers do all the same. */
export const HABIT_CASES: Readonly<Record<string, TestCase>> = {
  trailing_space_message: async ({ calls }) => {
    const responseStatus = { code: 2, message: SPACED_MESSAGE }
    try {
      await calls.unaryCall({ responseStatus })
    } catch (error) {
      // The space may be lost where the peer sends it bare (RFC 9110 §5.5), the status may not.
      ok(error instanceof GrpcError, `a GrpcError, not ${error}`)
      equal(error.status, 2, error.message)
      return equal(error.message.trimEnd(), SPACED_MESSAGE.trimEnd())
    }
    throw new Error('want status 2, got a reply')
  },
  many_at_once: async ({ calls }) => {
    await Promise.all(Array.from({ length: 50 }, () => largeUnary(calls)))
  },
  padded_metadata: async ({ calls }) => {
    // What we send is strict: a value with white space around it is refused where it is set.
    const metadata = new Metadata()
    metadata.set('x-grpc-test-echo-initial', 'two  words')
    let echoed: string | undefined
    const onHeaders = (headers: Metadata) => {
      echoed = headers.get('x-grpc-test-echo-initial')
    }
    await calls.unaryCall({ responseSize: 1 }, { metadata, onHeaders })
    equal(echoed, 'two  words')
  },
}

/** Cases of compression, for peers that have them: grpc-go's client and server do not. */
export const COMPRESSION_CASES: Readonly<Record<string, TestCase>> = {
  client_compressed_unary: async ({ calls }) => {
    const request = { responseSize: 314159, payload: zeroes(271828) }
    const expects = (value: boolean) => ({ ...request, expectCompressed: { value } })
    // A server that does not look would answer.
    await failsWith(calls.unaryCall(expects(true)), Status.InvalidArgument)
    await calls.unaryCall(expects(true), GZIPPED)
    await calls.unaryCall(expects(false))
  },
  server_compressed_unary: async ({ calls }) => {
    for (const value of [true, false]) {
      const request = {
        responseSize: 314159,
        payload: zeroes(271828),
        responseCompressed: { value },
      }
      equal((await calls.unaryCall(request)).payload?.body.length, 314159)
    }
  },
  client_compressed_streaming: async ({ calls }) => {
    const probe = [{ payload: zeroes(27182), expectCompressed: { value: true } }]
    await failsWith(calls.streamingInputCall(probe), Status.InvalidArgument)
    equal((await calls.streamingInputCall(probe, GZIPPED)).aggregatedPayloadSize, 27182)
    const plain = [{ payload: zeroes(45904), expectCompressed: { value: false } }]
    equal((await calls.streamingInputCall(plain)).aggregatedPayloadSize, 45904)
  },
  server_compressed_streaming: async ({ calls }) => {
    const responseParameters = [
      { size: 31415, compressed: { value: true } },
      { size: 92653, compressed: { value: false } },
    ]
    deepEqual(await sizesOf(calls.streamingOutputCall({ responseParameters })), [31415, 92653])
  },
  cacheable_unary: async ({ calls }) => {
    let cacheControl: string | undefined
    const options: CallOptions = {
      onHeaders: headers => {
        cacheControl = headers.get('cache-control')
      },
    }
    const reply = await calls.cacheableUnaryCall({ responseSize: 10 }, options)
    equal(reply.payload?.body.length, 10)
    ok(cacheControl?.includes('max-age='), `cache-control is ${cacheControl}`)
  },
}

const GZIPPED: CallOptions = { compression: 'gzip' }

/** 271,828 octets there, 314,159 back. */
export async function largeUnary(
  calls: BoundClient<TestService>,
  options: CallOptions = {},
): Promise<void> {
  const request = { responseSize: 314159, payload: zeroes(271828) }
  equal((await calls.unaryCall(request, options)).payload?.body.length, 314159)
}

async function sizesOf(responses: AsyncIterable<PayloadMessage>): Promise<number[]> {
  const sizes: number[] = []
  for await (const { payload } of responses) sizes.push(payload?.body.length ?? 0)
  return sizes
}

/** Each request leaves only when the last one's response is there. */
async function pingPong({ calls }: CaseContext): Promise<void> {
  const answered = gate()
  async function* requests(): AsyncGenerator<OutputRequestIn> {
    for (const [index, size] of REQUEST_SIZES.entries()) {
      yield { responseParameters: [{ size: RESPONSE_SIZES[index] }], payload: zeroes(size) }
      await answered.next()
    }
  }
  const sizes: number[] = []
  for await (const { payload } of calls.fullDuplexCall(requests())) {
    sizes.push(payload?.body.length ?? 0)
    answered.open()
  }
  deepEqual(sizes, RESPONSE_SIZES)
}

async function cancelAfterFirst({ calls }: CaseContext): Promise<void> {
  const abort = new AbortController()
  const request = { responseParameters: [{ size: 31415 }], payload: zeroes(27182) }
  const responses = calls.fullDuplexCall(endless(request), { signal: abort.signal })
  equal((await responses.next()).value?.payload?.body.length, 31415)
  abort.abort()
  await rejects(responses.next(), isAborted)
}

async function customMetadata({ calls }: CaseContext): Promise<void> {
  const metadata = new Metadata()
  metadata.set('x-grpc-test-echo-initial', 'test_initial_metadata_value')
  metadata.setBinary('x-grpc-test-echo-trailing-bin', Buffer.from('ababab', 'hex'))
  let seen = 0
  const options: CallOptions = {
    metadata,
    onHeaders: headers => {
      equal(headers.get('x-grpc-test-echo-initial'), 'test_initial_metadata_value')
      seen++
    },
    onTrailers: trailers => {
      const value = trailers.getBinary('x-grpc-test-echo-trailing-bin')
      deepEqual(Buffer.from(value ?? []).toString('hex'), 'ababab')
      seen++
    },
  }
  const reply = await calls.unaryCall({ responseSize: 1, payload: zeroes(1) }, options)
  equal(reply.payload?.body.length, 1)
  const request = { responseParameters: [{ size: 1 }], payload: zeroes(1) }
  deepEqual(await sizesOf(calls.fullDuplexCall([request], options)), [1])
  equal(seen, 4, 'headers and trailers of both calls')
}

async function unimplemented(client: Client, name: string): Promise<void> {
  const service = await loadService<Unimplemented>(
    TESTING_PROTO,
    'grpc.testing.UnimplementedService',
  )
  const methods = service.methods.map(method => ({ ...method, path: `/${name}/UnimplementedCall` }))
  const calls = client.bind({ ...service, methods })
  await failsWith(calls.unimplementedCall({}), Status.Unimplemented)
}

/** A call that was cancelled through a signal is CANCELLED, with the signal's reason: here, the default one. */
function isAborted(error: unknown): boolean {
  ok(error instanceof GrpcError, `a GrpcError, not ${error}`)
  equal(error.status, Status.Cancelled)
  equal((error.cause as Error).name, 'AbortError')
  return true
}

/** One request, and then nothing until the call is over. */
async function* endless<T>(request: T): AsyncGenerator<T> {
  yield request
  await new Promise(() => {})
}

/** The call fails with this status and, when given, message. */
export async function failsWith(
  call: PromiseLike<unknown>,
  status: number,
  message?: string,
): Promise<void> {
  try {
    await call
  } catch (error) {
    ok(error instanceof GrpcError, `a GrpcError, not ${error}`)
    equal(error.status, status, `${error.code}: ${error.message}`)
    if (message !== undefined) equal(error.message, message)
    return
  }
  throw new Error(`want status ${status}, got a reply`)
}

/** Lets one `next` through for each `open`. */
function gate(): { open(): void; next(): Promise<void> } {
  let wake = () => {}
  let turn = new Promise<void>(resolve => {
    wake = resolve
  })
  return {
    open: () => wake(),
    next: async () => {
      await turn
      turn = new Promise(resolve => {
        wake = resolve
      })
    },
  }
}
