export { describe, describeKind } from './describe.js'
export { checkRanges, DELAY_MAX_MS, type NumberRange } from './number-range.js'
export {
  checkNoOptions,
  checkOptions,
  nearest,
  type OptionCheck,
  type OptionKind,
  type OptionKinds,
  oneOf,
  rangeOf,
  unknownOption,
  within,
  withMethods,
} from './option-check.js'
export { shareInstances } from './shared-class.js'
