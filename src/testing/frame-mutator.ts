import { Flag, FRAME_HEADER_SIZE, FrameType } from '../frame/index.js'
import { BLOCK_MUTATORS } from './block-mutator.js'
import { randomFrame } from './frame-generator.js'
import { buildFrame, splitFrames } from './frame-list.js'
import { randomBlock, randomFields } from './header-generator.js'
import { EDGE_NUMBERS, type Mutator, OCTET_MUTATORS } from './octet-mutator.js'
import type { Random } from './random.js'

type FrameChange = (frames: Buffer[], at: number, random: Random, others: Buffer[]) => void

/** Stream identifiers worth trying. */
const STREAM_IDS: readonly number[] = [0, 1, 2, 3, 4, 5, 7, 9, 11, 0x7fff_ffff, 0x8000_0001]

/** Changes of one frame, or of the order of frames. */
const CHANGES: readonly FrameChange[] = [
  removeFrame,
  repeatFrame,
  swapFrames,
  moveFrame,
  insertFrame,
  takeFrameOfOther,
  changeType,
  flipFlag,
  changeStreamId,
  takeStreamIdOfNeighbour,
  lieAboutSize,
  changePayload,
  resizePayload,
  writeWord,
  padFrame,
  splitBlock,
  joinBlock,
  replaceBlock,
  changeBlock,
  dropEndHeaders,
]

/**
 * Creates mutators for HTTP/2 frames that follow `prefixSize` bytes of something else: each change
 * keeps the other frames whole.
 */
export function frameMutators(prefixSize: number): readonly Mutator[] {
  return CHANGES.map(change => (bytes: Buffer, random: Random, other: Buffer): Buffer => {
    const frames = splitFrames(bytes.subarray(prefixSize))
    if (frames.length === 0) frames.push(randomFrame(random))
    const others = splitFrames(other.subarray(prefixSize))
    change(frames, random.integer(0, frames.length - 1), random, others)
    return Buffer.concat([bytes.subarray(0, prefixSize), ...frames])
  })
}

function removeFrame(frames: Buffer[], at: number): void {
  frames.splice(at, 1)
}

function repeatFrame(frames: Buffer[], at: number, random: Random): void {
  const count = random.chance(0.9) ? 1 : random.integer(2, 120)
  frames.splice(at, 0, ...new Array<Buffer>(count).fill(frames[at]!))
}

function swapFrames(frames: Buffer[], at: number, random: Random): void {
  const to = random.integer(0, frames.length - 1)
  const frame = frames[at]!
  frames[at] = frames[to]!
  frames[to] = frame
}

function moveFrame(frames: Buffer[], at: number, random: Random): void {
  const [frame] = frames.splice(at, 1)
  frames.splice(random.integer(0, frames.length), 0, frame!)
}

function insertFrame(frames: Buffer[], at: number, random: Random): void {
  frames.splice(at + random.integer(0, 1), 0, randomFrame(random))
}

function takeFrameOfOther(frames: Buffer[], at: number, random: Random, others: Buffer[]): void {
  if (others.length > 0) frames.splice(at + random.integer(0, 1), 0, random.pick(others))
}

function changeType(frames: Buffer[], at: number, random: Random): void {
  const type = random.chance(0.9) ? random.integer(0, 10) : random.pick([0x10, 0xee, 0xff])
  rewrite(frames, at, frame => (frame[3] = type))
}

function flipFlag(frames: Buffer[], at: number, random: Random): void {
  const flag = random.pick([
    Flag.EndStream,
    Flag.EndHeaders,
    Flag.Padded,
    Flag.Priority,
    1 << random.integer(0, 7),
  ])
  rewrite(frames, at, frame => (frame[4] = frame[4]! ^ flag))
}

function changeStreamId(frames: Buffer[], at: number, random: Random): void {
  rewrite(frames, at, frame => frame.writeUInt32BE(random.pick(STREAM_IDS), 5))
}

function takeStreamIdOfNeighbour(frames: Buffer[], at: number, random: Random): void {
  const from = frames[random.integer(0, frames.length - 1)]!
  if (from.length < FRAME_HEADER_SIZE) return
  const streamId = (from.readUInt32BE(5) + random.pick([0, 0, 2, -2, 1])) >>> 0
  rewrite(frames, at, frame => frame.writeUInt32BE(streamId, 5))
}

/** The declared size no longer is the true one. */
function lieAboutSize(frames: Buffer[], at: number, random: Random): void {
  const size = random.chance(0.5) ? undefined : random.pick(EDGE_NUMBERS) & 0xff_ffff
  rewrite(frames, at, frame => {
    const declared = size ?? Math.max(0, frame.readUIntBE(0, 3) + random.integer(-2, 2))
    frame.writeUIntBE(Math.min(declared, 0xff_ffff), 0, 3)
  })
}

