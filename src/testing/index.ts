export { BLOCK_MUTATORS } from './block-mutator.js'
export {
  randomClientOctets,
  randomFrame,
  randomServerOctets,
  randomSettings,
} from './frame-generator.js'
export { buildFrame, splitFrames } from './frame-list.js'
export { frameMutators } from './frame-mutator.js'
export { type Finding, Fuzzer, type FuzzerOptions, type FuzzTarget, failureKind } from './fuzzer.js'
export {
  hpackInteger,
  hpackString,
  REQUEST_FIELDS,
  RESPONSE_FIELDS,
  randomBlock,
  randomFields,
  randomValue,
  TRAILER_FIELDS,
} from './header-generator.js'
export { randomMessages } from './message-generator.js'
export { minimize } from './minimize.js'
export { EDGE_NUMBERS, type Mutator, OCTET_MUTATORS } from './octet-mutator.js'
export { OctetSource } from './octet-source.js'
export { Random } from './random.js'
export { SimulatedClock } from './simulated-clock.js'
export {
  type SimulatedLink,
  SimulatedNetwork,
  type SimulatedNetworkOptions,
} from './simulated-network.js'
export { type PathConditions, type PathObserver, SimulatedSocket } from './simulated-socket.js'
