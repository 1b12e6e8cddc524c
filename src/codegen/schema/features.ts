import type { FeatureSet } from '../descriptor/descriptor-table.js'
import { GenerateError } from './generate-options.js'

/** What an edition, or the syntax before there were any, says of a field. Numbers as in `FeatureSet`. */
export interface Features {
  /** 1: it knows whether it was given. 2: it does not. 3: it must be there. */
  readonly fieldPresence: number
  /** 1: open. 2: closed. */
  readonly enumType: number
  /** 1: packed. 2: one by one. */
  readonly repeatedFieldEncoding: number
  /** 2: checked. 3: not. */
  readonly utf8Validation: number
  /** 1: length in front. 2: between two tags. */
  readonly messageEncoding: number
}

export const EXPLICIT = 1
export const IMPLICIT = 2
export const LEGACY_REQUIRED = 3
export const CLOSED = 2
export const PACKED = 1
export const NO_VALIDATION = 3
export const DELIMITED = 2

const PROTO2: Features = {
  fieldPresence: EXPLICIT,
  enumType: CLOSED,
  repeatedFieldEncoding: 2,
  utf8Validation: NO_VALIDATION,
  messageEncoding: 1,
}
const PROTO3: Features = {
  fieldPresence: IMPLICIT,
  enumType: 1,
  repeatedFieldEncoding: PACKED,
  utf8Validation: 2,
  messageEncoding: 1,
}
const EDITION_2023: Features = { ...PROTO3, fieldPresence: EXPLICIT }

/** `Edition`: what a plugin may say that it can. */
export const EDITION_MIN = 998
export const EDITION_MAX = 1_001
const EDITION_2023_NUMBER = 1_000

/** The features that a file begins with. @throws GenerateError for an edition that nobody knew when this was written */
export function fileFeatures(syntax: string, edition: number, file: string): Features {
  if (syntax === '' || syntax === 'proto2') return PROTO2
  if (syntax === 'proto3') return PROTO3
  if (edition === EDITION_MIN) return PROTO2
  if (edition === EDITION_MIN + 1) return PROTO3
  if (edition >= EDITION_2023_NUMBER && edition <= EDITION_MAX) return EDITION_2023
  throw new GenerateError(`${file}: edition ${edition} is not supported; 2023 and 2024 are`)
}

/** The features of what is within `outer`. */
export function withFeatures(outer: Features, own: FeatureSet | undefined): Features {
  if (own === undefined) return outer
  const known = (value: number | undefined, before: number): number =>
    value === undefined || value === 0 ? before : value
  return {
    fieldPresence: known(own.fieldPresence, outer.fieldPresence),
    enumType: known(own.enumType, outer.enumType),
    repeatedFieldEncoding: known(own.repeatedFieldEncoding, outer.repeatedFieldEncoding),
    utf8Validation: known(own.utf8Validation, outer.utf8Validation),
    messageEncoding: known(own.messageEncoding, outer.messageEncoding),
  }
}
