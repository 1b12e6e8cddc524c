import { Client, credentials } from '@grpc/grpc-js'
import { createClient } from '../../src/index.js'
import type { ClientOptions } from '../../src/micro/index.js'
import { CALL_PATH, FLEET } from './service.js'

/** Where a line of the report goes. */
export type Print = (text: string) => void

/** A client under load. */
export interface Caller {
  readonly name: string
  /** One call; rejects when it fails. */
  call(timeoutMs: number | undefined): Promise<unknown>
  close(): Promise<void>
}

const MESSAGE = Buffer.from('fleet')

/** Our client, of all `ports`. */
export function microwire(
  name: string,
  ports: readonly number[],
  options: Partial<ClientOptions> = {},
): Caller {
  const client = createClient({ address: addresses(ports), ...options })
  const { call } = client.bind(FLEET)
  return {
    name: `microwire, ${name}`,
    call: timeoutMs => call(MESSAGE, timeoutMs === undefined ? {} : { timeoutMs }),
    close: () => client.close(),
  }
}

/** grpc-js with its own balancer, and optionally its own retries. */
export function grpcJs(ports: readonly number[], retries: boolean): Caller {
  const retryPolicy = {
    maxAttempts: 4,
    initialBackoff: '0.1s',
    maxBackoff: '1s',
    backoffMultiplier: 2,
    retryableStatusCodes: ['UNAVAILABLE'],
  }
  const client = new Client(addresses(ports), credentials.createInsecure(), {
    'grpc.enable_channelz': 0,
    'grpc.service_config': JSON.stringify({
      loadBalancingConfig: [{ round_robin: {} }],
      methodConfig: retries ? [{ name: [{}], retryPolicy }] : [],
    }),
  })
  const same = (octets: Buffer): Buffer => octets
  return {
    name: `grpc-js, round_robin${retries ? ', retryPolicy' : ''}`,
    call: timeoutMs =>
      new Promise((resolve, reject) => {
        const deadline = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
        client.makeUnaryRequest(CALL_PATH, same, same, MESSAGE, deadline, (error, answer) => {
          if (error === null) resolve(answer)
          else reject(error)
        })
      }),
    close: async () => client.close(),
  }
}

function addresses(ports: readonly number[]): string {
  return `ipv4:${ports.map(port => `127.0.0.1:${port}`).join()}`
}

/** What became of the calls of one run. Unit of times: ms, from its start. */
export interface Run {
  readonly calls: { readonly at: number; readonly ms: number; readonly ok: boolean }[]
}

/** `inFlight` callers that call one after the other for `forMs`. */
export async function load(
  caller: Caller,
  inFlight: number,
  forMs: number,
  timeoutMs?: number,
): Promise<Run> {
  const run: Run = { calls: [] }
  const start = performance.now()
  const one = async (): Promise<void> => {
    for (;;) {
      const at = performance.now() - start
      if (at >= forMs) return
      let ok = true
      try {
        await caller.call(timeoutMs)
      } catch {
        ok = false
        // A client that fails at once must not be measured by how fast it can fail.
        await new Promise(resolve => setTimeout(resolve, 1))
      }
      run.calls.push({ at, ms: performance.now() - start - at, ok })
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  return run
}

/** The value below which a share of the calls lies. Unit: ms. */
export function percentile({ calls }: Run, share: number): number {
  const sorted = calls.map(({ ms }) => ms).sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