function changePayload(frames: Buffer[], at: number, random: Random, others: Buffer[]): void {
  const frame = frames[at]!
  const other = others.length === 0 ? frame : random.pick(others)
  const payload = random.pick(OCTET_MUTATORS)(
    frame.subarray(FRAME_HEADER_SIZE),
    random,
    other.subarray(FRAME_HEADER_SIZE),
  )
  replacePayload(frames, at, payload)
}

function resizePayload(frames: Buffer[], at: number, random: Random): void {
  const payload = Buffer.alloc(random.pick([0, 1, 4, 5, 6, 8, random.size(20_000)]))
  frames[at]!.subarray(FRAME_HEADER_SIZE).copy(payload)
  replacePayload(frames, at, payload)
}

/** A number at the start of a payload: an increment, an error code, a setting's value. */
function writeWord(frames: Buffer[], at: number, random: Random): void {
  const value = random.pick(EDGE_NUMBERS)
  const offset = random.pick([FRAME_HEADER_SIZE, FRAME_HEADER_SIZE + 2, FRAME_HEADER_SIZE + 4])
  if (frames[at]!.length < offset + 4) return
  rewrite(frames, at, frame => frame.writeUInt32BE(value, offset))
}

function padFrame(frames: Buffer[], at: number, random: Random): void {
  const frame = frames[at]!
  if (frame.length < FRAME_HEADER_SIZE || (frame[4]! & Flag.Padded) !== 0) return
  const size = random.pick([0, 1, 7, 255, random.integer(0, 255)])
  const payload = frame.subarray(FRAME_HEADER_SIZE)
  const padded = Buffer.concat([Buffer.of(size), payload, Buffer.alloc(size)])
  frames[at] = buildFrame(frame[3]!, frame[4]! | Flag.Padded, frame.readUInt32BE(5), padded)
}

/** HEADERS or CONTINUATION becomes two frames. */
function splitBlock(frames: Buffer[], at: number, random: Random): void {
  const frame = frames[at]!
  if (!isBlock(frame)) return
  const flags = frame[4]!
  const streamId = frame.readUInt32BE(5)
  const payload = frame.subarray(FRAME_HEADER_SIZE)
  const cut = random.integer(0, payload.length)
  frames.splice(
    at,
    1,
    buildFrame(frame[3]!, flags & ~Flag.EndHeaders, streamId, payload.subarray(0, cut)),
    buildFrame(FrameType.Continuation, flags & Flag.EndHeaders, streamId, payload.subarray(cut)),
  )
}

/** The opposite. */
function joinBlock(frames: Buffer[], at: number): void {
  const frame = frames[at]!
  const next = frames[at + 1]
  if (next === undefined || !isBlock(frame) || !isBlock(next)) return
  const payload = Buffer.concat([
    frame.subarray(FRAME_HEADER_SIZE),
    next.subarray(FRAME_HEADER_SIZE),
  ])
  const flags = frame[4]! | (next[4]! & Flag.EndHeaders)
  frames.splice(at, 2, buildFrame(frame[3]!, flags, frame.readUInt32BE(5), payload))
}

function replaceBlock(frames: Buffer[], at: number, random: Random): void {
  const block = frames.findIndex((frame, index) => index >= at && isBlock(frame))
  if (block >= 0) replacePayload(frames, block, randomBlock(random, randomFields(random)))
}

function changeBlock(frames: Buffer[], at: number, random: Random): void {
  const block = frames.findIndex((frame, index) => index >= at && isBlock(frame))
  if (block < 0) return
  const payload = frames[block]!.subarray(FRAME_HEADER_SIZE)
  replacePayload(frames, block, random.pick(BLOCK_MUTATORS)(payload, random, payload))
}

function dropEndHeaders(frames: Buffer[], at: number): void {
  const block = frames.findIndex((frame, index) => index >= at && isBlock(frame))
  if (block >= 0) rewrite(frames, block, frame => (frame[4] = frame[4]! & ~Flag.EndHeaders))
}

function isBlock(frame: Buffer): boolean {
  return (
    frame.length >= FRAME_HEADER_SIZE &&
    (frame[3] === FrameType.Headers || frame[3] === FrameType.Continuation)
  )
}

function rewrite(frames: Buffer[], at: number, change: (frame: Buffer) => unknown): void {
  if (frames[at]!.length < FRAME_HEADER_SIZE) return
  const frame = Buffer.from(frames[at]!)
  change(frame)
  frames[at] = frame
}

function replacePayload(frames: Buffer[], at: number, payload: Buffer): void {
  const frame = frames[at]!
  if (frame.length < FRAME_HEADER_SIZE) return
  frames[at] = buildFrame(frame[3]!, frame[4]!, frame.readUInt32BE(5), payload)
}
