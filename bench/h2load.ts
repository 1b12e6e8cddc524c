import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Load, LoadResult, LoadShape } from './load.js'
import { CACHE } from './paths.js'
import { PREFIXED_MESSAGE } from './payload.js'
import { Core, pinned } from './tools.js'

const run = promisify(execFile)

/** A load of a bounded number of calls takes seconds; after this it hangs. */
const LOAD_TIME_MAX_MS = 120_000

const DATA_FILE = `${CACHE}/request.grpc`

/** Drives a server with h2load of nghttp2; every request is the same. */
export class H2load implements Load {
  readonly name = 'h2load'
  readonly callsMax = 400_000

  constructor() {
    mkdirSync(CACHE, { recursive: true })
    writeFileSync(DATA_FILE, PREFIXED_MESSAGE)
  }

  async unary(shape: LoadShape): Promise<LoadResult> {
    const [command, ...args] = pinned(
      Core.loader,
      'h2load',
      '-t1',
      `-n${shape.calls}`,
      `-c${shape.connections}`,
      `-m${shape.inFlight}`,
      `-d${DATA_FILE}`,
      '-Hte: trailers',
      '-Hcontent-type: application/grpc',
      `${shape.tls === true ? 'https' : 'http'}://127.0.0.1:${shape.port}${shape.path}`,
    )
    const { stdout } = await run(command, args, { timeout: LOAD_TIME_MAX_MS })
    return parseSummary(stdout, shape.calls)
  }

  async close(): Promise<void> {}
}

/**
 * Reads h2load's summary. Throws unless each call was answered with status 200 and the whole echo:
 * a server that fails fast would win otherwise.
 */
export function parseSummary(summary: string, calls: number): LoadResult {
  const succeeded = numberIn(summary, /(\d+) succeeded/)
  const accepted = numberIn(summary, /status codes: (\d+) 2xx/)
  const dataSize = numberIn(summary, /\((\d+)\) data/)
  if (succeeded !== calls || accepted !== calls || dataSize !== calls * PREFIXED_MESSAGE.length) {
    throw new Error(
      `h2load: ${succeeded} of ${calls} calls, ${dataSize} octets of data\n${summary}`,
    )
  }
  return { calls, seconds: calls / numberIn(summary, /([\d.]+) req\/s/) }
}

function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1]
  if (found === undefined) throw new Error(`h2load: no ${pattern.source} in\n${text}`)
  return Number(found)
}
