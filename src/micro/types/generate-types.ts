import { checkOptions, type OptionKinds } from '../../options/index.js'
import type { Int64Form } from '../../protobuf/index.js'
import { checkText } from '../call/option-checks.js'
import { FORM_KINDS } from '../service/load-service.js'
import { loadRoot } from '../service/schema-root.js'
import { writeTypes } from './type-writer.js'

/** Options of `generateTypes`. */
export interface GenerateTypesOptions {
  /** How 64-bit integers arrive; the same as given to `loadService`. Default: `bigint`. */
  readonly int64?: Int64Form
  /** Well-known types as JavaScript values or as messages; the same as given to `loadService`. Default: `native`. */
  readonly wellKnownTypes?: 'native' | 'raw'
  /** Folders in which imports are looked for after the importing file's own. */
  readonly includeDirs?: readonly string[]
  /** Named in the first line. Default: the files. */
  readonly source?: string
  /** Where `MethodTypes` is imported from. Default: `microwire`. */
  readonly module?: string
}

const KINDS: OptionKinds<GenerateTypesOptions> = {
  ...FORM_KINDS,
  source: checkText,
  module: checkText,
}

/**
 * Generates TypeScript types from `.proto` files, as the program `microwire-types` prints them.
 *
 * @throws Error as `loadService` does for files that are missing or have a mistake; TypeError naming the option that cannot be used
 */
export async function generateTypes(
  files: string | readonly string[],
  options: GenerateTypesOptions = {},
): Promise<string> {
  checkOptions('generateTypes', options, KINDS)
  const root = await loadRoot(files, options.includeDirs)
  return writeTypes(root, { source: [files].flat().join(', '), ...options })
}
