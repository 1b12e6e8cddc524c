/** Milliseconds in one of each unit of `grpc-timeout`, by character code; 0 where there is none. */
const UNIT_MS: Float64Array = new Float64Array(128)
UNIT_MS[0x48] = 3_600_000 // H
UNIT_MS[0x4d] = 60_000 // M
UNIT_MS[0x53] = 1_000 // S
UNIT_MS[0x6d] = 1 // m
UNIT_MS[0x75] = 1e-3 // u
UNIT_MS[0x6e] = 1e-6 // n

const DIGITS_MAX = 8
const AMOUNT_MAX = 99_999_999

/** Largest timeout that `grpc-timeout` can say: 99_999_999 hours. Unit: ms. */
export const TIMEOUT_MAX_MS: number = AMOUNT_MAX * 3_600_000

/**
 * Parses a `grpc-timeout` to ms: one to eight digits and one of `HMSmun`. Returns -1 for anything
 * else. PROTOCOL-HTTP2.md, "Timeout".
 */
export function parseTimeout(text: string): number {
  const last = text.length - 1
  if (last < 1 || last > DIGITS_MAX) return -1
  const unitMs = UNIT_MS[text.charCodeAt(last)]
  if (unitMs === undefined || unitMs === 0) return -1
  let amount = 0
  for (let index = 0; index < last; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return -1
    amount = amount * 10 + digit
  }
  return amount * unitMs
}

/**
 * Encodes `timeoutMs` as `grpc-timeout`, in the finest unit that fits in eight digits, rounded up
 * so that the server does not give up before the client. Values that are not positive become `1n`;
 * the largest is 99_999_999 hours.
 */
export function encodeTimeout(timeoutMs: number): string {
  if (timeoutMs <= 0) return '1n'
  if (timeoutMs * 1e6 <= AMOUNT_MAX) return `${Math.ceil(timeoutMs * 1e6)}n`
  if (timeoutMs * 1e3 <= AMOUNT_MAX) return `${Math.ceil(timeoutMs * 1e3)}u`
  if (timeoutMs <= AMOUNT_MAX) return `${Math.ceil(timeoutMs)}m`
  if (timeoutMs <= AMOUNT_MAX * 1e3) return `${Math.ceil(timeoutMs / 1e3)}S`
  if (timeoutMs <= AMOUNT_MAX * 6e4) return `${Math.ceil(timeoutMs / 6e4)}M`
  if (timeoutMs <= TIMEOUT_MAX_MS) return `${Math.ceil(timeoutMs / 3.6e6)}H`
  return `${AMOUNT_MAX}H`
}

/**
 * Milliseconds of go-micro's `timeout` header: nanoseconds in decimal digits.
 * -1 when it is anything else; go-micro ignores such a header.
 */
export function parseMicroTimeout(text: string): number {
  const size = text.length
  if (size === 0 || size > MICRO_DIGITS_MAX) return -1
  let amount = 0
  for (let index = 0; index < size; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return -1
    amount = amount * 10 + digit
  }
  return amount / 1e6
}

/** Digits of the largest 64-bit number, which is what go-micro parses. */
const MICRO_DIGITS_MAX = 19
