import { deflateSync, inflateSync } from 'node:zlib'
import type { RegistryEndpoint } from '../../micro/index.js'
import { textsOf } from '../entries.js'
import { endpointOf, goJson, sorted } from '../record.js'

/** What a tag may inflate to. Reason: anybody who may write there can send a bomb. Unit: octets. */
const INFLATED_SIZE_MAX = 1 << 20

/** What all tags of one answer may inflate to. Reason: as large as an answer may be. Unit: octets. */
const ANSWER_SIZE_MAX = 64 << 20

/** Thrown where the tags of an answer are more. */
class InflationError extends RangeError {}

/** What the tags of one answer have inflated to. */
export class Inflation {
  #left = ANSWER_SIZE_MAX

  /** @throws InflationError when it is too much, Error when `hex` is no zlib, or inflates to more than one tag may */
  text(hex: string): string {
    const text = inflateSync(Buffer.from(hex, 'hex'), { maxOutputLength: INFLATED_SIZE_MAX })
    this.#left -= text.length
    if (this.#left >= 0) return text.toString()
    throw new InflationError(
      `the tags of one answer inflate to more than ${ANSWER_SIZE_MAX} octets`,
    )
  }
}

/** What go-micro writes into the tags of a service. */
export interface Tagged {
  readonly version: string
  readonly metadata: Readonly<Record<string, string>>
  readonly endpoints: readonly RegistryEndpoint[]
}

/** `t-` for each pair of metadata, `e-` for each endpoint, `v-` for the version: hex of zlib. */
export function tagsOf({ version, metadata, endpoints }: Tagged): string[] {
  return [
    ...Object.entries(sorted(metadata)).map(
      ([key, value]) => `t-${packed(goJson({ [key]: value }))}`,
    ),
    ...endpoints.map(
      ({ name, metadata: own, request, response }) =>
        `e-${packed(goJson({ request: request ?? null, response: response ?? null, metadata: sorted(own), name }))}`,
    ),
    `v-${packed(version)}`,
  ]
}

/** Reads tags, those of go-micro before 1.0 too (`t=`, `e=`, `v=` and the text itself). What is none of these is passed over. */
export function readTags(
  tags: readonly string[],
  inflation: Inflation = new Inflation(),
): Partial<Tagged> {
  const metadata: Record<string, string> = {}
  const endpoints: RegistryEndpoint[] = []
  let version: string | undefined
  let hasMetadata = false
  for (const tag of tags) {
    try {
      const text = tag[1] === '=' ? tag.slice(2) : inflation.text(tag.slice(2))
      if (/^t[-=]/.test(tag)) {
        textsOf(JSON.parse(text), metadata)
        hasMetadata = true
      } else if (/^e[-=]/.test(tag)) endpoints.push(endpointOf(JSON.parse(text)))
      else if (/^v[-=]/.test(tag)) version = text
    } catch (error) {
      if (error instanceof InflationError) throw error
      // A tag of somebody else's.
    }
  }
  return {
    ...(hasMetadata ? { metadata } : {}),
    ...(version === undefined ? {} : { version }),
    endpoints,
  }
}

function packed(text: string): string {
  return deflateSync(text).toString('hex')
}
